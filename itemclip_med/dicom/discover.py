"""From files to studies and series, every file accounted for: in a series, or skipped with a reason.

Grouping is by what the headers say, never by file names: StudyInstanceUID, SeriesInstanceUID, then within a series by
matrix, pixel spacing, SeriesNumber and orientation, and where positions repeat by what tells the repeats apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from itemclip_med.dicom.geometry import plane_of
from itemclip_med.dicom.headers import SliceFile, parse_file
from itemclip_med.dicom.naming import kernel_kind, technical_name
from itemclip_med.dicom.scan import Scan, StudyFiles, open_source, scan_source
from itemclip_med.errors import SourceError

MIN_SLICES = 3
_COSINE_TOLERANCE = 2e-3
_SAME_POSITION_MM = 0.01
_VARYING = (
    "TemporalPositionIdentifier", "DiffusionBValue", "EchoTime", "AcquisitionNumber", "TriggerTime", "ImageType",
    "AcquisitionTime", "ContentTime",
)  # fmt: skip


@dataclass(eq=False)
class DicomSeries:
    """One stack of slices that share matrix, spacing and orientation, or files that make no volume.

    Attributes:
        uid: SeriesInstanceUID; "" where the files have none.
        study_uid: StudyInstanceUID.
        modality: DICOM's code.
        name: technical name; free text from headers is not in it.
        slices: parsed files, in any order.
        plane: "axial", "coronal", "sagittal", "oblique", or "" without geometry.
        kernel: "bone", "soft_tissue" or "".
        is_derived: True for reformats, projections and maps.
        reason: why it is no volume; None where it can be loaded.
        skipped: reason to files that belong here and are not used (duplicates).
    """

    uid: str
    study_uid: str
    modality: str
    name: str
    slices: list[SliceFile]
    plane: str = ""
    kernel: str = ""
    is_derived: bool = False
    reason: str | None = None
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def num_files(self) -> int:
        """Files that belong to it, used or not."""
        return len(self.slices) + sum(self.skipped.values())

    @property
    def shape(self) -> tuple[int, int, int]:
        """(columns, rows, slices)."""
        first = self.slices[0]
        return int(first.dataset.get("Columns") or 0), int(first.dataset.get("Rows") or 0), len(self.slices)

    @property
    def depth_spacing_mm(self) -> float:
        """Median distance of the slices along their normal; 0 where there is none."""
        return _depth_spacing(self.slices)


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
        files_found: all files.
        files_used: files in series that can be loaded.
        skipped: reason to number of files; ``files_found == files_used + sum(skipped)``.
    """

    studies: tuple[DicomStudy, ...]
    files_found: int
    files_used: int
    skipped: Mapping[str, int]


def discover(source: Path | str, *, min_slices: int = MIN_SLICES) -> Inventory:
    """Read the headers of every file under a source.

    Args:
        source: a folder, zip or tar.
        min_slices: fewer slices are no volume.

    Raises:
        SourceError: if the source cannot be read, or holds no DICOM at all.
    """
    with open_source(source) as root:
        return discover_folder(root, min_slices=min_slices)


def discover_folder(root: Path, *, min_slices: int = MIN_SLICES, with_pixels: bool = False) -> Inventory:
    """As :func:`discover`, for a folder that stays where it is while series are loaded from it."""
    scan = scan_source(root)
    require_dicom(scan, root)
    studies, skipped = [], Counter(scan.skipped)
    for files in scan.studies:
        found, left = read_study(files, min_slices=min_slices, with_pixels=with_pixels)
        studies += found
        skipped += left
    studies = _merge(studies, min_slices)
    for study in studies:
        for series in study.series:
            skipped += series.skipped
            if series.reason is not None:
                skipped[series.reason] += len(series.slices)
    used = scan.num_files - sum(skipped.values())
    return Inventory(tuple(studies), scan.num_files, used, dict(sorted(skipped.items())))


