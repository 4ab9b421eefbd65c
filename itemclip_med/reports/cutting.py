"""What is left of a statement: what holds no finding is dropped; lead-ins, hung-on advice and "is seen" are cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from itemclip_med.reports.matching import RowMatcher, WordGate
from itemclip_med.reports.sentences import trim
from itemclip_med.reports.tokens import tokenize
from itemclip_med.reports.vocabulary import dropping, headings, modifiers
from itemclip_med.reports.vocabulary.cues import NORMAL_FEATURES

Span = tuple[int, int]

_DROP = RowMatcher(dropping.DROP_STATEMENTS)
_LEAD = RowMatcher(dropping.LEAD_INS, at_start=True)
_OPENING = RowMatcher((row for row in dropping.LEAD_INS if row[0] in dropping.OPENINGS), at_start=True)
# "Flow voids are present" calls them normal, so that "are present" stays.
_NORMAL_FEATURE = re.compile(rf"^(?:the\s+)?(?:\w+\s+){{0,2}}{NORMAL_FEATURES}$")
_SECTION_NAMES = frozenset(
    name for table in (headings.KEPT, headings.DROPPED) for row in table.values() for name in row.split("|")
)
_FILLERS = re.compile(r"^(?:okay|ok|so|right|alright|now)\b[,\s]*(?:so\s+)?")
_WITH_CONTRAST = re.compile(r"\bwith(?:out)?\s+(?:and\s+without\s+)?(?:iv\s+)?contrast\b")
_TITLE_TOKEN = re.compile(r"[\w/.+-]+|[^\w\s]")
_NUMBER_OR_MARK = re.compile(r"[\d/.:-]+|[,()&:/.+-]")
_LIMITED_BUT = re.compile(
    r"limited\s+(?:evaluation|assessment|views|images)\s+of\b[^,;]{2,70}?\b(?:is|are|appears?)\s+(?:grossly\s+|otherwise\s+)?"
    r"(?:normal|unremarkable|clear)\b"
)
_SAYS = re.compile(
    r"\b(?:normal|nl|unremarkable|clear|negative|neg|abnormal|stable|unchanged|mm|cm|intact|ok|wnl|nad)\b"
)
_TAILS = tuple(WordGate(pattern) for _, pattern, _ in dropping.CUT_TAILS)
_LIGHT = WordGate(
    rf"\s*\b(?:(?:is|are|was|were|has\s+been|have\s+been|can\s+be|could\s+be)\s+(?:also\s+|again\s+|only\s+|once\s+more\s+)*{modifiers.SEEN}|"
    rf"(?:is|are)\s+there|(?:also|again|already)\s+{modifiers.SEEN}|(?:noted|seen|detected|identified|observed|visuali[sz]ed|demonstrated|found))"
    r"(?=\s*$|\s*[,;)]|\s+(?:in|within|at|along|over|on|of|involving|near|throughout|adjacent|overlying|bilaterally|about|around|with|without|"
    r"measuring|from|between|under|beneath|through|extending|affecting|centrally|peripherally|elsewhere|posteriorly|anteriorly|again)\b)"
)


@lru_cache(maxsize=20_000)
def is_dropped(statement: str) -> bool:
    """Whether a statement holds no finding: a recommendation, technique, title, limit or message.

    Args:
        statement: in lower case, one space between words.
    """
    if _LIMITED_BUT.match(statement):
        return False
    if statement in _SECTION_NAMES:
        return True
    return _DROP.search(statement) is not None or _is_title(statement) or _opens_as_title(statement)


def _opens_as_title(statement: str) -> bool:
    """A line that begins with the examination and says nothing of it: "MRI neonatal brain day 5"."""
    statement = _WITH_CONTRAST.sub(" ", _FILLERS.sub("", statement))
    first = statement.partition(" ")[0]
    if first not in dropping.MODALITIES or ":" in statement or len(statement) > 80:
        return False
    tokens = tokenize(statement, 0, len(statement))
    return not any(token.kind in "FEVNK?" for token in tokens) and not _SAYS.search(statement)


def _is_title(statement: str) -> bool:
    first = statement.partition(" ")[0]
    if first.isalpha() and first not in dropping.TITLE_WORDS:
        return False
    words = _TITLE_TOKEN.findall(statement)
    if len(words) > 16:
        return False
    words = [word for word in words if not _NUMBER_OR_MARK.fullmatch(word)]
    if not words:
        return True
    return all(word in dropping.TITLE_WORDS for word in words) and any(
        word in dropping.TITLE_MODALITIES or word == "report" or word.endswith("contrast") for word in words
    )


def cut_tails(low: str, start: int, end: int) -> list[Span]:
    """What is left of a clause without pointers to other examinations, and without advice hung on it.

    Args:
        low: the cleaned report in lower case.
        start: first character.
        end: behind the last.

    Returns:
        One span, or two with a gap.
    """
    text = low[start:end]
    tails = [tail for tail in _TAILS if tail.may_match(text)]
    spans = [(start, end)]
    changed = bool(tails)
    while changed:
        changed = False
        for pattern in tails:
            left, right = spans[-1]
            match = pattern.search(low[left:right].replace("\n", " "))
            if match is None or match.start() == 0 or match.end() == match.start():
                continue
            head = trim(low, left, left + match.start())
            tail = trim(low, left + match.end(), right)
            if head[1] - head[0] < 3:
                continue
            spans[-1:] = [head] + ([tail] if tail[1] > tail[0] else [])
            changed = True
    return spans


def cut_opening(low: str, start: int, end: int) -> int:
    """Where a sentence begins behind what only says how it was looked at ("As far as can be seen: …").

    Args:
        low: the cleaned report in lower case.
        start: first character.
        end: behind the last.
    """
    match = _OPENING.search(low[start:end].replace("\n", " "))
    return start + match.end() if match and start + match.end() < end else start


def cut_lead_in(low: str, start: int, end: int) -> int:
    """Where the finding begins behind "There is", "Incidental note is made of" and their like.

    Args:
        low: the cleaned report in lower case.
        start: first character.
        end: behind the last.
    """
    while True:
        match = _LEAD.search(low[start:end].replace("\n", " "))
        if match is None or match.end() == 0 or start + match.end() >= end:
            return start
        start += match.end()


def cut_seen(low: str, spans: Sequence[Span]) -> list[Span]:
    """Cut "is seen", "was noted", which only say that a finding was found.

    Args:
        low: the cleaned report in lower case.
        spans: parts of one clause.
    """
    kept: list[Span] = []
    for start, end in spans:
        text = low[start:end].replace("\n", " ")
        match = _LIGHT.search(text)
        if (
            match is None
            or match.start() < 3
            or _NORMAL_FEATURE.search(text, 0, match.start())
            or re.search(
                r"\b(?:not|no\s+longer|which|that|and|or|as|previously|neither|well|is|are|be)\s*$",
                low[start : start + match.start()],
            )
        ):
            kept.append((start, end))
            continue
        kept.append((start, start + match.start()))
        rest = start + match.end()
        while rest < end and low[rest] in " \n":
            rest += 1
        if rest < end:
            kept.append((rest, end))
    return kept
