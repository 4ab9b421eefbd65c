"""Average neighboring voxels where a volume is finer than anybody needs."""

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

_EXACT = 512  # sums of fewer voxels of int16 stay below 2**24, where float32 holds every integer


class Coarsen(InvertibleTransform):
    """Bring a volume to about a smallest spacing by averaging whole blocks of voxels; coarser axes stay as they are.

    MONAI's ``Spacing`` interpolates at points and so keeps the noise of the voxels that it hits; a block's mean keeps
    all of them, needs no interpolation, and its affine is exact. The factor along an axis is the nearest integer to
    wanted over found, so 0.45 mm becomes 0.9 mm for 0.9 mm wanted, 0.49 mm becomes 0.98 mm, and 0.7 mm stays.

    Args:
        min_spacing_mm: wanted along the three axes; 0 or less leaves an axis alone.

    Raises:
        ModelError: if these are not three numbers.
    """

    def __init__(self, min_spacing_mm: Sequence[float]) -> None:
        if isinstance(min_spacing_mm, (str, float, int)) or len(min_spacing_mm) != 3:
            raise ModelError(f"Coarsen: min_spacing_mm is {min_spacing_mm!r}, expected three numbers.")
        self.min_spacing_mm = tuple(float(value) for value in min_spacing_mm)

    def factors(self, affine: np.ndarray) -> tuple[int, int, int]:
        """Voxels that are averaged along each axis, by a (4, 4) affine."""
        spacing_mm = np.linalg.norm(np.asarray(affine, dtype=np.float64)[:3, :3], axis=0)
        wanted = zip(self.min_spacing_mm, spacing_mm, strict=True)
        x, y, z = (max(1, math.floor(minimum / spacing + 0.5)) for minimum, spacing in wanted)
        return x, y, z

    def __call__(self, volume: Tensor) -> MetaTensor:
        """Average (C, X, Y, Z); integers become float32 where anything is averaged."""
        volume = volume if isinstance(volume, MetaTensor) else MetaTensor(torch.as_tensor(volume))
        factors = self.factors(volume.affine.numpy())
        values = volume.as_tensor()
        if factors != (1, 1, 1):
            values = _block_means(values, factors)
        scale = np.diag([*factors, 1.0])
        scale[:3, 3] = (np.array(factors) - 1) / 2
        out = MetaTensor(values).copy_meta_from(volume)
        meta = self.track_transform_meta(
            volume,
            sp_size=values.shape[1:],
            affine=torch.as_tensor(scale),
            extra_info={"factors": list(factors)},
            orig_size=tuple(volume.shape[1:]),
            transform_info=self.get_transform_info(),
        )
        return out.copy_meta_from(meta)

    def inverse(self, volume: MetaTensor) -> MetaTensor:
        """Back to the voxels (C, X, Y, Z) from before; all voxels of a block hold its mean."""
        info = self.pop_transform(volume)
        factors = [int(factor) for factor in info[TraceKeys.EXTRA_INFO]["factors"]]
        values = volume.as_tensor()
        for axis, factor in enumerate(factors, start=1):
            if factor > 1:
                values = values.repeat_interleave(factor, dim=axis)
        x, y, z = (int(n) for n in info[TraceKeys.ORIG_SIZE])
        out = MetaTensor(values[:, :x, :y, :z].contiguous()).copy_meta_from(volume)
        scale = torch.diag(torch.tensor([*factors, 1.0], dtype=torch.float64))
        scale[:3, 3] = (torch.tensor(factors, dtype=torch.float64) - 1) / 2
        out.affine = volume.affine @ torch.linalg.inv(scale).to(volume.affine)
        return out


def _block_means(values: Tensor, factors: tuple[int, int, int]) -> Tensor:
    """Means of blocks of (C, X, Y, Z) as float32; incomplete blocks at the far edges average what there is of them."""
    if values.dtype != torch.int16 or math.prod(factors) >= _EXACT:
        return F.avg_pool3d(values.float()[None], factors, ceil_mode=True, count_include_pad=False)[0]
    channels = [torch.from_numpy(_int16_means(channel, factors)) for channel in values.numpy()]
    return channels[0][None] if len(channels) == 1 else torch.stack(channels)


def _int16_means(values: np.ndarray, factors: tuple[int, int, int]) -> np.ndarray:
    """What ``avg_pool3d`` gives for (X, Y, Z) of int16, to the bit: sums of integers are exact in either type.

    Added up in parts that stay in the processor's cache, whatever way the axes lie in memory, and about five times as
    fast; the axes of the result lie the same way.
    """
    order = np.argsort([-abs(stride) for stride in values.strides], kind="stable")
    values = values.transpose(order)
    sizes = [factors[axis] for axis in order]
    counts = [np.minimum(n, size - n * np.arange(-(-size // n))) for n, size in zip(sizes, values.shape, strict=True)]
    means = np.empty([len(count) for count in counts], np.float32)
    in_plane = np.multiply.outer(counts[1], counts[2]).astype(np.float32)
    for index, count in enumerate(counts[0]):
        total = values[index * sizes[0] : index * sizes[0] + count]
        for axis, size in enumerate(sizes):
            total = _sum_along(total, axis, size)
        means[index] = total[0]
        means[index] /= in_plane * np.float32(count)
    return means.transpose(np.argsort(order))


def _sum_along(values: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Sums as int32 of ``size`` neighbors along one axis, the last one of what is left."""
    if size == 1:
        return values
    before = (slice(None),) * axis
    first, *others = (values[(*before, slice(start, None, size))] for start in range(size))
    if len(others) == 1 and first.shape == others[0].shape:
        return np.add(first, others[0], dtype=np.int32)
    total = first.astype(np.int32)
    for part in others:
        total[(*before, slice(part.shape[axis]))] += part
    return total


class Coarsend(MappedTransform):
    """:class:`Coarsen` on entries of a dictionary.

    Args:
        keys: entries (C, X, Y, Z).
        min_spacing_mm: as in :class:`Coarsen`.
        allow_missing_keys: skip entries that are not there.
    """

    def __init__(self, keys: KeysCollection, min_spacing_mm: Sequence[float], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = Coarsen(min_spacing_mm)
