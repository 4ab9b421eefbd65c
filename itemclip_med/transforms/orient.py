"""Which way the axes of a volume run, and how they must run for the model; NumPy only, no copies."""

from __future__ import annotations

from typing import Literal

import numpy as np

from itemclip_med.errors import ModelError

Depth = Literal["auto", "axial", "coronal", "sagittal"]

# Direction in which each index grows. Rows and columns are a radiologist's: anterior (or superior) in row 0, the
# patient's left at the right edge of axial and coronal slices, the face at the left edge of sagittal ones.
DEPTH_AXCODES: dict[str, str] = {"axial": "SPL", "coronal": "PIL", "sagittal": "LIP"}

_PLANES: tuple[Depth, ...] = ("sagittal", "coronal", "axial")  # slices along R, A, S
# Spacings that differ by less are one spacing: scanners write 0.4883 and 0.488281 for the same thing.
_CLEARLY_LARGER = 1.05


def depth_axcodes(affine: np.ndarray, depth: Depth = "axial") -> str:
    """The orientation code that puts depth first and the slice's rows and columns as a radiologist sees them.

    Args:
        affine: (4, 4), voxel indices to RAS millimetres.
        depth: the plane of the slices; "auto" takes the axis whose spacing is clearly the largest, axial if none is.

    Returns:
        Three letters, the directions in which (d, h, w) grow: "SPL" for axial slices.

    Raises:
        ModelError: if ``depth`` is none of these words.
    """
    if depth == "auto":
        depth = _PLANES[_coarsest_axis(affine)]
    if depth not in DEPTH_AXCODES:
        raise ModelError(f"depth is {depth!r}, expected one of auto, {', '.join(DEPTH_AXCODES)}.")
    return DEPTH_AXCODES[depth]


def reorient(array: np.ndarray, affine: np.ndarray, axcodes: str) -> tuple[np.ndarray, np.ndarray]:
    """Permute and flip a volume's axes until they run along ``axcodes``.

    Args:
        array: (X, Y, Z), any type.
        affine: (4, 4), voxel indices to RAS millimetres; oblique ones are brought to the closest directions.
        axcodes: three letters as in "RAS".

    Returns:
        A view of ``array``, and the affine of its indices: every voxel keeps its place in the patient.
    """
    from nibabel import orientations

    source = orientations.io_orientation(affine)
    change = orientations.ornt_transform(source, orientations.axcodes2ornt(axcodes))
    return (
        orientations.apply_orientation(array, change),
        np.asarray(affine, dtype=np.float64) @ orientations.inv_ornt_aff(change, array.shape),
    )


def _coarsest_axis(affine: np.ndarray) -> int:
    """The patient axis (0 R, 1 A, 2 S) with clearly the largest spacing, else 2."""
    from nibabel import orientations

    directions = orientations.io_orientation(affine)[:, 0].astype(int)
    spacing_mm = np.linalg.norm(np.asarray(affine, dtype=np.float64)[:3, :3], axis=0)
    order = np.argsort(spacing_mm)
    if spacing_mm[order[2]] > _CLEARLY_LARGER * spacing_mm[order[1]]:
        return int(directions[order[2]])
    return 2
