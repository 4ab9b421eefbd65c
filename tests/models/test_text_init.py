"""How the small text encoder begins: with the weights that ship, or, in another size, with texts apart."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from itemclip_med.models.config import TextConfig
from itemclip_med.models.text import TextTower


def cosines(tower: TextTower, *texts: str) -> torch.Tensor:
    with torch.no_grad():
        embeddings = F.normalize(tower.eval().embed(list(texts)), dim=-1)
    return embeddings @ embeddings.T


def test_texts_of_a_new_small_encoder_lie_apart():
    torch.manual_seed(0)
    tower = TextTower(TextConfig(), 128, context_length=48, pretrained=False)
    found = cosines(tower, "epidural hematoma", "Midline shift of 5 mm to the right.", "No acute abnormality.")
    assert found[~torch.eye(3, dtype=torch.bool)].max() < 0.97


@pytest.mark.parametrize(
    ("text", "alike", "other_side", "other"),
    [
        (
            "left subdural hematoma",
            "acute left-sided subdural hemorrhage",
            "right subdural hematoma",
            "left epidural hematoma",
        ),
        (
            "right epidural hematoma",
            "right-sided extradural hematoma",
            "left epidural hematoma",
            "right skull fracture",
        ),
        ("midline shift to the left", "leftward midline shift", "midline shift to the right", "no midline shift"),
    ],
)
def test_the_shipped_encoder_parts_findings_widely_and_sides_within_them(text, alike, other_side, other):
    found = cosines(TextTower(TextConfig(), 128, context_length=48), text, alike, other_side, other)[0]
    assert found[1] > found[2] + 0.05
    assert found[2] > found[3] + 0.3


def test_more_positions_and_another_dimension_keep_the_shipped_encoder():
    shipped = TextTower(TextConfig(), 128, context_length=48).encoder.embeddings
    torch.manual_seed(0)
    other = TextTower(TextConfig(), 64, context_length=77)
    assert torch.equal(other.encoder.embeddings.word_embeddings.weight, shipped.word_embeddings.weight)
    assert torch.equal(other.encoder.embeddings.position_embeddings.weight[:48], shipped.position_embeddings.weight)
    assert other.proj.weight.shape == (64, 96)


def test_an_encoder_of_another_width_starts_from_nothing():
    torch.manual_seed(0)
    first = TextTower(TextConfig(width=48), 128, context_length=48).proj.weight.clone()
    torch.manual_seed(1)
    assert not torch.equal(TextTower(TextConfig(width=48), 128, context_length=48).proj.weight, first)
