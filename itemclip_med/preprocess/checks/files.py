"""What is odd in the files of one study: headers and ends of all of them, voxels where asked."""

from __future__ import annotations

import re
import struct
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.dicom import load_series, select_series
from itemclip_med.errors import FormatError, ItemClipError
from itemclip_med.formats import FileGroup, FileSeries, load_file_series
from itemclip_med.formats.hu import is_wrapped, refuse_shifted
from itemclip_med.preprocess.checks.geometry import geometry_of, implausible
from itemclip_med.preprocess.checks.oddities import Oddity
from itemclip_med.preprocess.checks.sides import liver_side
from itemclip_med.preprocess.facts import public_id
from itemclip_med.preprocess.recipe import Recipe, parse_recipe
from itemclip_med.preprocess.sources import open_kind
from itemclip_med.preprocess.study_ids import IdMaker
from itemclip_med.volumes import Volume

_REVERSED = -0.15  # of liver_side; phantoms and real chests have 0.35 to 0.6
_DAMAGE = ("truncated", "pixel", "cut", "length")
_GZIP_HEAD = b"\x1f\x8b"


@dataclass
class StudyCheck:
    """What was seen of one study's files.

    Attributes:
        study_ids: its id; several where the files are of several studies, none where they have no id.
        names: what the files call it, for a look at spellings.
        aliases: study id to what tables may call it instead.
        oddities: what is odd.
        content: a short sum of each file's content, where the format holds one; equal files have equal sums.
        num_looked: images whose voxels were read.
        spacing_mm: of its first image along the file's axes.
    """

    study_ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    oddities: list[Oddity] = field(default_factory=list)
    content: list[tuple[str, str]] = field(default_factory=list)
    num_looked: int = 0
    spacing_mm: tuple[float, float, float] | None = None


class FileChecker:
    """Checks the files of one study; lives in a worker process.

    Args:
        values: contents of the recipe.
        name: its name.
        kind: format of the source; None for the recipe's first.
        shown: True where file names may be told, as those of public data sets.
    """

    def __init__(self, values: Mapping[str, Any], name: str, kind: str | None, shown: bool) -> None:
        self.recipe: Recipe = parse_recipe(values, name)
        self.source = open_kind(self.recipe, kind)
        self.ids = IdMaker(self.recipe.study_id, key=b"check")
        self.shown = shown

    def __call__(self, task: tuple[int, Any, bool]) -> StudyCheck:
        """Check one study.

        Args:
            task: number of the study, its files, and whether voxels are read.
        """
        number, files, look = task
        check = StudyCheck()
        if isinstance(files, FileGroup):
            self._check_files(number, files, check)
        try:
            studies, skipped = self.source.read(files)
        except ItemClipError as error:
            check.oddities.append(Oddity("unreadable-file", str(error), file=self._name(number, files)))
            return check
        for study in studies:
            self._check_study(number, files, study, check, look)
        if not isinstance(files, FileGroup):
            self._tell_skipped(number, files, skipped, check)
            if any(oddity.kind == "damaged-slice" for oddity in check.oddities):  # its gap says nothing more
                check.oddities = [oddity for oddity in check.oddities if oddity.kind != "missing-slice"]
        return check

    def _check_files(self, number: int, group: FileGroup, check: StudyCheck) -> None:
        """What the ends of files say without unpacking them."""
        for path, name in zip(group.files, group.names, strict=True):
            shown = name if self.shown else f"file {number}"
            try:
                total, size = content_sum(path)
            except FormatError as error:
                kind = "pickled-array" if "pickled" in str(error) else "unreadable-file"
                check.oddities.append(Oddity(kind, str(error), self._id_of(group), shown))
                continue
            if total:
                check.content.append((f"{total}:{size}", shown))

    def _check_study(self, number: int, files: Any, study: Any, check: StudyCheck, look: bool) -> None:
        shown = self._name(number, files)
        try:
            study_id = self.ids.study_id(
                uid=study.uid, patient=study.patient_id, accession=study.accession, path=study.relative_dir
            )
        except ItemClipError as error:
            check.oddities.append(Oddity("unknown-study", str(error), file=shown))
            return
        check.study_ids.append(study_id)
        check.aliases[study_id] = self.ids.aliases(uid=study.uid, accession=study.accession, path=study.relative_dir)
        check.names += [part for part in re.split(r"[/\\]", study.relative_dir) if part and part != "."]
        known = {oddity.file for oddity in check.oddities}
        chosen, _ = select_series(study, self.recipe.select)
        for series in study.series:
            self._check_series(series, study_id, shown, known, check)
        if look and not check.oddities:
            for series in chosen[: self.recipe.max_series]:
                self._look(series, study_id, shown, check)

    def _check_series(self, series: Any, study_id: str, shown: str, known: set[str], check: StudyCheck) -> None:
        name = series.uid.split(":")[0] if isinstance(series, FileSeries) and self.shown else shown
        if name in known:
            return
        if isinstance(series, FileSeries) and series.header is None:
            kind = _kind_of(series.reason or "", "unreadable-file")
            check.oddities.append(Oddity(kind, series.reason or "", study_id, name))
            return
        place = geometry_of(series)
        if place is None:
            return
        if isinstance(series, FileSeries):
            check.spacing_mm = check.spacing_mm or place.spacing_mm
        text = implausible(self.recipe.check, place, small=True)
        if text is not None:
            check.oddities.append(Oddity("impossible-geometry", text, study_id, name))
        elif place.gap_mm and not series.skipped:
            text = f"{place.gap_mm:.2f} mm between two slices, {place.spacing_mm[2]:.2f} mm elsewhere"
            check.oddities.append(Oddity("missing-slice", text, study_id, name))

    def _look(self, series: Any, study_id: str, shown: str, check: StudyCheck) -> None:
        name = series.uid.split(":")[0] if isinstance(series, FileSeries) and self.shown else shown
        check.num_looked += 1
        try:
            volume = self._load(series)
            if volume.array.max() == volume.array.min():
                raise FormatError(f"all voxels are {volume.array.min():g}.")
        except ItemClipError as error:
            check.oddities.append(Oddity(_kind_of(str(error), "unreadable-file"), str(error), study_id, name))
            return
        if self.recipe.check.sides == "chest":
            side = liver_side(volume.array, volume.affine)
            if side is not None and side < _REVERSED:
                text = f"the liver seems to lie on the left ({side:.2f}, usually 0.35 to 0.6): look at it"
                check.oddities.append(Oddity("flipped-sides", text, study_id, name))

    def _load(self, series: Any) -> Volume:
        if isinstance(series, FileSeries):
            return load_file_series(series)
        volume = load_series(series, on_gap="refuse", padding="keep")
        if volume.modality == "CT" and not is_wrapped(volume.array):  # recipes bring those back
            refuse_shifted(volume.array)
        return volume

    def _tell_skipped(self, number: int, files: Any, skipped: Counter[str], check: StudyCheck) -> None:
        study_id = check.study_ids[0] if check.study_ids else ""
        for reason, count in skipped.items():
            if any(word in reason for word in _DAMAGE):
                text = f"{count} {'slice' if count == 1 else 'slices'}: {reason}"
                names = _damaged(files) if self.shown else []
                check.oddities += [
                    Oddity("damaged-slice", text, study_id, name) for name in names or [self._name(number, files)]
                ]
            elif "duplicate" in reason:
                text = (
                    f"{count} of its files are there twice{f', all below {files.relative_dir}' if self.shown else ''}"
                )
                check.oddities.append(Oddity("repeated-study", text, study_id))

    def _id_of(self, group: FileGroup) -> str:
        return public_id(self.ids, group) or ""

    def _name(self, number: int, files: Any) -> str:
        """What messages call the files of a study."""
        if not self.shown:
            return f"study {number}"
        if isinstance(files, FileGroup):
            return files.names[0] if len(files.names) == 1 else files.name
        folder = files.relative_dir
        return folder if folder != "." else f"study {number}"


