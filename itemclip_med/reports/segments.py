"""Group what stands between "and", "or" and commas: which stretches of a clause speak of one finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from itemclip_med.reports.tokens import Token, singular
from itemclip_med.reports.vocabulary import findings

_DISTRIBUTED = tuple((frozenset(left.split()), frozenset(right.split())) for left, right in findings.DISEASE_MODIFIERS)


@dataclass(slots=True)
class Segment:
    """What stands between two coordinators.

    Attributes:
        first: index of its first token in the clause.
        last: behind its last one.
        joint: the coordinators in front of it, with spaces between them.
        head: kind of the noun that counts: F finding or device, A place, p property, u other, M none.
        head_at: index of that noun; -1 without one.
    """

    first: int
    last: int
    joint: str = ""
    head: str = "M"
    head_at: int = -1


_PATHS = frozenset(("through", "throughout", "across", "into"))
_HEDGES = frozenset(("probable", "probably", "possible", "possibly", "presumed", "suspected", "likely"))
Unit = list[Segment]  # segments that speak of one finding


def _hangs(tokens: Sequence[Token], index: int) -> bool:
    """Whether the word before a coordinator waits for its end behind it: "intra- or extra-axial"."""
    return index > 1 and tokens[index - 1].word == "-" and tokens[index - 1].start == tokens[index - 2].end


def _segments(tokens: Sequence[Token]) -> list[Segment]:
    """Cut at coordinators outside brackets."""
    segments, start, joint, depth, index = [], 0, "", 0, 0
    while index < len(tokens):
        token = tokens[index]
        if token.word in ("(", ")"):
            depth = max(0, depth + (1 if token.word == "(" else -1))
        is_as_well = token.word == "as" and [one.word for one in tokens[index : index + 3]] == ["as", "well", "as"]
        if not depth and not _hangs(tokens, index) and (token.kind in ("C", ",") or token.word == "nor" or is_as_well):
            stop, words = index, []
            while index < len(tokens) and (tokens[index].kind in ("C", ",") or tokens[index].word == "nor"):
                words.append(tokens[index].word)
                index += 1
            if is_as_well:
                index, words = index + 3, ["as well as"]
            if stop > start:
                segments.append(Segment(start, stop, joint))
            start, joint = index, " ".join(words)
            continue
        index += 1
    if start < len(tokens):
        segments.append(Segment(start, len(tokens), joint))
    for segment in segments:
        _find_head(tokens, segment)
    return segments


def _find_head(tokens: Sequence[Token], segment: Segment) -> None:
    for index in range(segment.first, segment.last):
        token = tokens[index]
        if token.word == "of" and segment.head in "Mu" and index > segment.first:
            continue  # "development of effusions": the noun that counts comes behind
        if (
            token.kind in "PKV(:"
            and index > segment.first
            and not (token.word == "in" and tokens[index - 1].word == "tree")
        ):
            break
        if token.kind in "FEAup":
            segment.head, segment.head_at = token.kind.replace("E", "F"), index
        elif token.word == "level" and index > segment.first and "fluid" in tokens[index - 1].word:
            segment.head, segment.head_at = "F", index
    if segment.head == "A" and any(_is_abnormal(tokens[index].word) for index in range(segment.first, segment.last)):
        segment.head = "F"  # "ectatic aorta", "empty sella": a place with what is wrong with it
    # "fluid-filled cavity": a finding before a noun of place or property is what counts.
    if segment.head in "Ap":
        earlier = [i for i in range(segment.first, segment.head_at) if tokens[i].kind in "FE"]
        if earlier:
            segment.head, segment.head_at = "F", earlier[-1]


def _is_abnormal(word: str) -> bool:
    return word in findings.PARTICIPLES or word in findings.ABNORMAL_ADJECTIVES


def group(tokens: Sequence[Token], negated: bool) -> list[Unit]:
    """Put segments together that speak of one finding.

    Args:
        tokens: of a clause, without its negation and predicate.
        negated: whether the clause denies what it lists.
    """
    units: list[Unit] = []
    segments = _segments(tokens)
    for number, segment in enumerate(segments):
        ends_with_or = number + 1 < len(segments) and segments[number + 1].joint == "or"
        is_choice = not negated and segment.joint == "," and ends_with_or  # "opacity, infarct or atelectasis"
        if not units or (not is_choice and _opens_unit(tokens, units[-1], segment, negated)):
            units.append([segment])
        else:
            units[-1].append(segment)
    return units


def _opens_unit(tokens: Sequence[Token], unit: Unit, segment: Segment, negated: bool) -> bool:
    has_head = any(one.head == "F" or (negated and one.head == "u") for one in unit)
    if not has_head:
        return False
    opening = tokens[segment.first]
    said = tokens[unit[0].first : unit[-1].last]
    kept = any(token.kind == "K" or token.word in (":", "without") for token in said[1:]) or (
        said[0].word.startswith(("post", "change", "sequela", "expected"))
        and any(token.word in ("from", "of", "after") for token in said)
    )
    if kept:
        ends_list = segment.joint.startswith(",") and segment.joint != "," and segment.head == "F"
        inner_commas = sum(one.joint.startswith(",") for one in unit)
        is_choice = any(token.word in ("versus", "vs", "such", "including", "which", "either") for token in said)
        return (
            ends_list and not inner_commas and not is_choice and "or" not in segment.joint and opening.kind not in "KVP"
        )
    if negated and "nor" in segment.joint and any(token.kind in "FE" for token in tokens[segment.first : segment.last]):
        return True
    if negated and opening.word in ("of", "for") and segment.head == "F":
        return True  # "no evidence of a bleed, of a mass, or of an infarct"
    if segment.joint == "," and segment.first + 1 < segment.last and tokens[segment.first + 1].word in _PATHS:
        return False  # "blood, spread through the sulci"
    if opening.kind in "KVP?" or opening.word in ("not", "without", "most", "largest", "now", "then", "age"):
        return False
    if negated:
        if segment.head == "F":
            return True
        has_place = any(token.kind == "P" for token in said)
        return segment.head == "u" and not has_place
    if segment.joint == "," and segment.head == "A" and segment.head_at == segment.last - 2:
        return tokens[segment.last - 1].word.endswith("ed") and opening.kind == "A"  # "…, vents decompressed"
    if segment.head != "F" or segment.joint == "/":
        return False
    if "or" in segment.joint.split():
        return False
    if any(
        token.word in ("sequela", "sequelae", "residue", "result", "remnant")
        for token in tokens[segment.first : segment.last][:3]
    ):
        return False  # an apposition: "hypodensity, the sequela of old hemorrhage"
    if segment.joint == "," and opening.word in _HEDGES and segment.last - segment.first <= 3:
        return any(token.kind in "AsP" for token in tokens[segment.first : segment.last])  # "opacity, probable infarct"
    if segment.joint == "," and opening.word in ("tip", "tips", "lead", "leads"):
        return False
    if segment.joint == ",":
        rest = tokens[segment.first : segment.last]
        is_choice = any(token.word in ("versus", "vs") for token in rest)
        return not is_choice and (tokens[segment.head_at].word not in ("sign", "pattern") or len(rest) > 2)
    return True


def distributes(tokens: Sequence[Token], unit: Unit) -> bool:
    """Whether one noun serves several adjectives that make it different findings.

    As in: "pleural or pericardial effusion".

    Args:
        tokens: of the clause.
        unit: segments of one finding.
    """
    heads = [index for index, segment in enumerate(unit) if segment.head == "F"]
    if not heads or heads[0] == 0:
        return False
    holder = unit[heads[0]]
    noun = tokens[holder.head_at]
    pending = unit[: heads[0]]
    first_words = [list(tokens[segment.first : segment.last]) for segment in [*pending, holder]]
    if any(segment.head in "A" and not _is_modifier_like(tokens, segment) for segment in pending) and noun.kind != "E":
        return False
    if noun.kind == "E":
        return noun.word not in ("clip", "clips", "surgery")
    for adjectives, nouns in _DISTRIBUTED:
        if singular(noun.word) in nouns or noun.word in nouns:
            hits = [any(token.word in adjectives for token in words) for words in first_words]
            if all(hits):
                return True
    opened = [
        words[0].kind in "dt" or (words[0].kind in "DN#" and len(words) > 1 and words[1].kind in "dt")
        for words in first_words
    ]
    located = [sum(token.kind in "aAs" for token in words) > 0 for words in first_words]
    return all(opened) and all(located)


def _is_modifier_like(tokens: Sequence[Token], segment: Segment) -> bool:
    return all(token.kind in "aAmrsdtD#N" for token in tokens[segment.first : segment.last])
