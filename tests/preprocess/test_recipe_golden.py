"""The published preprocessing through the recipes' own transforms: file, store, what a model is given."""

from __future__ import annotations

import copy

import nibabel as nib
import numpy as np
import pytest
import torch

from itemclip_med.preprocess import load_recipe, run_recipe
from itemclip_med.preprocess.recipe import parse_recipe
from itemclip_med.store import Store
from itemclip_med.transforms.fit import apply_plan, plan_crop
from tests.golden import golden_cases, read_case, relative_error, require_golden

pytestmark = pytest.mark.golden

CHEST_EVALUATION = golden_cases("preprocess_ctrate_eval.json")
CHEST_TRAINING = golden_cases("preprocess_ctrate_train.json")
PUB_BRAIN = golden_cases("preprocess_pub_brain_5.json")
HALF_HU = 0.5 / 1500 / 0.226 + 1e-5  # what rounding to whole HU may cost


def test_cases_are_found():
    require_golden(CHEST_EVALUATION, CHEST_TRAINING, PUB_BRAIN)


def keys_of(tensors):
    return sorted({name.split(".")[0] for name in tensors if name.endswith(".in.volume")})


def write_file(path, volume, spacing):
    """A (D, H, W) volume as a NIfTI whose axes run to left, back and head."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.ascontiguousarray(volume.numpy().transpose(2, 1, 0))
    nib.save(nib.Nifti1Image(array, np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])), path)
    return path


def own(name, **changes):
    """A shipped recipe with some of its settings changed."""
    values = copy.deepcopy(dict(load_recipe(name).values))
    values["select"] = {**values["select"], "min_slices": 3}
    return parse_recipe({**values, **changes}, name)


def image_of(contract, array, affine):
    return contract.intensity(contract.spatial_array(array, affine)[0])


@pytest.mark.parametrize("path", CHEST_EVALUATION, ids=lambda path: path.stem)
def test_ct_rates_transforms_give_the_published_evaluation_input(path, tmp_path):
    case, tensors = read_case(path)
    recipe = load_recipe("ct_rate")
    contract = recipe.model_input(grid=case["crop"])
    low, high = case["window"]
    assert list(recipe.windows_hu.values()) == [[(low + high) / 2, high - low]]
    transform = recipe.build_transform()
    for key in keys_of(tensors):
        file = write_file(tmp_path / f"{key}.nii.gz", tensors[f"{key}.in.volume"], (1, 1, 3))
        volume = transform({"image": file})["image"]
        image = image_of(contract, volume[0].numpy(), volume.affine.numpy())
        assert relative_error(image, tensors[f"{key}.out.image"]) < 1e-5, key


@pytest.mark.parametrize("path", CHEST_EVALUATION, ids=lambda path: path.stem)
def test_a_store_of_ct_rate_gives_the_published_input_to_half_a_hu(path, tmp_path):
    case, tensors = read_case(path)
    recipe = own("ct_rate", check={"extent_mm": [1, 1200]})
    names = {key: f"valid_{number}_a_1" for number, key in enumerate(keys_of(tensors), 1)}
    for key, name in names.items():
        write_file(tmp_path / "valid_fixed" / f"{name}.nii.gz", tensors[f"{key}.in.volume"], (1, 1, 3))
    run_recipe(recipe, tmp_path / "valid_fixed", tmp_path / "store", workers=1, show_progress=False)
    store = Store(tmp_path / "store")
    contract = recipe.model_input(grid=case["crop"])
    for key, name in names.items():
        series = store.study(name).series[0]
        image = image_of(contract, store.read(series), np.array(series.affine))
        expected = tensors[f"{key}.out.image"]
        if tensors[f"{key}.in.volume"].dtype == torch.int16:
            assert relative_error(image, expected) < 1e-5, key
        else:
            assert (image - expected).abs().max() < HALF_HU, key


@pytest.mark.parametrize("path", CHEST_TRAINING, ids=lambda path: path.stem)
def test_ct_rates_transforms_follow_the_recorded_draws(path, tmp_path):
    case, tensors = read_case(path)
    recipe = load_recipe("ct_rate")
    contract, transform = recipe.model_input(grid=case["crop"]), recipe.build_transform()
    for key in keys_of(tensors):
        file = write_file(tmp_path / f"{key}.nii.gz", tensors[f"{key}.in.volume"], (1, 1, 3))
        volume = transform({"image": file})["image"]
        depth_first = contract.spatial().transforms[0](volume).as_tensor()
        draws = tensors.get(f"{key}.in.random_ints")
        plan = plan_crop(depth_first.shape[1:], case["crop"], None if draws is None else draws.tolist())
        image = contract.intensity(apply_plan(depth_first, plan, pad_value=contract.pad_value))
        assert relative_error(image, tensors[f"{key}.out.image"]) < 1e-5, key


@pytest.mark.parametrize("path", PUB_BRAIN, ids=lambda path: path.stem)
def test_a_store_of_pub_brain_5_gives_the_published_input(path, tmp_path):
    case, tensors = read_case(path)
    values = copy.deepcopy(dict(load_recipe("pub_brain_5").values))
    keys = keys_of(tensors)
    volumes = {}
    for key in keys:
        volume = tensors[f"{key}.in.volume"]
        volumes[key] = volume if volume.dim() == 3 else volume[..., 0]
    top = max(int(volume.max()) for volume in volumes.values())
    # Golden volumes are scaled already: all of their range, and back to the same numbers.
    values["percentiles"] = [0, 100]
    values["volume"]["transforms"][-1]["b_max"] = top
    recipe = own(
        "pub_brain_5", **{name: values[name] for name in ("percentiles", "volume")}, check={"extent_mm": [1, 900]}
    )
    names = {key: f"open_bhb/sub-{number}" for number, key in enumerate(keys)}
    for key, name in names.items():
        assert (int(volumes[key].min()), int(volumes[key].max())) == (0, top)
        write_file(tmp_path / "in" / name / "T1w" / "nifti" / "T1w.nii.gz", volumes[key], (1, 1, 3))
    run_recipe(recipe, tmp_path / "in", tmp_path / "store", workers=1, show_progress=False)
    store = Store(tmp_path / "store")
    for number, key in enumerate(keys):
        series = store.study(names[key]).series[0]
        array, affine = store.read(series), np.array(series.affine)
        small = case["small"]
        grid = (small["num_slices"], small["crop"], small["crop"])
        image = image_of(recipe.model_input(grid=grid, in_plane_size=small["resize"]), array, affine)[0]
        # uint8 is rounded after resizing in the store's type; the published code resizes floats.
        assert (image - tensors[f"{key}.out.image"]).abs().max() < 0.5 / 255 / 0.226 + 1e-4, key
        full = case["full"]["checks"][number]
        image = image_of(recipe.model_input(), array, affine)
        assert list(image.shape[1:]) == full["shape"]
        assert image.double().abs().sum().item() == pytest.approx(full["sum_abs"], rel=2e-3)
        sampled = image.flatten()[tensors[f"{key}.full.flat_indices"]]
        assert (sampled - tensors[f"{key}.full.values"]).abs().max() < 0.5 / 255 / 0.226 + 1e-4, key
