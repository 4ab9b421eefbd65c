"""The contract between stored volumes and the model."""

from __future__ import annotations

import json
import pickle
import time

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from itemclip_med.errors import ModelError
from itemclip_med.transforms import ModelInput


def make_affine(spacing_mm=(1.0, 1.5, 5.0), origin_mm=(-60.0, -70.0, -40.0)):
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = origin_mm
    return affine


def test_it_survives_json():
    contract = ModelInput(grid=(32, 128, 128), windows_as="channels", max_series=1)
    again = ModelInput.from_dict(json.loads(json.dumps(contract.to_dict())))
    assert again == contract
    assert pickle.loads(pickle.dumps(contract)) == contract


def test_lists_from_a_config_become_tuples():
    contract = ModelInput(grid=[8, 16, 16], windows_hu={"brain": [40, 80]})
    assert contract.grid == (8, 16, 16) and contract.windows_hu == {"brain": (40.0, 80.0)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modality": "XR"}, "modality is 'XR'"),
        ({"grid": (32, 128)}, "grid is"),
        ({"windows_hu": {"brain": (40, 0)}}, "brain has width 0"),
        ({"windows_hu": {}}, "No HU windows"),
        ({"windows_hu": {"brain": 40}}, r"brain is 40, expected \[center, width\]"),
        ({"windows_as": "slices"}, "windows_as is 'slices'"),
        ({"percentiles": (99, 1)}, "percentiles"),
        ({"max_series": 0}, "max_series 0"),
        ({"in_plane_size": 100}, "in_plane_size is 100"),
    ],
)
def test_a_wrong_field_is_named(change, message):
    with pytest.raises(ModelError, match=message):
        ModelInput(**change)


def test_from_dict_names_unknown_fields_and_other_versions():
    with pytest.raises(ModelError, match="unknown fields sharpness"):
        ModelInput.from_dict({"sharpness": 1})
    with pytest.raises(ModelError, match="version 99, expected 1"):
        ModelInput.from_dict({"version": 99})
    with pytest.raises(ModelError, match="saved without its preprocessing"):
        ModelInput.from_dict(None)


def test_windows_become_named_series_of_one_acquisition():
    contract = ModelInput(grid=(4, 8, 8))
    fitted = [torch.zeros(4, 8, 8, dtype=torch.int16)] * 2
    images, names, acquisition = contract.assemble(fitted, ["AX_THIN", "AX_THICK"])
    assert images.shape == (6, 1, 4, 8, 8) and images.dtype == torch.float32
    assert names[:3] == ["AX_THIN_BrainWindow", "AX_THIN_BloodWindow", "AX_THIN_BoneWindow"]
    assert acquisition == [0, 0, 0, 1, 1, 1]


def test_windows_become_channels():
    contract = ModelInput(grid=(4, 8, 8), windows_as="channels")
    images, names, acquisition = contract.assemble([torch.zeros(4, 8, 8, dtype=torch.int16)], ["AX_THIN"])
    assert images.shape == (1, 3, 4, 8, 8) and contract.num_channels == 3
    assert names == ["AX_THIN"] and acquisition == [0]


def test_windows_of_one_volume_count_once_under_the_cap():
    contract = ModelInput(grid=(4, 8, 8), max_series=2)
    images, _, acquisition = contract.assemble([torch.zeros(4, 8, 8, dtype=torch.int16)] * 5, list("abcde"))
    assert len(images) == 6 and acquisition == [0, 0, 0, 1, 1, 1]


def test_assemble_refuses_nothing_and_unequal_numbers():
    contract = ModelInput(grid=(4, 8, 8))
    with pytest.raises(ModelError, match="0 volumes and 0 names"):
        contract.assemble([], [])
    with pytest.raises(ModelError, match="0 volumes and 1 names"):
        contract.study_tensors([], ["a"])


def test_each_window_is_scaled_by_its_own_formula():
    contract = ModelInput(grid=(1, 1, 5))
    hu = torch.tensor([-1000, 0, 20, 80, 1500], dtype=torch.int16).view(1, 1, 5)
    image = contract.intensity(hu)[:, 0, 0, 0]
    for row, (center, width) in zip(image, contract.windows_hu.values(), strict=True):
        expected = [(min(max((v - (center - width / 2)) / width, 0), 1) - 0.449) / 0.226 for v in hu.flatten().tolist()]
        torch.testing.assert_close(row, torch.tensor(expected), atol=1e-5, rtol=0)


def test_mr_takes_percentiles_and_stored_uint8_as_it_is():
    contract = ModelInput(modality="MR", grid=(1, 10, 10), percentiles=(0, 100))
    ramp = torch.arange(100, dtype=torch.int16).view(1, 10, 10) * 7
    scaled = contract.intensity(ramp) * contract.std + contract.mean
    assert scaled.min().item() == pytest.approx(0, abs=1e-6) and scaled.max().item() == pytest.approx(1)
    stored = contract.intensity(torch.full((1, 10, 10), 51, dtype=torch.uint8)) * contract.std + contract.mean
    assert stored[0, 0, 0, 0, 0].item() == pytest.approx(0.2)
    assert contract.series_names("AX_T1") == ["AX_T1"] and contract.num_channels == 1


