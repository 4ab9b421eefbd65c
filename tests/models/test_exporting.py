"""Exported programs give the model's numbers."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

from itemclip_med.errors import MissingPackageError, ModelError
from itemclip_med.models import ItemizedCLIP, ItemizedCLIPConfig, exporting
from itemclip_med.models.series_names import name_tokens


def build(**changes):
    torch.manual_seed(0)
    values = {
        "image_size": (4, 8, 8),
        "patch_size": (2, 4, 4),
        "width": 12,
        "num_heads": 2,
        "embed_dim": 16,
        "pool_heads": 2,
        "block_levels": ("series", "study"),
        "series_names": True,
        "context_length": 32,
    }
    return ItemizedCLIP(ItemizedCLIPConfig(**(values | changes))).eval()


def expected_of(model, images, names, texts):
    with torch.inference_mode():
        study = model.encode_study(images, names)
        return study.global_, model.score(study, texts), model.attend(study, texts)


def test_a_saved_program_scores_any_texts_like_the_model(tmp_path):
    model = build()
    differences = exporting.export_model(model, tmp_path, "torch", num_series=2)
    assert set(differences) == {"image_tower.pt2", "pool.pt2"}
    assert max(differences.values()) <= exporting.TOLERANCE
    tower, pool = (torch.export.load(str(tmp_path / f"{name}.pt2")).module() for name in ("image_tower", "pool"))
    images, texts = torch.randn(1, 2, 1, 4, 8, 8), torch.randn(7, 16)
    names = name_tokens([["SAG_T1_CE", "AX_FLAIR"]], 2)
    embedding, scores, attention = expected_of(model, images, names, texts)
    found, tokens = tower(images=images, names=names)
    torch.testing.assert_close(found, embedding, atol=1e-4, rtol=0)
    found_scores, found_attention = pool(tokens=tokens, texts=texts)
    torch.testing.assert_close(found_scores, scores, atol=1e-4, rtol=0)
    torch.testing.assert_close(found_attention, attention, atol=1e-4, rtol=0)


def test_a_model_of_slices_without_names_is_exported_with_its_grid(tmp_path):
    levels = ("slice", "series")
    model = build(series_names=False, max_series=1, block_levels=levels, stem_patch=(1, 2, 2), stem_width=4)
    exporting.export_model(model, tmp_path)
    values = json.loads((tmp_path / "export.json").read_text())
    assert values["parts"]["image_tower"]["inputs"] == {"images": [1, 1, 1, 4, 8, 8]}
    assert values["parts"]["pool"]["inputs"] == {"tokens": [1, 8, 16], "texts": ["any", 16]}


@pytest.mark.long
def test_onnx_scores_any_texts_like_the_model(tmp_path):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = build()
    differences = exporting.export_model(model, tmp_path, "onnx", num_series=2)
    assert max(differences.values()) <= exporting.TOLERANCE
    images, texts = torch.randn(1, 2, 1, 4, 8, 8), torch.randn(7, 16)
    names = name_tokens([["SAG_T1_CE", "AX_FLAIR"]], 2)
    _, scores, attention = expected_of(model, images, names, texts)
    tower, pool = (onnxruntime.InferenceSession(str(tmp_path / f"{name}.onnx")) for name in ("image_tower", "pool"))
    _, tokens = tower.run(None, {"images": images.numpy(), "names": names.numpy()})
    found = pool.run(None, {"tokens": tokens, "texts": texts.numpy()})
    np.testing.assert_allclose(found[0], scores.numpy(), atol=1e-4)
    np.testing.assert_allclose(found[1], attention.numpy(), atol=1e-4)


def test_a_program_that_differs_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "TOLERANCE", -1.0)
    with pytest.raises(ModelError, match=r"image_tower\.pt2 differs from the model"):
        exporting.export_model(build(), tmp_path)
    assert list(tmp_path.glob("*.pt2")) == []


def test_missing_onnx_packages_are_told_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'itemclip-med\[onnx\]'"):
        exporting.export_model(build(), tmp_path, "onnx")


@pytest.mark.parametrize(
    ("changes", "series", "format", "message"),
    [
        ({"scoring": "global"}, 1, "torch", "no pool"),
        ({"series_names": False, "max_series": 1}, 2, "torch", "expected 1 to 1"),
        ({}, 1, "tensorrt", "expected torch or onnx"),
    ],
)
def test_what_cannot_be_exported_is_told(tmp_path, changes, series, format, message):
    with pytest.raises(ModelError, match=message):
        exporting.export_model(build(**changes), tmp_path, format, series)
