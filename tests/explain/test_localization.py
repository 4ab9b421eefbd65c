"""Numbers about maps and masks, against cases whose answer is known and slow references."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from itemclip_med.errors import SourceError
from itemclip_med.explain.evaluate import evaluate_maps, format_evaluation
from itemclip_med.explain.heatmap import Heatmap
from itemclip_med.explain.localization import localize, patch_numbers, separation
from itemclip_med.models import ItemizedCLIP
from itemclip_med.records import Finding, Series
from itemclip_med.transforms import to_source_grid
from tests.explain.making import AFFINE, head, plant_attention, write_store

SHAPE = (24, 24, 12)
EYE = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))
SERIES = Series("AX", "", SHAPE, (1.0, 1.0, 1.0), EYE, "CT", "int16")
PATCHES = np.array([[0, 0, 6, 2.5], [0, 6, 0, 2.5], [6, 0, 0, 2.5], [0, 0, 0, 1.0]])  # (d, h, w) of 6 voxels each


def heatmap(patches):
    patches = np.asarray(patches, np.float32)
    return Heatmap("x", 0.1, SERIES, to_source_grid(patches, PATCHES, EYE, SHAPE), 0.0, patches, PATCHES)


def one_patch(d, h, w):
    patches = np.zeros((2, 4, 4))
    patches[d, h, w] = 32
    return heatmap(patches)


def test_a_map_on_the_finding_hits_and_one_beside_it_misses():
    mask = np.zeros(SHAPE, bool)
    mask[7:11, 13:17, 1:4] = True  # in patch d 0, h 2, w 1
    body = np.ones(SHAPE, bool)
    hit, miss = localize(one_patch(0, 2, 1), mask, body), localize(one_patch(1, 0, 0), mask, body)
    assert hit.hit and not miss.hit
    assert hit.hit_by_chance == pytest.approx(1 / 32)
    assert hit.auprc > 10 * hit.prevalence
    assert hit.dice > miss.dice


def test_auprc_and_dice_are_what_the_references_say():
    rng = np.random.default_rng(3)
    mask = np.zeros(SHAPE, bool)
    mask[6:15, 6:15, 3:9] = True
    body = rng.random(SHAPE) < 0.8
    one = heatmap(rng.random((2, 4, 4)))
    found = localize(one, mask, body)
    assert found.auprc == pytest.approx(average_precision_score(mask[body], one.values[body]))
    slow = max(
        2 * (mask[body] & (one.values[body] >= level)).sum() / (mask[body].sum() + (one.values[body] >= level).sum())
        for level in np.unique(one.values[body])
    )
    assert found.dice == pytest.approx(slow)


def test_a_map_of_zeros_never_hits_and_an_absent_finding_is_not_counted():
    mask = np.ones(SHAPE, bool)
    assert not localize(heatmap(np.zeros((2, 4, 4))), mask, mask).hit
    assert localize(one_patch(0, 0, 0), np.zeros(SHAPE, bool), mask) is None


def test_chance_inside_counts_the_patches_that_the_body_fills():
    body = np.zeros(SHAPE, bool)
    body[:20, :19, :6] = True  # of d 0: fills w 0, 1, 2 of h 0, 1, 2, and touches h 3 and w 3
    middle, rim = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    middle[7:9, 7:9, 1:4] = True  # h 1, w 1
    rim[1:3, 18, 1:4] = True  # h 3
    found, at_rim = localize(one_patch(0, 1, 1), middle, body), localize(one_patch(0, 1, 1), rim, body)
    assert found.hit_by_chance == pytest.approx(1 / 16)
    assert found.hit_inside == pytest.approx(1 / 9)
    assert at_rim.hit_inside == 0


def test_voxels_belong_to_the_patch_they_lie_in():
    numbers = patch_numbers(one_patch(0, 0, 0), SHAPE)
    assert numbers[0, 0, 0] == 0
    assert numbers[7, 13, 1] == np.ravel_multi_index((0, 2, 1), (2, 4, 4))
    assert np.bincount(numbers.ravel()).tolist() == [216] * 32


def test_equal_maps_are_not_separate_and_opposite_ones_are():
    assert separation([one_patch(0, 0, 0), one_patch(0, 0, 0)]) == pytest.approx(0)
    assert separation([one_patch(0, 0, 0), one_patch(1, 3, 3)]) > 1
    assert separation([one_patch(0, 0, 0)]) is None


def test_phantoms_are_measured_by_finding_with_a_control(tmp_path, monkeypatch):
    model = ItemizedCLIP.from_pretrained("head_ct_phantom")
    array = head()
    mask = np.zeros(array.shape, np.uint16)
    mask[70:80, 60:70, 12:18] = 2  # bit 1
    store = write_store(tmp_path / "s", [array])
    truth = tmp_path / "truth"
    truth.mkdir()
    (truth / "findings.json").write_text(json.dumps({"bits": {"IPH": 0, "SDH": 1}}))
    nib.save(nib.Nifti1Image(mask, AFFINE), truth / "study-1.nii.gz")
    plant_attention(monkeypatch, model, [(2, 3, 2)])
    findings = [Finding("SDH", "Subdural", ("a bleed",)), Finding("IPH", "Other", ("b",)), Finding("X", "X", ("c",))]
    values = evaluate_maps(store, truth, model, findings, num_controls=1)
    assert list(values["findings"]) == ["SDH"]
    assert values["findings"]["SDH"]["num"] == 1
    assert 0 < values["findings"]["SDH"]["model"]["prevalence"] < 0.05
    assert "| SDH | 1 |" in format_evaluation(values)
    alone = evaluate_maps(store, truth, model, findings, method="saliency", num_controls=0)
    assert set(alone["findings"]["SDH"]) == {"num", "model"}
    assert "(" not in format_evaluation(alone)
    from click.testing import CliRunner

    from itemclip_med.cli.main import main

    done = CliRunner().invoke(main, ["explain", "evaluate", str(store.root), "--truth", str(truth), "--controls", "1"])
    assert done.exit_code == 0, done.output
    assert "| SDH | 1 |" in done.output
    with pytest.raises(SourceError, match="findings"):
        evaluate_maps(store, tmp_path, model, findings)
