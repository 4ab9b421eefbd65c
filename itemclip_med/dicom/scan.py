"""From a source (folder, zip, tar) to the files of each study, without parsing whole headers.

Archives inside a source are opened: the files in them count as files of the source, an opened archive itself does not;
one that is not opened counts as one file, skipped with the reason.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import tempfile
import weakref
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from itemclip_med.dicom.archives import MAX_DEPTH, ArchiveRefused, Budget, archive_kind, archive_stem, unpack
from itemclip_med.dicom.pixel_source import DEFLATED, find_data_set
from itemclip_med.errors import SourceError

_HEAD_BYTES = 8192
_LONG_HEAD_BYTES = 2**20
# (0020,000D) StudyInstanceUID: little endian explicit ("UI" + length) or implicit (length), or big endian explicit.
_STUDY_UID = re.compile(
    rb"(?:\x20\x00\x0d\x00(?:UI..|..\x00\x00)|\x00\x20\x00\x0dUI..)([0-9.]{3,64}|ID_[0-9a-f]{6,32})", re.DOTALL
)
_TEMPORARY = "itemclip_med_"


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study, as far as the first bytes tell.

    Attributes:
        token: what stands for the StudyInstanceUID found there; "" where the first bytes hold none.
        root: the source's folder.
        names: where the files lie below the source, in order; for those in an archive, as if it were a folder there.
        digest: SHA-256 over names, sizes and mtimes.
        places: paths of the files where some of them were in an archive; "" for those that were not.
    """

    token: str
    root: Path
    names: tuple[str, ...]
    digest: str
    places: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths, in the order of their names."""
        places = self.places or ("",) * len(self.names)
        return tuple(Path(place) if place else self.root / name for name, place in zip(self.names, places, strict=True))

    @property
    def relative_dir(self) -> str:
        """The folder all files share, below the source; "." where that is the source itself."""
        return os.path.commonpath([os.path.dirname(name) or "." for name in self.names] or ["."]) or "."


class ScanMemory(Protocol):
    """What earlier scans found in the first bytes of files."""

    def token(self, uid: str) -> str:
        """What stands for a StudyInstanceUID: "" for none."""

    def find(self, name: str, size: int, mtime: int) -> str | None:
        """The token of a file's study, "" for DICOM without one, None for no DICOM; KeyError for an unknown file."""

    def add(self, name: str, size: int, mtime: int, token: str | None) -> None:
        """Remember that."""


@dataclass
class Scan:
    """What lies under a source.

    Attributes:
        root: its folder.
        studies: files by study; those without a study uid in their first bytes come last, with ``token`` "".
        num_files: files found.
        skipped: reason to number of files that are no DICOM at all.
        unpacked: folder of what was in archives inside the source; removed with the scan. None where there were none.
    """

    root: Path
    studies: list[StudyFiles]
    num_files: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unpacked: Path | None = None

    def skip(self, reason: str, number: int = 1) -> None:
        """Count files that are found and not used."""
        self.num_files += number
        self.skipped[reason] += number

    def new_folder(self, number: int) -> Path:
        """A folder for one more archive."""
        if self.unpacked is None:
            self.unpacked = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
            weakref.finalize(self, shutil.rmtree, self.unpacked, ignore_errors=True)
        folder = self.unpacked / str(number)
        folder.mkdir()
        return folder


