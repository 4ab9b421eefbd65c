"""Read what a language model answers: the JSON, and whether each item stands in the report."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

from itemclip_med.records import STATUSES, Status
from itemclip_med.reports import attributes
from itemclip_med.reports.itemize import ItemizedReport, TracedItem, normal_item
from itemclip_med.reports.status import status_of
from itemclip_med.reports.tokens import singular
from itemclip_med.reports.vocabulary import word_lists

ANSWER_SCHEMA = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "status": {"enum": list(STATUSES)}},
                "required": ["text", "status"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["items"],
    "additionalProperties": False,
}

_WORD = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+")
_DENIALS = frozenset(("no", "not", "without", "none", "nil", "nor", "neither", "absent", "negative"))
_OPEN_JSON = re.compile(r"\{\s*\"items\"")


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer.

    Attributes:
        items: those whose words stand in the report.
        num_rejected: items with words that the report lacks.
        problem: what is wrong with the answer as a whole, in words for the model; "" for nothing.
    """

    items: tuple[TracedItem, ...] = ()
    num_rejected: int = 0
    problem: str = ""


def read_answer(answer: str, report: str) -> Answer:
    """Check an answer against the schema and the report.

    Args:
        answer: what the model wrote; text around the JSON object is passed over.
        report: the text it was asked about.

    Returns:
        Items that the report bears out. An item is rejected where one of its content words (also a number) is not in
        the report, or stands there less often than in the item.
    """
    match = _OPEN_JSON.search(answer)
    if match is None:
        return Answer(problem='no JSON object with "items"')
    try:
        values, _ = json.JSONDecoder().raw_decode(answer, match.start())
    except (ValueError, RecursionError):
        return Answer(problem="no complete JSON")
    found = values.get("items") if isinstance(values, dict) else None
    if not isinstance(found, list) or set(values) != {"items"}:
        return Answer(problem='"items" is no list')
    for number, item in enumerate(found, start=1):
        if not isinstance(item, dict) or set(item) != {"text", "status"} or not isinstance(item["text"], str):
            return Answer(problem=f'item {number} needs "text" and "status" and nothing else')
        if item["status"] not in STATUSES:
            return Answer(problem=f"item {number}: status is none of {', '.join(STATUSES)}")
    said = Counter(_content(report))
    kept = [item for item in found if _stands_in(item["text"], said)]
    traced = [_trace(item["text"], item["status"], report) for item in kept]
    unique = {(item.text.lower(), item.status): item for item in reversed(traced)}
    items = tuple(item for item in traced if unique[item.text.lower(), item.status] is item)
    rejected = len(found) - len(kept)
    if rejected > len(kept):
        return Answer(items, rejected, f"{rejected} of {len(found)} items hold words that the report lacks")
    return Answer(items, rejected)


def to_report(answer: Answer, *, collapse_normal: bool = True) -> ItemizedReport:
    """The items of an answer as :func:`itemize` gives them.

    Args:
        answer: without a problem.
        collapse_normal: one overall item for a normal study.
    """
    if not answer.items:
        return ItemizedReport(reason="no usable text")
    is_normal = not any(item.status in ("present", "uncertain") for item in answer.items)
    items = (normal_item(answer.items),) if is_normal and collapse_normal else answer.items
    return ItemizedReport(items, is_normal)


def _content(text: str) -> list[str]:
    """Words that say something, numbers included; denials count as one word, since a list shares its denial."""
    words = []
    for word in _WORD.findall(text.lower()):
        if word in _DENIALS or word in word_lists.LIGHT:
            continue
        words.append(singular(word))
    return words


def _stands_in(text: str, said: Counter[str]) -> bool:
    words = Counter(_content(text))
    if not words:
        return False
    return all(said[word] >= number for word, number in words.items())


def _trace(text: str, status: Status, report: str) -> TracedItem:
    """The item with the places of its words; less sure where rules read another status."""
    low = text.lower()
    text = " ".join(text.split())
    doubt = 0.3 if status_of(" ".join(low.split())) != status else 0.0
    spans = _places(text, report)
    return TracedItem(
        text, status, spans, "body", attributes.anatomy_of(low), attributes.laterality_of(low),
        attributes.sizes_of(low), (), 0.9 - doubt - (0.1 if len(spans) > 1 else 0.0),
    )  # fmt: skip


def _places(text: str, report: str) -> tuple[tuple[int, int], ...]:
    """Where the item stands: as a whole, or word by word where it was put together."""
    words = text.split()
    whole = re.search(r"\s+".join(re.escape(word) for word in words), report, re.IGNORECASE)
    if whole:
        return (whole.span(),)
    spans: list[tuple[int, int]] = []
    for match in _WORD.finditer(text.lower()):
        pattern = re.compile(rf"(?<!\w){re.escape(match[0])}(?!\w)", re.IGNORECASE)
        found = pattern.search(report, spans[-1][1] if spans else 0) or pattern.search(report)
        if found is None:
            continue
        if spans and report[spans[-1][1] : found.start()].isspace():
            spans[-1] = (spans[-1][0], found.end())
        else:
            spans.append(found.span())
    return tuple(spans)
