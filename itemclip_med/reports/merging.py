"""Merge what a report says twice: repeats in the impression, and statements word for word the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from itemclip_med.records import Status
from itemclip_med.reports.attributes import NEUTRAL, Words, anatomy_of, words_of
from itemclip_med.reports.tokens import singular
from itemclip_med.reports.vocabulary import findings, word_lists

Span = tuple[int, int]

Table = tuple[tuple[frozenset[str], frozenset[str]], ...]

_DIAGNOSES: Table = tuple((frozenset(signs.split()), frozenset(names.split())) for signs, names in findings.DIAGNOSES)
# Denying the sign denies the diagnosis only where the sign is made by little else.
_DENIED_ALIKE = tuple(row for row in _DIAGNOSES if row[0] & {"filling", "diffusion", "effacement", "loss"})
_PLACE_FILLERS = frozenset(("optic", "longer", "lateral", "left", "right"))
_GROWS = re.compile(r"\b(?:enlarg|increas|grow|progress|worsen|larger|new\b)")
_STAYS = re.compile(r"\b(?:stable|unchanged|decreas|smaller|improv|resolv|reduc)")
_ABOUT_ALL = re.compile(r"(?:the\s+)?(?:findings|features|appearances|overall|pattern|constellation)\s")
_ORGANS = frozenset(("cerebr", "pulmon", "osse", "hepatic", "renal", "cardiac", "intrac", "calvar"))
_DENIALS = ("no ", "without ", "nil ", "absen", "negative ", "neither ", "nor ")
_CONFIDENT = 1.0


@dataclass(slots=True)
class Draft:
    """An item in the making.

    Attributes:
        spans: places of its words in the report.
        text: the words, in lower case, one space between them.
        status: what it says.
        section: where it stands.
        heading: place of the heading carried in front, if any.
        repeats: places of other wordings.
        confidence: how sure the rules are, from 0 to 1.
    """

    spans: list[Span]
    text: str
    status: Status
    section: str
    heading: Span | None = None
    repeats: list[list[Span]] = field(default_factory=list)
    confidence: float = _CONFIDENT


def merge(drafts: list[Draft]) -> list[Draft]:
    """Merge repeats; the order of first mention stays.

    Args:
        drafts: in the report's order.
    """
    kept: list[Draft] = []
    for draft in drafts:
        target = _same_words(draft, kept) or (_repeated(draft, kept) if draft.section == "impression" else None)
        if target is None:
            kept.append(draft)
        else:
            _join(target, draft)
    return kept


def _same_words(draft: Draft, kept: list[Draft]) -> Draft | None:
    words = words_of(draft.text)
    for other in kept:
        if other.status == draft.status and (
            other.text == draft.text or words_of(other.text).content == words.content != frozenset()
        ):
            return other
    return None


def _repeated(draft: Draft, kept: list[Draft]) -> Draft | None:
    """The finding of another section that an impression speaks of again."""
    words = words_of(draft.text)
    if draft.status == "normal" or _sums_up(draft, kept):
        return None
    scored = []
    for other in kept:
        if (
            other.section == "impression"
            or other.status == "normal"
            or (other.status == "absent") != (draft.status == "absent")
        ):
            continue
        denies = draft.status == "absent" and draft.text.startswith(_DENIALS)
        score = (
            _denial_score(words, words_of(other.text)) if denies else _score(words, words_of(other.text), draft, other)
        )
        if score > 0:
            scored.append((score, other))
    if not scored:
        return None
    best = max(score for score, _ in scored)
    winners = [other for score, other in scored if score == best]
    by_diagnosis = [other for score, other in scored if score < 2.0]
    if best < 2.0 and len(by_diagnosis) > 1 and draft.status != "absent":
        confident = [other for score, other in scored if score > 1.3]
        if len(confident) != 1:
            return None  # sums up several findings
        winners = confident
    is_summary = "intracranial" in words.content and words.places <= _ORGANS
    rivals = [other for score, other in scored if score >= (1.0 if is_summary else max(2.0, best - 0.35))]
    if best >= 2.0 and len(rivals) > 1 and draft.status != "absent" and words.places <= _ORGANS:
        return None  # sums up several findings
    if best < 2.0:
        winners[0].confidence = min(winners[0].confidence, 0.7)
    return winners[0]


def _sums_up(draft: Draft, kept: list[Draft]) -> bool:
    """Whether a statement about "findings" or "appearances" speaks of several of them."""
    found = [other for other in kept if other.status == "present" and other.section != "impression"]
    return len(found) > 1 and _ABOUT_ALL.match(draft.text) is not None


def _denial_score(words: Words, other: Words) -> float:
    if not words.heads or not other.concepts:
        return 0.0
    if words.heads[0] not in other.concepts and not _explains(words, other, _DENIED_ALIKE):
        return 0.0
    rest = (words.content ^ other.content) - NEUTRAL
    if words.places and words.places <= other.places:
        rest = frozenset(word for word in rest if word[:6] not in words.places and word not in _PLACE_FILLERS)
    if "suggest" in other.content or "suggest" in words.content:
        return 1.0
    if words.heads[0] not in other.concepts:
        return 1.0 if words.places & other.places or not words.places else 0.0
    return 3.0 if not rest else 0.0


def _score(words: Words, other: Words, draft: Draft, target: Draft) -> float:
    if _disagree(words, other) or _change_otherwise(draft.text, target.text):
        return 0.0
    place = _place_score(words, other, draft, target)
    if place < 0 or not words.content:
        return 0.0
    overlap = len(words.main & other.content) / max(len(words.main), 1)
    named = [head for head in words.heads if head not in word_lists.LOOSE_HEADS]
    if named and named[0] in other.heads:
        return 2.0 + place + overlap
    if overlap >= 0.7 and (not named or named[0] in other.concepts or not other.heads):
        return 2.0 + overlap
    if named and named[0] in other.concepts and place > 0:
        return 1.6 + place  # the diagnosis stands behind the sign: "opacities in keeping with contusions"
    if not named and words.heads and words.heads[0] in other.heads and overlap >= 0.5:
        return 2.0 + overlap
    if _explains(words, other):
        if words.places and place < (0.3 if words.places <= _ORGANS else 1.0):
            return 0.0
        if named and set(named) & other.concepts:
            return 1.5 + place + overlap
        return 1.0 + 0.5 * place + overlap / 2
    return 0.0


def _disagree(words: Words, other: Words) -> bool:
    if words.side and other.side and words.side != other.side and "bilateral" not in (words.side, other.side):
        return True
    return (words.is_acute and other.is_old and not other.is_acute) or (
        words.is_old and other.is_acute and not words.is_old
    )


def _change_otherwise(text: str, other: str) -> bool:
    """One only grows, the other only stays or shrinks: two findings."""
    grows, stays = _GROWS.search(text) is not None, _STAYS.search(text) is not None
    if grows == stays:
        return False
    other_grows, other_stays = _GROWS.search(other) is not None, _STAYS.search(other) is not None
    return other_grows != other_stays and grows != other_grows


def _place_score(words: Words, other: Words, draft: Draft, target: Draft) -> float:
    """1 for the same place, 0 where one is silent, negative where they differ."""
    if not words.places or not other.places:
        return (
            0.0
            if not (words.places and anatomy_of(draft.text) != anatomy_of(target.text) and anatomy_of(target.text))
            else -1.0
        )
    if words.places & other.places or any(a[:5] == b[:5] for a in words.places for b in other.places):
        return 1.0
    return 0.3 if anatomy_of(draft.text) == anatomy_of(target.text) else -1.0


def _explains(words: Words, other: Words, table: Table = _DIAGNOSES) -> bool:
    """Whether a diagnosis may stand for a sign."""
    named = {singular(word) for word in words.content}
    seen = {singular(word) for word in other.content} | set(other.heads)
    return any(signs & seen and names & named for signs, names in table)


def _join(target: Draft, draft: Draft) -> None:
    """Keep the more specific wording, remember the other, and the more definite status."""
    if len(words_of(draft.text).content) > len(words_of(target.text).content) and target.section == "impression":
        target.spans, draft.spans = draft.spans, target.spans
        target.text, draft.text = draft.text, target.text
    target.repeats.append(draft.spans)
    if draft.section == "addendum" or (target.status == "uncertain" and draft.status == "present"):
        target.status = draft.status