@contextmanager
def open_source(source: Path | str) -> Iterator[Path]:
    """A folder to read from: the source itself, or where its archive was unpacked (removed afterwards).

    Raises:
        SourceError: if the source does not exist, is no folder, zip, tar or gz, or an archive is not opened (paths
            that leave it, encrypted, damaged, more than 200 GiB or 200 times its size unpacked).
    """
    source = Path(source)
    if source.is_dir():
        yield source
        return
    if not source.exists():
        raise SourceError(f"{source} does not exist.", misuse=True)
    folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
    try:
        kind = "tar" if tarfile.is_tarfile(source) else archive_kind(_read_head(source, _HEAD_BYTES) or b"")
        if not kind:
            raise SourceError(f"{source.name} is no folder, zip or tar: give the folder that holds the DICOM files.")
        try:
            unpack(source, kind, folder, Budget())
        except ArchiveRefused as error:
            raise SourceError(
                f"{source.name} was not opened: {error}. Unpack it yourself, check it, and give the folder."
            ) from error
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def scan_source(root: Path, memory: ScanMemory | None = None) -> Scan:
    """Find every file below a folder and group the DICOM files by study.

    Only the first bytes of a file are read; :func:`itemclip_med.dicom.read_study` parses it once and checks the group.

    Args:
        root: an existing folder.
        memory: of earlier scans: files that are as they were are not opened again (archives are).
    """
    scan, memory = Scan(root, []), memory or _NoMemory()
    budget = Budget()
    groups: dict[str, list[_Entry]] = defaultdict(list)  # small tuples: a source may hold millions of files
    pending = [(str(root), "", 0)]
    num_archives = 0
    while pending:
        folder, prefix, depth = pending.pop()
        for path, entry in _walk(folder, prefix, scan):
            name, size, mtime = entry
            if name == "inventory.json":
                scan.skip("not DICOM")
                continue
            if size == 0:
                scan.skip("empty file")
                continue
            try:
                token = memory.find(name, size, mtime)
            except KeyError:
                head = _read_head(path, _HEAD_BYTES)
                if head is None:
                    scan.skip("file cannot be opened")
                    continue
                if kind := archive_kind(head):
                    num_archives += 1
                    if (unpacked := _open_archive(scan, path, kind, num_archives, depth, budget)) is not None:
                        inside = os.path.join(os.path.dirname(name), archive_stem(name))
                        pending.append((str(unpacked), inside, depth + 1))
                    continue
                uid = _find_study_uid(path, head)
                token = None if uid is None else memory.token(uid)
                memory.add(name, size, mtime, token)
            if token is None:
                scan.skip("not DICOM")
                continue
            scan.num_files += 1
            groups[token].append((name, size, mtime, path if depth else ""))
    for token in sorted(groups, key=lambda token: (not token, min(groups[token])[0])):
        entries = sorted(groups.pop(token))
        places = tuple(place for *_, place in entries) if any(place for *_, place in entries) else ()
        names = tuple(name for name, *_ in entries)
        scan.studies.append(StudyFiles(token, root, names, _digest(entries), places))
    return scan


def _open_archive(scan: Scan, path: str, kind: str, number: int, depth: int, budget: Budget) -> Path | None:
    """Where an archive was unpacked; None where it was not, which is counted."""
    try:
        if depth == MAX_DEPTH:
            raise ArchiveRefused(f"it lies in {MAX_DEPTH} others")
        unpacked = scan.new_folder(number)
        left_out = unpack(Path(path), kind, unpacked, budget)
    except ArchiveRefused as error:
        scan.skip(f"archive not opened: {error}")
        return None
    if left_out:
        scan.skip("link in an archive", left_out)
    return unpacked


class _NoMemory:
    """Knows nothing."""

    def token(self, uid: str) -> str:
        return uid

    def find(self, name: str, size: int, mtime: int) -> str | None:
        raise KeyError

    def add(self, name: str, size: int, mtime: int, token: str | None) -> None:
        pass


_Entry = tuple[str, int, int, str]  # name below the source, size, mtime in ns, path where it was unpacked


def _walk(root: str, prefix: str, scan: Scan) -> Iterator[tuple[str, tuple[str, int, int]]]:
    """Every regular file, links to files too; what is none is counted as skipped, folders behind links stay shut."""
    pending = [(root, prefix)]
    while pending:
        folder, prefix = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            scan.skip("folder cannot be opened")
            continue
        for entry in entries:
            name = os.path.join(prefix, entry.name)
            try:
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, name))
                elif entry.is_dir():
                    scan.skip("link to a folder (not followed; give the folder itself)")
                elif entry.is_file():
                    status = entry.stat()
                    yield entry.path, (name, status.st_size, status.st_mtime_ns)
                else:
                    scan.skip("broken link" if entry.is_symlink() else "no regular file")
            except OSError:  # a loop of links
                scan.skip("broken link")


def _read_head(path: Path | str, size: int) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(size)
    except OSError:
        return None


def _find_study_uid(path: str, head: bytes) -> str | None:
    """StudyInstanceUID as far as the first bytes tell, "" where they do not; None for a file that is no DICOM."""
    is_dicom = head[128:132] == b"DICM"
    found = _STUDY_UID.search(head)
    if not found and is_dicom:
        head = _read_head(path, _LONG_HEAD_BYTES) or head
        start, syntax = find_data_set(head)
        if syntax == DEFLATED:
            try:
                head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head[start:], _LONG_HEAD_BYTES)
            except zlib.error:
                return ""
        found = _STUDY_UID.search(head)
    if found:
        return found[1].decode().rstrip(".")
    return "" if is_dicom or _looks_like_dicom(head) else None


def _looks_like_dicom(head: bytes) -> bool:
    """A data set without preamble: its first element belongs to group 0002 or 0008."""
    return head[:2] in (b"\x02\x00", b"\x08\x00") and head[3:4] == b"\x00"


def _digest(entries: list[_Entry]) -> str:
    text = "\n".join(f"{name.replace(os.sep, '/')}\t{size}\t{mtime}" for name, size, mtime, _ in entries)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