def require_dicom(scan: Scan, source: Path) -> None:
    """Refuse a source without one DICOM file.

    Raises:
        SourceError: says how many files of which kinds are there.
    """
    if scan.studies:
        return
    if not scan.num_files:
        raise SourceError(f"{source.name or source}: no file in it. Give the folder that holds the DICOM files.")
    kinds = ", ".join(f"{number} {reason}" for reason, number in scan.skipped.most_common())
    raise SourceError(
        f"{source.name or source}: none of its {scan.num_files} files is DICOM ({kinds}). "
        "Give the folder that holds the DICOM files."
    )


def iter_studies(scan: Scan, *, min_slices: int = MIN_SLICES) -> Iterator[tuple[list[DicomStudy], Counter[str]]]:
    """Parse one study's files after the other; headers of one study are in memory at a time."""
    for files in scan.studies:
        yield read_study(files, min_slices=min_slices)


def read_study(
    files: StudyFiles, *, min_slices: int = MIN_SLICES, with_pixels: bool = False
) -> tuple[list[DicomStudy], Counter[str]]:
    """Parse the files of one study, each once.

    Args:
        files: from :func:`scan_source`.
        min_slices: fewer slices are no volume.
        with_pixels: keep the pixel data too, so that :func:`load_series` does not read the files again.

    Returns:
        The study (more than one where the first bytes of a file were misleading), and files that belong to no series
        by reason.
    """
    skipped: Counter[str] = Counter()
    by_study: dict[str, list[SliceFile]] = defaultdict(list)
    for path in files.files:
        file = parse_file(path, with_pixels=with_pixels)
        if file.reason is not None and not (file.text("SeriesInstanceUID") and file.text("StudyInstanceUID")):
            skipped[file.reason] += 1
        else:
            by_study[file.text("StudyInstanceUID")].append(file)
    studies = [_build_study(uid, group, files, min_slices) for uid, group in by_study.items()]
    return studies, skipped


def _build_study(uid: str, group: list[SliceFile], files: StudyFiles, min_slices: int) -> DicomStudy:
    first = group[0]
    scanner = " ".join(part for part in (first.text("Manufacturer"), first.text("ManufacturerModelName")) if part)
    return DicomStudy(
        uid=uid,
        patient_id=first.text("PatientID"),
        accession=first.text("AccessionNumber"),
        relative_dir=files.relative_dir,
        scanner=scanner,
        series=group_series(group, min_slices),
        digest=files.digest,
    )


def _merge(studies: list[DicomStudy], min_slices: int) -> list[DicomStudy]:
    """Studies of one uid whose files were found in different ways, joined again."""
    by_uid: dict[str, list[DicomStudy]] = defaultdict(list)
    for study in studies:
        by_uid[study.uid].append(study)
    merged = []
    for group in by_uid.values():
        first = group[0]
        if len(group) > 1:
            slices = [file for study in group for series in study.series for file in series.slices]
            kept = Counter()
            for study in group:
                for series in study.series:
                    kept += series.skipped
            first.series = group_series(slices, min_slices)
            if kept and first.series:
                first.series[0].skipped += kept
        merged.append(first)
    return merged


def group_series(files: Iterable[SliceFile], min_slices: int = MIN_SLICES) -> list[DicomSeries]:
    """Group the parsed files of one study into series and stacks."""
    by_uid: dict[tuple[str, ...], list[SliceFile]] = defaultdict(list)
    for file in files:
        uid = file.text("SeriesInstanceUID")
        key = (uid,) if uid else ("", file.text("SeriesNumber"), str(file.path.parent))
        by_uid[key].append(file)
    series = []
    for group in by_uid.values():
        by_reason: dict[str, list[SliceFile]] = defaultdict(list)
        usable: dict[tuple[object, ...], list[SliceFile]] = defaultdict(list)
        for file in group:
            if file.reason is not None:
                by_reason[file.reason].append(file)
                continue
            matrix = (file.dataset.Rows, file.dataset.Columns, *np.round(file.spacing_mm, 3))
            usable[(file.text("Modality"), file.text("SeriesNumber"), *matrix)].append(file)
        series += [_new_series(refused, reason) for reason, refused in by_reason.items()]
        for stack in usable.values():
            for part in _split_orientations(stack):
                series += _split_repeats(part, min_slices)
    return series


