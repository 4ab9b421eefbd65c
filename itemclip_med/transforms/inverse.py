"""From maps on the model's grid back into the space of a stored series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# Voxels sampled at once: bounds the memory for the coordinates, 12 bytes each.
_CHUNK_VOXELS = 4_000_000


def patch_affine(affine: np.ndarray | Tensor, patch_size: Sequence[int]) -> np.ndarray:
    """The affine of a map with one value per patch, from the affine of the voxels that the patches cut.

    Args:
        affine: (4, 4), voxel indices (d, h, w) to RAS millimetres.
        patch_size: voxels (D, H, W) of one patch.

    Returns:
        (4, 4), patch indices (d, h, w) to RAS millimetres of the patches' centers.
    """
    size = np.asarray(patch_size, dtype=np.float64)
    scale = np.diag([*size, 1.0])
    scale[:3, 3] = (size - 1) / 2
    return np.asarray(affine, dtype=np.float64) @ scale


def to_source_grid(
    values: Tensor | np.ndarray,
    affine: np.ndarray | Tensor,
    target_affine: np.ndarray | Sequence[Sequence[float]],
    target_shape: Sequence[int],
    *,
    fill: float = 0.0,
    mode: str = "bilinear",
) -> np.ndarray:
    """Sample a map where the voxels of another grid lie in the patient.

    Args:
        values: (d, h, w): attention over patches, or any volume.
        affine: (4, 4), indices of ``values`` to RAS millimetres; for patches from :func:`patch_affine`.
        target_affine: (4, 4), voxel indices of the target to RAS millimetres.
        target_shape: (X, Y, Z) of the target.
        fill: value of voxels outside the box that the map's voxels cover. Inside the box but beyond the outermost
            centers the outermost value holds.
        mode: "bilinear" (trilinear in 3D) or "nearest".

    Returns:
        (X, Y, Z) float32 on the target's grid.
    """
    source = torch.as_tensor(np.asarray(values), dtype=torch.float32)
    size = torch.tensor(source.shape, dtype=torch.float32)
    to_index = np.linalg.inv(np.asarray(affine, np.float64)) @ np.asarray(target_affine, np.float64)
    matrix = torch.as_tensor(to_index[:3], dtype=torch.float32)  # (3, 4), target index -> map index
    num_x, num_y, num_z = (int(n) for n in target_shape)
    plane = matrix[:, 1, None, None] * torch.arange(num_y)[:, None] + matrix[:, 2, None, None] * torch.arange(num_z)
    plane = plane + matrix[:, 3, None, None]  # (3, Y, Z)
    out = np.empty((num_x, num_y, num_z), dtype=np.float32)
    step = max(1, _CHUNK_VOXELS // (num_y * num_z))
    for first in range(0, num_x, step):
        along_x = torch.arange(first, min(first + step, num_x))
        index = (plane[:, None] + matrix[:, 0, None, None, None] * along_x[:, None, None]).movedim(0, -1)
        inside = ((index > -0.5 - 1e-4) & (index < size - 0.5 + 1e-4)).all(dim=-1)
        # grid_sample wants (x, y, z) = (w, h, d), -1 and 1 at the outer edges.
        unit = ((2 * index + 1) / size - 1).flip(-1)
        sampled = F.grid_sample(source[None, None], unit[None], mode=mode, padding_mode="border", align_corners=False)[
            0, 0
        ]
        out[first : first + len(along_x)] = torch.where(inside, sampled, torch.tensor(float(fill))).numpy()
    return out
