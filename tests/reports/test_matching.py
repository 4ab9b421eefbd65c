"""Patterns that are skipped where a word of theirs is missing find what the plain pattern finds."""

from __future__ import annotations

import re

import pytest

from itemclip_med.reports import itemize
from itemclip_med.reports.cutting import _TAILS
from itemclip_med.reports.matching import RowMatcher, WordGate, needed_words
from itemclip_med.reports.status import _DENIES, _EXPLAINS, _HEDGES
from tests.reports.helpers import OWN_REPORTS, STYLES, read_jsonl


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\bnot\s+(?:seen|noted)\b", ("noted", "seen")),
        (r"\b(?:in|on)\b", ("in", "on")),
        (r"(?:very\s+)?likely", ("likely",)),
        (r"\d+\s*mm", ("mm",)),
        (r"save for", ("save",)),
        (r"\w+ed\b|\d", ()),
    ],
)
def test_words_that_a_pattern_needs(pattern, words):
    assert needed_words(pattern) == words


@pytest.fixture(scope="module")
def texts():
    rows = [row for path in (OWN_REPORTS, *STYLES) for row in read_jsonl(path)]
    items = [item.text.lower() for row in rows for item in itemize(row["report"], collapse_normal=False).items]
    return items + [row["report"].lower() for row in rows]


@pytest.mark.parametrize("gate", [*_TAILS, _DENIES, _EXPLAINS, _HEDGES], ids=range(len(_TAILS) + 3))
def test_a_gate_finds_what_its_pattern_finds(gate, texts):
    for text in texts:
        found, plain = gate.search(text), gate._pattern.search(text)
        assert (found and found.span()) == (plain and plain.span())


def test_a_gate_does_not_ask_where_its_word_is_missing():
    assert not WordGate(r"\bbecause\s+of\b").may_match("the lungs are clear")


def test_rows_at_the_start_come_before_those_anywhere():
    match = RowMatcher([("free", r"mass|no", ""), ("start", r"^no\s+mass", "")]).search("no mass")
    assert match and match[0] == "no mass"


def test_patterns_are_read_by_the_reader_python_has():
    assert re.compile("a|b") and needed_words("(?:abc|abd)") in (("ab",), ("abc", "abd"))
