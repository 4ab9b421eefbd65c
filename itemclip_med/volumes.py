"""A volume: an array with its place in the patient, and how it is written as NIfTI.

Every source format gives the same :class:`Volume`, so it stands below all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

AIR_HU = -1024
_SHEAR = 1e-3  # largest cosine between axes that still counts as right angles


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
        return tuple(float(value) for value in np.linalg.norm(self.affine[:3, :3], axis=0))

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
            A volume whose axes are orthogonal, linear between slices and rows; itself where nothing is sheared.
        """
        if not self.is_tilted:
            return self
        from scipy.ndimage import affine_transform

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
        shape = tuple(int(np.floor((high[i] - low[i]) / steps_mm[i] + 1e-3)) + 1 for i in range(3))
        affine = np.eye(4)
        affine[:3, :3] = frame * steps_mm
        affine[:3, 3] = frame @ low
        mapping = np.linalg.inv(self.affine) @ affine
        array = affine_transform(
            self.array.astype(np.float32), mapping[:3, :3], mapping[:3, 3], shape, order=1, cval=fill
        )
        if self.array.dtype == np.int16:
            array = np.rint(array).astype(np.int16)
        note = "tilted gantry: resampled to right angles"
        return replace(self, array=array, affine=affine, warnings=(*self.warnings, note), sop_uids=(), is_tilted=False)


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
