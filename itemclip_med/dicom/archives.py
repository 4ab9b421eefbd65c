"""Archives as a source or inside one: zip, tar and gz, unpacked with guards into a folder that is removed later."""

from __future__ import annotations

import calendar
import gzip
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

MAX_UNPACKED_BYTES = 200 * 2**30
MAX_MEMBERS = 5_000_000
MAX_DEPTH = 3
_MAX_RATIO = 200  # unpacked to packed; DICOM stays below 20, a bomb near 1,000
_RATIO_FROM_BYTES = 2**30
_SPARE_BYTES = 2**30  # left free on the disk
_CHUNK_BYTES = 2**20
_ENCRYPTED = 0x1
_UNIX_LINK = 0xA


class ArchiveRefused(Exception):
    """Why an archive was not unpacked: one of a closed list of reasons, without names from inside of it."""


@dataclass
class Budget:
    """What may still be unpacked under one source.

    Attributes:
        bytes: size of all files.
        members: their number.
    """

    bytes: int = MAX_UNPACKED_BYTES
    members: int = MAX_MEMBERS


def archive_kind(head: bytes) -> str:
    """Tell "zip", "gz" or "tar" by the first 512 bytes of a file; "" for anything else, DICOM above all."""
    if head[128:132] == b"DICM":
        return ""
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head[:3] == b"\x1f\x8b\x08":
        return "gz"
    return "tar" if head[257:262] == b"ustar" else ""


def archive_stem(name: str) -> str:
    """The name of an archive without its ending."""
    stem = PurePosixPath(name).name
    for ending in (".gz", ".tgz", ".tar", ".zip"):
        if stem.lower().endswith(ending) and len(stem) > len(ending):
            stem = stem[: -len(ending)]
    return stem


def unpack(path: Path, kind: str, folder: Path, budget: Budget) -> int:
    """Unpack the files of an archive into a folder, with their times, so that a digest of them is the same again.

    Args:
        path: the archive.
        kind: from :func:`archive_kind`; "tar" also for a compressed one.
        folder: an empty folder.
        budget: is charged for what is unpacked.

    Returns:
        How many members were links or devices, which are left out.

    Raises:
        ArchiveRefused: if a path leaves the archive, it is encrypted, damaged, unpacks to too much or does not fit on
            the disk. What was unpacked until then is removed.
    """
    writer = _Writer(folder, path.stat().st_size, budget)
    try:
        return {"zip": _unpack_zip, "tar": _unpack_tar, "gz": _unpack_gz}[kind](path, writer)
    except ArchiveRefused:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except (
        OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError
    ) as error:  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
        raise ArchiveRefused("it is damaged or in a form that is not read") from error


@dataclass
class _Writer:
    """Writes members below a folder and counts what they really unpack to, whatever the archive says."""

    folder: Path
    packed_bytes: int
    budget: Budget
    written_bytes: int = 0
    checked_bytes: int = 0

    def check(self, sizes: list[int]) -> None:
        """Refuse by what an archive says of itself, before anything is written."""
        if len(sizes) > self.budget.members:
            raise ArchiveRefused("it holds too many files")
        self._check_total(sum(sizes))

    def write(self, data: IO[bytes] | gzip.GzipFile, name: str, seconds: float) -> None:
        """Write one member; a second one of the same name gets a number."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while target.exists():
            number += 1
            target = self.folder / f"{name}~{number}"
        self.budget.members -= 1
        if self.budget.members < 0:
            raise ArchiveRefused("it holds too many files")
        with target.open("xb") as out:
            while chunk := data.read(_CHUNK_BYTES):
                self.written_bytes += len(chunk)
                self.budget.bytes -= len(chunk)
                if self.written_bytes > self.checked_bytes:
                    self._check_total(self.written_bytes + 64 * _CHUNK_BYTES - len(chunk))
                out.write(chunk)
        os.utime(target, (seconds, seconds))

    def _check_total(self, total: int) -> None:
        left = total - self.written_bytes
        if left > self.budget.bytes or (total > _RATIO_FROM_BYTES and total > _MAX_RATIO * self.packed_bytes):
            raise ArchiveRefused("it unpacks to too much")
        if left + _SPARE_BYTES > shutil.disk_usage(self.folder).free:
            raise ArchiveRefused("it does not fit on the disk of temporary files (TMPDIR)")
        self.checked_bytes = total


def _unpack_zip(path: Path, writer: _Writer) -> int:
    left_out = 0
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if any(member.flag_bits & _ENCRYPTED for member in members):
            raise ArchiveRefused("it is encrypted")
        names = [_safe_name(member.filename) for member in members]
        writer.check([member.file_size for member in members])
        for member, name in zip(members, names, strict=True):
            if member.external_attr >> 28 == _UNIX_LINK:
                left_out += 1
                continue
            with archive.open(member) as data:
                writer.write(data, name, _seconds(member.date_time))
    return left_out


def _unpack_tar(path: Path, writer: _Writer) -> int:
    left_out = 0
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isdir():
                continue
            data = archive.extractfile(member) if member.isfile() else None
            if data is None:
                left_out += 1
                continue
            writer.write(data, _safe_name(member.name), member.mtime)
    return left_out


def _unpack_gz(path: Path, writer: _Writer) -> int:
    with gzip.open(path) as data:
        name = path.name[:-3] if path.name.lower().endswith(".gz") and len(path.name) > 3 else f"{path.name}.unpacked"
        writer.write(data, name, path.stat().st_mtime)
    return 0


def _safe_name(name: str) -> str:
    """A member's path, or a refusal where it is absolute, goes upward or cannot be a path."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    is_bad = not parts or ".." in parts or name.startswith(("/", "\\")) or "\0" in name or parts[0][1:2] == ":"
    if is_bad:
        raise ArchiveRefused("it holds a path that leaves it")
    return "/".join(parts)


def _seconds(date_time: tuple[int, ...]) -> float:
    """A zip's time, read as UTC so that it is the same everywhere."""
    try:
        return float(calendar.timegm((*date_time, 0, 0, 0)))
    except (ValueError, OverflowError):
        return 0.0
