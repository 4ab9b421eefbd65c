"""From a source (folder, zip, tar) to the files of each study, without parsing whole headers."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from itemclip_med.errors import SourceError

_HEAD_BYTES = 8192
_MAX_UNPACKED_BYTES = 200 * 2**30
_MAX_MEMBERS = 5_000_000
# (0020,000D) StudyInstanceUID, little endian: explicit "UI" + length, or implicit length, then the UID itself.
_STUDY_UID = re.compile(rb"\x20\x00\x0d\x00(?:UI..|..\x00\x00)([0-9.]{3,64})", re.DOTALL)


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study, as far as the first bytes tell.

    Attributes:
        uid: StudyInstanceUID found there; "" where the first bytes hold none.
        root: the source's folder.
        files: paths, sorted.
        digest: SHA-256 over relative paths, sizes and mtimes.
    """

    uid: str
    root: Path
    files: tuple[Path, ...]
    digest: str

    @property
    def relative_dir(self) -> str:
        """The folder all files share, below the source; "." where that is the source itself."""
        common = os.path.commonpath([str(path.parent) for path in self.files])
        return os.path.relpath(common, self.root)


@dataclass
class Scan:
    """What lies under a source.

    Attributes:
        root: its folder.
        studies: files by study; those without a study uid in their first bytes come last, with ``uid`` "".
        num_files: files found.
        skipped: reason to number of files that are no DICOM at all.
    """

    root: Path
    studies: list[StudyFiles]
    num_files: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


@contextmanager
def open_source(source: Path | str) -> Iterator[Path]:
    """A folder to read from: the source itself, or where its archive was unpacked (removed afterwards).

    Raises:
        SourceError: if the source does not exist, is no folder, zip or tar, or an archive is unsafe (paths that leave
            it, links, more than 200 GiB unpacked).
    """
    source = Path(source)
    if source.is_dir():
        yield source
        return
    if not source.exists():
        raise SourceError(f"{source} does not exist.")
    folder = Path(tempfile.mkdtemp(prefix="itemclip_med_"))
    try:
        _unpack(source, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def scan_source(root: Path) -> Scan:
    """Find every file below a folder and group the DICOM files by study.

    Only the first bytes of a file are read; :func:`itemclip_med.dicom.read_study` parses it once and checks the group.

    Args:
        root: an existing folder.
    """
    scan = Scan(root, [])
    groups: dict[str, list[tuple[Path, int, int]]] = defaultdict(list)
    for path, size, mtime in _walk(root):
        scan.num_files += 1
        if path.name == "inventory.json" and path.parent == root:
            scan.skipped["not DICOM"] += 1
            continue
        if size == 0:
            scan.skipped["empty file"] += 1
            continue
        if zipfile.is_zipfile(path):
            scan.skipped["archive inside the source (unpack it, or give it as the source)"] += 1
            continue
        head = _read_head(path)
        if head is None:
            scan.skipped["file cannot be opened"] += 1
            continue
        found = _STUDY_UID.search(head)
        uid = found[1].rstrip(b"\0 ").decode() if found else ""
        if not found and head[128:132] != b"DICM" and not _looks_like_dicom(head):
            scan.skipped["not DICOM"] += 1
            continue
        groups[uid].append((path, size, mtime))
    for uid in sorted(groups, key=lambda uid: (not uid, min(str(entry[0]) for entry in groups[uid]))):
        entries = sorted(groups[uid])
        scan.studies.append(StudyFiles(uid, root, tuple(entry[0] for entry in entries), _digest(root, entries)))
    return scan


def _walk(root: Path) -> Iterator[tuple[Path, int, int]]:
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
                yield Path(entry.path), status.st_size, status.st_mtime_ns


def _read_head(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return None


def _looks_like_dicom(head: bytes) -> bool:
    """A data set without preamble: its first element belongs to group 0002 or 0008."""
    return head[:2] in (b"\x02\x00", b"\x08\x00") and head[3:4] == b"\x00"


def _digest(root: Path, entries: list[tuple[Path, int, int]]) -> str:
    text = "\n".join(f"{path.relative_to(root).as_posix()}\t{size}\t{mtime}" for path, size, mtime in entries)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _unpack(source: Path, folder: Path) -> None:
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_members([(member.filename, member.file_size) for member in members])
            for member in members:
                target = folder / member.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as data, target.open("wb") as out:
                    shutil.copyfileobj(data, out)
        return
    if tarfile.is_tarfile(source):
        with tarfile.open(source) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            _check_members([(member.name, member.size) for member in members])
            for member in members:
                archive.extract(member, folder, filter="data")
        return
    raise SourceError(f"{source.name} is no folder, zip or tar: give the folder that holds the DICOM files.")


def _check_members(members: list[tuple[str, int]]) -> None:
    for name, _ in members:
        parts = Path(name).parts
        if Path(name).is_absolute() or ".." in parts or "\\" in name:
            raise SourceError("The archive holds a path that leaves it: unpack it yourself and check it.")
    if len(members) > _MAX_MEMBERS or sum(size for _, size in members) > _MAX_UNPACKED_BYTES:
        raise SourceError("The archive unpacks to more than 200 GiB: unpack it yourself and give the folder.")
