"""Items, augmentation and batches of studies."""

from __future__ import annotations

import dataclasses
import os
import signal

import numpy as np
import pytest
import torch

from itemclip_med.data import Augmentation, ItemSampling, StudyDataset, close_workers, collate_studies, outlive_signals
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
    with pytest.raises(ValueError, match="max_gain"):
        Augmentation(max_gain=1.0)


@pytest.fixture
def many_series(tmp_path):
    """One study of six acquisitions that differ in one value, with a report."""
    with StoreWriter(tmp_path / "many") as writer:
        entry = Series("AX_T1", "", (1, 1, 1), (2.0, 2.0, 5.0), AFFINE, "CT", "int16")
        arrays = [np.full((16, 16, 4), number, dtype=np.int16) for number in range(6)]
        writer.add(Study("a", tuple(dataclasses.replace(entry, name=f"s{n}") for n in range(6)), labels={}), arrays)
    write_items(tmp_path / "many", [Report("a", (Item("x"),), False)])
    return Store(tmp_path / "many")


def test_more_series_than_the_cap_are_drawn_anew_in_every_epoch(many_series):
    dataset = StudyDataset(many_series, INPUT, series="random", cache=True)
    seen = set()
    for epoch in range(12):
        dataset.set_epoch(epoch)
        sample = dataset[0]
        assert sample["series"] == sorted(sample["series"])
        assert sample["image"].shape[0] == 2
        seen.update(sample["series"])
    assert seen == {f"s{number}" for number in range(6)}
    assert StudyDataset(many_series, INPUT)[0]["series"] == ["s0", "s1"]


def test_noise_and_gain_leave_the_other_draws_alone():
    volume = torch.zeros((4, 32, 32), dtype=torch.int16) + 100
    plain = Augmentation((1, 2, 2), 3, mirror=0.5)
    rich = Augmentation((1, 2, 2), 3, mirror=0.5, max_gain=0.1, max_noise=20)
    for seed in range(5):
        one, two = (augmentation.draw(np.random.default_rng(seed)) for augmentation in (plain, rich))
        assert (one.shift, one.offset, one.mirrored) == (two.shift, two.offset, two.mirrored)
    change = Change((0, 0, 0), 5, False, gain=1.5, noise=10.0, noise_seed=1)
    first, second = change.volumes([volume, volume], 0)
    assert first.float().mean().item() == pytest.approx(155, abs=1)
    assert first.float().std().item() == pytest.approx(10, rel=0.1)
    assert not torch.equal(first, second)
    assert torch.equal(first, change.volumes([volume], 0)[0])


def test_workers_that_stay_learn_the_epoch(store):
    dataset = StudyDataset(store, INPUT, items=ItemSampling(3), seed=1)
    loader = torch.utils.data.DataLoader(
        dataset, 3, num_workers=1, persistent_workers=True, collate_fn=collate_studies, worker_init_fn=outlive_signals
    )
    for epoch in (1, 2):
        dataset.set_epoch(epoch)
        (batch,) = loader
        assert batch["items"] == [
            dataset[index]["items"] + [""] * (3 - len(dataset[index]["items"])) for index in range(3)
        ]


def test_a_worker_outlives_a_signal_and_ends_with_its_loader(store):
    loader = torch.utils.data.DataLoader(
        StudyDataset(store, INPUT), 1, num_workers=1, persistent_workers=True, collate_fn=collate_studies,
        worker_init_fn=outlive_signals,
    )  # fmt: skip
    batches = iter(loader)
    next(batches)
    (worker,) = loader._iterator._workers
    os.kill(worker.pid, signal.SIGTERM)
    assert len(list(batches)) == 2
    assert worker.is_alive()
    del batches
    close_workers([loader])
    worker.join(5)
    assert not worker.is_alive()


def test_status_groups_tell_normal_studies(store):
    assert StudyDataset(store, INPUT, items=ItemSampling(3)).status_groups() == [1, 0, 1]
