"""Split coordinated findings, and carry over what they share: the negation, the place, the predicate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from itemclip_med.reports.matching import WordGate
from itemclip_med.reports.tokens import Token, singular, tokenize
from itemclip_med.reports.vocabulary import findings, modifiers
from itemclip_med.reports.vocabulary.cues import ABNORMAL_DENIALS

Span = tuple[int, int]

_NEGATION = re.compile(
    r"(?:(?:(?:interval|complete)\s+)*(?:removal|resolution|disappearance|clearing|clearance)\s+of(?:\s+(?:the|both))?"
    r"|(?:i|we)\s+(?:do|did|can|could)\s*(?:not|n't|n’t)\s+(?:see|find|identify|detect|appreciate|observe)(?:\s+(?:a|an|any))?|(?:there\s+(?:is|are)\s+)?(?:no|without|nil|neither|no\s+longer\s+any|absence\s+of|absent|lack\s+of|negative\s+for|neg\s+for|free\s+of|not\s+any|w/o)"
    r"(?:\s+(?:definite|definitive|convincing|obvious|gross|clear|radiographic|radiological|imaging|ct|mr|mri|significant|other|further|new|overt|"
    r"conclusive|specific|direct|demonstrable|discernible|suspicious|any|additional|of))*?"
    r"(?:\s+(?:evidence|signs?|indication|suggestion|features?|stigmata|presence|e/o|findings?|appearances?|sites?)\s+(?:of|for|to\s+suggest|suggestive\s+of|suggesting)(?:\s+(?:a|an|any))?)?)\b"
)
_LIGHT = WordGate(
    rf"\s*\b(?:(?:is|are|was|were|has\s+been|have\s+been|can\s+be|could\s+be)\s+(?:also\s+|again\s+|only\s+|once\s+more\s+)*{modifiers.SEEN}|"
    rf"(?:is|are)\s+there|(?:also|again|already)\s+{modifiers.SEEN}|(?:noted|seen|detected|identified|observed|visuali[sz]ed|demonstrated|found))"
    r"(?=\s*$|\s*[,;)]|\s+(?:in|within|at|along|over|on|of|involving|near|throughout|adjacent|overlying|bilaterally|about|around|with|without|"
    r"measuring|from|between|under|beneath|through|extending|affecting|centrally|peripherally|elsewhere|posteriorly|anteriorly|again)\b)"
)
_NO_CHANGE = re.compile(ABNORMAL_DENIALS[5][1].lstrip("^"))
_RELATIONAL = re.compile(r"(?:ment|tion|sion|ning|ling|loss|edema|atrophy|collapse|ation|ption)s?$")
_FULL_CUES = frozenset(
    (
        "absence",
        "lack",
        "negative",
        "absent",
        "free",
        "neg",
        "removal",
        "resolution",
        "disappearance",
        "clearing",
        "clearance",
    )
)
_LIST_VERBS = frozenset(
    [
        "shows",
        "show",
        "demonstrates",
        "demonstrate",
        "contains",
        "contain",
        "has",
        "have",
        "reveals",
        "reveal",
        "exhibits",
    ]
)
_DISTRIBUTED = tuple((frozenset(left.split()), frozenset(right.split())) for left, right in findings.DISEASE_MODIFIERS)


@dataclass(slots=True)
class _Segment:
    """What stands between two coordinators: tokens ``first`` to ``last`` of the clause."""

    first: int
    last: int
    joint: str = ""
    head: str = "M"
    head_at: int = -1


@dataclass(slots=True)
class _Unit:
    segments: list[_Segment] = field(default_factory=list)


def cut_seen(low: str, spans: Sequence[Span]) -> list[Span]:
    """Cut "is seen", "was noted", which only say that a finding was found.

    Args:
        low: the cleaned report in lower case.
        spans: parts of one clause.
    """
    kept: list[Span] = []
    for start, end in spans:
        match = _LIGHT.search(low[start:end].replace("\n", " "))
        if (
            match is None
            or match.start() < 3
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


def split_coordination(low: str, spans: Sequence[Span], *, is_normal: bool = False) -> list[list[Span]]:
    """The findings of one clause, each as the places of its words.

    Args:
        low: the cleaned report in lower case.
        spans: parts of the clause.
        is_normal: whether it calls something normal; such statements stay whole.
    """
    tokens = [token for start, end in spans for token in tokenize(low, start, end)]
    if is_normal or len(tokens) < 3 or not any(token.kind in "C," or token.word == "well" for token in tokens):
        return [list(spans)]
    if _NO_CHANGE.match(low, tokens[0].start, tokens[-1].end):
        return [list(spans)]
    negation = _NEGATION.match(low, tokens[0].start, tokens[-1].end)
    first = 0
    if negation:
        while first < len(tokens) and tokens[first].start < negation.end():
            first += 1
    if first >= len(tokens):
        return [list(spans)]
    verb = next(
        (
            index
            for index in range(first + 1, len(tokens))
            if tokens[index].kind == "V" and not _in_relative(tokens, first, index)
        ),
        len(tokens),
    )
    if verb < len(tokens) and tokens[verb].word in _LIST_VERBS and not negation:
        return _split_objects(low, tokens, verb, spans)
    subject = tokens[first:verb]
    units = _group(subject, bool(negation))
    if len(units) < 2 and not (units and _distributes(subject, units[0])):
        return [list(spans)]
    parts = _expand(subject, units)
    if len(parts) < 2:
        return [list(spans)]
    shared = _shared_tail(subject, units) if verb == len(tokens) else []
    predicate = tokens[verb:]
    result = []
    for number, (part, has_place) in enumerate(parts):
        front = _front(tokens, first, negation is not None, number, part)
        tail = [] if has_place or number == len(parts) - 1 else [token for token in shared if token not in part]
        result.append(_to_spans(low, [*front, *part, *tail, *predicate]))
    return result


def _in_relative(tokens: Sequence[Token], first: int, index: int) -> bool:
    return any(token.word in ("which", "that", "who", "where") for token in tokens[first:index])


def _front(tokens: Sequence[Token], first: int, negated: bool, number: int, part: Sequence[Token]) -> list[Token]:
    """The negation that stands, or is repeated, in front of a finding."""
    if not negated:
        return []
    if number == 0:
        return list(tokens[:first])
    before = [token for token in tokens if token.start < part[0].start]
    if before and before[-1].word == "nor":
        return [before[-1]]
    cue = [token for token in tokens[:first] if token.kind == "N" or token.word in _FULL_CUES][:1]
    if not cue:
        return list(tokens[:first])
    if cue[0].word in _FULL_CUES and cue[0].word != "absent":
        return list(tokens[:first])
    repeated = [
        token
        for token in tokens[:first]
        if token.word in modifiers.SCOPE_ADJECTIVES and token.word not in ("definite", "gross", "obvious", "convincing")
    ]
    opening = tokens[first]
    if (opening.word in modifiers.SCOPE_ADJECTIVES and opening not in part) or (
        opening.word == "acute" and opening not in part and any(token.word in modifiers.ACUTE_NOUNS for token in part)
    ):
        repeated.append(opening)
    if part[0].kind in "D" or part[0].word in modifiers.SCOPE_ADJECTIVES or part[0].word == "acute":
        repeated = []
    return [*cue, *repeated]


def _hangs(tokens: Sequence[Token], index: int) -> bool:
    """Whether the word before a coordinator waits for its end behind it: "intra- or extra-axial"."""
    return index > 1 and tokens[index - 1].word == "-" and tokens[index - 1].start == tokens[index - 2].end


def _segments(tokens: Sequence[Token]) -> list[_Segment]:
    """Cut at coordinators outside brackets."""
    segments, start, joint, depth, index = [], 0, "", 0, 0
    while index < len(tokens):
        token = tokens[index]
        depth = max(0, depth + (token.word == "(") - (token.word == ")"))
        is_as_well = token.word == "as" and [one.word for one in tokens[index : index + 3]] == ["as", "well", "as"]
        if not depth and not _hangs(tokens, index) and (token.kind in ("C", ",") or token.word == "nor" or is_as_well):
            stop, words = index, []
            while index < len(tokens) and (tokens[index].kind in ("C", ",") or tokens[index].word == "nor"):
                words.append(tokens[index].word)
                index += 1
            if is_as_well:
                index, words = index + 3, ["as well as"]
            if stop > start:
                segments.append(_Segment(start, stop, joint))
            start, joint = index, " ".join(words)
            continue
        index += 1
    if start < len(tokens):
        segments.append(_Segment(start, len(tokens), joint))
    for segment in segments:
        _find_head(tokens, segment)
    return segments


def _find_head(tokens: Sequence[Token], segment: _Segment) -> None:
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
    # "fluid-filled cavity": the noun that counts is the last one; a finding before a place noun still names it.
    if segment.head in "Aup":
        earlier = [i for i in range(segment.first, segment.head_at) if tokens[i].kind in "FE"]
        if earlier and (
            segment.head == "p"
            or (
                segment.head == "A" and tokens[earlier[-1]].kind != "E" and earlier[-1] == segment.head_at - 1 and False
            )
            or segment.head in "A"
        ):
            segment.head, segment.head_at = "F", earlier[-1]


def _group(tokens: Sequence[Token], negated: bool) -> list[_Unit]:
    """Put segments together that speak of one finding."""
    units: list[_Unit] = []
    segments = _segments(tokens)
    for number, segment in enumerate(segments):
        if not units or _opens_unit(tokens, units[-1], segment, segments, number, negated):
            units.append(_Unit([segment]))
        else:
            units[-1].segments.append(segment)
    return units


def _opens_unit(
    tokens: Sequence[Token], unit: _Unit, segment: _Segment, segments: Sequence[_Segment], number: int, negated: bool
) -> bool:
    has_head = any(one.head == "F" or (negated and one.head == "u") for one in unit.segments)
    if not has_head:
        return False
    opening = tokens[segment.first]
    said = tokens[unit.segments[0].first : unit.segments[-1].last]
    kept = any(token.kind == "K" or token.word in (":", "without") for token in said[1:]) or (
        said[0].word.startswith(("post", "change", "sequela", "expected"))
        and any(token.word in ("from", "of", "after") for token in said)
    )
    if kept:
        ends_list = segment.joint.startswith(",") and segment.joint != "," and segment.head == "F"
        inner_commas = sum(one.joint.startswith(",") for one in unit.segments)
        is_choice = any(token.word in ("versus", "vs", "such", "including", "which", "either") for token in said)
        return (
            ends_list and not inner_commas and not is_choice and "or" not in segment.joint and opening.kind not in "KVP"
        )
    if negated and "nor" in segment.joint and any(token.kind in "FE" for token in tokens[segment.first : segment.last]):
        return True
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
    if "or" in segment.joint.split() or (
        segment.joint == "&" and number and tokens[segment.first - 1].word == "&" and False
    ):
        return False
    if any(
        token.word in ("sequela", "sequelae", "residue", "result", "remnant")
        for token in tokens[segment.first : segment.last][:3]
    ):
        return False  # an apposition: "hypodensity, the sequela of old hemorrhage"
    if segment.joint == "," and opening.word in ("tip", "tips", "lead", "leads"):
        return False
    if segment.joint == ",":
        rest = tokens[segment.first : segment.last]
        if any(token.word in ("versus", "vs") for token in rest) or (
            tokens[segment.head_at].word in ("sign", "pattern") and len(rest) < 3
        ):
            return False
        return _is_list(segments, number) or opening.kind not in "?"
    return True


def _is_list(segments: Sequence[_Segment], number: int) -> bool:
    return any("and" in later.joint for later in segments[number:])


def _distributes(tokens: Sequence[Token], unit: _Unit) -> bool:
    """Whether one noun serves several adjectives that make it different findings."""
    heads = [index for index, segment in enumerate(unit.segments) if segment.head == "F"]
    if not heads or heads[0] == 0:
        return False
    holder = unit.segments[heads[0]]
    noun = tokens[holder.head_at]
    pending = unit.segments[: heads[0]]
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


def _is_modifier_like(tokens: Sequence[Token], segment: _Segment) -> bool:
    return all(token.kind in "aAmrsdtD#N" for token in tokens[segment.first : segment.last])


def _expand(tokens: Sequence[Token], units: Sequence[_Unit]) -> list[tuple[list[Token], bool]]:
    """The findings as tokens, and whether each has a place of its own."""
    parts: list[tuple[list[Token], bool]] = []
    for unit in units:
        if _distributes(tokens, unit):
            heads = [index for index, segment in enumerate(unit.segments) if segment.head == "F"]
            holder = unit.segments[heads[0]]
            noun_start = holder.head_at
            for segment in unit.segments[: heads[0]]:
                if not any(token.kind in "aA" for token in tokens[segment.first : segment.last]):
                    noun_start = holder.first
                    while tokens[noun_start].kind in "dtsrD#" and noun_start < holder.head_at:
                        noun_start += 1
                tail = list(tokens[noun_start : unit.segments[-1].last])
                parts.append(([*tokens[segment.first : segment.last], *tail], True))
            parts.append((list(tokens[holder.first : unit.segments[-1].last]), True))
            continue
        part = list(tokens[unit.segments[0].first : unit.segments[-1].last])
        parts.append((part, _has_own_place(part)))
    return parts


def _has_own_place(part: Sequence[Token]) -> bool:
    return any(token.kind in "PA" or token.kind == "s" for token in part) or any(token.kind == "K" for token in part)


def _shared_tail(tokens: Sequence[Token], units: Sequence[_Unit]) -> list[Token]:
    """The place that ends the last finding and belongs to all."""
    last = list(tokens[units[-1].segments[0].first : units[-1].segments[-1].last])
    if last[0].kind in "D#":
        return []
    for index, token in enumerate(last):
        if token.kind == "K":
            return []
        if token.kind == "P":
            if token.word == "of":
                first = list(tokens[units[0].segments[0].first : units[0].segments[-1].last])
                return last[index:] if _RELATIONAL.search(first[-1].word) else []
            return last[index:] if token.word in modifiers.PLACE_PREPOSITIONS else []
    return []


def _split_objects(low: str, tokens: Sequence[Token], verb: int, spans: Sequence[Span]) -> list[list[Span]]:
    """As in: "The liver shows steatosis and a cyst": the subject is carried to both."""
    objects = tokens[verb + 1 :]
    cue: list[Token] = []
    if objects and objects[0].word == "no":
        cue, objects = [objects[0]], objects[1:]
    if not objects or objects[0].kind in "N" or any(token.kind in "KV" for token in objects):
        return [list(spans)]
    units = _group(objects, bool(cue))
    if len(units) < 2:
        return [list(spans)]
    parts = _expand(objects, units)
    return [_to_spans(low, [*tokens[: verb + 1], *cue, *part]) for part, _ in parts]


def _to_spans(low: str, tokens: Sequence[Token]) -> list[Span]:
    """Places of words, joined where nothing stands between them; marks at the ends are left out."""
    spans: list[Span] = []
    for token in tokens:
        if spans and token.start >= spans[-1][1] and not low[spans[-1][1] : token.start].strip():
            spans[-1] = (spans[-1][0], token.end)
        else:
            spans.append((token.start, token.end))
    return [span for span in spans if re.search(r"\w|\?", low[span[0] : span[1]])]
