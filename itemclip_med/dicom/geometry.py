"""Where the slices of a series lie: their order, their spacing, gaps and tilt, and the affine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from itemclip_med.errors import GeometryError

# Positions are written with few digits and scanners jitter by about 1 % of the spacing.
_RELATIVE_TOLERANCE = 0.05
_ROUNDING_MM = 0.02
_TILT_MM = 0.1


@dataclass(frozen=True)
class Stack:
    """How the slices of one series lie along their normal.

    Attributes:
        order: D indices into the slices given.
        offsets_mm: (D,) along the normal, ascending.
        step_mm: (3,) from one slice to the next, LPS, on average.
        spacing_mm: length of the step.
        gaps: for each place where slices are missing: index of the slice before it, and how many are missing.
        is_even: True where all distances agree.
        is_tilted: True where the slices drift within their plane (gantry tilt).
    """

    order: tuple[int, ...]
    offsets_mm: np.ndarray
    step_mm: np.ndarray
    spacing_mm: float
    gaps: tuple[tuple[int, int], ...]
    is_even: bool
    is_tilted: bool


def order_slices(orientation: Sequence[float], positions: np.ndarray) -> Stack:
    """Order slices along their normal and measure the distances between them.

    Args:
        orientation: (6,) direction cosines of rows and columns, LPS.
        positions: (D, 3) centers of the first voxels in mm, LPS, D >= 2, in any order.

    Raises:
        GeometryError: if two slices lie at one position.

    Sources:
        DICOM PS3.3 C.7.6.2.1.1.
    """
    row, column = np.split(np.asarray(orientation, dtype=float), 2)
    # Not SpacingBetweenSlices, SliceLocation or InstanceNumber: scanners store other things there.
    offsets = positions @ np.cross(row, column)
    order = np.argsort(offsets, kind="stable")
    offsets, positions = offsets[order], positions[order]
    distances = np.diff(offsets)
    if len(distances) == 0 or distances.min() < _ROUNDING_MM / 2:
        raise GeometryError("several slices lie at one position")
    median = float(np.median(distances))
    tolerance = max(_RELATIVE_TOLERANCE * median, _ROUNDING_MM)
    gaps, odd = [], False
    for index, distance in enumerate(distances):
        if abs(distance - median) <= tolerance:
            continue
        steps = round(distance / median)
        if steps >= 2 and abs(distance - steps * median) <= steps * tolerance:
            gaps.append((index, steps - 1))
        else:
            odd = True
    if odd:  # two spacings in one series: nothing is missing, the spacing itself changes
        gaps = []
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    if gaps and not odd:
        step = (positions[-1] - positions[0]) / (len(positions) - 1 + sum(missing for _, missing in gaps))
    in_plane = np.array([step @ row, step @ column])
    return Stack(
        order=tuple(int(index) for index in order),
        offsets_mm=offsets,
        step_mm=step,
        spacing_mm=float(np.linalg.norm(step)),
        gaps=tuple(gaps),
        is_even=not odd and not gaps,
        is_tilted=bool(np.abs(in_plane).max() > _TILT_MM),
    )


def build_affine(
    orientation: Sequence[float], spacing_mm: Sequence[float], first: np.ndarray, step_mm: np.ndarray
) -> np.ndarray:
    """The affine of an array with axes (X, Y, Z) = (columns, rows, slices).

    Args:
        orientation: (6,) direction cosines, LPS.
        spacing_mm: PixelSpacing: between rows, between columns.
        first: (3,) position of the first slice, LPS mm.
        step_mm: (3,) from slice to slice, LPS mm.

    Returns:
        (4, 4), voxel indices to RAS millimetres.

    Sources:
        DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1; x and y change sign from LPS to RAS.
    """
    row, column = np.split(np.asarray(orientation, dtype=float), 2)
    affine = np.eye(4)
    affine[:3, 0] = row * spacing_mm[1]
    affine[:3, 1] = column * spacing_mm[0]
    affine[:3, 2] = step_mm
    affine[:3, 3] = first
    affine[:2] *= -1
    return affine


def plane_of(orientation: Sequence[float]) -> str:
    """Name the plane nearest to the slices: "axial", "coronal", "sagittal"; "oblique" far from all three."""
    row, column = np.split(np.asarray(orientation, dtype=float), 2)
    normal = np.abs(np.cross(row, column))
    axis = int(normal.argmax())
    return ("sagittal", "coronal", "axial")[axis] if normal[axis] > 0.75 else "oblique"
