"""Tell a wrapped line from a new statement."""

from __future__ import annotations

import re

from itemclip_med.reports.cleaning import CleanText
from itemclip_med.reports.tokens import kind_of
from itemclip_med.reports.vocabulary import word_lists

Span = tuple[int, int]

_END_MARK = re.compile(r"[.!?;:]['\")\]]*\s*$")
_ANSWERS = frozenset(("no", "yes", "none", "nil"))
_CAPITAL_WORD = re.compile(r"[A-Z][a-z]+\b")
_ENDS_OPEN = re.compile(r"[,(]\s*$")
_THERE_IS = re.compile(r"there(?:'s|\s+(?:is|are))\b")
_WORD_REACH = 120  # no word is longer
_LAST_WORD = re.compile(r"([\w/-]+|[,(&+-])\s*$")


def is_open(low: str, start: int, end: int) -> bool:
    """Whether a line stops behind a word that needs another ("cyst in the left").

    Args:
        low: the cleaned report in lower case.
        start: first character of the line.
        end: behind its last.
    """
    if low[start:end].strip(" .") in _ANSWERS:
        return False
    word = _LAST_WORD.search(low[max(start, end - _WORD_REACH) : end])
    return word is not None and (word[1] in word_lists.OPEN_WORDS or kind_of(word[1]) in "P")


def goes_on(text: CleanText, above: Span, fresh: Span, has_capitals: bool) -> bool:
    """Whether a line goes on where the line above it stopped.

    Args:
        text: the cleaned report.
        above: the text above, first character and behind its last.
        fresh: the line.
        has_capitals: whether the report begins its sentences with capitals, see :func:`writes_capitals`.
    """
    low = text.low
    before = low[above[0] : above[1]]
    if before.strip() in _ANSWERS:
        return False  # "Mass effect: No" is a whole statement
    if _END_MARK.search(before):
        return bool(re.search(r"\b(?:dr|e\.g|i\.e|approx|vs)\.\s*$", before))
    first = text.shown[fresh[0]]
    capital = _CAPITAL_WORD.match(text.shown, fresh[0]) if has_capitals else None
    if _THERE_IS.match(low, fresh[0]) or (capital and kind_of(capital[0].lower()) != "u"):  # no name within a sentence
        return bool(_ENDS_OPEN.search(before))
    if before.count("(") > before.count(")"):
        return True
    word = _LAST_WORD.search(before[-_WORD_REACH:])
    if re.search(r"\b(?:to|on|from|toward|towards|than)\s+(?:the\s+)?(?:left|right)\s*$", before):
        return False
    line = before.rsplit("\n", 1)[-1]
    is_lower = not has_capitals and not text.shown[above[0] : above[1]].isupper()
    if len(line) >= 60 and not is_lower and re.search(r"[a-z)]\.\s", line):
        return True  # prose that was wrapped at a width
    if word and (word[1] in word_lists.OPEN_WORDS or kind_of(word[1]) in "P"):
        return True
    if re.match(r"(?:mm|cm|x|by|and|or|with|of|in)\b", low[fresh[0] : fresh[1]]):
        return True
    return has_capitals and first.islower()


def writes_capitals(shown: str) -> bool:
    """Whether sentences of a report begin with capitals and go on in small letters.

    Args:
        shown: the report as written.
    """
    starts = re.findall(r"(?:^|[.\n][ \t]{0,20})([^\W\d_])", shown)
    if not starts or shown.isupper():
        return False
    return sum(1 for letter in starts if letter.isupper()) > 0.45 * len(starts)
