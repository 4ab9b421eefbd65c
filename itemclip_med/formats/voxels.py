"""What all readers of files share: limits, places by letters, values by slope and intercept."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from itemclip_med.errors import FormatError
from itemclip_med.volumes import triple

MAX_VOXELS = 2**31
_LETTERS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


def check_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Refuse what is no volume or too large to be read, before anything is allocated.

    Raises:
        FormatError: says what was found.
    """
    if len(shape) != 3 or any(size < 1 for size in shape):
        raise FormatError(f"{' x '.join(map(str, shape)) or 'no'} voxels, expected three dimensions of at least 1.")
    if math.prod(int(size) for size in shape) > MAX_VOXELS:
        raise FormatError(f"{' x '.join(map(str, shape))} voxels, at most {MAX_VOXELS} are read.")
    return triple(shape)


def check_affine(affine: np.ndarray) -> None:
    """Refuse an affine (4, 4) that puts voxels nowhere.

    Raises:
        FormatError: says what is wrong with it.
    """
    if not is_usable(affine):
        raise FormatError("its header gives voxels no place (an axis of length 0, or no finite number).")


def is_usable(affine: np.ndarray) -> bool:
    """True where an affine (4, 4) is finite and its axes span space."""
    if not np.isfinite(affine).all():
        return False
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if lengths.min() < 1e-4 or lengths.max() > 1e3:
        return False
    return bool(abs(np.linalg.det(affine[:3, :3] / lengths)) > 0.1)


def affine_from_letters(orientation: str, spacing_mm: Sequence[float], shape: Sequence[int]) -> np.ndarray:
    """The affine of an array whose axes run along letters; the volume's center is at 0.

    Args:
        orientation: directions in which the axes run, such as "IPL".
        spacing_mm: along the same axes.
        shape: voxels along the same axes.

    Returns:
        (4, 4), voxel indices to RAS millimetres.
    """
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (letter, spacing) in enumerate(zip(orientation, spacing_mm, strict=True)):
        row, sign = _LETTERS[letter]
        affine[row, axis] = sign * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def axes_to_xyz(orientation: str) -> tuple[int, int, int]:
    """Which axes of an array run left-right, back-front and down-up."""
    rows = [_LETTERS[letter][0] for letter in orientation]
    return rows.index(0), rows.index(1), rows.index(2)


def rescale(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """``stored * slope + intercept`` of any shape: int16 where that is exact for every value, else float32.

    Raises:
        FormatError: if the values are no plain numbers.
    """
    if stored.dtype.kind not in "iufb":
        raise FormatError(f"its values are {stored.dtype}, expected whole or real numbers.")
    whole = stored.dtype.kind in "iub" and float(slope).is_integer() and float(intercept).is_integer()
    if not whole:
        values = stored.astype(np.float32)
        if slope != 1:
            values *= np.float32(slope)
        if intercept:
            values += np.float32(intercept)
        return values
    low, high = (int(value) * int(slope) + int(intercept) for value in (stored.min(), stored.max()))
    if min(low, high) < -32768 or max(low, high) > 32767:
        return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    if slope == 1 and intercept == 0:
        return stored.astype(np.int16)
    return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(np.int16)