def _split_orientations(files: list[SliceFile]) -> list[list[SliceFile]]:
    groups: list[list[SliceFile]] = []
    for file in files:
        for group in groups:
            if np.abs(group[0].orientation - file.orientation).max() < _COSINE_TOLERANCE:
                group.append(file)
                break
        else:
            groups.append([file])
    return groups


def _split_repeats(files: list[SliceFile], min_slices: int) -> list[DicomSeries]:
    """One series where every position is there once; else duplicates go, and what varies tells volumes apart."""
    files, skipped = _drop_duplicates(files)
    if _has_repeats(files):
        if len(_positions(files)) == 1:
            return [_new_series(files, "all slices at one position, no volume", skipped)]
        for name in _VARYING:
            parts: dict[str, list[SliceFile]] = defaultdict(list)
            for file in files:
                parts[file.text(name)].append(file)
            if len(parts) > 1 and not any(_has_repeats(part) for part in parts.values()):
                series = [_checked(part, min_slices) for part in parts.values()]
                series[0].skipped += skipped
                return series
        return [_new_series(files, "several images at one position that nothing tells apart", skipped)]
    series = _checked(files, min_slices)
    series.skipped += skipped
    return [series]


def _checked(files: list[SliceFile], min_slices: int) -> DicomSeries:
    if len(files) < min_slices:
        return _new_series(files, f"too few slices for a volume (fewer than {min_slices})")
    return _new_series(files, None)


def _offsets(files: list[SliceFile]) -> np.ndarray:
    normal = np.cross(files[0].orientation[:3], files[0].orientation[3:])
    return np.array([file.position for file in files]) @ normal


def _positions(files: list[SliceFile]) -> np.ndarray:
    offsets = np.sort(_offsets(files))
    return offsets[np.concatenate([[True], np.diff(offsets) > _SAME_POSITION_MM])]


def _has_repeats(files: list[SliceFile]) -> bool:
    return len(_positions(files)) < len(files)


def _drop_duplicates(files: list[SliceFile]) -> tuple[list[SliceFile], Counter[str]]:
    """Files sent twice: equal position, equal pixels, and equal SOPInstanceUID or none."""
    if not _has_repeats(files):
        return files, Counter()
    kept: list[SliceFile] = []
    by_place: dict[tuple[object, ...], list[SliceFile]] = defaultdict(list)
    dropped = 0
    for file in files:
        key = (file.text("SOPInstanceUID"), *np.round(file.position, 2))
        if any(_same_pixels(file, other) for other in by_place[key]):
            dropped += 1
            continue
        by_place[key].append(file)
        kept.append(file)
    return kept, Counter({"duplicate": dropped} if dropped else {})


def _same_pixels(one: SliceFile, other: SliceFile) -> bool:
    datasets = [file if file.has_pixels else parse_file(file.path, with_pixels=True) for file in (one, other)]
    pixels = [file.dataset.get("PixelData") for file in datasets]
    return pixels[0] is not None and pixels[0] == pixels[1]


def _depth_spacing(files: list[SliceFile]) -> float:
    if len(files) < 2 or files[0].position is None:
        return 0.0
    return float(np.median(np.diff(np.sort(_offsets(files)))))


def _new_series(files: list[SliceFile], reason: str | None, skipped: Counter[str] | None = None) -> DicomSeries:
    first = files[0]
    modality = first.text("Modality")
    description = f"{first.text('SeriesDescription')} {first.text('ProtocolName')}"
    kernel = first.text("ConvolutionKernel")
    plane = "" if first.orientation is None else plane_of(first.orientation)
    name = ""
    if plane:
        name = technical_name(
            modality=modality,
            plane=plane,
            description=description,
            kernel=kernel,
            contrast=bool(first.text("ContrastBolusAgent")),
            thickness_mm=_depth_spacing(files),
        )
    return DicomSeries(
        uid=first.text("SeriesInstanceUID"),
        study_uid=first.text("StudyInstanceUID"),
        modality=modality,
        name=name,
        slices=files,
        plane=plane,
        kernel=kernel_kind(kernel, description) if modality == "CT" else "",
        is_derived="DERIVED" in first.image_type[:1] or "SECONDARY" in first.image_type[1:2],
        reason=reason,
        skipped=skipped or Counter(),
    )
