"""A volume: an array with its place in the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

AIR_HU = -1024


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
