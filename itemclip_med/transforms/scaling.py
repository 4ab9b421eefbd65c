"""Intensities to numbers around zero: HU windows and percentiles; torch only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from itemclip_med.errors import ModelError

HEAD_WINDOWS_HU: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"brain": (40.0, 80.0), "blood": (80.0, 200.0), "bone": (600.0, 2800.0)}
)
"""Center and width in HU: the usual ones; the published method names its three windows without their numbers."""

MR_PERCENTILES = (0.5, 99.5)
"""Between which an MR volume is scaled to 0..1 (golden/README.md 8 takes volumes scaled so)."""

# Values that a percentile is taken of; more change it by less than its own noise and torch.kthvalue is slow.
_CACHE_VOXELS = 2**16
_CACHE_VOXELS = 2**16
_MAX_SAMPLES = 1_000_000


def check_windows(windows_hu: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float]]:
    """Windows as name to (center, width), in order.

    Raises:
        ModelError: if there is none, or one is no pair of numbers with a width above 0.
    """
    if not isinstance(windows_hu, Mapping) or not windows_hu:
        raise ModelError("No HU windows: expected name: [center, width], for example brain: [40, 80].")
    checked = {}
    for name, window in windows_hu.items():
        try:
            center, width = (float(value) for value in window)
        except (TypeError, ValueError) as error:
            raise ModelError(f"HU window {name} is {window!r}, expected [center, width].") from error
        if not width > 0:
            raise ModelError(f"HU window {name} has width {width:g}, expected more than 0.")
        checked[str(name)] = (center, width)
    return checked


def window_bounds(window: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest HU of a (center, width) window."""
    center, width = window
    return center - width / 2, center + width / 2


def windows_normalized(volume: Tensor, windows_hu: Mapping[str, Sequence[float]], mean: float, std: float) -> Tensor:
    """Cut windows, scale each to 0..1 and normalize, in one pass.

    Args:
        volume: (D, H, W) HU, any type.
        windows_hu: W windows, name to (center, width).
        mean: of the normalization.
        std: of the normalization.

    Returns:
        (W, D, H, W) float32: ``(clip((x - low) / width, 0, 1) - mean) / std``.
    """
    out = torch.empty((len(windows_hu), *volume.shape), dtype=torch.float32, device=volume.device)
    pieces = -(-volume.numel() // _CACHE_VOXELS)  # a piece and its windows stay in the processor's cache
    for part, values in zip(out.chunk(pieces, dim=1), volume.chunk(pieces), strict=True):
        values = values.to(torch.float32)
        for channel, window in zip(part, windows_hu.values(), strict=True):
            low, high = window_bounds(window)
            width = high - low
            torch.mul(values, 1 / (width * std), out=channel)
            channel.add_((-low / width - mean) / std).clamp_(-mean / std, (1 - mean) / std)
    return out


def percentile_bounds(volume: Tensor, lower: float, upper: float) -> tuple[float, float]:
    """Two percentiles of a volume's values, of an even sample of them where there are very many.

    Args:
        volume: any shape.
        lower: in percent.
        upper: in percent.
    """
    values = volume.reshape(-1)
    step = -(-values.numel() // _MAX_SAMPLES)
    values = values[::step].to(torch.float32).sort().values
    # Linear between the two nearest ranks, as numpy.percentile; torch.quantile refuses large inputs.
    ranks = torch.tensor([lower, upper], dtype=torch.float64) / 100 * (len(values) - 1)
    below, above = values[ranks.floor().long()].double(), values[ranks.ceil().long()].double()
    low, high = (below + (above - below) * (ranks - ranks.floor())).tolist()
    return low, high
