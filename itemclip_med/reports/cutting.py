"""What is left of a statement: whole ones that hold no finding are dropped, lead-ins and hung-on advice are cut."""

from __future__ import annotations

import re
from functools import lru_cache

from itemclip_med.reports.matching import RowMatcher, WordGate
from itemclip_med.reports.sentences import trim
from itemclip_med.reports.vocabulary import dropping

Span = tuple[int, int]

_DROP = RowMatcher(dropping.DROP_STATEMENTS)
_LEAD = re.compile("|".join(f"(?:{pattern})" for _, pattern, _ in dropping.LEAD_INS))
_OPENING = re.compile("|".join(f"(?:{pattern})" for name, pattern, _ in dropping.LEAD_INS if name in dropping.OPENINGS))
_TAILS = tuple(WordGate(pattern) for _, pattern, _ in dropping.CUT_TAILS)


@lru_cache(maxsize=20_000)
def is_dropped(statement: str) -> bool:
    """Whether a statement holds no finding: a recommendation, technique, title, limit or message.

    Args:
        statement: in lower case, one space between words.
    """
    return _DROP.search(statement) is not None or _is_title(statement)


def _is_title(statement: str) -> bool:
    first = statement.partition(" ")[0]
    if first.isalpha() and first not in dropping.TITLE_WORDS:
        return False
    words = re.findall(r"[\w/.+-]+|[^\w\s]", statement)
    if len(words) > 16:
        return False
    words = [word for word in words if not re.fullmatch(r"[\d/.:-]+|[,()&:/.+-]", word)]
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
    match = _OPENING.match(low[start:end].replace("\n", " "))
    return start + match.end() if match and start + match.end() < end else start


def cut_lead_in(low: str, start: int, end: int) -> int:
    """Where the finding begins behind "There is", "Incidental note is made of" and their like.

    Args:
        low: the cleaned report in lower case.
        start: first character.
        end: behind the last.
    """
    while True:
        match = _LEAD.match(low[start:end].replace("\n", " "))
        if match is None or match.end() == 0 or start + match.end() >= end:
            return start
        start += match.end()
