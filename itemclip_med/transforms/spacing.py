"""The published models' voxel size: stretched to a spacing with the size rounded down."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform
from monai.utils import TraceKeys
from torch import Tensor

from itemclip_med.errors import ModelError
from itemclip_med.transforms.mapped import MappedTransform

_EXACT = 1e-3  # of a voxel: closer sizes are the same, whatever single precision made of a header's spacing


class ToSpacing(InvertibleTransform):
    """Resample to a voxel size as the published chest models were: trilinear, floor(n * spacing / wanted) voxels.

    MONAI's ``Spacing`` rounds up and keeps the first voxel's center; here the volume keeps its outer edges (half-pixel
    centers, no corner alignment), so the true spacing is up to one part in ``size`` larger than wanted, and the affine
    says so. Nothing is averaged: bring fine volumes down with :class:`~itemclip_med.transforms.Coarsen` where noise
    matters more than likeness to the published numbers.

    Args:
        spacing_mm: wanted along the three axes.

    Raises:
        ModelError: if these are not three numbers above 0.

    Sources:
        C. Zhao et al., arXiv 2505.21862, as their preprocessing of CT-RATE and Rad-ChestCT is described (3, 1, 1 mm).
    """

    def __init__(self, spacing_mm: Sequence[float]) -> None:
        if isinstance(spacing_mm, (str, float, int)) or len(spacing_mm) != 3 or not all(v > 0 for v in spacing_mm):
            raise ModelError(f"ToSpacing: spacing_mm is {spacing_mm!r}, expected three numbers above 0.")
        self.spacing_mm = tuple(float(value) for value in spacing_mm)

    def size(self, shape: Sequence[int], affine: np.ndarray) -> tuple[int, int, int]:
        """Voxels along (X, Y, Z) afterwards."""
        spacing_mm = np.linalg.norm(np.asarray(affine, dtype=np.float64)[:3, :3], axis=0)
        x, y, z = (
            max(1, math.floor(n * found / wanted + _EXACT))
            for n, found, wanted in zip(shape, spacing_mm, self.spacing_mm, strict=True)
        )
        return x, y, z

    def __call__(self, volume: Tensor) -> MetaTensor:
        """Resample (C, X, Y, Z); integers become float32 where the size changes."""
        volume = volume if isinstance(volume, MetaTensor) else MetaTensor(torch.as_tensor(volume))
        before = tuple(int(n) for n in volume.shape[1:])
        size = self.size(before, volume.affine.numpy())
        out = MetaTensor(_resize(volume.as_tensor(), size)).copy_meta_from(volume)
        meta = self.track_transform_meta(
            volume,
            sp_size=size,
            affine=torch.as_tensor(_scale(before, size)),
            extra_info={"size": list(size)},
            orig_size=before,
            transform_info=self.get_transform_info(),
        )
        return out.copy_meta_from(meta)

    def inverse(self, volume: MetaTensor) -> MetaTensor:
        """Back to the size and the affine from before, (C, X, Y, Z)."""
        info = self.pop_transform(volume)
        before = tuple(int(n) for n in info[TraceKeys.ORIG_SIZE])
        size = tuple(int(n) for n in info[TraceKeys.EXTRA_INFO]["size"])
        out = MetaTensor(_resize(volume.as_tensor(), before)).copy_meta_from(volume)
        out.affine = volume.affine @ torch.linalg.inv(torch.as_tensor(_scale(before, size))).to(volume.affine)
        return out


class ToSpacingd(MappedTransform):
    """:class:`ToSpacing` on entries of a dictionary.

    Args:
        keys: entries (C, X, Y, Z).
        spacing_mm: as in :class:`ToSpacing`.
        allow_missing_keys: skip entries that are not there.
    """

    def __init__(self, keys: KeysCollection, spacing_mm: Sequence[float], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = ToSpacing(spacing_mm)


def _resize(values: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(values.shape[1:]) == tuple(size):
        return values
    return F.interpolate(values.float()[None], size=tuple(size), mode="trilinear", align_corners=False)[0]


def _scale(before: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """(4, 4), indices afterwards to indices before, centers at integers."""
    factors = np.array(before, dtype=np.float64) / np.array(size)
    matrix = np.diag([*factors, 1.0])
    matrix[:3, 3] = (factors - 1) / 2
    return matrix
