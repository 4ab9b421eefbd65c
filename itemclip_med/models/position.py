"""Fixed sine-cosine tables: where a patch lies in its volume and which series of the study it belongs to."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sincos_1d(positions: Tensor, width: int) -> Tensor:
    """Code positions by sines, then cosines, of falling frequency.

    Args:
        positions: (n,) float.
        width: of the code, even.

    Returns:
        (n, width) float32: first all sines, then all cosines.
    """
    half = width // 2
    frequencies = 1.0 / 10000 ** (torch.arange(half, dtype=torch.float32) / half)
    angles = positions.to(torch.float32)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def spatial_table(grid: tuple[int, int, int], width: int) -> Tensor:
    """Position codes of a grid of patches.

    Args:
        grid: (d, h, w).
        width: of the patch tokens, a multiple of 6.

    Returns:
        (1, d, h, w, width): the first third codes w, the second h, the last d.

    Sources:
        golden/README.md 3.2.
    """
    depth, rows, columns = (sincos_1d(torch.arange(size), width // 3) for size in grid)
    d, h, w = grid
    third = width // 3
    table = torch.cat(
        [
            columns[None, None, :, :].expand(d, h, w, third),
            rows[None, :, None, :].expand(d, h, w, third),
            depth[:, None, None, :].expand(d, h, w, third),
        ],
        dim=-1,
    )
    return table[None]


def series_table(num_series: int, width: int) -> Tensor:
    """Position codes of the series of a study, (1, num_series, width)."""
    return sincos_1d(torch.arange(num_series), width)[None]


def resample_spatial(table: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Resize a (1, d, h, w, width) table to another grid: trilinear, half-pixel centers, no antialiasing."""
    if tuple(table.shape[1:4]) == grid:
        return table
    resized = F.interpolate(table.permute(0, 4, 1, 2, 3), size=grid, mode="trilinear", align_corners=False)
    return resized.permute(0, 2, 3, 4, 1)


def resample_series(table: Tensor, num_series: int) -> Tensor:
    """Resize a (1, n, width) table to more series: linear, half-pixel centers."""
    return F.interpolate(table.transpose(1, 2), size=num_series, mode="linear", align_corners=False).transpose(1, 2)
