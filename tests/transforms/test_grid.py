"""Depth first and onto the grid, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Orientationd, Resize, SpatialPad

from itemclip_med.errors import ModelError
from itemclip_med.transforms import DepthFirst, DepthFirstd, FitToGrid, FitToGridd, patch_affine, to_source_grid
from itemclip_med.transforms.fit import plan_crop
from itemclip_med.transforms.orient import depth_axcodes


def make_volume(shape=(18, 26, 11), spacing_mm=(1.0, 1.0, 4.0), seed=0):
    """A smooth volume, left-right asymmetric, as (1, X, Y, Z) RAS MetaTensor."""
    x, y, z = np.meshgrid(*[np.linspace(0, 1, n) for n in shape], indexing="ij")
    values = 100 * x + 40 * np.sin(2 * y) + 25 * z**2
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = (-10, -20, 30)
    return MetaTensor(torch.from_numpy(values.astype(np.float32))[None], affine=torch.as_tensor(affine))


@pytest.mark.parametrize(
    ("spacing_mm", "plane"),
    [
        ((1, 1, 5), "SPL"),
        ((5, 1, 1), "LIP"),
        ((1, 5, 1), "PIL"),
        ((1, 1, 1), "SPL"),
        ((0.9, 0.9, 0.6), "SPL"),
        ((1, 1.01, 1), "SPL"),
    ],
)
def test_auto_depth_runs_across_the_clearly_largest_spacing(spacing_mm, plane):
    assert depth_axcodes(np.diag([*spacing_mm, 1.0]), "auto") == plane


def test_an_unknown_depth_is_refused():
    with pytest.raises(ModelError, match="depth is 'oblique'"):
        DepthFirst("oblique")


@pytest.mark.parametrize("depth", ["axial", "coronal", "sagittal", "auto"])
def test_depth_first_is_undone_exactly(depth):
    volume = make_volume()
    transform = DepthFirst(depth)
    back = transform.inverse(transform(volume))
    assert torch.equal(back.as_tensor(), volume.as_tensor())
    torch.testing.assert_close(back.affine, volume.affine)
    assert back.applied_operations == []


@pytest.mark.parametrize(
    "transform",
    [
        FitToGrid((16, 40, 40)),
        FitToGrid((16, 40, 40), in_plane_size=48),
        FitToGrid((16, 40, 40), depth_mode="nearest-exact"),
        FitToGrid((20, 40, 40), fit="crop"),
    ],
    ids=["resize", "resize-crop", "nearest", "crop"],
)
def test_fit_to_grid_is_undone(transform):
    volume = DepthFirst()(make_volume((20, 26, 11)))
    before = volume.affine.clone()
    fitted = transform(volume)
    assert tuple(fitted.shape[1:]) == transform.grid
    back = transform.inverse(fitted)
    assert back.shape == volume.shape
    torch.testing.assert_close(back.affine, before)
    assert len(back.applied_operations) == len(volume.applied_operations)
    inner = (slice(None), slice(2, -2), slice(4, -4), slice(4, -4))
    assert (back.as_tensor()[inner] - volume.as_tensor()[inner]).abs().max() < 6


def test_a_cropped_axis_comes_back_with_padding():
    volume = torch.ones(1, 10, 10, 10)
    transform = FitToGrid((4, 10, 10), fit="crop", pad_value=-7)
    back = transform.inverse(transform(volume)).as_tensor()
    assert (back[:, 3:7] == 1).all() and (back[:, :3] == -7).all() and (back[:, 7:] == -7).all()


def test_resizing_agrees_with_monais_pad_and_resize():
    volume = DepthFirst()(make_volume((20, 26, 11)))
    fitted = FitToGrid((16, 40, 40))(volume)
    reference = Compose([SpatialPad((-1, 26, 26)), Resize((16, 40, 40), mode="trilinear")])(volume)
    torch.testing.assert_close(fitted.as_tensor(), reference.as_tensor(), atol=1e-4, rtol=0)
    torch.testing.assert_close(fitted.affine, reference.affine, atol=1e-6, rtol=0)


def test_area_averages_the_slices_that_fall_together():
    volume = torch.arange(12, dtype=torch.float32).view(1, 12, 1, 1).expand(1, 12, 4, 4)
    fitted = FitToGrid((4, 4, 4), depth_mode="area")(volume).as_tensor()
    torch.testing.assert_close(fitted[0, :, 0, 0], torch.tensor([1.0, 4.0, 7.0, 10.0]))


def test_integers_are_rounded_and_keep_their_type():
    volume = torch.tensor([0, 1, 3], dtype=torch.int16).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    fitted = FitToGrid((6, 2, 2))(volume)
    assert fitted.dtype == torch.int16
    assert fitted[0, :, 0, 0].tolist() == [0, 0, 1, 2, 2, 3]


@pytest.mark.parametrize(
    "settings", [{"grid": (4, 4)}, {"grid": (4, 4, 0)}, {"grid": (4, 4, 4), "fit": "stretch"},
                 {"grid": (4, 4, 4), "depth_mode": "cubic"}, {"grid": (4, 8, 8), "in_plane_size": 4}]
)  # fmt: skip
def test_unusable_settings_are_refused(settings):
    with pytest.raises(ModelError):
        FitToGrid(**settings)


def test_crop_draws_outside_the_volume_are_refused():
    with pytest.raises(ModelError, match="Crop draws"):
        plan_crop((10, 10, 10), (4, 4, 4), draws=(0, 0, 0, 7, 0, 0))


def test_dictionary_pairs_work_among_monais_transforms_and_are_undone():
    pipeline = Compose(
        [Orientationd("image", axcodes="LPS"), DepthFirstd("image"), FitToGridd(["image", "mask"], (16, 40, 40),
                                                                             allow_missing_keys=True)]
    )  # fmt: skip
    volume = make_volume()
    out = pipeline({"image": volume, "id": 3})
    assert out["image"].shape == (1, 16, 40, 40) and out["id"] == 3
    back = pipeline.inverse(out)["image"]
    assert back.shape == volume.shape
    torch.testing.assert_close(back.affine, volume.affine, atol=1e-6, rtol=0)


def test_depth_first_can_be_lazy():
    volume = make_volume()
    lazy = Compose([DepthFirstd("image")], lazy=True)({"image": volume})["image"]
    eager = DepthFirst()(volume)
    torch.testing.assert_close(lazy.as_tensor(), eager.as_tensor(), atol=1e-3, rtol=0)
    torch.testing.assert_close(lazy.affine, eager.affine, atol=1e-6, rtol=0)


def test_a_fitted_map_returns_to_the_stored_grid():
    volume = make_volume((24, 24, 12))
    fitted = FitToGrid((24, 48, 48))(DepthFirst()(volume))
    back = to_source_grid(fitted[0], fitted.affine, volume.affine, volume.shape[1:])
    np.testing.assert_allclose(back[2:-2, 2:-2, 2:-2], volume[0, 2:-2, 2:-2, 2:-2].numpy(), atol=2.0)


def test_a_hot_patch_comes_back_on_the_side_it_was():
    """Left and right must not be exchanged on the way to the model and back."""
    volume = np.zeros((32, 32, 16), dtype=np.float32)
    volume[4:8, 20:24, 8:12] = 1
    source = MetaTensor(torch.from_numpy(volume)[None], affine=torch.diag(torch.tensor([2.0, 2, 5, 1]).double()))
    fitted = FitToGrid((16, 64, 64))(DepthFirst()(source))
    patches = torch.nn.functional.avg_pool3d(fitted.as_tensor()[None], (4, 8, 8))[0, 0]
    back = to_source_grid(patches, patch_affine(fitted.affine, (4, 8, 8)), source.affine, volume.shape, mode="nearest")
    hottest = np.argwhere(back > 0.9 * back.max()).mean(axis=0)
    np.testing.assert_allclose(hottest, (5.5, 21.5, 9.5), atol=0.01)


def test_outside_the_map_is_fill():
    back = to_source_grid(np.ones((4, 4, 4), np.float32), np.eye(4), np.diag([1, 1, 1, 1.0]), (8, 4, 4), fill=-1)
    assert (back[:4] == 1).all() and (back[4:] == -1).all()
