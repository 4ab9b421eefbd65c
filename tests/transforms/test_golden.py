"""The published preprocessing, number by number."""

from __future__ import annotations

import pytest

from itemclip_med.transforms import FitToGrid, ModelInput
from itemclip_med.transforms.fit import apply_plan, plan_crop
from itemclip_med.transforms.scaling import windows_normalized
from tests.golden import golden_cases, read_case, relative_error, require_golden

pytestmark = pytest.mark.golden

CHEST_EVALUATION = golden_cases("preprocess_ctrate_eval.json")
CHEST_TRAINING = golden_cases("preprocess_ctrate_train.json")
PUB_BRAIN = golden_cases("preprocess_pub_brain_5.json")


def test_cases_are_found():
    require_golden(CHEST_EVALUATION, CHEST_TRAINING, PUB_BRAIN)


def keys_of(tensors, end):
    keys = sorted((name.removesuffix(end) for name in tensors if name.endswith(end)), key=lambda key: (len(key), key))
    assert keys, f"no {end} in the file"
    return keys


def ct_window(case):
    low, high = case["window"]
    return ((low + high) / 2, high - low)


@pytest.mark.parametrize("path", CHEST_EVALUATION, ids=lambda path: path.stem)
def test_chest_ct_evaluation_pads_and_crops_in_the_middle(path):
    case, tensors = read_case(path)
    contract = ModelInput(grid=case["crop"], windows_hu={"chest": ct_window(case)}, fit="crop")
    assert (contract.mean, contract.std) == pytest.approx((case["mean"], case["std"]))
    assert [list(tensors[f"{key}.in.volume"].shape) for key in keys_of(tensors, ".in.volume")] == case["shapes"]
    for key in keys_of(tensors, ".in.volume"):
        volume = tensors[f"{key}.in.volume"][None]
        fit = FitToGrid(contract.grid, fit="crop", pad_value=contract.pad_value)
        image = contract.intensity(fit(volume))
        assert relative_error(image, tensors[f"{key}.out.image"]) < 1e-5, key


@pytest.mark.parametrize("path", CHEST_TRAINING, ids=lambda path: path.stem)
def test_chest_ct_training_follows_the_recorded_draws(path):
    case, tensors = read_case(path)
    for key in keys_of(tensors, ".in.volume"):
        volume = tensors[f"{key}.in.volume"][None]
        draws = tensors.get(f"{key}.in.random_ints")
        plan = plan_crop(volume.shape[1:], case["crop"], None if draws is None else draws.tolist())
        fitted = apply_plan(volume, plan, pad_value=case["window"][0])
        image = windows_normalized(fitted[0], {"chest": ct_window(case)}, 0.449, 0.226)[None]
        assert relative_error(image, tensors[f"{key}.out.image"]) < 1e-5, key


@pytest.mark.parametrize("size", ["small", "full"])
@pytest.mark.parametrize("path", PUB_BRAIN, ids=lambda path: path.stem)
def test_brain_mri_is_squared_resized_and_cropped(path, size):
    case, tensors = read_case(path)
    setting = case[size]
    grid = (setting["num_slices"], setting["crop"], setting["crop"])
    contract = ModelInput(
        modality="MR", grid=grid, in_plane_size=setting["resize"], depth_mode="nearest-exact", percentiles=(0, 100)
    )
    fit = FitToGrid(grid, in_plane_size=setting["resize"], depth_mode="nearest-exact")
    for number, key in enumerate(keys_of(tensors, ".in.volume")):
        volume = tensors[f"{key}.in.volume"]
        volume = (volume if volume.dim() == 3 else volume[..., 0])[None].float() / 255
        image = (fit(volume).as_tensor() - contract.mean) / contract.std
        if size == "small":
            assert relative_error(image, tensors[f"{key}.out.image"]) < 1e-5, key
            continue
        check = setting["checks"][number]
        assert list(image.shape) == check["shape"]
        assert image.double().sum().item() == pytest.approx(check["sum"], rel=1e-5)
        assert image.double().abs().sum().item() == pytest.approx(check["sum_abs"], rel=1e-5)
        sampled = image.flatten()[tensors[f"{key}.full.flat_indices"]]
        assert relative_error(sampled, tensors[f"{key}.full.values"]) < 1e-5, key
