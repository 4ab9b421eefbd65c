"""Depth first, and onto the encoder's grid: invertible, with a true affine at every step."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, LazyTransform, MapTransform, Orientation
from monai.utils import TraceKeys
from torch import Tensor

from itemclip_med.errors import ModelError
from itemclip_med.transforms.fit import DEPTH_MODES, DepthMode, FitPlan, apply_plan, plan_crop, plan_resize, undo_plan
from itemclip_med.transforms.mapped import MappedTransform
from itemclip_med.transforms.orient import Depth, depth_axcodes
from itemclip_med.volumes import triple

# Given in full: without them MONAI reads the letters the other way round on a volume whose meta says LPS.
_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


class DepthFirst(InvertibleTransform, LazyTransform):
    """Reorient (C, X, Y, Z) to (C, D, H, W): D through the slices, rows and columns as a radiologist sees them.

    Axial: d grows to superior, row 0 is anterior, the patient's left is at the right edge. It is MONAI's
    ``Orientation`` with the code of the chosen plane, so it is lazy and invertible as that is.

    Args:
        depth: "axial", "coronal", "sagittal", or "auto": across the axis with clearly the largest spacing.
        lazy: only note the change, for MONAI's lazy resampling.

    Raises:
        ModelError: if ``depth`` is none of these.
    """

    def __init__(self, depth: Depth = "axial", lazy: bool = False) -> None:
        LazyTransform.__init__(self, lazy=lazy)
        self.depth = depth
        if depth != "auto":
            depth_axcodes(torch.eye(4).numpy(), depth)

    def __call__(self, volume: Tensor, lazy: bool | None = None) -> Tensor:
        """Reorient; a tensor without affine counts as RAS."""
        volume = volume if isinstance(volume, MetaTensor) else MetaTensor(torch.as_tensor(volume))
        lazy_ = self.lazy if lazy is None else lazy
        axcodes = depth_axcodes(volume.peek_pending_affine().numpy(), self.depth)
        out = Orientation(axcodes, labels=_LABELS)(volume, lazy=lazy_)
        self.push_transform(out, replace=True, lazy=lazy_)
        return out

    def inverse(self, volume: MetaTensor) -> MetaTensor:
        """Back from (C, D, H, W) to the axes and the affine from before."""
        info = self.pop_transform(volume)
        extra = info[TraceKeys.EXTRA_INFO]
        extra = extra.get(TraceKeys.EXTRA_INFO, extra)
        back = Orientation(_axcodes(extra["original_affine"]), labels=_LABELS)
        with back.trace_transform(False):
            restored: MetaTensor = back(volume)
        return restored


class FitToGrid(InvertibleTransform):
    """Bring (C, D, H, W) onto a grid: pad slices to a square, resize and crop, or pad and crop only.

    Args:
        grid: (D, H, W) wanted.
        fit: "resize": slices padded to a square, bilinear in-plane, then depth; "crop": the voxel size stays.
        in_plane_size: "resize": side of the resized square before the crop to (H, W); None: no crop.
        depth_mode: "linear", "nearest-exact" or "area" (average of the slices that fall together).
        pad_value: what fills the padding: 0 after windows, air (-1024) before them.

    Raises:
        ModelError: if grid, fit or mode are unusable.

    Sources:
        golden/README.md 8.
    """

    def __init__(
        self,
        grid: Sequence[int],
        fit: Literal["resize", "crop"] = "resize",
        in_plane_size: int | None = None,
        depth_mode: DepthMode = "linear",
        pad_value: float = 0.0,
    ) -> None:
        if len(grid) != 3 or min(grid) < 1:
            raise ModelError(f"FitToGrid: grid is {tuple(grid)}, expected three sizes (D, H, W) of at least 1.")
        if fit not in ("resize", "crop") or depth_mode not in DEPTH_MODES:
            raise ModelError(
                f"FitToGrid: fit {fit!r} and depth_mode {depth_mode!r}, "
                f"expected resize or crop and one of {', '.join(DEPTH_MODES)}."
            )
        self.grid = tuple(int(n) for n in grid)
        self.fit = fit
        self.in_plane_size = in_plane_size
        self.depth_mode = depth_mode
        self.pad_value = pad_value
        self.plan(self.grid)

    def plan(self, size: Sequence[int]) -> FitPlan:
        """How a volume of ``size`` (D, H, W) comes onto the grid."""
        if self.fit == "crop":
            return plan_crop(size, self.grid)
        return plan_resize(size, self.grid, self.in_plane_size)

    def __call__(self, volume: Tensor) -> MetaTensor:
        """Fit one volume; a tensor without affine counts as RAS."""
        volume = volume if isinstance(volume, MetaTensor) else MetaTensor(torch.as_tensor(volume))
        plan = self.plan(volume.shape[1:])
        values = apply_plan(volume.as_tensor(), plan, depth_mode=self.depth_mode, pad_value=self.pad_value)
        out = MetaTensor(values).copy_meta_from(volume)
        meta = self.track_transform_meta(
            volume,
            sp_size=plan.grid,
            affine=torch.as_tensor(plan.matrix()),
            extra_info={"plan": {name: list(size) for name, size in asdict(plan).items()}},
            orig_size=plan.source,
            transform_info=self.get_transform_info(),
        )
        return out.copy_meta_from(meta)

    def inverse(self, volume: MetaTensor) -> MetaTensor:
        """Back to the size (C, D, H, W) and the affine from before; what was cropped away holds ``pad_value``."""
        info = self.pop_transform(volume)
        plan = FitPlan(**{name: triple(map(int, size)) for name, size in info[TraceKeys.EXTRA_INFO]["plan"].items()})
        values = undo_plan(volume.as_tensor(), plan, depth_mode=self.depth_mode, pad_value=self.pad_value)
        out = MetaTensor(values).copy_meta_from(volume)
        out.affine = volume.affine @ torch.linalg.inv(torch.as_tensor(plan.matrix()).to(volume.affine))
        return out


class DepthFirstd(MappedTransform, LazyTransform):
    """:class:`DepthFirst` on entries of a dictionary.

    Args:
        keys: entries (C, X, Y, Z).
        depth: as in :class:`DepthFirst`.
        allow_missing_keys: skip entries that are not there.
        lazy: as in :class:`DepthFirst`.
    """

    def __init__(
        self, keys: KeysCollection, depth: Depth = "axial", allow_missing_keys: bool = False, lazy: bool = False
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        LazyTransform.__init__(self, lazy=lazy)
        self.transform = DepthFirst(depth, lazy=lazy)

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Apply it to every entry."""
        out = dict(data)
        for key in self.key_iterator(data):
            out[key] = self.transform(data[key], lazy=self.lazy if lazy is None else lazy)
        return out


class FitToGridd(MappedTransform):
    """:class:`FitToGrid` on entries of a dictionary.

    Args:
        keys: entries (C, D, H, W).
        grid: (D, H, W) wanted.
        fit: as in :class:`FitToGrid`.
        in_plane_size: as in :class:`FitToGrid`.
        depth_mode: as in :class:`FitToGrid`.
        pad_value: as in :class:`FitToGrid`.
        allow_missing_keys: skip entries that are not there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        grid: Sequence[int],
        fit: Literal["resize", "crop"] = "resize",
        in_plane_size: int | None = None,
        depth_mode: DepthMode = "linear",
        pad_value: float = 0.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = FitToGrid(grid, fit, in_plane_size, depth_mode, pad_value)


def _axcodes(affine: Any) -> str:
    """Three letters of the directions in which the axes of ``affine`` run."""
    import nibabel as nib
    import numpy as np

    return "".join(nib.orientations.aff2axcodes(np.asarray(affine, dtype=np.float64)))
