"""Itemize a whole file: workers, a line for every row without items, the same output for any number of workers."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from itemclip_med.reports.itemize import ItemizedReport, itemize
from itemclip_med.reports.readers import ReportRow, one_per_study, read_rows
from itemclip_med.reports.scrubbing import scrub
from itemclip_med.workers import worker_pool

_CHUNK = 256


@dataclass(slots=True)
class ItemizeSummary:
    """What became of the rows of a source.

    Attributes:
        num_reports: rows with items.
        num_items: items in all, by status.
        num_normal: normal studies.
        empty: (row, reason) of rows without usable text; they are written with no items.
        failed: (row, reason) of rows that could not be read; they are not written.
        num_repeats: further volumes of studies that are written once.
    """

    num_reports: int = 0
    num_items: Counter[str] = field(default_factory=Counter)
    num_normal: int = 0
    empty: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    num_repeats: int = 0

    def lines(self) -> Iterator[str]:
        """One line for every row without items, then the counts."""
        for where, reason in self.failed:
            yield f"{where}: failed: {reason}"
        for where, reason in self.empty:
            yield f"{where}: no items: {reason}"
        statuses = ", ".join(f"{number} {status}" for status, number in sorted(self.num_items.items()))
        yield (
            f"{self.num_reports} reports itemized ({self.num_normal} normal), {sum(self.num_items.values())} items"
            f"{f' ({statuses})' if statuses else ''}, {len(self.empty)} without usable text, "
            f"{len(self.failed)} rows failed"
        )
        if self.num_repeats:
            yield f"{self.num_repeats} rows are further volumes of these studies, with the same report"


def itemize_file(
    source: Path | str,
    out: Path | str,
    *,
    id_column: str | None = None,
    text_column: str | None = None,
    per_study: bool = False,
    collapse_normal: bool = True,
    scrub_identifiers: bool = True,
    workers: int = 0,
) -> ItemizeSummary:
    """Itemize every report of a source into a JSONL file.

    Args:
        source: JSONL, CSV, TSV, XLSX, a text file or a folder of them.
        out: the JSONL file; replaced as a whole when all rows are done.
        id_column: of the ids, guessed without it.
        text_column: of the reports, guessed without it; several with commas.
        per_study: one line for all volumes of a study (:func:`one_per_study`).
        collapse_normal: one item for a normal study.
        scrub_identifiers: replace obvious identifiers in items.
        workers: processes; 0 works in this one. The output does not depend on it.

    Returns:
        The summary.

    Raises:
        FormatError: if the source as a whole cannot be read.
    """
    out = Path(out)
    summary = ItemizeSummary()
    rows = iter(read_rows(source, id_column=id_column, text_column=text_column))
    rows = one_per_study(rows) if per_study else rows
    temporary = out.with_name(f"{out.name}.part")
    seen: set[str] = set()
    options = (collapse_normal, scrub_identifiers)
    first = list(islice(rows, 1))  # so that a source that cannot be read leaves no file behind
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        for row, result in _results(_chain(first, rows), options, workers):
            line = record(row, result, summary, seen)
            if line is not None:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    os.replace(temporary, out)
    return summary


def _chain(first: Sequence[ReportRow], rows: Iterator[ReportRow]) -> Iterator[ReportRow]:
    yield from first
    yield from rows


def record(
    row: ReportRow, result: ItemizedReport | str | None, summary: ItemizeSummary, seen: set[str]
) -> dict[str, Any] | None:
    """The output line of a row; None where it failed.

    Args:
        row: as read.
        result: its items; None or the reason where it failed.
        summary: is told what became of the row.
        seen: ids so far; the row's is added.
    """
    if row.is_repeat:
        summary.num_repeats += 1
        return None
    if row.problem is not None or result is None or isinstance(result, str):
        summary.failed.append((row.where, row.problem or str(result)))
        return None
    if row.study_id in seen:
        summary.failed.append((row.where, "its id stood before; keep one of the rows"))
        return None
    seen.add(row.study_id)
    values: dict[str, Any] = {"id": row.study_id, **row.fields}
    values["items"] = [item.to_dict() for item in result.items]
    values["is_normal"] = result.is_normal
    if result.reason is not None:
        values["reason"] = result.reason
        summary.empty.append((row.where, result.reason))
        return values
    summary.num_reports += 1
    summary.num_normal += result.is_normal is True
    summary.num_items.update(item.status for item in result.items)
    return values


def _results(
    rows: Iterator[ReportRow], options: tuple[bool, bool], workers: int
) -> Iterator[tuple[ReportRow, ItemizedReport | str | None]]:
    if workers < 1:
        for row in rows:
            yield row, _one(row.text, options)
        return
    with worker_pool(workers) as pool:
        waiting: list[tuple[list[ReportRow], Any]] = []
        while True:
            chunk = list(islice(rows, _CHUNK))
            if chunk:
                waiting.append((chunk, pool.submit(_many, [row.text for row in chunk], options)))
            if not waiting:
                return
            if not chunk or len(waiting) > 2 * workers:
                done, future = waiting.pop(0)
                yield from zip(done, future.result(), strict=True)


def _many(texts: Sequence[str | None], options: tuple[bool, bool]) -> list[ItemizedReport | str | None]:
    return [_one(text, options) for text in texts]


@lru_cache(maxsize=256)
def _one(text: str | None, options: tuple[bool, bool]) -> ItemizedReport | str | None:
    """Items of one text; CT-RATE repeats a text for every reconstruction, hence the cache."""
    if text is None:
        return None
    try:
        result = itemize(text, collapse_normal=options[0])
        return scrub(result) if options[1] else result
    except Exception as error:  # one report must not end a run of many; its row is told
        return f"internal error ({type(error).__name__}); please report it with a made-up text of the same shape"


def read_items(path: Path | str) -> Iterable[dict[str, Any]]:
    """Lines of an items file, as dictionaries.

    Args:
        path: JSONL as :func:`itemize_file` writes it.

    Yields:
        One study each.

    Raises:
        FormatError: if a line is no such object; names the line.
    """
    from itemclip_med.errors import FormatError

    path = Path(path)
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
                if not isinstance(values["items"], list) or not all(
                    isinstance(item["text"], str) for item in values["items"]
                ):
                    raise ValueError
                values["id"] = str(values["id"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise FormatError(
                    f"{path.name}, line {number}: expected an object with id and items (text, status)."
                ) from error
            yield values
