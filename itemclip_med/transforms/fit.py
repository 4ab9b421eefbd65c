"""Bring a volume of any size onto the encoder's grid, and back: pad, resize, crop; torch only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from itemclip_med.errors import ModelError
from itemclip_med.volumes import triple

Size = tuple[int, int, int]
DepthMode = Literal["linear", "nearest-exact", "area"]
DEPTH_MODES = ("linear", "nearest-exact", "area")


@dataclass(frozen=True)
class FitPlan:
    """How one volume comes onto the grid; everything that the way back needs.

    Attributes:
        source: (D, H, W) before.
        pad_before: voxels put in front along each axis.
        padded: size after padding.
        resized: size after resizing.
        start: first voxel of the crop; negative never.
        grid: (D, H, W) after.
    """

    source: Size
    pad_before: Size
    padded: Size
    resized: Size
    start: Size
    grid: Size

    def matrix(self) -> np.ndarray:
        """(4, 4), indices on the grid to indices of the source, voxel centers at integers."""
        scale = np.array(self.padded, dtype=np.float64) / np.array(self.resized)
        matrix = np.diag([*scale, 1.0])
        # index -> resized -> padded (half-pixel centers) -> source
        matrix[:3, 3] = (np.array(self.start) + 0.5) * scale - 0.5 - np.array(self.pad_before)
        return matrix


def plan_resize(size: Sequence[int], grid: Sequence[int], in_plane_size: int | None = None) -> FitPlan:
    """Plan: pad slices to a square, resize the square and the depth, crop the slices in the middle.

    Args:
        size: (D, H, W) of the volume.
        grid: (D, H, W) wanted.
        in_plane_size: side of the resized square; None: the longer of the grid's H and W, so that nothing is cropped
            from a square grid.

    Raises:
        ModelError: if the square would be smaller than the grid.

    Sources:
        golden/README.md 8 (``preprocess_pub_brain_5``).
    """
    depth, height, width = (int(n) for n in size)
    square = max(height, width)
    side = max(grid[1], grid[2]) if in_plane_size is None else int(in_plane_size)
    if side < max(grid[1], grid[2]):
        raise ModelError(f"in_plane_size is {side}, but the grid needs {max(grid[1], grid[2])} rows and columns.")
    return FitPlan(
        source=(depth, height, width),
        pad_before=(0, (square - height) // 2, (square - width) // 2),
        padded=(depth, square, square),
        resized=(int(grid[0]), side, side),
        start=(0, (side - grid[1]) // 2, (side - grid[2]) // 2),
        grid=(int(grid[0]), int(grid[1]), int(grid[2])),
    )


def plan_crop(size: Sequence[int], grid: Sequence[int], draws: Sequence[int] | None = None) -> FitPlan:
    """Plan: pad the axes that are short, crop those that are long, keep the voxel size.

    Args:
        size: (D, H, W) of the volume.
        grid: (D, H, W) wanted.
        draws: six integers for training: voxels in front for each axis, then the first voxel of each axis' crop;
            None: both in the middle, rounded down.

    Raises:
        ModelError: if a draw lies outside what size and grid leave.

    Sources:
        golden/README.md 8 (``preprocess_ctrate_eval``, ``preprocess_ctrate_train``).
    """
    source = tuple(int(n) for n in size)
    lacking = [max(wanted - n, 0) for n, wanted in zip(source, grid, strict=True)]
    padded = tuple(n + missing for n, missing in zip(source, lacking, strict=True))
    spare = [n - int(wanted) for n, wanted in zip(padded, grid, strict=True)]
    limits = [*lacking, *spare]
    chosen = [limit // 2 for limit in limits] if draws is None else [int(draw) for draw in draws]
    if len(chosen) != 6 or any(not 0 <= draw <= limit for draw, limit in zip(chosen, limits, strict=False)):
        raise ModelError(f"Crop draws {chosen}, expected six integers from 0 to {limits}.")
    sizes = (source, chosen[:3], padded, padded, chosen[3:], (int(n) for n in grid))
    return FitPlan(*(triple(numbers) for numbers in sizes))


def apply_plan(volume: Tensor, plan: FitPlan, *, depth_mode: DepthMode = "linear", pad_value: float = 0.0) -> Tensor:
    """Bring a volume onto the grid.

    Args:
        volume: (C, D, H, W) of size ``plan.source``; integers are rounded back to their type after resizing.
        plan: from :func:`plan_resize` or :func:`plan_crop`.
        depth_mode: interpolation along depth; in-plane it is bilinear, with half-pixel centers, without antialias.
        pad_value: what fills the padding.

    Returns:
        (C, *plan.grid), contiguous, of the type of ``volume``.
    """
    after = [n - size - before for n, size, before in zip(plan.padded, plan.source, plan.pad_before, strict=True)]
    sides = [side for axis in (2, 1, 0) for side in (plan.pad_before[axis], after[axis])]
    if any(sides):
        volume = F.pad(volume, sides, value=pad_value)
    volume = _resize(volume, plan.resized, depth_mode)
    d, h, w = plan.start
    return volume[:, d : d + plan.grid[0], h : h + plan.grid[1], w : w + plan.grid[2]].contiguous()


def undo_plan(volume: Tensor, plan: FitPlan, *, depth_mode: DepthMode = "linear", pad_value: float = 0.0) -> Tensor:
    """The way back of :func:`apply_plan`: (C, *plan.grid) to (C, *plan.source); what was cropped is ``pad_value``."""
    after = [n - size - first for n, size, first in zip(plan.resized, plan.grid, plan.start, strict=True)]
    sides = [side for axis in (2, 1, 0) for side in (plan.start[axis], after[axis])]
    if any(sides):
        volume = F.pad(volume, sides, value=pad_value)
    volume = _resize(volume, plan.padded, depth_mode)
    d, h, w = plan.pad_before
    return volume[:, d : d + plan.source[0], h : h + plan.source[1], w : w + plan.source[2]].contiguous()


def _resize(volume: Tensor, size: Size, depth_mode: DepthMode) -> Tensor:
    """Resize (C, D, H, W) in-plane, then along depth; axes that fit already are left alone."""
    dtype = volume.dtype
    if tuple(volume.shape[1:]) == tuple(size):
        return volume
    resized = volume if dtype.is_floating_point else volume.float()
    if tuple(volume.shape[2:]) != tuple(size[1:]):
        resized = F.interpolate(resized, size=tuple(size[1:]), mode="bilinear", align_corners=False)
    if volume.shape[1] != size[0]:
        mode = "trilinear" if depth_mode == "linear" else depth_mode
        # Averaging is for fewer slices than there were; the way to more of them is linear.
        if mode == "area" and size[0] > volume.shape[1]:
            mode = "trilinear"
        align = {"align_corners": False} if mode == "trilinear" else {}
        resized = F.interpolate(resized[None], size=tuple(size), mode=mode, **align)[0]
    if dtype.is_floating_point:
        return resized
    limits = torch.iinfo(dtype)
    return resized.round_().clamp_(limits.min, limits.max).to(dtype)
