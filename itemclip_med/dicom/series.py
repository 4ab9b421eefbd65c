"""Series, studies and inventories: what discovery finds, with every file accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from itemclip_med.dicom.geometry import plane_of
from itemclip_med.dicom.naming import kernel_kind, technical_name
from itemclip_med.dicom.scan import Scan
from itemclip_med.dicom.slices import SliceFile

MODALITIES = ("CT", "MR")  # what a recipe takes unless it asks for others


@dataclass(eq=False)
class DicomSeries:
    """One stack of slices that share matrix, spacing and orientation, or files that make no volume.

    Attributes:
        uid: SeriesInstanceUID; "" where the files have none.
        study_uid: StudyInstanceUID.
        modality: DICOM's code.
        name: technical name; free text from headers is not in it.
        slices: parsed slices, in any order: files of their own, or frames of a file.
        plane: "axial", "coronal", "sagittal", "oblique", or "" without geometry.
        kernel: "bone", "soft_tissue" or "".
        is_derived: True for reformats, projections and maps.
        has_burned_in: True where a header says that text is burned into the pixels.
        reason: why it is no volume; None where it can be loaded.
        skipped: files that belong here and are not used (duplicates), with the reason.
        label: what tells it from the other volumes at its positions, such as ``b 1000, direction 2``; "" where it
            is the only one.
        stack: number of its stack; the volumes at the same positions share it.
        notes: what a reader of the numbers should know, found while files were grouped.
    """

    uid: str
    study_uid: str
    modality: str
    name: str
    slices: list[SliceFile]
    plane: str = ""
    kernel: str = ""
    is_derived: bool = False
    has_burned_in: bool = False
    reason: str | None = None
    skipped: dict[Path, str] = field(default_factory=dict)
    label: str = ""
    stack: int = 0
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> set[Path]:
        """Files that belong to it, used or not; a file of many frames may belong to other series too."""
        return {file.path for file in self.slices} | set(self.skipped)

    @property
    def num_files(self) -> int:
        """How many files these are."""
        return len(self.paths)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(columns, rows, slices)."""
        rows, columns = self.slices[0].shape
        return columns, rows, len(self.slices)

    @property
    def depth_spacing_mm(self) -> float:
        """Median distance of the slices along their normal; 0 where there is none."""
        return depth_spacing(self.slices)


@dataclass(eq=False)
class DicomStudy:
    """One examination.

    Attributes:
        uid: StudyInstanceUID.
        patient_id: as in the header; in memory only.
        accession: as in the header; in memory only.
        relative_dir: its folder below the source.
        scanner: manufacturer and model.
        series: its series, those without a volume too.
        digest: of its files.
    """

    uid: str
    patient_id: str
    accession: str
    relative_dir: str
    scanner: str
    series: list[DicomSeries]
    digest: str = ""

    @property
    def volumes(self) -> list[DicomSeries]:
        """The series that can be loaded."""
        return [series for series in self.series if series.reason is None]


@dataclass(frozen=True)
class Inventory:
    """Everything under a source.

    Attributes:
        studies: in the order of their paths.
        files_found: all files; those inside of archives count, the archives do not.
        files_used: files in series that can be loaded.
        skipped: reason to number of files; ``files_found == files_used + sum(skipped)``.
        scan: keeps what was unpacked from archives inside the source as long as the inventory lives.
    """

    studies: tuple[DicomStudy, ...]
    files_found: int
    files_used: int
    skipped: Mapping[str, int]
    scan: Scan | None = field(default=None, repr=False, compare=False)


def count_skipped(series: Iterable[DicomSeries]) -> Counter[str]:
    """Count the files of which nothing is used, each once, by reason.

    A file is used where one of its slices is in a series that can be loaded. A file with several reasons (frames of an
    object) counts under the first.
    """
    series = list(series)
    used = {file.path for one in series if one.reason is None for file in one.slices}
    reasons: dict[Path, str] = {}
    for one in series:
        for path, reason in one.skipped.items():
            reasons.setdefault(path, reason)
        if one.reason is not None:
            for file in one.slices:
                reasons.setdefault(file.path, one.reason)
    return Counter(reason for path, reason in reasons.items() if path not in used)


def new_series(slices: list[SliceFile], reason: str | None, *, label: str = "", stack: int = 0) -> DicomSeries:
    """A series of slices that are known to belong together."""
    first = slices[0]
    description = f"{first.text('SeriesDescription')} {first.text('ProtocolName')}"
    kernel = first.text("ConvolutionKernel")
    plane = "" if first.orientation is None else plane_of(first.orientation)
    name = ""
    if plane:
        contrast = first.text("ContrastBolusAgent") or first.text("ContrastBolusAgentAdministered") == "YES"
        name = technical_name(
            modality=first.modality,
            plane=plane,
            description=description,
            kernel=kernel,
            contrast=bool(contrast),
            thickness_mm=depth_spacing(slices),
        )
    return DicomSeries(
        uid=first.text("SeriesInstanceUID"),
        study_uid=first.text("StudyInstanceUID"),
        modality=first.modality,
        name=name,
        slices=slices,
        plane=plane,
        kernel=kernel_kind(kernel, description) if first.modality == "CT" else "",
        is_derived="DERIVED" in first.image_type[:1] or "SECONDARY" in first.image_type[1:2],
        has_burned_in=any(file.text("BurnedInAnnotation").upper() == "YES" for file in slices),
        reason=reason,
        label=label,
        stack=stack,
    )


def offsets_of(slices: list[SliceFile]) -> np.ndarray:
    """(D,) places of slices of one orientation along their normal, in mm."""
    normal = np.cross(slices[0].orientation[:3], slices[0].orientation[3:])
    return np.array([file.position for file in slices]) @ normal


def depth_spacing(slices: list[SliceFile]) -> float:
    """Median distance of slices along their normal in mm; 0 where there is none."""
    if len(slices) < 2 or any(file.position is None for file in slices):
        return 0.0
    return float(np.median(np.diff(np.sort(offsets_of(slices)))))
