"""The published voxel size: how many voxels, where they lie, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from torch.nn.functional import interpolate

from itemclip_med.errors import ModelError
from itemclip_med.transforms import ToSpacing, ToSpacingd


def volume(shape=(20, 17, 11), spacing=(0.7, 0.9, 5.0), seed=0):
    affine = torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64))
    affine[:3, 3] = torch.tensor([-30.0, 12.0, 5.0])
    return MetaTensor(torch.rand(1, *shape, generator=torch.Generator().manual_seed(seed)), affine=affine)


def edges(one):
    """Outer corners of the first and the last voxel in mm."""
    size = np.array(one.shape[1:])
    corners = np.stack([np.full(3, -0.5), size - 0.5])
    return corners @ one.affine.numpy()[:3, :3].T + one.affine.numpy()[:3, 3]


def test_the_size_is_rounded_down_as_published():
    assert ToSpacing([1, 1, 3])(volume()).shape == (1, 14, 15, 18)  # 14.0, 15.3, 18.33


def test_values_are_those_of_plain_trilinear_resizing():
    given = volume()
    expected = interpolate(given.as_tensor()[None], size=(14, 15, 18), mode="trilinear", align_corners=False)[0]
    assert torch.equal(ToSpacing([1, 1, 3])(given).as_tensor(), expected)


def test_the_volume_keeps_its_outer_edges():
    given = volume()
    made = ToSpacing([1, 1, 3])(given)
    assert edges(made) == pytest.approx(edges(given))
    assert np.linalg.norm(made.affine.numpy()[:3, :3], axis=0) == pytest.approx([1.0, 1.02, 55 / 18])


def test_a_volume_of_that_size_stays_as_it_is():
    given = volume((8, 8, 8), (1.0, 1.0, 3.0000001))
    made = ToSpacing([1, 1, 3])(given)
    assert torch.equal(made.as_tensor(), given.as_tensor())
    assert made.affine.numpy() == pytest.approx(given.affine.numpy())


def test_the_inverse_has_the_size_and_place_from_before():
    given = volume()
    transform = ToSpacingd("image", [1, 1, 3])
    back = transform.inverse(transform({"image": given}))["image"]
    assert back.shape == given.shape and back.affine.numpy() == pytest.approx(given.affine.numpy())


@pytest.mark.parametrize("spacing", [1.0, [1, 1], [1, 0, 1], "113"])
def test_a_spacing_that_is_none_is_refused(spacing):
    with pytest.raises(ModelError, match="three numbers above 0"):
        ToSpacing(spacing)
