"""Writing a store: one writer at a time, nothing lost when it stops, the same bytes whatever the order."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from itemclip_med.errors import StoreError
from itemclip_med.records import Report, Study
from itemclip_med.store.arrays import write_array
from itemclip_med.store.manifest import (
    ITEMS,
    MANIFEST,
    STORE_FILE,
    STORE_VERSION,
    check_version,
    escape,
    read_lines,
    read_manifest,
    study_from_dict,
    study_to_line,
    write_atomically,
)


class StoreWriter:
    """Adds studies to a store; a context manager.

    Arrays are written first, then the study's line; on leaving, the manifest is sorted and rewritten, so that two
    stores of the same studies are equal byte for byte however often the writing was interrupted.

    Args:
        root: folder of the store, made if it does not exist.

    Raises:
        StoreError: if the folder holds something else, a store of another version, or another writer is at work.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        if self.root.exists() and not (self.root / STORE_FILE).exists() and any(self.root.iterdir()):
            raise StoreError(f"{self.root} exists and is no store: name a new folder.")
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = (self.root / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StoreError(f"{self.root} is being written by another process: wait for it or stop it.") from error
        try:
            if (self.root / STORE_FILE).exists():
                check_version(self.root)
            else:
                write_atomically(self.root / STORE_FILE, json.dumps({"version": STORE_VERSION}) + "\n")
            self._studies = {study.study_id: study for study in read_manifest(self.root)}
        except BaseException:
            self._lock.close()
            raise
        self._drop_torn_line()
        self._file = (self.root / MANIFEST).open("a", encoding="utf-8", newline="\n")

    @property
    def known_sources(self) -> dict[str, str]:
        """Source digest to study id of what is stored."""
        return {study.source_digest: study.study_id for study in self._studies.values() if study.source_digest}

    @property
    def study_ids(self) -> set[str]:
        """Ids of what is stored."""
        return set(self._studies)

    def add(self, study: Study, arrays: Sequence[np.ndarray]) -> Study:
        """Write the arrays of a study and then its line.

        Args:
            study: its ``series`` in the order of the arrays; path, dtype and shape are filled in.
            arrays: (X, Y, Z) each.

        Returns:
            The study as it stands in the manifest.
        """
        return self.commit(write_arrays(self.root, study, arrays))

    def commit(self, study: Study) -> Study:
        """Append the line of a study whose arrays :func:`write_arrays` wrote, perhaps in another process."""
        self._file.write(study_to_line(study))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._studies[study.study_id] = study
        return study

    def update(self, study: Study) -> None:
        """Replace what is known of a study (labels, split); its arrays stay."""
        if study.study_id not in self._studies:
            raise StoreError(f"Study {study.study_id} is not in the store.")
        if study != self._studies[study.study_id]:
            self.commit(study)

    def close(self) -> None:
        """Sort and rewrite the manifest, and let other writers in."""
        if self._lock.closed:
            return
        self._file.close()
        lines = [study_to_line(self._studies[study_id]) for study_id in sorted(self._studies)]
        write_atomically(self.root / MANIFEST, "".join(lines))
        with contextlib.suppress(OSError):
            (self.root / ".lock").unlink()
        self._lock.close()

    def _drop_torn_line(self) -> None:
        path = self.root / MANIFEST
        if path.exists():
            data = path.read_bytes()
            if data and not data.endswith(b"\n"):
                with path.open("rb+") as file:
                    file.truncate(data.rfind(b"\n") + 1)

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def write_arrays(root: Path | str, study: Study, arrays: Sequence[np.ndarray]) -> Study:
    """Write a study's arrays without touching the manifest; any number of processes may do so at once.

    Raises:
        StoreError: if there are not as many arrays as series.
    """
    if len(arrays) != len(study.series):
        raise StoreError(f"Study {study.study_id}: {len(arrays)} arrays for {len(study.series)} series.")
    series = []
    for number, (entry, array) in enumerate(zip(study.series, arrays, strict=True)):
        relative = f"volumes/{escape(study.study_id)}/{number}.b2nd"
        write_array(Path(root) / relative, array)
        series.append(replace(entry, path=relative, dtype=array.dtype.name, shape=tuple(array.shape)))
    return replace(study, series=tuple(series))


def write_items(root: Path | str, reports: Iterable[Report]) -> None:
    """Write the items of a store's studies, replacing those of the same studies."""
    root = Path(root)
    check_version(root)
    known = {report["study_id"]: report for report in read_lines(root / ITEMS)}
    for report in reports:
        known[report.study_id] = {
            "study_id": report.study_id,
            "items": [item.to_dict() for item in report.items],
            "is_normal": report.is_normal,
        }
    lines = [json.dumps(known[key], sort_keys=True, ensure_ascii=False) + "\n" for key in sorted(known)]
    write_atomically(root / ITEMS, "".join(lines))


__all__ = ["StoreWriter", "study_from_dict", "write_arrays", "write_items"]