def test_anterior_is_in_row_0_and_the_patients_left_at_the_right_edge():
    volume = np.full((24, 24, 12), -1000, dtype=np.int16)  # RAS: x grows to the right, y to anterior, z up
    volume[2:5, 18:22, 8:10] = 1000  # left, anterior, superior
    fitted, _ = ModelInput(grid=(12, 24, 24)).spatial_array(volume, make_affine((1, 1, 1)))
    d, h, w = np.argwhere(fitted.numpy() > 0).mean(axis=0)
    assert d > 6 and h < 8 and w > 16


@pytest.mark.parametrize("axcodes", ["RAS", "LPS", "SPL", "ASR", "PIR"])
def test_the_order_of_the_stored_axes_does_not_matter(axcodes):
    from itemclip_med.transforms.orient import reorient

    rng = np.random.default_rng(0)
    volume, affine = rng.integers(-1000, 1000, (20, 24, 10)).astype(np.int16), make_affine()
    contract = ModelInput(grid=(12, 32, 32))
    expected, expected_affine = contract.spatial_array(volume, affine)
    found, found_affine = contract.spatial_array(*reorient(volume, affine, axcodes))
    assert torch.equal(found, expected)
    np.testing.assert_allclose(found_affine, expected_affine, atol=1e-9)


@pytest.mark.parametrize("settings", [{}, {"fit": "crop"}, {"in_plane_size": 40, "depth_mode": "nearest-exact"}])
def test_the_fast_path_and_the_monai_transforms_agree(settings):
    rng = np.random.default_rng(1)
    volume, affine = rng.integers(-1000, 1000, (30, 22, 17)).astype(np.int16), make_affine()
    contract = ModelInput(grid=(12, 32, 32), **settings)
    fitted, fitted_affine = contract.spatial_array(volume, affine)
    tracked = contract.spatial()(MetaTensor(torch.from_numpy(volume)[None], affine=torch.as_tensor(affine)))
    assert torch.equal(tracked[0].as_tensor(), fitted)
    np.testing.assert_allclose(tracked.affine.numpy(), fitted_affine, atol=1e-9)
    images, _, _ = contract.study_tensors([MetaTensor(torch.from_numpy(volume), affine=torch.as_tensor(affine))], ["a"])
    assert torch.equal(images, contract.intensity(fitted))


def test_every_voxel_keeps_its_place_in_the_patient():
    x, y, z = np.meshgrid(*[np.arange(n) for n in (21, 30, 18)], indexing="ij")
    affine = make_affine((2.0, 1.5, 3.0))
    for axis, values in enumerate((x, y, z)):  # the volume says where its voxels are, in mm
        place_mm = (values * affine[axis, axis] + affine[axis, 3]).astype(np.float32)
        fitted, fitted_affine = ModelInput(grid=(24, 40, 40)).spatial_array(place_mm, affine)
        index = np.stack(np.meshgrid(*[np.arange(n) for n in fitted.shape], indexing="ij"), axis=-1)
        there = index @ fitted_affine[axis, :3] + fitted_affine[axis, 3]
        low, high = place_mm.min() + 1, place_mm.max() - 1
        # Away from padding and from the half voxel at the edge, where the outermost value holds.
        inner = (fitted.numpy() > low) & (fitted.numpy() < high) & (there > low) & (there < high)
        safe = np.zeros_like(inner)
        safe[3:-3, 4:-4, 10:-10] = True
        assert inner[safe].mean() > 0.9
        np.testing.assert_allclose(fitted.numpy()[inner & safe], there[inner & safe], atol=1e-3)


def test_padding_is_below_every_window():
    contract = ModelInput(grid=(4, 8, 8), fit="crop", windows_hu={"lung": (-600, 1500)})
    fitted, _ = contract.spatial_array(np.zeros((4, 4, 2), dtype=np.int16), np.eye(4))
    assert fitted.min().item() == -1350
    assert contract.intensity(fitted).min().item() == pytest.approx(-0.449 / 0.226, abs=1e-5)


def test_a_demo_study_is_fitted_in_25_ms():
    volume = np.random.default_rng(0).integers(-1000, 1000, (128, 128, 32)).astype(np.int16)
    contract = ModelInput(grid=(32, 128, 128), windows_as="channels")
    fitted, _ = contract.spatial_array(volume, make_affine())
    assert fitted.shape == (32, 128, 128) and fitted.dtype == torch.int16
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        contract.spatial_array(volume, make_affine())
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.025
