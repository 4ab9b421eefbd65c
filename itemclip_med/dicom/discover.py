"""From files to studies and series, every file accounted for: in a series, or skipped with a reason.

Grouping is by what the headers say, never by file names: StudyInstanceUID, SeriesInstanceUID, then within a series by
matrix, pixel spacing, SeriesNumber and orientation, and where positions repeat by what tells the repeats apart. A file
counts once, however many frames it holds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from itemclip_med.dicom.headers import parse_file
from itemclip_med.dicom.scan import Scan, StudyFiles, open_source, scan_source
from itemclip_med.dicom.series import DicomSeries, DicomStudy, Inventory, count_skipped, new_series
from itemclip_med.dicom.slices import SliceFile
from itemclip_med.dicom.splitting import drop_duplicates, split_orientations, split_stacks, split_volumes
from itemclip_med.dicom.vocabulary import scanner_name
from itemclip_med.errors import SourceError

MIN_SLICES = 3
_CUTTING_COSINE = 0.9  # between normals: below it planes cut one another within the patient


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


def discover_folder(root: Path, *, min_slices: int = MIN_SLICES) -> Inventory:
    """As :func:`discover`, for a folder that stays where it is while series are loaded from it."""
    scan = scan_source(root)
    require_dicom(scan, root)
    studies, skipped = [], Counter(scan.skipped)
    for files in scan.studies:
        found, left = read_study(files, min_slices=min_slices)
        studies += found
        skipped += left
    studies = _merge(studies, min_slices)
    skipped += count_skipped(series for study in studies for series in study.series)
    used = scan.num_files - sum(skipped.values())
    return Inventory(tuple(studies), scan.num_files, used, dict(sorted(skipped.items())), scan)


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


def read_study(files: StudyFiles, *, min_slices: int = MIN_SLICES) -> tuple[list[DicomStudy], Counter[str]]:
    """Parse the files of one study, each once.

    Args:
        files: from :func:`scan_source`.
        min_slices: fewer slices are no volume.

    Returns:
        The study (more than one where the first bytes of a file were misleading), and files that belong to no series
        by reason.
    """
    skipped: Counter[str] = Counter()
    by_study: dict[tuple[str, ...], list[SliceFile]] = defaultdict(list)
    for path in files.files:
        slices = parse_file(path)
        first = slices[0]
        if first.reason is not None and (first.reason == "DICOMDIR" or not first.text("SOPClassUID")):
            skipped[first.reason] += 1
            continue
        by_study[_study_key(first)] += slices
    studies = [_build_study(key[0], group, files, min_slices) for key, group in by_study.items()]
    return studies, skipped


def _study_key(file: SliceFile) -> tuple[str, ...]:
    """What files of one study share; without a StudyInstanceUID at least patient, accession number and folder."""
    uid = file.text("StudyInstanceUID")
    return (uid,) if uid else ("", file.text("PatientID"), file.text("AccessionNumber"), str(file.path.parent))


def _build_study(uid: str, group: list[SliceFile], files: StudyFiles, min_slices: int) -> DicomStudy:
    first = group[0]
    scanner = scanner_name(first.text("Manufacturer"), first.text("ManufacturerModelName"))
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
    by_uid: dict[tuple[str, int], list[DicomStudy]] = defaultdict(list)
    for number, study in enumerate(studies):
        by_uid[study.uid, 0 if study.uid else number].append(study)
    merged = []
    for group in by_uid.values():
        first = group[0]
        if len(group) > 1:
            series = [one for study in group for one in study.series]
            first.series = group_series([file for one in series for file in one.slices], min_slices)
            for one in series:
                first.series[0].skipped.update(one.skipped)
        merged.append(first)
    return merged


def group_series(files: Iterable[SliceFile], min_slices: int = MIN_SLICES) -> list[DicomSeries]:
    """Group the parsed slices of one study into series, stacks and volumes."""
    by_uid: dict[tuple[str, ...], list[SliceFile]] = defaultdict(list)
    for file in files:
        by_uid[_series_key(file)].append(file)
    found: list[DicomSeries] = []
    for group in by_uid.values():
        by_reason: dict[str, list[SliceFile]] = defaultdict(list)
        for file in group:
            if file.reason is not None:
                by_reason[file.reason].append(file)
        found += [new_series(refused, reason) for reason, refused in by_reason.items()]
        stacks = _stacks_of([file for file in group if file.reason is None], min_slices)
        for stack in stacks:
            if _is_lone_localizer(stack, stacks):
                found.append(new_series(stack, "localizer (its plane cuts the other slices)"))
            else:
                found += _volumes_of(stack, min_slices, len(found) + 1)
    return found


def _series_key(file: SliceFile) -> tuple[str, ...]:
    """What files of one series share; an empty SeriesInstanceUID is none, so that the rest of the header decides."""
    uid = file.text("SeriesInstanceUID")
    if uid:
        return (uid,)
    return ("", file.text("SeriesNumber"), file.text("FrameOfReferenceUID"), str(file.path.parent))


def _stacks_of(slices: list[SliceFile], min_slices: int) -> list[list[SliceFile]]:
    """Slices of one series by modality, SeriesNumber, matrix, pixel spacing and orientation, frames by StackID too."""
    groups: dict[tuple[object, ...], list[SliceFile]] = defaultdict(list)
    for file in slices:
        groups[file.modality, file.text("SeriesNumber"), file.shape, *np.round(file.spacing_mm, 3)].append(file)
    stacks = []
    for group in groups.values():
        for one in split_orientations(group):
            are_frames = all(file.pixels.num_frames > 1 for file in one)
            stacks += split_stacks(one, min_slices) if are_frames else [one]
    return stacks


def _is_lone_localizer(stack: list[SliceFile], stacks: list[list[SliceFile]]) -> bool:
    """True for one image among stacks of which a plane cuts its own; ImageType often does not say so."""
    if len(stack) > 1:
        return False
    normal = np.cross(stack[0].orientation[:3], stack[0].orientation[3:])
    others = [np.cross(other[0].orientation[:3], other[0].orientation[3:]) for other in stacks if len(other) > 2]
    return any(abs(normal @ other) < _CUTTING_COSINE for other in others)


def _volumes_of(stack: list[SliceFile], min_slices: int, number: int) -> list[DicomSeries]:
    """The volumes at the positions of one stack, or why there are none."""
    slices, dropped = drop_duplicates(stack)
    found = []
    for part in split_volumes(slices):
        reason = part.reason
        if reason is None and len(part.slices) < min_slices:
            reason = f"too few slices for a volume (fewer than {min_slices})"
        one = new_series(part.slices, reason, label=part.label, stack=number)
        one.notes = (part.note,) if part.note else ()
        found.append(one)
    found[0].skipped = dropped
    return found
