"""Averaging blocks of voxels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from itemclip_med.errors import ModelError
from itemclip_med.transforms import Coarsen, Coarsend


def make_volume(spacing_mm, shape=(9, 8, 6)):
    values = np.random.default_rng(0).integers(-1000, 1000, shape).astype(np.float32)
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = (5, -7, 9)
    return MetaTensor(torch.from_numpy(values)[None], affine=torch.as_tensor(affine))


@pytest.mark.parametrize(
    ("spacing_mm", "factors"),
    [((0.45, 0.45, 5), (2, 2, 1)), ((0.488, 0.488, 0.625), (2, 2, 2)), ((1.75, 1.75, 5), (1, 1, 1)),
     ((0.7, 0.7, 1.25), (1, 1, 1)), ((0.3, 0.3, 1), (3, 3, 1))],
)  # fmt: skip
def test_the_factor_is_the_nearest_whole_number(spacing_mm, factors):
    assert Coarsen((0.9, 0.9, 1.25)).factors(np.diag([*spacing_mm, 1.0])) == factors


def test_every_new_voxel_is_the_mean_of_its_block_in_its_middle():
    volume = make_volume((0.45, 0.45, 5))
    out = Coarsen((0.9, 0.9, 0))(volume)
    source = volume[0].numpy()
    assert out.shape == (1, 5, 4, 6)
    for x in range(4):
        for y in range(4):
            np.testing.assert_allclose(
                out[0, x, y].numpy(), source[2 * x : 2 * x + 2, 2 * y : 2 * y + 2].mean((0, 1)), rtol=1e-5
            )
    np.testing.assert_allclose(out[0, 4, 0].numpy(), source[8:, :2].mean((0, 1)), rtol=1e-5)  # incomplete block
    middle = volume.affine.numpy() @ [0.5, 0.5, 0, 1]
    np.testing.assert_allclose(out.affine.numpy()[:, 3], middle)


def test_a_coarse_volume_is_left_as_it_is():
    volume = make_volume((1.75, 1.75, 5)).to(torch.int16)
    out = Coarsen((0.9, 0.9, 1.25))(volume)
    assert out.dtype == torch.int16 and torch.equal(out.as_tensor(), volume.as_tensor())


def test_it_is_undone_up_to_the_mean():
    volume = make_volume((0.45, 0.45, 0.6))
    transform = Coarsend("image", (0.9, 0.9, 1.25))
    out = transform({"image": volume})["image"]
    back = transform.inverse({"image": out})["image"]
    assert back.shape == volume.shape and back.applied_operations == []
    torch.testing.assert_close(back.affine, volume.affine)
    torch.testing.assert_close(Coarsen((0.9, 0.9, 1.25))(back).as_tensor(), out.as_tensor())


def test_two_numbers_are_refused():
    with pytest.raises(ModelError, match="expected three numbers"):
        Coarsen((1, 1))


@pytest.mark.parametrize("factors", [(2, 2, 1), (2, 2, 2), (3, 1, 2), (1, 1, 4), (1, 5, 1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_means_of_integers_are_those_of_pooling_to_the_bit_whatever_lies_together_in_memory(factors, order):
    rng = np.random.default_rng(1)
    shape = np.array((11, 8, 7))[list(order)]
    values = rng.integers(-32768, 32768, shape).astype(np.int16).transpose(np.argsort(order))
    volume = MetaTensor(torch.from_numpy(values)[None], affine=torch.eye(4, dtype=torch.float64))
    out = Coarsen(factors)(volume)
    pooled = torch.nn.functional.avg_pool3d(
        torch.from_numpy(values.astype(np.float32))[None, None], factors, ceil_mode=True, count_include_pad=False
    )
    assert out.dtype == torch.float32
    assert torch.equal(out.as_tensor(), pooled[0])


def test_each_channel_is_averaged_by_itself():
    values = torch.from_numpy(np.random.default_rng(2).integers(0, 99, (3, 4, 4, 2)).astype(np.int16))
    out = Coarsen((2, 2, 1))(MetaTensor(values))
    assert torch.equal(out.as_tensor(), torch.nn.functional.avg_pool3d(values.float()[None], (2, 2, 1))[0])
