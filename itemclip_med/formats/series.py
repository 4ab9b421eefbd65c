"""Series and studies of files other than DICOM, with what a recipe's selection asks of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from itemclip_med.formats.rules import FileRules

_CLEARLY_LARGER = 1.05  # spacings closer than that are one spacing
_PLANES = ("sagittal", "coronal", "axial")  # slices along R, A, S


@dataclass(frozen=True)
class Header:
    """What a file says before its voxels are read.

    Attributes:
        shape: voxels along (X, Y, Z).
        affine: (4, 4), voxel indices to RAS millimetres.
        num_volumes: more than 1 where the file holds several at one place.
        warnings: what a reader of the numbers should know.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray
    num_volumes: int = 1
    warnings: tuple[str, ...] = ()


@dataclass(eq=False)
class FileSeries:
    """One volume in a file, or a file that holds none.

    Attributes:
        path: the file.
        uid: its path below the source, with the volume's number where there are several; in memory only.
        format: a name in ``formats.FORMATS``.
        rules: how it is read.
        modality: "CT" or "MR".
        name: technical name.
        header: what the file says; None where it cannot be read.
        volume: which of several volumes of the file; None for the only one.
        reason: why it is no volume; None where it can be loaded.
        kernel: unknown, so "".
        is_derived: unknown, so False.
        has_burned_in: unknown, so False.
    """

    path: Path
    uid: str
    format: str
    rules: FileRules
    modality: str
    name: str = ""
    header: Header | None = None
    volume: int | None = None
    reason: str | None = None
    kernel: str = ""
    is_derived: bool = False
    has_burned_in: bool = False

    @property
    def _depth_axis(self) -> int:
        """The axis across the slices: the one of clearly largest spacing, else the last."""
        if self.header is None:
            return 2
        spacing = np.linalg.norm(self.header.affine[:3, :3], axis=0)
        largest = int(spacing.argmax())
        return largest if spacing[largest] > _CLEARLY_LARGER * np.sort(spacing)[1] else 2

    @property
    def slices(self) -> range:
        """One number a slice."""
        return range(self.header.shape[self._depth_axis] if self.header else 0)

    @property
    def depth_spacing_mm(self) -> float:
        """Distance of the slices."""
        return float(np.linalg.norm(self.header.affine[:3, self._depth_axis])) if self.header else 0.0

    @property
    def plane(self) -> str:
        """Of the slices: "axial", "coronal", "sagittal"; "oblique" far from all three."""
        if self.header is None:
            return ""
        axes = np.abs(self.header.affine[:3, :3])
        normal = axes[:, self._depth_axis] / np.linalg.norm(axes[:, self._depth_axis])
        axis = int(normal.argmax())
        return _PLANES[axis] if normal[axis] > 0.75 else "oblique"


@dataclass(eq=False)
class FileStudy:
    """One examination.

    Attributes:
        uid: what the source calls it; in memory only, hashed where ids are.
        series: its series, those without a volume too.
        digest: of its files.
        patient_id: unknown, so "".
        accession: unknown, so "".
        scanner: unknown, so "".
    """

    uid: str
    series: list[FileSeries] = field(default_factory=list)
    digest: str = ""
    patient_id: str = ""
    accession: str = ""
    scanner: str = ""

    @property
    def relative_dir(self) -> str:
        """Where it lies below the source."""
        return self.uid
