"""Read one sentence: its clauses, the findings in each, their status and whether they need their heading."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from itemclip_med.records import Status
from itemclip_med.reports import clauses, coordination, cutting
from itemclip_med.reports.sentences import trim
from itemclip_med.reports.status import is_generic_denial, status_of
from itemclip_med.reports.tokens import Token, singular, tokenize
from itemclip_med.reports.vocabulary import word_lists

Span = tuple[int, int]

_VALUE = re.compile(
    r"[<>~=]?\s*\d+(?:[.,]\d+)?\s*(?:%|mm|cm|ml|hu|deg\w*)?(?:\s*[|/x]\s*\d+(?:[.,]\d+)?\s*(?:%|mm|cm|ml)?){0,3}"
)
_ANSWER = re.compile(r"(?:yes|no|positive|negative|present|none)\s*(?:[:,;(-]|$)")
_LETTER = re.compile(r"[^\W\d_]")
_MAY_BE = re.compile(r"there\s+(?:may|might|could)\s+be\b")
_ONLY_STATUS = re.compile(
    r"(?:none|nil|no|absent|present|negative|positive|yes|unclear|unchanged|stable|similar|not\s+(?:seen|identified|detected|demonstrated|visuali[sz]ed|present|evident)|nad)\b(?:\s+(?:seen|identified|noted|detected|present|in\s+\w+(?:\s+and\s+\w+)?|size))?"
)


class Piece(NamedTuple):
    """One finding of a sentence.

    Attributes:
        spans: places of its words in the sentence.
        text: the words, a carried heading in front.
        status: what it says.
        has_heading: whether the heading is carried.
        confidence: how sure the rules are.
    """

    spans: tuple[Span, ...]
    text: str
    status: Status
    has_heading: bool
    confidence: float


@lru_cache(maxsize=50_000)
def read_sentence(sentence: str, heading: str) -> tuple[Piece, ...]:
    """The findings of one sentence; kept in memory, for reports repeat their sentences.

    Args:
        sentence: in lower case.
        heading: the organ heading it stands under, in lower case; "" for none.
    """
    pieces: list[Piece] = []
    begin = cutting.cut_opening(sentence, 0, len(sentence))
    for clause in clauses.split_clauses(sentence, begin, len(sentence)):
        for part in clauses.split_exceptions(sentence, *clause):
            pieces.extend(_read_clause(sentence, part, heading))
    return tuple(pieces)


def is_answer(statement: str) -> bool:
    """Whether a statement only answers its heading: "none", "not seen", "yes".

    Args:
        statement: in lower case.
    """
    return _ONLY_STATUS.fullmatch(statement.strip(" .;")) is not None


def plain(low: str, spans: list[Span]) -> str:
    """The words of spans with one space between them.

    Args:
        low: the text they are places of.
        spans: in the order of reading.
    """
    if len(spans) == 1:
        start, end = spans[0]
        return " ".join(low[start:end].split())
    return " ".join(" ".join([low[start:end] for start, end in spans]).split())


def _read_clause(low: str, part: Span, heading: str) -> list[Piece]:
    start, end = trim(low, *part)
    if start >= end:
        return []
    whole = plain(low, [(start, end)])
    opened = _MAY_BE.match(whole) is not None
    answers = heading != "" and (_ONLY_STATUS.fullmatch(whole) is not None or _is_value(whole, heading))
    if answers and any(word in word_lists.ABOUT_EXAMINATION for word in heading.split()):
        return []
    kept = cutting.cut_tails(low, start, end)
    if not answers and cutting.is_dropped(plain(low, kept)):
        return []
    kept[0] = trim(low, cutting.cut_lead_in(low, *kept[0]), kept[0][1])
    spans = [span for span in kept if span[0] < span[1]]
    if not spans or (not answers and cutting.is_dropped(plain(low, spans))):
        return []
    spans = cutting.cut_seen(low, spans)
    whole = plain(low, spans)
    if not _LETTER.search(whole) and not answers:
        return []
    in_front = f"{heading}: " if heading else ""
    is_normal = status_of(in_front + whole) == "normal" and not is_generic_denial(whole)
    found = coordination.split_coordination(low, spans, is_normal=is_normal)
    pieces = []
    for words in found:
        text = plain(low, words)
        has_heading = heading != "" and _carries(heading, text)
        full = in_front + text if has_heading else text
        status = status_of(full)
        if opened and status == "present":
            status = "uncertain"
        if _says_something(text, has_heading, status):
            pieces.append(Piece(tuple(words), full, status, has_heading, _confidence(text, len(found), len(words))))
    return pieces


def _is_value(whole: str, heading: str) -> bool:
    """A number under a heading that names what was measured: "Ascending aorta: 47"."""
    if not _VALUE.fullmatch(whole):
        return False
    tokens = tokenize(heading, 0, len(heading))
    return any(token.kind in "FEAapmr" for token in tokens) and not any(
        token.word in word_lists.ACQUISITION for token in tokens
    )


def _says_something(text: str, has_heading: bool, status: Status) -> bool:
    if has_heading or status != "present":
        return True
    tokens = tokenize(text, 0, len(text))
    return any(token.kind in "FEAaup" or token.word in ("mm", "cm") for token in tokens)  # "the third is 5 mm"


@lru_cache(maxsize=50_000)
def _carries(heading: str, text: str) -> bool:
    """Whether a heading belongs in front of a statement: it names no place, or no finding where the heading does."""
    if _ANSWER.match(text):
        return True
    tokens = tokenize(text, 0, len(text))
    heads = tokenize(heading, 0, len(heading))
    has_place = any(token.kind in "A" or (token.kind == "a") for token in tokens)
    has_finding = any(token.kind in "FE" for token in tokens)
    if {singular(token.word) for token in heads if token.kind in "FEA"} & {singular(token.word) for token in tokens}:
        return False
    if any(token.kind in "FE" for token in heads) and not has_finding:
        return not _is_clause(tokens)
    if has_place:
        return False
    if any(singular(token.word) in word_lists.LOCATED for token in tokens):
        return False
    return len(heads) <= 6 or len(tokens) <= 4


def _is_clause(tokens: list[Token]) -> bool:
    """Whether a statement has a place as its subject: "lungs are clear"."""
    verb = next((index for index, token in enumerate(tokens) if token.kind == "V"), 0)
    return any(token.kind == "A" for token in tokens[:verb])


def _confidence(text: str, num_pieces: int, num_spans: int) -> float:
    """Lower where the rules had to guess: nothing known, distributed words, very long statements."""
    tokens = tokenize(text, 0, len(text))
    value = 1.0
    if not any(token.kind in "FEA" for token in tokens):
        value -= 0.4
    if num_pieces > 1:
        value -= 0.1
    if num_spans > 2:
        value -= 0.1
    if len(tokens) > 40:
        value -= 0.3
    return max(value, 0.1)
