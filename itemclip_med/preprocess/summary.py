"""What a run of a recipe did: counts, reasons, and a log without identifiers."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from itemclip_med.store.files import LineAppender, telling_disk_errors

_FEW = 3  # ids that a line names; all stand in the log


@dataclass
class Summary:
    """Counts of one run.

    Attributes:
        recipe: name of the recipe.
        store: the store.
        num_stored: studies stored by this run.
        num_known: studies that were there before.
        num_failed: studies that should be there and are not.
        num_skipped: studies without a series that the recipe wants.
        num_series: series stored by this run.
        failures: reason to number of studies.
        series_left_out: reason to number of series, over all studies.
        files_skipped: reason to number of files, over all studies.
        files_found: files seen.
        num_labeled: studies of the store with labels, None where no labels were given.
        num_reports: studies of the store with items, None where no reports were given.
        unmatched: "labels" and "reports" to the number of their entries without a study, "studies without labels" and
            "studies without reports" to that of studies.
        unmatched_ids: the same names to the ids, for data sets whose ids are public.
        rows_not_used: table and kind of wrong to the number of its rows.
        notes: sentences for the user.
        seconds: duration.
        log_path: the log, None for a check.
        key_path: the key of the ids, None where nothing is hashed.
        page_path: the quality page, None where none was written.
    """

    recipe: str
    store: Path
    num_stored: int = 0
    num_known: int = 0
    num_failed: int = 0
    num_skipped: int = 0
    num_series: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    series_left_out: Counter[str] = field(default_factory=Counter)
    files_skipped: Counter[str] = field(default_factory=Counter)
    files_found: int = 0
    num_labeled: int | None = None
    num_reports: int | None = None
    unmatched: dict[str, int] = field(default_factory=dict)
    unmatched_ids: dict[str, list[str]] = field(default_factory=dict)
    rows_not_used: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    log_path: Path | None = None
    key_path: Path | None = None
    page_path: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """The summary for ``--json``."""
        values = dict(vars(self))
        for name in ("store", "log_path", "key_path", "page_path"):
            values[name] = None if values[name] is None else str(values[name])
        for name in ("failures", "series_left_out", "files_skipped", "rows_not_used"):
            values[name] = dict(sorted(values[name].items()))
        values["seconds"] = round(self.seconds, 2)
        return values

    def lines(self) -> list[str]:
        """The summary for people."""
        lines = [
            f"{self.num_stored} studies stored ({self.num_series} series), {self.num_known} known before, "
            f"{self.num_skipped} skipped, {self.num_failed} failed; {self.seconds:.1f} s"
        ]
        for title, counts in (
            ("failed", self.failures),
            ("series left out", self.series_left_out),
            ("files skipped", self.files_skipped),
            ("rows not used", self.rows_not_used),
        ):
            lines += [f"  {title}: {number} x {reason}" for reason, number in counts.most_common()]
        if self.num_labeled is not None:
            lines.append(f"{self.num_labeled} studies with labels, {self._without('labels')}")
        if self.num_reports is not None:
            lines.append(f"{self.num_reports} studies with items, {self._without('reports')}")
        lines += [
            f"  {number} {what}" for what, number in self.unmatched.items() if what.startswith("slices") and number
        ]
        lines += self.notes
        if self.key_path is not None:
            lines.append(f"ids are hashed with the key {self.key_path}: keep it, it is needed to resume and to join")
        if self.log_path is not None:
            lines.append(f"log: {self.log_path}")
        if self.page_path is not None:
            lines.append(f"quality page: {self.page_path}")
        return lines

    def _without(self, what: str) -> str:
        """Both ways: rows without a study and studies without a row, a few of them named."""
        other = f"studies without {what}"
        text = f"{self.unmatched.get(what, 0)} {what} without a study{self._few(what)}"
        if self.unmatched.get(other):
            text += f", {self.unmatched[other]} {other}{self._few(other)}"
        return text

    def _few(self, what: str) -> str:
        ids = self.unmatched_ids.get(what, [])
        return f" ({', '.join(ids[:_FEW])}{', …' if len(ids) > _FEW else ''})" if ids else ""


class RunLog:
    """A JSONL log of one run, appended line by line; it holds ids of the store and numbers only.

    Args:
        path: the file; earlier runs are kept.

    Raises:
        StoreError: if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with telling_disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = LineAppender(path, sync=False)

    def write(self, event: str, **values: Any) -> None:
        """Append one line: time, event, and what is given.

        Raises:
            StoreError: if the disk is full.
        """
        line: Mapping[str, Any] = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **values}
        with telling_disk_errors(self.path):
            self._file.append((json.dumps(line, ensure_ascii=False) + "\n").encode())

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def default_log_path(store: Path) -> Path:
    """Beside the store, so that two stores of the same studies stay equal byte for byte."""
    store = store.absolute()
    return store.parent / f"{store.name}.log.jsonl"


def default_page_path(store: Path) -> Path:
    """Of the quality page: beside the store, for the same reason."""
    store = store.absolute()
    return store.parent / f"{store.name}.quality.html"