def content_sum(path: Path) -> tuple[str, int]:
    """The checksum that a compressed file holds of its own content, and that content's size; nothing is unpacked.

    Args:
        path: a ``.nii.gz`` or ``.npz``; of others the sum is "".

    Raises:
        FormatError: if the file is cut off, or an archive holds pickled objects.
    """
    name = path.name.lower()
    if name.endswith(".gz"):
        return _gzip_sum(path)
    if name.endswith(".npz"):
        return _npz_sum(path)
    return "", path.stat().st_size


def _gzip_sum(path: Path) -> tuple[str, int]:
    import gzip

    with path.open("rb") as file:
        if file.read(2) != _GZIP_HEAD:
            raise FormatError("it is no gzip file.")
        file.seek(-8, 2)
        total, size = struct.unpack("<II", file.read(8))
    try:
        with gzip.open(path) as file:
            head = file.read(352)
    except Exception as error:  # zlib raises its own kinds
        raise FormatError(f"it cannot be unpacked ({type(error).__name__}).") from error
    promised = _nifti_size(head)
    if promised is not None and promised % 2**32 != size:
        raise FormatError("its end is not that of the file its header promises: it is cut off.")
    return f"{total:08x}", size


def _nifti_size(head: bytes) -> int | None:
    """Bytes of a NIfTI-1 file as its header says; None for other files and those that may be followed by more."""
    for order in "<>":
        if len(head) >= 348 and struct.unpack(f"{order}i", head[:4])[0] == 348:
            sizes = struct.unpack(f"{order}8h", head[40:56])
            bits = struct.unpack(f"{order}h", head[72:74])[0]
            offset = struct.unpack(f"{order}f", head[108:112])[0]
            if not 1 <= sizes[0] <= 7 or bits <= 0:
                return None
            return int(offset) + int(np.prod([max(1, size) for size in sizes[1 : sizes[0] + 1]], dtype=object)) * (
                bits // 8
            )
    return None


def _npz_sum(path: Path) -> tuple[str, int]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for member in members:
                with archive.open(member) as file:
                    head = file.read(256)
                if re.search(rb"'descr':\s*'\|?O", head):
                    raise FormatError("its array holds pickled objects, which are never loaded.")
                if member.filename.endswith(".pkl"):
                    raise FormatError("it holds pickled objects, which are never loaded.")
    except FormatError:
        raise
    except Exception as error:  # zipfile and zlib raise their own kinds
        raise FormatError(f"it cannot be read as NPZ ({type(error).__name__}): is it cut off?") from error
    return "-".join(f"{member.CRC:08x}" for member in members), sum(member.file_size for member in members)


def _kind_of(text: str, usual: str) -> str:
    if "Hounsfield" in text:
        return "other-version" if "another version" in text else "hu-shifted"
    if "pickled" in text:
        return "pickled-array"
    if "holds what the scanner stored" in text:
        return "no-metadata"
    if "gives voxels no place" in text or "too large" in text:
        return "impossible-geometry"
    if re.search(r"mm between|missing", text):
        return "missing-slice"
    return usual


def _damaged(files: Any) -> list[str]:
    """Names of the files of a DICOM study that cannot be read."""
    from itemclip_med.dicom.headers import parse_file

    found = []
    for path, name in zip(files.files, files.names, strict=True):
        reason = parse_file(path)[0].reason
        if reason is not None and any(word in reason for word in _DAMAGE):
            found.append(name)
    return found
