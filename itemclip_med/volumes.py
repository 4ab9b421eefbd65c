"""A volume: an array with its place in the patient, and how it is written as NIfTI.

Every source format gives the same :class:`Volume`, so it stands below all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

AIR_HU = -1024
_SHEAR = 1e-3  # largest cosine between axes that still counts as right angles
_Number = TypeVar("_Number", int, float)


def triple(values: Iterable[_Number]) -> tuple[_Number, _Number, _Number]:
    """Three numbers as a tuple of three, such as a shape (X, Y, Z)."""
    x, y, z = values
    return x, y, z


@dataclass(frozen=True, eq=False)
class Volume:
    """One series as array.

    Attributes:
        array: (X, Y, Z), HU for CT, rescaled stored units for MR; int16 where that is exact, else float32.
        affine: (4, 4), voxel indices to RAS millimetres; sheared where the gantry was tilted.
        modality: "CT" or "MR".
        name: technical name of the series.
        warnings: what a reader of the numbers should know.
        sop_uids: SOPInstanceUIDs in slice order; empty where slices were interpolated.
        is_tilted: True while the affine is sheared.
    """

    array: np.ndarray
    affine: np.ndarray
    modality: str
    name: str
    warnings: tuple[str, ...] = ()
    sop_uids: tuple[str, ...] = ()
    is_tilted: bool = False

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of voxel centers along (X, Y, Z)."""
        return triple(float(value) for value in np.linalg.norm(self.affine[:3, :3], axis=0))

    def to_canonical(self) -> Volume:
        """The same voxels with axes permuted and flipped to the nearest R, A, S; nothing is interpolated."""
        import nibabel as nib

        current = nib.orientations.io_orientation(self.affine)
        target = nib.orientations.axcodes2ornt("RAS")
        change = nib.orientations.ornt_transform(current, target)
        affine = self.affine @ nib.orientations.inv_ornt_aff(change, self.array.shape)
        array = nib.orientations.apply_orientation(self.array, change)
        uids = self.sop_uids
        if uids and current[2, 1] < 0:
            uids = uids[::-1]
        return replace(self, array=array, affine=affine, sop_uids=uids)

    def straightened(self, fill: float) -> Volume:
        """A sheared (tilted) stack resampled to right angles, in the frame of its slices' rows and columns.

        Args:
            fill: value of voxels outside the acquired stack: air for CT.

        Returns:
            A volume whose axes are orthogonal, linear within slices: each stays where it is along its normal and is
            shifted by what the tilt of the gantry moved it. Itself where nothing is sheared.
        """
        if not self.is_tilted:
            return self
        row, column = (self.affine[:3, axis] / np.linalg.norm(self.affine[:3, axis]) for axis in (0, 1))
        normal = np.cross(row, column)
        step = self.affine[:3, 2]
        if step @ normal < 0:
            normal = -normal
        spacing = self.spacing_mm
        depth = float(step @ normal)
        frame = np.stack([row, column, normal], axis=1)
        corners = np.array(np.meshgrid(*[(0, size - 1) for size in self.array.shape])).reshape(3, -1)
        corners_mm = frame.T @ (self.affine[:3, :3] @ corners + self.affine[:3, 3:])
        low, high = corners_mm.min(axis=1), corners_mm.max(axis=1)
        steps_mm = np.array([spacing[0], spacing[1], depth])
        columns, rows, slices = (int(np.floor((high[i] - low[i]) / steps_mm[i] + 1e-3)) + 1 for i in range(3))
        affine = np.eye(4)
        affine[:3, :3] = frame * steps_mm
        affine[:3, 3] = frame @ low
        mapping = np.linalg.inv(self.affine) @ affine
        array = _shift_slices(self.array, mapping[:2, 2:], (columns, rows, slices), fill)
        note = "tilted gantry: resampled to right angles"
        return replace(self, array=array, affine=affine, warnings=(*self.warnings, note), sop_uids=(), is_tilted=False)


def _shift_slices(array: np.ndarray, drift: np.ndarray, shape: tuple[int, int, int], fill: float) -> np.ndarray:
    """Each slice of (X, Y, Z) shifted within its plane, linear between voxels, ``fill`` outside of it.

    Args:
        array: the slices.
        drift: (2, 2): along x and y, voxels that a slice is shifted by for each slice before it, and all are.
        shape: of the result.
        fill: value of what no slice covers.
    """
    out = np.empty(shape[::-1], array.dtype).transpose(2, 1, 0)  # slices lie one after the other in memory
    for number in range(shape[2]):
        plane = array[..., number].astype(np.float32)
        for axis in (0, 1):
            shift = round(float(drift[axis] @ (number, 1)), 9)  # else rounding costs a voxel at the edge
            plane = np.moveaxis(_shift_rows(np.moveaxis(plane, axis, 0), shift, shape[axis], fill), 0, axis)
        out[..., number] = plane if array.dtype != np.int16 else np.rint(plane)
    return out


def _shift_rows(plane: np.ndarray, shift: float, num_rows: int, fill: float) -> np.ndarray:
    """Rows ``shift``, ``shift`` + 1, … of a plane, interpolated; those that it does not have are ``fill``."""
    lower = math.floor(shift)
    share = np.float32(shift - lower)
    first, end = max(0, math.ceil(-shift)), min(num_rows, math.floor(len(plane) - 1 - shift) + 1)
    rows = np.full_like(plane, fill, shape=(num_rows, plane.shape[1]))
    if first < end:
        inside = plane[first + lower : end + lower]
        if share:
            inside = (1 - share) * inside + share * plane[first + lower + 1 : end + lower + 1]
        rows[first:end] = inside
    return rows


def is_sheared(affine: np.ndarray, tolerance: float = _SHEAR) -> bool:
    """True where the axes of an affine (4, 4) are not at right angles: a qform cannot hold it."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > tolerance)


def write_nifti(array: np.ndarray, affine: np.ndarray, path: Path) -> None:
    """Write an array as NIfTI-1 in millimetres; the qform is written only where it can hold the affine (no shear).

    The file appears whole or not at all.

    Args:
        array: (X, Y, Z), in a type that NIfTI knows.
        affine: (4, 4), voxel indices to RAS millimetres.
        path: ends in ``.nii`` or ``.nii.gz``.

    Raises:
        OSError: if it cannot be written.
    """
    import nibabel as nib

    affine = np.asarray(affine, dtype=np.float64)
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    sheared = is_sheared(affine)
    image.set_qform(None if sheared else affine, code=0 if sheared else 1)
    temporary = path.with_name(f".part.{path.name}")
    try:
        nib.save(image, temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
