"""Items, augmentation and batches of studies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from itemclip_med.data import Augmentation, ItemSampling, StudyDataset, collate_studies
from itemclip_med.data.augmentation import Change, swap_sides
from itemclip_med.errors import LabelsError, ModelError, StoreError
from itemclip_med.records import Item, Report, Series, Study
from itemclip_med.store import Store, StoreWriter, write_items
from itemclip_med.transforms import ModelInput

AFFINE = tuple(tuple(float(value) for value in row) for row in np.diag([2.0, 2.0, 5.0, 1.0]))
INPUT = ModelInput(grid=(4, 16, 16), windows_as="channels", max_series=2)


@pytest.fixture
def store(tmp_path):
    with StoreWriter(tmp_path / "s") as writer:
        for number, name in enumerate("abc"):
            count = 1 + number % 2
            entry = Series("AX_THICK", "", (1, 1, 1), (2.0, 2.0, 5.0), AFFINE, "CT", "int16")
            array = np.random.default_rng(number).integers(-1000, 1000, (16, 16, 4), dtype=np.int16)
            writer.add(Study(name, (entry,) * count, labels={"ICH": number % 2}), [array] * count)
    items = (*[Item(f"item {number}") for number in range(6)], Item("no x", "absent"))
    reports = [Report("a", items, False), Report("b", (Item("all fine", "normal"),), True), Report("c", items, False)]
    write_items(tmp_path / "s", reports)
    return Store(tmp_path / "s")


def test_a_batch_pads_series_and_items(store):
    dataset = StudyDataset(store, INPUT, items=ItemSampling(4, "drop"))
    batch = collate_studies([dataset[index] for index in range(3)])
    assert batch["image"].shape == (3, 2, 3, 4, 16, 16)
    assert batch["series_mask"].tolist() == [[True, False], [True, True], [True, False]]
    assert batch["item_mask"].sum(dim=1).tolist() == [4, 1, 4]
    assert batch["is_normal"].tolist() == [False, True, False]
    assert batch["items"][1] == ["all fine", "", "", ""]
    assert all("no x" not in texts for texts in batch["items"])


def test_draws_depend_on_seed_epoch_and_study_only(store):
    one = StudyDataset(store, INPUT, items=ItemSampling(3), augmentation=Augmentation(), seed=1)
    two = StudyDataset(store, INPUT, items=ItemSampling(3), augmentation=Augmentation(), seed=1, cache=True)
    _ = two[2], two[0]
    for epoch in (1, 2):
        one.set_epoch(epoch)
        two.set_epoch(epoch)
        assert one[0]["items"] == two[0]["items"]
        assert torch.equal(one[0]["image"], two[0]["image"])
    first = one[0]["items"]
    one.set_epoch(3)
    assert one[0]["items"] != first


def test_a_shift_moves_voxels_and_fills_with_padding():
    volume = torch.arange(27, dtype=torch.int16).reshape(3, 3, 3)
    (moved,) = Change((1, 1, 1), 0, False).volumes([volume], -1024)
    assert torch.equal(moved[1:, 1:, 1:], volume[:-1, :-1, :-1])
    assert (moved[0] == -1024).all() and (moved[:, 0] == -1024).all()


def test_a_mirrored_study_has_its_sides_swapped_in_volume_and_words(store):
    plain = StudyDataset(store, INPUT, items=ItemSampling(1), augmentation=Augmentation((0, 0, 0), 0))
    mirrored = StudyDataset(store, INPUT, items=ItemSampling(1), augmentation=Augmentation((0, 0, 0), 0, mirror=1.0))
    assert torch.equal(mirrored[0]["image"], plain[0]["image"].flip(-1))
    assert Change((0, 0, 0), 0, True).text("left SDH") == "right SDH"


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("Left-sided hemorrhage, shift to the right", "Right-sided hemorrhage, shift to the left"),
        ("LEFT frontal", "RIGHT frontal"),
        ("rightward shift by 4 mm", "leftward shift by 4 mm"),
        ("no side here, a cleft and a bright spot", "no side here, a cleft and a bright spot"),
    ],
)
def test_sides_are_swapped_as_words_and_in_their_case(text, mirrored):
    assert swap_sides(text) == mirrored
    assert swap_sides(mirrored) == text


def test_mirroring_is_refused_where_columns_do_not_run_from_side_to_side(store):
    with pytest.raises(ModelError, match="depth is 'sagittal'"):
        StudyDataset(store, dataclasses.replace(INPUT, depth="sagittal"), augmentation=Augmentation(mirror=0.5))


def test_studies_without_items_are_named(store, tmp_path):
    (tmp_path / "s" / "items.jsonl").unlink()
    with pytest.raises(LabelsError, match="3 of 3 studies have no items"):
        StudyDataset(Store(tmp_path / "s"), INPUT, items=ItemSampling(3))


def test_an_empty_choice_is_refused(store):
    with pytest.raises(StoreError, match="no study of split 'test'"):
        StudyDataset(store, INPUT, split="test")


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="ItemSampling"):
        ItemSampling(0)
    with pytest.raises(ValueError, match="Augmentation"):
        Augmentation((1, -1, 0))
    with pytest.raises(ValueError, match="mirror"):
        Augmentation(mirror=1.5)
