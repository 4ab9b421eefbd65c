"""Files of a store: whole or not there, on the disk before they count, one writer at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from itemclip_med.errors import StoreError

PART = ".part"
LOCK = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BLOCK = 2**16


def write_whole(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write a file under a temporary name, flush it to the disk, rename it; nothing is left where that fails.

    The temporary name holds the process's number: a worker whose parent was killed may still be writing the same file.

    Raises:
        OSError: if the disk is full or does not take it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        with temporary.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Bring renames in a folder to the disk, where its file system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def disk_error(root: Path, error: OSError) -> StoreError:
    """What a user can do about a write that failed; what is stored is not touched by it."""
    if error.errno in _FULL:
        return StoreError(
            f"No space is left for {root} ({error.strerror}): what is stored so far is kept. Make room and run the "
            "same command again."
        )
    return StoreError(
        f"{root} cannot be written ({error.strerror or type(error).__name__}): what is stored so far is kept. Mend "
        "that and run the same command again."
    )


@contextlib.contextmanager
def telling_disk_errors(root: Path) -> Iterator[None]:
    """Turn the OSError of a write into :func:`disk_error`."""
    try:
        yield
    except OSError as error:
        raise disk_error(root, error) from error


def whole_length(path: Path) -> int:
    """Bytes up to the last newline of a file: what follows was torn by an interruption."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        while position:
            start = max(0, position - _BLOCK)
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            position = start
    return 0


class LineAppender:
    """Appends whole lines to a file, each on the disk before :meth:`append` returns; a torn last line is cut off.

    Args:
        path: the file, made where it does not exist.
        sync: wait for the disk; without, a line survives the end of the process but perhaps not of the machine.

    Raises:
        OSError: if it cannot be opened or cut.
    """

    def __init__(self, path: Path, *, sync: bool = True) -> None:
        self._sync = sync
        self._file = path.open("ab", buffering=0)
        try:
            self._end = whole_length(path)
            if self._end < path.stat().st_size:
                self._file.truncate(self._end)
        except BaseException:
            self._file.close()
            raise

    def append(self, line: bytes) -> int:
        """Append one line, and take back what was written of it where the disk does not take all.

        Returns:
            Where it starts.

        Raises:
            OSError: as the disk says.
        """
        start, rest = self._end, memoryview(line)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            if self._sync:
                os.fsync(self._file.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                self._file.truncate(start)
            raise
        self._end = start + len(line)
        return start

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def take_lock(root: Path) -> IO[str]:
    """Become the one writer of a store; closing the file lets others in.

    Raises:
        StoreError: if another writer is at work.
        OSError: if the lock cannot be made.
    """
    path = root / LOCK
    while True:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise StoreError(f"{root} is being written by another process: wait for it or stop it.") from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # its writer left in between and took the file with it


def release_lock(root: Path, file: IO[str]) -> None:
    """Let other writers in."""
    with contextlib.suppress(OSError):
        (root / LOCK).unlink()
    file.close()


def is_being_written(root: Path) -> bool:
    """True while another process holds the lock."""
    try:
        with (root / LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
