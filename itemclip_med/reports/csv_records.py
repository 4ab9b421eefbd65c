"""Records of a CSV that tell a quote which never closes: it would swallow the rest of the file without a word."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator


class Records:
    """Rows of a CSV.

    Args:
        lines: of the file, with their ends.
        delimiter: between values.

    Raises:
        csv.Error: by ``next``, at a row that is none, and at a quote that never closes.
    """

    def __init__(self, lines: Iterable[str], delimiter: str) -> None:
        self._raw: list[str] = []
        self._ended = False
        self._reader = csv.reader(self._tracked(lines), delimiter=delimiter)

    def _tracked(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self._raw.append(line)
            yield line
        self._ended = True

    def __iter__(self) -> Records:
        return self

    def __next__(self) -> list[str]:
        self._raw.clear()
        row = next(self._reader)
        if self._ended and len(self._raw) > 1 and sum(line.count('"') for line in self._raw) % 2:
            raise csv.Error(f"a quote opens here and never closes; {len(self._raw) - 1} lines behind it are not read")
        return row
