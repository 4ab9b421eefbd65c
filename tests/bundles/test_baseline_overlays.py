"""Every baseline overlay builds, trains a step and scores."""

from __future__ import annotations

import json

import pytest
import torch
from monai.bundle import ConfigParser

from itemclip_med.data import collate_studies
from itemclip_med.errors import ModelError
from itemclip_med.resources import bundles_dir

CONFIGS = bundles_dir() / "head_ct_itemclip" / "configs"
OVERLAYS = sorted(CONFIGS.glob("baseline_*.json"))
TINY = {
    "model_input::grid": [4, 8, 8],
    "model_config::patch_size": [2, 4, 4],
    "model_config::stem_patch": None,
    "model_config::width": 12,
    "model_config::num_heads": 2,
    "model_config::embed_dim": 16,
    "model_config::pool_heads": 2,
    "device": "cpu",
    "amp": False,
    "validate::retrieval": None,  # needs a store
}


def build(path):
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / "train.json"), str(CONFIGS / "demo.json"), str(path)])
    parser.update(TINY)
    parts = ("network_def", "step", "optimizer", "train::trainer::prepare_batch", "validate::inferer")
    return [parser.get_parsed_content(part) for part in parts]


def make_batch(tokenizer, num_items):
    texts = [["Left subdural hematoma.", "Midline shift."], ["Skull fracture."], ["No acute abnormality."]]
    samples = [
        {
            "image": torch.randn(1, 1, 4, 8, 8),
            "series": ["AX"],
            "acquisition": [0],
            "study_id": str(number),
            "labels": {},
            "items": items[:num_items],
            "num_items": num_items,
            "is_normal": number == 2,
        }
        for number, items in enumerate(texts)
    ]
    return collate_studies(samples, tokenizer)


def test_there_are_baselines():
    assert len(OVERLAYS) >= 6


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_a_baseline_trains_a_step_and_scores(path):
    torch.manual_seed(0)
    model, step, optimizer, prepare, inferer = build(path)
    num_items = json.loads(path.read_text()).get("num_items", 4)
    image, _, _, keywords = prepare(make_batch(model.tokenize, num_items))
    before = [step(image, **keywords)["total"].item()]
    for _ in range(8):
        total = step(image, **keywords)["total"]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    before.append(step(image, **keywords)["total"].item())
    assert before[1] < before[0]
    trained = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert trained == []  # DDP takes a parameter without gradient for an error
    assert inferer(image, model).shape == (3, len(inferer.names))


def test_a_model_that_scores_studies_as_a_whole_has_no_heatmap():
    model = build(CONFIGS / "baseline_clip.json")[0]
    study = model.encode_study(torch.randn(1, 1, 1, 4, 8, 8))
    with pytest.raises(ModelError, match="no heatmaps"):
        model.attend(study, ["bleed"])
    text = model.encode_text(["bleed"])
    expected = torch.nn.functional.cosine_similarity(study.global_, text)
    torch.testing.assert_close(model.score(study, ["bleed"])[:, 0], expected)
