"""From a folder to the files of each study, by suffix and the recipe's patterns; every file is accounted for."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from itemclip_med.errors import FormatError
from itemclip_med.formats.itk import DETACHED, data_file_of
from itemclip_med.formats.rules import FileRules

FORMATS: dict[str, tuple[str, ...]] = {
    "nifti": (".nii.gz", ".nii"),
    "npz": (".npz",),
    "itk": (".nrrd", ".nhdr", ".mha", ".mhd"),
}
"""Source format to the suffixes of its files, in lower case."""


@dataclass(frozen=True)
class FileGroup:
    """The files of one study.

    Attributes:
        name: what the study is called in the source: a path below it, without the file's suffix. May hold names of
            patients, so it stays in memory.
        files: one a volume.
        names: their paths below the source.
        rules: how they are read.
        digest: SHA-256 over relative paths, sizes and mtimes.
        problem: why none of them can be read, known before they are opened; None where nothing is.
    """

    name: str
    files: tuple[Path, ...]
    names: tuple[str, ...]
    rules: FileRules
    digest: str
    problem: str | None = None


@dataclass
class FileScan:
    """What lies under a source.

    Attributes:
        studies: files by study, in the order of their names.
        num_files: files found.
        skipped: reason to number of files that belong to no study.
    """

    studies: list[FileGroup]
    num_files: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def format_of(name: str, formats: Sequence[str] = tuple(FORMATS)) -> tuple[str, str] | None:
    """The format of a file and the name without its suffix; None for other formats."""
    for kind in formats:
        for suffix in FORMATS[kind]:
            if name.lower().endswith(suffix) and len(name) > len(suffix):
                return kind, name[: -len(suffix)]
    return None


def scan_files(
    root: Path, formats: Sequence[str], rules: FileRules, study_of: Callable[[str], str | None] | None = None
) -> FileScan:
    """Find the files of some formats below a folder and group them into studies; none is opened, except headers that
    name a file of their own for the voxels.

    Args:
        root: an existing folder.
        formats: names in :data:`FORMATS`.
        rules: the recipe's.
        study_of: for ``study: id``: the public id in a path below the source, None where there is none.
    """
    scan = FileScan([])
    found: dict[str, tuple[Path, int, int]] = {}
    for path, name, size, mtime in _walk(root):
        scan.num_files += 1
        found[name] = (path, size, mtime)
    companions = _companions(found, formats)
    groups: dict[str, list[str]] = defaultdict(list)
    for name, (_, size, _) in found.items():
        kind = format_of(name, formats)
        if name in companions:
            continue
        if kind is None:
            scan.skipped[f"not {' or '.join(formats)}"] += 1
        elif size == 0:
            scan.skipped["empty file"] += 1
        elif not _matches(name, rules.pattern) or _matches(name, rules.skip):
            scan.skipped["left out by the recipe's pattern"] += 1
        else:
            study = study_of(kind[1]) if rules.study == "id" and study_of else None
            groups[study or _study_name(name, kind[1], rules.study)].append(name)
    for study in sorted(groups):
        names = sorted(groups[study])
        parts = sorted({*names, *(part for part, header in companions.items() if header in names)})
        lines = "\n".join(f"{name}\t{found[name][1]}\t{found[name][2]}" for name in parts)
        digest = hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
        files = tuple(found[name][0] for name in names)
        scan.studies.append(FileGroup(_clean(study), files, tuple(map(_clean, names)), rules, digest))
    used = {name for names in groups.values() for name in names}
    scan.skipped["voxels of a header that is not used"] += sum(header not in used for header in companions.values())
    scan.skipped = +scan.skipped
    return scan


def _walk(root: Path) -> Iterator[tuple[Path, str, int, int]]:
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
            elif entry.is_file():
                status = entry.stat()
                name = PurePosixPath(Path(entry.path).relative_to(root)).as_posix()
                yield Path(entry.path), name, status.st_size, status.st_mtime_ns


def _companions(found: dict[str, tuple[Path, int, int]], formats: Sequence[str]) -> dict[str, str]:
    """Files of voxels to the header that names them."""
    companions = {}
    for name, (path, _, _) in found.items():
        if "itk" in formats and name.lower().endswith(DETACHED):
            try:
                voxels = data_file_of(path)
            except FormatError:
                continue
            beside = (PurePosixPath(name).parent / voxels).as_posix() if voxels else ""
            if beside in found and beside != name:
                companions[beside] = name
    return companions


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) or fnmatch(PurePosixPath(name).name, pattern) for pattern in patterns)


def _study_name(name: str, stem: str, study: str) -> str:
    parts = PurePosixPath(name).parts
    if study in ("file", "id") or len(parts) == 1:
        return stem
    return parts[0] if study == "top" else PurePosixPath(name).parent.as_posix()


def _clean(name: str) -> str:
    """A name whose bytes may be no UTF-8, as text that can be written anywhere."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
