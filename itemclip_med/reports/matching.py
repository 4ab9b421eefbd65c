"""Many patterns, and none asked where a word that it needs is not in the text.

Most statements hold none of the words that a table of cues looks for. Every pattern has a bit; a word between spaces
has the bits of the patterns that it may serve, remembered word by word, and a statement those of its words. One
comparison of bits then tells which of hundreds of patterns have to be tried.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from functools import lru_cache
from types import ModuleType
from typing import Any


def _pattern_reader() -> ModuleType | None:
    """The only reader of patterns that Python has; without it nothing is skipped."""
    try:
        return importlib.import_module("re._parser")
    except ImportError:  # pragma: no cover
        return None


_syntax = _pattern_reader()
_SPACE = ord(" ")  # may be the end of a line in the text
_MAX_REMEMBERED = 200_000


class _Register:
    """The bits of all patterns, and which words bring them."""

    def __init__(self) -> None:
        self._num_patterns = 0
        self._always = 0
        self._needles: dict[str, list[tuple[str, int]]] = {}
        self._known: dict[str, int] = {}

    def add(self, words: tuple[str, ...]) -> int:
        """A new bit.

        Args:
            words: of which the pattern needs one; () where it always has to be tried.
        """
        bit = 1 << self._num_patterns
        self._num_patterns += 1
        if not words:
            self._always |= bit
        for word in words:
            self._needles.setdefault(word[:2], []).append((word, bit))
        self._known.clear()
        bits_of.cache_clear()
        return bit

    def bits(self, text: str) -> int:
        """Bits of the patterns that may match a text or a part of it.

        Args:
            text: in lower case.
        """
        found, known = self._always, self._known
        for word in text.split():
            bits = known.get(word)
            found |= self._learn(word) if bits is None else bits
        return found

    def _learn(self, word: str) -> int:
        bits = 0
        for place in range(len(word)):
            for start in (word[place], word[place : place + 2]):
                for needle, bit in self._needles.get(start, ()):
                    if word.startswith(needle, place):
                        bits |= bit
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[word] = bits
        return bits


@lru_cache(maxsize=20_000)
def bits_of(text: str) -> int:
    """Bits of the patterns that may match a text, remembered for texts that many patterns ask about.

    Args:
        text: in lower case.
    """
    return _REGISTER.bits(text)


_REGISTER = _Register()


class WordGate:
    """A pattern that is asked only where the text holds one of the words it cannot do without.

    Args:
        pattern: a regular expression on lower case.
    """

    __slots__ = ("_bit", "_pattern")

    def __init__(self, pattern: str | re.Pattern[str]) -> None:
        self._pattern = re.compile(pattern)
        self._bit = _REGISTER.add(needed_words(self._pattern.pattern))

    def may_match(self, text: str) -> bool:
        """Whether the text, or a part of it, may match; False is certain.

        Args:
            text: in lower case.
        """
        return bits_of(text) & self._bit != 0

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """The first match, or None.

        Args:
            text: in lower case.
            start: where to begin.
        """
        return self._pattern.search(text, start) if bits_of(text) & self._bit else None


class RowMatcher:
    """Search a text for any row of a table; a table of a hundred rows then costs little more than its words.

    Patterns that can only match at the start of a text are tried there and nowhere else, and before all others.

    Args:
        rows: (name, pattern, example); patterns on lower case.
        at_start: whether all of them match at the start only.
    """

    def __init__(self, rows: Iterable[tuple[str, str, str]], *, at_start: bool = False) -> None:
        self._patterns: dict[int, re.Pattern[str]] = {}
        self._anchored = self._free = 0
        for _, pattern, _ in rows:
            for part in split_alternatives(pattern):
                bit = _REGISTER.add(needed_words(part))
                if at_start or part.startswith("^"):
                    self._patterns[bit] = re.compile(part.removeprefix("^"))
                    self._anchored |= bit
                else:
                    self._patterns[bit] = re.compile(part)
                    self._free |= bit

    def search(self, text: str) -> re.Match[str] | None:
        """The first match, of the first row that has it; None for none.

        Args:
            text: in lower case.
        """
        bits = bits_of(text)
        waiting = bits & self._anchored
        while waiting:
            bit = waiting & -waiting  # rows are tried in their order
            found = self._patterns[bit].match(text)
            if found:
                return found
            waiting ^= bit
        first: re.Match[str] | None = None
        waiting = bits & self._free
        while waiting:
            bit = waiting & -waiting
            found = self._patterns[bit].search(text)
            if found and (first is None or found.start() < first.start()):
                first = found
            waiting ^= bit
        return first


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
    return tuple(sorted(word for word in shortest if not any(other in word for other in shortest if other != word)))


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
