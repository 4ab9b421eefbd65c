"""What a run asks of a source, and the two kinds of it: DICOM by its headers, other files by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from itemclip_med.dicom import StudyFiles, count_skipped, read_study, require_dicom, scan_source
from itemclip_med.dicom.headers import parse_file
from itemclip_med.dicom.naming import technical_name
from itemclip_med.dicom.scan import ScanMemory
from itemclip_med.errors import LabelsError, RecipeError, SourceError
from itemclip_med.formats import FORMATS, FileGroup, FileSeries, FileStudy, read_group, scan_files
from itemclip_med.labels import ID_NORMALIZERS
from itemclip_med.preprocess.recipe import Recipe

# Endings that public data sets give their series, to the words of DICOM descriptions that mean the same (BraTS).
_ENDINGS = {
    "T1C": "T1 CONTRAST",
    "T1CE": "T1 CONTRAST",
    "T1GD": "T1 CONTRAST",
    "T1N": "T1",
    "T2W": "T2",
    "T2F": "FLAIR",
}


class SourceSeries(Protocol):
    """A series before it is loaded, with what a recipe's selection asks of it; a recipe's transforms load it."""

    uid: str
    modality: str
    name: str
    plane: str
    kernel: str
    is_derived: bool
    has_burned_in: bool
    reason: str | None
    slices: Sequence[Any]
    depth_spacing_mm: float


class SourceStudy(Protocol):
    """A study before it has an id; what identifies it stays in memory."""

    uid: str
    patient_id: str
    accession: str
    relative_dir: str
    scanner: str
    digest: str
    series: list[Any]


class SourceFiles(Protocol):
    """The files of one study as a scan found them: picklable, small, with the digest that a restart compares."""

    digest: str


class SourceScan(Protocol):
    """Every file of a source: in a study, or skipped with a reason."""

    studies: Sequence[SourceFiles]
    num_files: int
    skipped: Counter[str]


class Source(Protocol):
    """How one kind of source is read."""

    def scan(self, root: Path, source: Path, memory: ScanMemory | None = None) -> SourceScan:
        """Find every file below a folder; ``source`` is how messages call it, ``memory`` spares opening known files."""

    def read(self, files: Any) -> tuple[Sequence[SourceStudy], Counter[str]]:
        """Read the headers of one study: the study (or several), and reasons of files of which nothing is used."""

    def names(self, files: Any) -> dict[str, str]:
        """``uid``, ``accession`` and ``path`` of a study that is stored, without reading more than one header."""

    def failure(self, study: Any) -> str | None:
        """Why a study without a wanted series counts as failed; None where it only has nothing that is wanted."""


class DicomSource:
    """DICOM, found and grouped by headers."""

    def scan(self, root: Path, source: Path, memory: ScanMemory | None = None) -> SourceScan:
        """See :class:`Source`.

        Raises:
            SourceError: if no file is DICOM.
        """
        scan = scan_source(root, memory)
        require_dicom(scan, source)
        return scan

    def read(self, files: Any) -> tuple[Sequence[SourceStudy], Counter[str]]:
        """See :class:`Source`."""
        studies, skipped = read_study(files)
        for study in studies:
            skipped += count_skipped(study.series)
        return studies, skipped

    def names(self, files: StudyFiles) -> dict[str, str]:
        """See :class:`Source`."""
        first = parse_file(files.files[0])[0]
        return {
            "uid": first.text("StudyInstanceUID"),
            "accession": first.text("AccessionNumber"),
            "path": files.relative_dir,
        }

    def failure(self, study: Any) -> str | None:
        """None: a DICOM study is many files, and those without use are told with their reasons."""
        return None


class FileSource:
    """Files other than DICOM, found by suffix and grouped as the recipe says.

    Args:
        formats: names in ``formats.FORMATS``.
        recipe: has the rules.
    """

    def __init__(self, formats: Sequence[str], recipe: Recipe) -> None:
        self.formats = tuple(formats)
        assert recipe.files is not None  # as the recipe was checked
        self.rules = recipe.files
        self.spelling = recipe.study_id.spelling if recipe.study_id.rule == "public" else "plain"

    def scan(self, root: Path, source: Path, memory: ScanMemory | None = None) -> SourceScan:
        """See :class:`Source`; no file is opened anyway.

        Raises:
            SourceError: if no file is of the formats.
        """
        scan = scan_files(root, self.formats, self.rules, self._study_of)
        if not scan.studies:
            suffixes = ", ".join(suffix for kind in self.formats for suffix in FORMATS[kind])
            reasons = ", ".join(f"{number} {reason}" for reason, number in scan.skipped.most_common()) or "no file"
            raise SourceError(
                f"{source.name or source}: no file to read ({reasons}). Expected {suffixes}, as the recipe's files say."
            )
        return scan

    def _study_of(self, name: str) -> str | None:
        try:
            return ID_NORMALIZERS[self.spelling](name)
        except LabelsError:
            return None

    def read(self, files: FileGroup) -> tuple[Sequence[FileStudy], Counter[str]]:
        """See :class:`Source`; technical names come from file names by the vocabulary of DICOM descriptions."""
        study = read_group(files)
        skipped: dict[Path, str] = {}
        for series in study.series:
            if series.header is not None:
                series.name = _technical_name(series)
            if series.reason is not None:
                skipped[series.path] = series.reason
        return [study], Counter(skipped.values())

    def names(self, files: FileGroup) -> dict[str, str]:
        """See :class:`Source`."""
        return {"uid": files.name, "accession": "", "path": files.name}

    def failure(self, study: FileStudy) -> str | None:
        """The reason of the first file that cannot be read: it is what the study consists of."""
        return next((series.reason for series in study.series if series.header is None), None)


def open_kind(recipe: Recipe, kind: str | None) -> Source:
    """The source of a recipe.

    Args:
        recipe: says what it reads.
        kind: one of ``recipe.SOURCES``; None for the recipe's first.

    Raises:
        RecipeError: if the recipe does not read that.
    """
    kind = kind or recipe.sources[0]
    if kind not in recipe.sources:
        raise RecipeError(
            f"Recipe {recipe.name} reads {', '.join(recipe.sources)}, not {kind}: take a recipe whose source is {kind}."
        )
    return DicomSource() if kind == "dicom" else FileSource((kind,), recipe)


def _technical_name(series: FileSeries) -> str:
    stem = PurePosixPath(series.uid).name.split(".")[0]
    words = [_ENDINGS.get(word, word) for word in re.split(r"[^A-Z0-9*]+", stem.upper())]
    return technical_name(
        modality=series.modality,
        plane=series.plane,
        description=" ".join(words),
        kernel="",
        contrast=False,
        thickness_mm=series.depth_spacing_mm,
    )
