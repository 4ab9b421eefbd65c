"""Heatmaps lie where the attention was, in the patient's space."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch

from itemclip_med.errors import ModelError, StoreError
from itemclip_med.explain import explain_study, find_heatmaps, share_inside
from itemclip_med.models import ItemizedCLIP
from itemclip_med.records import Series, Study
from itemclip_med.store import Store, StoreWriter
from itemclip_med.zeroshot import run_task

# Stored feet first and turned: X toward the patient's left, slices from top to bottom.
AFFINE = np.array([[-2.0, 0, 0, 128], [0, 2.0, 0, -128], [0, 0, -5.0, 80], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def model():
    return ItemizedCLIP.from_pretrained("head_ct_phantom")


@pytest.fixture
def store(tmp_path):
    affine = tuple(tuple(float(value) for value in row) for row in AFFINE)
    with StoreWriter(tmp_path / "s") as writer:
        for number, name in enumerate(("CQ500-CT-1", "CQ500-CT-2", "CQ500-CT-3")):
            entry = Series("AX_THICK", "", (1, 1, 1), (2.0, 2.0, 5.0), affine, "CT", "int16")
            array = np.random.default_rng(number).integers(0, 80, (128, 128, 32), dtype=np.int16)
            writer.add(Study(name, (entry,), labels={"ICH": number % 2, "SDH": number // 2}), [array])
    return Store(tmp_path / "s")


def test_attention_planted_at_one_patch_shows_at_its_place_in_the_patient(store, model, monkeypatch):
    def attend(study, prompts, *, return_empty=False, per_head=False):
        weights = torch.zeros(1, len(prompts), 1, 4, 8, 8)
        weights[:, :, :, 3, 0, 7] = 0.5  # uppermost slices, anterior, at the right edge: the patient's left
        return weights, torch.full((1, len(prompts)), 0.5)

    monkeypatch.setattr(model, "attend", attend)
    _, (heatmap,) = find_heatmaps(store, "CQ500-CT-1", model, ["anything"])
    place = AFFINE @ [*np.unravel_index(heatmap.values.argmax(), heatmap.values.shape), 1]
    assert place[0] < -90  # left in RAS
    assert place[1] > 90  # anterior
    assert place[2] > 30  # superior
    assert heatmap.empty_share == pytest.approx(0.5)


def test_files_have_the_grid_of_the_stored_series(store, model, tmp_path):
    paths = explain_study(store, "CQ500-CT-2", model, ["subdural hematoma"], tmp_path / "out")
    image = nib.load(next(path for path in paths if path.name.endswith(".nii.gz")))
    assert image.shape == (128, 128, 32)
    assert image.affine == pytest.approx(AFFINE)
    assert sorted(path.suffix for path in paths) == [".gz", ".png"]


def test_share_of_an_even_map_is_the_share_of_the_head(store, model):
    _, (heatmap,) = find_heatmaps(store, "CQ500-CT-1", model, ["a bleed"])
    heatmap.values[:] = 1
    mask = np.zeros((128, 128, 32), bool)
    mask[:64] = True
    assert share_inside(heatmap, mask, np.ones_like(mask)) == pytest.approx((0.5, 0.5))


def test_bad_requests_are_refused(store, model, tmp_path):
    with pytest.raises(StoreError, match="not in the store"):
        explain_study(store, "x", model, ["a"], tmp_path / "out")
    with pytest.raises(ModelError, match="No finding"):
        explain_study(store, "CQ500-CT-1", model, [" "], tmp_path / "out")
    with pytest.raises(ModelError, match="mp4"):
        explain_study(store, "CQ500-CT-1", model, ["a"], tmp_path / "out", formats=["mp4"])


def test_a_study_that_cannot_be_read_is_listed_and_never_scored(store, model, tmp_path):
    (store.root / store.study("CQ500-CT-3").series[0].path).unlink()
    result = run_task(store, "cq500-10", model, tmp_path / "out", num_permutations=0, show_progress=False)
    assert result["num_studies"] == 2
    assert result["excluded_studies"] == {"in the store, but not readable": ["CQ500-CT-3"]}
    assert "CQ500-CT-3" not in (tmp_path / "out" / "scores.csv").read_text()


def test_the_shipped_model_is_small_and_says_what_it_was_trained_on(model):
    import json

    from itemclip_med.resources import weights_dir

    folder = weights_dir() / "head_ct_phantom"
    card = json.loads((folder / "card.json").read_text())
    assert (folder / "model.safetensors").stat().st_size < 5_000_000
    assert card["trained_on"] == "phantoms"
    assert set(card["held_out"]["auc"]) >= {"ICH", "MidlineShift"}
