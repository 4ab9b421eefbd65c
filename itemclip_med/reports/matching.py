"""Many patterns as two: those that can only match at the start of a text are tried there and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable


class RowMatcher:
    """Search a text for any row of a table; a table of a hundred rows then costs little more than its free half.

    Args:
        rows: (name, pattern, example); patterns on lower case.
    """

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        parts = [part for _, pattern, _ in rows for part in split_alternatives(pattern)]
        anchored = [part for part in parts if part.startswith("^")]
        free = [part for part in parts if not part.startswith("^")]
        self._anchored = re.compile("|".join(f"(?:{part[1:]})" for part in anchored)) if anchored else None
        self._free = re.compile("|".join(f"(?:{part})" for part in free)) if free else None

    def search(self, text: str) -> re.Match[str] | None:
        """The first match, or None.

        Args:
            text: in lower case.
        """
        found = self._anchored.match(text) if self._anchored else None
        return found or (self._free.search(text) if self._free else None)


def split_alternatives(pattern: str) -> list[str]:
    """The alternatives of a pattern outside its brackets.

    Args:
        pattern: a regular expression.
    """
    parts, start, depth, in_class, index = [], 0, 0, False, 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\":
            index += 2
            continue
        if in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            if pattern[index + 1 : index + 2] in ("]", "^"):
                index += 1
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            parts.append(pattern[start:index])
            start = index + 1
        index += 1
    return [*parts, pattern[start:]]
