"""Read only the part of a stored volume that comes onto the model's grid."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from itemclip_med.records import Series
from itemclip_med.store import Store
from itemclip_med.transforms import ModelInput
from itemclip_med.transforms.fit import FitPlan, plan_crop
from itemclip_med.transforms.orient import depth_axcodes, reorient


def read_crop(
    store: Store, series: Series, model_input: ModelInput, random: np.random.Generator | None = None
) -> tuple[Tensor, np.ndarray]:
    """A volume on the grid of a model whose ``fit`` is "crop"; only the chunks under the crop are read.

    Args:
        store: where the volume is.
        series: which one.
        model_input: the model's grid, depth axis and padding value.
        random: draws where the crop lies, and the padding; None: both in the middle.

    Returns:
        (D, H, W) in the stored type (uint16 as int32), and its affine (4, 4), indices (d, h, w) to RAS millimetres: for
        the middle the same as :meth:`ModelInput.spatial_array` of the whole volume.
    """
    affine = np.array(series.affine, dtype=np.float64)
    axcodes = depth_axcodes(affine, model_input.depth)
    whole, oriented = reorient(np.broadcast_to(np.int8(0), series.shape), affine, axcodes)
    plan = draw_crop(whole.shape, model_input.grid, random)
    first = np.subtract(plan.start, plan.pad_before)  # of the grid, in the oriented volume
    low, high = np.maximum(first, 0), np.minimum(first + plan.grid, plan.source)
    box = _stored_box(np.rint(np.linalg.inv(affine) @ oriented), low, high)
    shifted = affine.copy()
    shifted[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    part, _ = reorient(store.read(series, box), shifted, axcodes)
    if part.dtype == np.uint16:
        part = part.astype(np.int32)
    inside = torch.from_numpy(np.ascontiguousarray(part))
    volume = torch.full(plan.grid, model_input.pad_value, dtype=inside.dtype)
    volume[tuple(slice(int(a), int(b)) for a, b in zip(low - first, high - first, strict=True))] = inside
    return volume, oriented @ plan.matrix()


def draw_crop(size: tuple[int, ...], grid: tuple[int, int, int], random: np.random.Generator | None) -> FitPlan:
    """A plan with the crop and the padding at random places, each equally likely; in the middle without ``random``.

    Sources:
        golden/README.md 8 (``preprocess_ctrate_train``).
    """
    if random is None:
        return plan_crop(size, grid)
    lacking = [max(wanted - n, 0) for n, wanted in zip(size, grid, strict=True)]
    spare = [max(n - wanted, 0) for n, wanted in zip(size, grid, strict=True)]
    return plan_crop(size, grid, [int(random.integers(0, limit + 1)) for limit in (*lacking, *spare)])


def _stored_box(to_stored: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice, slice]:
    """The box (X, Y, Z) of the stored array under ``low`` to ``high`` (excluded) of the oriented one."""
    corners = [to_stored[:3, :3] @ corner + to_stored[:3, 3] for corner in (low, high - 1)]
    x, y, z = (slice(int(min(pair)), int(max(pair)) + 1) for pair in zip(*corners, strict=True))
    return x, y, z
