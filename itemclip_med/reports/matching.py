"""Many patterns as a few, and none asked where a word that it needs is not in the text.

Most statements hold none of the words that a table of cues looks for. To look for a plain word costs a hundredth of
what a pattern costs, so every pattern is asked only where one of its words stands in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

try:
    from re import _parser as _syntax  # the only reader of patterns that Python has; without it nothing is skipped
except ImportError:  # pragma: no cover
    _syntax = None  # type: ignore[assignment]

_SPACE = ord(" ")  # may be the end of a line in the text
_MAX_WORDS = 60  # more are as slow to look for as the pattern itself


class WordGate:
    """A pattern that is asked only where the text holds one of the words it cannot do without.

    Args:
        pattern: a regular expression on lower case.
    """

    __slots__ = ("_pattern", "_words")

    def __init__(self, pattern: str | re.Pattern[str]) -> None:
        self._pattern = re.compile(pattern)
        self._words = needed_words(self._pattern.pattern)

    def may_match(self, text: str) -> bool:
        """Whether the text, or a part of it, may match; False is certain.

        Args:
            text: in lower case.
        """
        if not self._words:
            return True
        for word in self._words:  # noqa: SIM110  (half the time of any)
            if word in text:
                return True
        return False

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """The first match, or None.

        Args:
            text: in lower case.
            start: where to begin.
        """
        return self._pattern.search(text, start) if self.may_match(text) else None


class RowMatcher:
    """Search a text for any row of a table; a table of a hundred rows then costs little more than its words.

    Patterns that can only match at the start of a text are tried there and nowhere else.

    Args:
        rows: (name, pattern, example); patterns on lower case.
    """

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        parts = [part for _, pattern, _ in rows for part in split_alternatives(pattern)]
        anchored = [part for part in parts if part.startswith("^")]
        free = [part for part in parts if not part.startswith("^")]
        self._anchored = re.compile("|".join(f"(?:{part[1:]})" for part in anchored)) if anchored else None
        self._free = WordGate("|".join(f"(?:{part})" for part in free)) if free else None

    def search(self, text: str) -> re.Match[str] | None:
        """The first match, or None.

        Args:
            text: in lower case.
        """
        found = self._anchored.match(text) if self._anchored else None
        return found or (self._free.search(text) if self._free else None)


@lru_cache(maxsize=2_000)
def needed_words(pattern: str) -> tuple[str, ...]:
    """Words of which every match of a pattern holds at least one; () where there is no such list.

    Args:
        pattern: a regular expression on lower case.
    """
    if _syntax is None:
        return ()
    words = _needed(_syntax.parse(pattern))
    if words is None:
        return ()
    shortest = sorted(words, key=len)
    kept = [word for word in shortest if not any(other in word for other in shortest if other != word)]
    return tuple(sorted(kept)) if len(kept) <= _MAX_WORDS else ()


def _needed(parsed: Any) -> set[str] | None:
    """The best list among the parts that a sequence must have; None for none."""
    best: set[str] | None = None
    literal = ""
    for name, value in [*parsed, (None, None)]:
        if str(name) == "LITERAL" and value != _SPACE:
            literal += chr(value)
            continue
        for words in ({literal} if literal else None, _needed_of(str(name), value)):
            if words and (best is None or _worth(words) > _worth(best)):
                best = words
        literal = ""
    return best


def _needed_of(name: str, value: Any) -> set[str] | None:
    if name == "SUBPATTERN":
        return _needed(value[-1])
    if name == "BRANCH":
        found = [_needed(branch) for branch in value[1]]
        return set().union(*found) if all(found) else None  # type: ignore[arg-type]
    if name in ("MAX_REPEAT", "MIN_REPEAT") and value[0] > 0:
        return _needed(value[2])
    return None


def _worth(words: set[str]) -> tuple[int, int]:
    return min(min(map(len, words)), 4), -len(words)


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
