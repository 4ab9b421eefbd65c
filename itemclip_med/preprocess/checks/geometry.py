"""Sizes and distances that no scanner makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from itemclip_med.dicom import DicomSeries
from itemclip_med.dicom.series import offsets_of
from itemclip_med.formats import FileSeries
from itemclip_med.preprocess.recipe_tables import CheckRule

_GAP = 1.7  # of the median distance of slices


@dataclass(frozen=True, slots=True)
class Place:
    """Where the voxels of a series lie.

    Attributes:
        spacing_mm: distance of voxel centers along its three axes.
        extent_mm: length of the volume's edges.
        gap_mm: the largest distance of slices where one seems to be missing, else 0.
    """

    spacing_mm: tuple[float, float, float]
    extent_mm: tuple[float, float, float]
    gap_mm: float = 0.0


def geometry_of(series: Any) -> Place | None:
    """The place of a series by its headers; None where it is no volume."""
    if isinstance(series, FileSeries):
        if series.header is None:
            return None
        spacing, shape, gap = np.linalg.norm(series.header.affine[:3, :3], axis=0), series.header.shape, 0.0
    elif isinstance(series, DicomSeries) and series.reason is None:
        first = series.slices[0]
        spacing = np.array([*first.spacing_mm, series.depth_spacing_mm])
        shape = (*first.shape, len(series.slices))
        gaps = np.diff(np.sort(offsets_of(series.slices)))
        gap = float(gaps.max()) if gaps.size and gaps.max() > _GAP * np.median(gaps) else 0.0
    else:
        return None
    return Place(_three(spacing), _three(spacing * np.array(shape)), gap)


def implausible(rule: CheckRule, place: Place, *, small: bool = False) -> str | None:
    """What about a series' size or spacing cannot be true; None where all can.

    Args:
        rule: the recipe's limits.
        place: of the series.
        small: also ask whether it is too small, which is odd but harmless.
    """
    low, high = rule.spacing_mm
    if min(place.spacing_mm) < low or max(place.spacing_mm) > high:
        return f"Voxels of {_times(place.spacing_mm)} mm, expected {low:g} to {high:g} mm: its header cannot be true."
    low, high = rule.extent_mm
    if max(place.extent_mm) > high or (small and max(place.extent_mm) < low):
        return f"{_times(place.extent_mm)} mm in all, expected {low:g} to {high:g} mm: its header cannot be true."
    return None


def _three(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _times(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:.3g}" for value in values)
