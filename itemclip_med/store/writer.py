"""Writing a store: one writer at a time, nothing lost when it stops, the same bytes whatever the order."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from itemclip_med.errors import StoreError
from itemclip_med.records import Report, Study
from itemclip_med.store.arrays import write_array
from itemclip_med.store.files import (
    LOCK,
    PART,
    LineAppender,
    release_lock,
    sync_folder,
    take_lock,
    telling_disk_errors,
    write_whole,
)
from itemclip_med.store.manifest import (
    ITEMS,
    MANIFEST,
    STORE_FILE,
    STORE_TEXT,
    VOLUMES,
    check_version,
    escape,
    from_line,
    raw_lines,
    read_reports,
    report_to_line,
    study_from_dict,
    study_to_line,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where the line of a study stands, and what a run asks about it; whole studies would fill the memory."""

    start: int
    length: int
    source_digest: str
    recipe_digest: str


class StoreWriter:
    """Adds studies to a store; a context manager.

    Arrays are written first, then the study's line; on leaving, the manifest is sorted and rewritten, so that two
    stores of the same studies are equal byte for byte however often the writing was interrupted. Where the disk is
    full, what was added before stays, and a later run goes on from there.

    Args:
        root: folder of the store, made if it does not exist.

    Raises:
        StoreError: if the folder holds something else, a store of another version or a damaged manifest, cannot be
            written, or another writer is at work.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        if self.root.exists() and not (self.root / STORE_FILE).exists() and not _is_begun(self.root):
            raise StoreError(f"{self.root} exists and is no store: name a new folder.")
        with telling_disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock = take_lock(self.root)
        try:
            with telling_disk_errors(self.root):
                self._remove_unfinished()
                if (self.root / STORE_FILE).exists():
                    check_version(self.root)
                else:
                    write_whole(self.root / STORE_FILE, [STORE_TEXT])
                self._appender = LineAppender(self.root / MANIFEST)
            self._entries = self._read_entries()
        except BaseException:
            release_lock(self.root, self._lock)
            raise

    @property
    def known_sources(self) -> dict[str, str]:
        """Source digest to study id of what is stored."""
        return {entry.source_digest: study_id for study_id, entry in self._entries.items() if entry.source_digest}

    @property
    def recipe_digests(self) -> dict[str, str]:
        """Study id to the digest of the recipe that made it."""
        return {study_id: entry.recipe_digest for study_id, entry in self._entries.items()}

    @property
    def study_ids(self) -> set[str]:
        """Ids of what is stored."""
        return set(self._entries)

    def add(self, study: Study, arrays: Sequence[np.ndarray]) -> Study:
        """Write the arrays of a study and then its line.

        Args:
            study: its ``series`` in the order of the arrays; path, dtype, shape and checksum are filled in.
            arrays: (X, Y, Z) each.

        Returns:
            The study as it stands in the manifest.

        Raises:
            StoreError: if an array cannot be stored, or the disk is full.
        """
        return self.commit(write_arrays(self.root, study, arrays))

    def commit(self, study: Study) -> Study:
        """Put the arrays that :func:`write_arrays` wrote, perhaps in another process, in place, and append the line.

        Raises:
            StoreError: if the disk is full; the manifest is as it was before.
        """
        line = study_to_line(study)
        with telling_disk_errors(self.root):
            self._move_in(study)
            start = self._appender.append(line)
        self._entries[study.study_id] = _Entry(start, len(line), study.source_digest, study.recipe_digest)
        return study

    def discard(self, study: Study) -> None:
        """Remove the arrays that :func:`write_arrays` wrote for a study that is not to be stored."""
        shutil.rmtree(_staged(self.root, study), ignore_errors=True)

    def update(self, study: Study) -> None:
        """Replace what is known of a study (labels, split); its arrays stay.

        Raises:
            StoreError: if it is not in the store, or the disk is full.
        """
        entry = self._entries.get(study.study_id)
        if entry is None:
            raise StoreError(f"Study {study.study_id} is not in the store.")
        with (self.root / MANIFEST).open("rb") as file:
            file.seek(entry.start)
            known = file.read(entry.length)
        if study_to_line(study) != known:
            self.commit(study)

    def close(self) -> None:
        """Sort and rewrite the manifest, and let other writers in.

        Raises:
            StoreError: if the disk is full; every line is still there, in the order of writing.
        """
        if self._lock.closed:
            return
        try:
            self._appender.close()
            with telling_disk_errors(self.root):
                self._remove_unfinished()
                self._sort_lines()
        finally:
            release_lock(self.root, self._lock)

    def _move_in(self, study: Study) -> None:
        staged = _staged(self.root, study)
        if not staged.is_dir():
            return  # its arrays stay as they are
        folder = self.root / VOLUMES / escape(study.study_id)
        old = folder.with_name(f".{folder.name}.old{PART}")
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        staged.rename(folder)
        sync_folder(folder.parent)
        shutil.rmtree(old, ignore_errors=True)

    def _remove_unfinished(self) -> None:
        """Remove what a stopped run, or a worker that outlived it for a moment, was just writing."""
        for folder in (self.root, self.root / VOLUMES):
            with os.scandir(folder) if folder.is_dir() else contextlib.nullcontext(()) as entries:
                unfinished = [
                    entry.path for entry in entries if entry.name.startswith(".") and entry.name.endswith(PART)
                ]
            for path in unfinished:
                remove(Path(path))

    def _sort_lines(self) -> None:
        path = self.root / MANIFEST
        wanted = [self._entries[study_id] for study_id in sorted(self._entries)]
        starts = [entry.start for entry in wanted]
        if starts == sorted(starts) and sum(entry.length for entry in wanted) == path.stat().st_size:
            return
        with path.open("rb") as file:
            write_whole(path, (_read_at(file, entry) for entry in wanted))
        sync_folder(self.root)

    def _read_entries(self) -> dict[str, _Entry]:
        entries, start = {}, 0
        for number, line in raw_lines(self.root / MANIFEST):
            study = study_from_dict(from_line(line, f"{MANIFEST}, line {number}"))
            entries[study.study_id] = _Entry(start, len(line), study.source_digest, study.recipe_digest)
            start += len(line)
        return entries

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StoreError:
            if error is None:  # else the first error says it already
                raise


def _read_at(file: IO[bytes], entry: _Entry) -> bytes:
    file.seek(entry.start)
    return file.read(entry.length)


def _is_begun(root: Path) -> bool:
    """True for a folder in which a writer was stopped before it had written anything."""
    return root.is_dir() and all(path.name == LOCK or path.name.endswith(PART) for path in root.iterdir())


def write_arrays(root: Path | str, study: Study, arrays: Sequence[np.ndarray]) -> Study:
    """Write a study's arrays beside the volumes, for :meth:`StoreWriter.commit` to put in place.

    Any number of processes may do so at once, and nothing that is stored is touched: a study that turns out to be there
    already can still be discarded.

    Returns:
        The study with path, type, shape and checksum of each series filled in.

    Raises:
        StoreError: if there are not as many arrays as series, an array cannot be stored, or the disk is full.
    """
    if len(arrays) != len(study.series):
        raise StoreError(f"Study {study.study_id}: {len(arrays)} arrays for {len(study.series)} series.")
    root, series = Path(root), []
    folder = root / VOLUMES / escape(study.study_id)
    working = folder.with_name(f".{folder.name}.{os.getpid()}{PART}")
    with telling_disk_errors(root):
        shutil.rmtree(working, ignore_errors=True)
        working.mkdir(parents=True)
        for number, (entry, array) in enumerate(zip(study.series, arrays, strict=True)):
            name = f"{number}.b2nd"
            sha256 = write_array(working / name, array)
            x, y, z = array.shape
            path = (folder / name).relative_to(root).as_posix()
            series.append(replace(entry, path=path, dtype=array.dtype.name, shape=(x, y, z), sha256=sha256))
        sync_folder(working)
        study = replace(study, series=tuple(series))
        staged = _staged(root, study)
        shutil.rmtree(staged, ignore_errors=True)
        working.rename(staged)
    return study


def _staged(root: Path, study: Study) -> Path:
    """Where the arrays of a study wait: a name of their own for other arrays of the same id."""
    digest = hashlib.sha256("".join(series.sha256 for series in study.series).encode()).hexdigest()[:16]
    return root / VOLUMES / f".{escape(study.study_id)}.{digest}{PART}"


def write_items(root: Path | str, reports: Iterable[Report]) -> None:
    """Write the items of a store's studies, replacing those of the same studies.

    Raises:
        StoreError: if the items cannot be read, the disk is full, or another writer is at work.
    """
    root = Path(root)
    check_version(root)
    with writing(root), telling_disk_errors(root):
        known = read_reports(root) | {report.study_id: report for report in reports}
        write_whole(root / ITEMS, (report_to_line(known[study_id]) for study_id in sorted(known)))


@contextlib.contextmanager
def writing(root: Path) -> Iterator[None]:
    """Be the one writer of a store for a while.

    Raises:
        StoreError: if another writer is at work, or the folder cannot be written.
    """
    with telling_disk_errors(root):
        lock = take_lock(root)
    try:
        yield
    finally:
        release_lock(root, lock)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
