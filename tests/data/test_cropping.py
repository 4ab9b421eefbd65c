"""A crop is read alone, and is the crop of the whole volume."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from itemclip_med.data import Augmentation, StudyDataset
from itemclip_med.data.cropping import draw_crop, read_crop
from itemclip_med.errors import ModelError
from itemclip_med.records import Series, Study
from itemclip_med.store import Store, StoreWriter
from itemclip_med.transforms import ModelInput
from itemclip_med.transforms.fit import apply_plan

ORIENTATIONS = [
    np.array([row for _, row in sorted(zip(order, np.diag(signs), strict=True))], dtype=float)
    for order, signs in itertools.product(itertools.permutations(range(3)), [(2, 3, 5), (-2, 3, -5), (-2, -3, 5)])
]


def make_store(folder, shape, direction, dtype="int16"):
    affine = np.eye(4)
    affine[:3, :3] = direction
    affine[:3, 3] = (7, -11, 13)
    entry = Series("AX", "", (1, 1, 1), (2.0, 3.0, 5.0), tuple(tuple(map(float, row)) for row in affine), "CT", dtype)
    array = np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)
    with StoreWriter(folder) as writer:
        writer.add(Study("a", (entry,), labels={}), [array])
    return Store(folder)


@pytest.mark.parametrize("direction", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("grid", [(4, 6, 8), (30, 6, 30)])
def test_the_middle_is_that_of_the_whole_volume(tmp_path, direction, grid):
    store = make_store(tmp_path / "s", (17, 12, 20), direction, "uint16" if grid[0] == 4 else "int16")
    model_input = ModelInput(grid=grid, fit="crop", windows_as="channels")
    series = store.study("a").series[0]
    expected, affine = model_input.spatial_array(store.read(series), np.array(series.affine))
    found, found_affine = read_crop(store, series, model_input)
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)
    np.testing.assert_allclose(found_affine, affine)


def test_a_drawn_crop_is_that_of_its_plan(tmp_path):
    store = make_store(tmp_path / "s", (17, 12, 20), np.diag([-2.0, 3.0, 5.0]))
    series = store.study("a").series[0]
    model_input = ModelInput(grid=(8, 20, 6), fit="crop", windows_as="channels")
    whole, _ = ModelInput(grid=(20, 12, 17), fit="crop", windows_as="channels").spatial_array(
        store.read(series), np.array(series.affine)
    )
    for seed in range(10):
        found, _ = read_crop(store, series, model_input, np.random.default_rng(seed))
        plan = draw_crop(whole.shape, model_input.grid, np.random.default_rng(seed))
        assert torch.equal(found, apply_plan(whole[None], plan, pad_value=model_input.pad_value)[0])


def test_only_the_crop_is_read(tmp_path, monkeypatch):
    store = make_store(tmp_path / "s", (17, 12, 20), np.diag([2.0, 3.0, 5.0]))
    boxes = []
    read = Store.read
    monkeypatch.setattr(Store, "read", lambda self, series, box=None: boxes.append(box) or read(self, series, box))
    _ = StudyDataset(store, ModelInput(grid=(4, 6, 8), fit="crop", windows_as="channels"))[0]
    ((x, y, z),) = boxes
    assert [part.stop - part.start for part in (x, y, z)] == [8, 6, 4]


def test_crops_differ_between_epochs_in_training_only(tmp_path):
    store = make_store(tmp_path / "s", (17, 12, 20), np.diag([2.0, 3.0, 5.0]))
    model_input = ModelInput(grid=(4, 6, 8), fit="crop", windows_as="channels")
    training = StudyDataset(store, model_input, augmentation=Augmentation((0, 0, 0), 0, random_crop=True))
    images = []
    for epoch in (1, 2):
        training.set_epoch(epoch)
        images.append(training[0]["image"])
        assert torch.equal(images[-1], training[0]["image"])
    assert not torch.equal(*images)


@pytest.mark.parametrize("settings", [{"fit": "resize"}, {"fit": "crop"}])
def test_crops_are_not_drawn_from_resized_or_kept_volumes(tmp_path, settings):
    store = make_store(tmp_path / "s", (17, 12, 20), np.diag([2.0, 3.0, 5.0]))
    with pytest.raises(ModelError, match="random_crop with fit"):
        StudyDataset(
            store,
            ModelInput(grid=(4, 6, 8), windows_as="channels", **settings),
            augmentation=Augmentation(random_crop=True),
            cache=True,
        )
