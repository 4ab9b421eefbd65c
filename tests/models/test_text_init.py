"""How a new small text encoder begins."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from itemclip_med.models.config import TextConfig
from itemclip_med.models.text import TextTower


def test_texts_of_a_new_small_encoder_lie_apart():
    torch.manual_seed(0)
    tower = TextTower(TextConfig(), 128, context_length=48).eval()
    with torch.no_grad():
        embeddings = F.normalize(
            tower.embed(["epidural hematoma", "Midline shift of 5 mm to the right.", "No acute abnormality."]), dim=-1
        )
    cosines = (embeddings @ embeddings.T)[~torch.eye(3, dtype=torch.bool)]
    assert cosines.max() < 0.97
