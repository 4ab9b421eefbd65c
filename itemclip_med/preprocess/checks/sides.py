"""Which side the liver is on: what tells left from right in a chest CT without its header."""

from __future__ import annotations

import numpy as np

_STEP_MM = 4.0
_LUNG_HU, _SOFT_HU, _FAT_OR_GAS_HU = (-1200, -500), (10, 160), (-1200, -20)
_ABOUT_DIAPHRAGM = 0.2  # of the lungs' height, below and above their lowest slice
_LEAST_VOXELS = 2000  # of _STEP_MM cubed, about 130 ml


def liver_side(values: np.ndarray, affine: np.ndarray) -> float | None:
    """How clearly the liver lies on the right.

    About the lungs' lowest slice the patient's right holds the liver, the left lung, stomach and fat.

    Args:
        values: (X, Y, Z) chest CT in Hounsfield units.
        affine: (4, 4), voxel indices to RAS millimetres.

    Returns:
        -1 to 1: near 0.5 in nearly everybody, near -0.5 where left and right are exchanged (or the organs
        are, in one of ten thousand people). None where lungs or their lower end are not in the volume.
    """
    small = _coarse(values, affine)
    lung = _lungs(small)
    if np.count_nonzero(lung) < _LEAST_VOXELS:
        return None
    across, deep, heights = (np.flatnonzero(lung.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    reach = int(_ABOUT_DIAPHRAGM * len(heights))
    low, end = int(heights[0]) - reach, int(heights[0]) + reach
    if end - max(0, low) < 1:
        return None
    middle = _spine(small, lung)
    box = small[across[0] : across[-1] + 1, deep[0] : deep[-1] + 1]
    place = np.arange(across[0], across[-1] + 1)
    soft = box[:, :, max(0, low) : end]
    loose = box[:, :, max(0, low) : int(heights[0]) + 2]
    solid = (soft > _SOFT_HU[0]) & (soft < _SOFT_HU[1])
    if np.count_nonzero(solid) < _LEAST_VOXELS:
        return None
    lacking = (loose > _FAT_OR_GAS_HU[0]) & (loose < _FAT_OR_GAS_HU[1])
    return (_leaning(solid, place, middle) - _leaning(lacking, place, middle)) / 2


def _leaning(mask: np.ndarray, place: np.ndarray, middle: float) -> float:
    """Share of a mask right of the middle less the share left of it."""
    columns = np.count_nonzero(mask, axis=(1, 2))
    right, left = int(columns[place > middle].sum()), int(columns[place < middle].sum())
    return (right - left) / max(1, right + left)


def _coarse(values: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Every few voxels, with axes to the patient's right, front and head."""
    import nibabel as nib

    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    steps = tuple(slice(None, None, max(1, int(_STEP_MM / size))) for size in spacing)
    return nib.orientations.apply_orientation(values[steps], nib.orientations.io_orientation(affine))


def _lungs(values: np.ndarray) -> np.ndarray:
    """Air within the body: not joined, slice by slice, to the air around it."""
    from scipy.ndimage import binary_opening, label

    air = (values > _LUNG_HU[0]) & (values < _LUNG_HU[1])
    inside = np.zeros_like(air)
    for k in range(air.shape[2]):
        names, _ = label(air[:, :, k])
        border = np.unique(np.concatenate([names[0], names[-1], names[:, 0], names[:, -1]]))
        inside[:, :, k] = air[:, :, k] & ~np.isin(names, border)
    return binary_opening(inside)


def _spine(values: np.ndarray, lung: np.ndarray) -> float:
    """The column of the spine: the bone behind the middle of the lungs."""
    heights = np.flatnonzero(lung.any(axis=(0, 1)))
    rows = np.flatnonzero(lung.any(axis=(0, 2)))
    columns = np.flatnonzero(lung.any(axis=(1, 2)))
    middle = (columns[0] + columns[-1]) / 2
    behind = values[:, : int(rows[0] + 0.35 * len(rows)) + 1, heights[0] : heights[-1] + 1]
    bone = np.count_nonzero(behind > 150, axis=(1, 2)).astype(float)
    place = np.arange(len(bone))
    bone[np.abs(place - middle) > 0.2 * len(columns)] = 0
    return float((bone * place).sum() / bone.sum()) if bone.sum() else float(middle)
