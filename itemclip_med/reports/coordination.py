"""Split coordinated findings, and carry over what they share: the negation, the place, the predicate."""

from __future__ import annotations

import re
from collections.abc import Sequence

from itemclip_med.reports.segments import Unit, distributes, group
from itemclip_med.reports.tokens import Token, tokenize
from itemclip_med.reports.vocabulary import modifiers
from itemclip_med.reports.vocabulary.cues import ABNORMAL_DENIALS

Span = tuple[int, int]

_NEGATION = re.compile(
    r"(?:(?:(?:interval|complete)\s+)*(?:removal|resolution|disappearance|clearing|clearance)\s+of(?:\s+(?:the|both))?"
    r"|(?:i|we)\s+(?:do|did|can|could)\s*(?:not|n't|n’t)\s+(?:see|find|identify|detect|appreciate|observe)(?:\s+(?:a|an|any))?|(?:there\s+(?:is|are)\s+)?(?:no|without|nil|neither|no\s+longer\s+any|absence\s+of|absent|lack\s+of|negative\s+for|neg\s+for|free\s+of|not\s+any|w/o)"
    r"(?:\s+(?:definite|definitive|convincing|obvious|gross|clear|radiographic|radiological|imaging|ct|mr|mri|significant|other|further|new|overt|"
    r"conclusive|specific|direct|demonstrable|discernible|suspicious|any|additional|of))*?"
    r"(?:\s+(?:evidence|signs?|indication|suggestion|features?|stigmata|presence|e/o|findings?|appearances?|sites?)\s+(?:of|for|to\s+suggest|suggestive\s+of|suggesting)(?:\s+(?:a|an|any))?)?)\b"
)
_NO_CHANGE = re.compile(ABNORMAL_DENIALS[5][1].lstrip("^"))
_RELATIONAL = re.compile(r"(?:ment|tion|sion|ning|ling|loss|edema|atrophy|collapse|ation|ption)s?$")
_FULL_CUES = frozenset(
    "absence lack negative absent free neg removal resolution disappearance clearing clearance".split()  # noqa: SIM905
)
_LIST_VERBS = frozenset(
    "shows show demonstrates demonstrate contains contain has have reveals reveal exhibits".split()  # noqa: SIM905
)


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
    units = group(subject, bool(negation))
    if len(units) < 2 and not (units and distributes(subject, units[0])):
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


def _expand(tokens: Sequence[Token], units: Sequence[Unit]) -> list[tuple[list[Token], bool]]:
    """The findings as tokens, and whether each has a place of its own."""
    parts: list[tuple[list[Token], bool]] = []
    for unit in units:
        if distributes(tokens, unit):
            heads = [index for index, segment in enumerate(unit) if segment.head == "F"]
            holder = unit[heads[0]]
            noun_start = holder.head_at
            for segment in unit[: heads[0]]:
                if not any(token.kind in "aA" for token in tokens[segment.first : segment.last]):
                    noun_start = holder.first
                    while tokens[noun_start].kind in "dtsrD#" and noun_start < holder.head_at:
                        noun_start += 1
                tail = list(tokens[noun_start : unit[-1].last])
                parts.append(([*tokens[segment.first : segment.last], *tail], True))
            parts.append((list(tokens[holder.first : unit[-1].last]), True))
            continue
        part = list(tokens[unit[0].first : unit[-1].last])
        parts.append((part, _has_own_place(part)))
    return parts


def _has_own_place(part: Sequence[Token]) -> bool:
    return any(token.kind in "PA" or token.kind == "s" for token in part) or any(token.kind == "K" for token in part)


def _shared_tail(tokens: Sequence[Token], units: Sequence[Unit]) -> list[Token]:
    """The place that ends the last finding and belongs to all."""
    last = list(tokens[units[-1][0].first : units[-1][-1].last])
    if last[0].kind in "D#":
        return []
    for index, token in enumerate(last):
        if token.kind == "K":
            return []
        if token.kind == "P":
            if token.word == "of":
                first = list(tokens[units[0][0].first : units[0][-1].last])
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
    units = group(objects, bool(cue))
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
