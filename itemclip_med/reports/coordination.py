"""Split coordinated findings, and carry over what they share: the negation, the place, the predicate."""

from __future__ import annotations

import re
from collections.abc import Sequence

from itemclip_med.reports.segments import Unit, distributes, group
from itemclip_med.reports.tokens import Token, singular, tokenize
from itemclip_med.reports.vocabulary import modifiers, word_lists
from itemclip_med.reports.vocabulary.cues import ABNORMAL_DENIALS

Span = tuple[int, int]

_NEGATION = re.compile(
    r"(?:(?:(?:interval|complete)\s+)*(?:removal|resolution|disappearance|clearing|clearance)\s+of(?:\s+(?:the|both))?"
    r"|(?:i|we)\s+(?:do|did|can|could)\s*(?:not|n't|n’t)\s+(?:see|find|identify|detect|appreciate|observe)(?:\s+(?:a|an|any))?|(?:there\s+(?:is|are)\s+)?(?:no|without|nil|neither|no\s+longer\s+any|absence\s+of|absent|lack\s+of|negative\s+for|neg\s+for|neg(?=\s+[a-z])|free\s+of|not\s+any|nothing|w/o)"
    r"(?:\s+(?:definite|definitive|convincing|obvious|gross|clear|radiographic|radiological|imaging|ct|mr|mri|significant|other|further|new|overt|"
    r"conclusive|specific|direct|demonstrable|discernible|suspicious|any|additional|of))*?"
    r"(?:\s+(?:(?:evidence|signs?|indication|suggestion|features?|stigmata|presence|e/o|findings?|appearances?|sites?)\s+(?:of|for|to\s+suggest|suggestive\s+of|suggesting)|to\s+(?:suggest|indicate|support))(?:\s+(?:a|an|any))?)?)\b"
)
_NO_CHANGE = re.compile(next(row[1] for row in ABNORMAL_DENIALS if row[0] == "no change in a finding").lstrip("^"))
_WORD = re.compile(r"\w|\?")
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
    verb = _predicate_at(tokens, first)
    if verb < len(tokens) and tokens[verb].word in _LIST_VERBS and not negation:
        return _split_objects(low, tokens, verb, spans)
    if verb < len(tokens) and tokens[verb - 1].word == "there" and not negation:
        return _split_there(low, tokens, verb, spans)
    subject = tokens[first:verb]
    units = group(subject, bool(negation))
    if len(units) < 2 and not (units and distributes(subject, units[0])):
        return [list(spans)]
    parts = _expand(subject, units)
    if len(parts) < 2:
        return [list(spans)]
    predicate = [token for token in tokens[verb:] if token.word not in "-:"]
    result = []
    for number, (part, has_place) in enumerate(parts):
        front = _front(tokens, first, negation is not None, number, part)
        shared = [] if has_place or verb < len(tokens) else _shared_tail([one for one, _ in parts], number)
        tail = [token for token in shared if token not in part]
        result.append(_to_spans(low, [*front, *part, *tail, *predicate]))
    return result


def _predicate_at(tokens: Sequence[Token], first: int) -> int:
    """Where the predicate begins: a finite verb outside "which …", or the "none" behind a dash that ends a list."""
    for index in range(first + 1, len(tokens)):
        if tokens[index].kind == "V" and not _in_relative(tokens, first, index):
            return index
    is_denied = len(tokens) > first + 3 and tokens[-1].word in ("none", "nil", "absent") and tokens[-2].word in "-:"
    return len(tokens) - 2 if is_denied else len(tokens)


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
        if parts and part[0].word in ("of", "for"):
            part = part[2:] if len(part) > 2 and part[1].kind == "D" else part[1:]
        parts.append((part, _has_own_place(part)))
    return parts


def _has_own_place(part: Sequence[Token]) -> bool:
    return any(token.kind in "PA" or token.kind == "s" for token in part) or any(token.kind == "K" for token in part)


def _shared_tail(parts: Sequence[Sequence[Token]], number: int) -> list[Token]:
    """The place that ends a later finding of the list and belongs to this one too."""
    for later in parts[number + 1 :]:
        if later[0].kind in "D#":
            return []
        for index, token in enumerate(later):
            if token.kind == "K":
                return []
            if token.kind == "P":
                if token.word == "of":
                    return list(later[index:]) if _RELATIONAL.search(parts[0][-1].word) else []
                return list(later[index:]) if token.word in modifiers.PLACE_PREPOSITIONS else []
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


def _split_there(low: str, tokens: Sequence[Token], verb: int, spans: Sequence[Span]) -> list[list[Span]]:
    """As in: "In the abdomen there are stones and a cyst in the liver": the place in front goes to what has none."""
    objects = tokens[verb + 1 :]
    if not objects or objects[0].kind == "N" or any(token.kind in "KV" for token in objects):
        return [list(spans)]
    parts = _expand(objects, group(objects, negated=False))
    if len(parts) < 2:
        return [list(spans)]
    result = []
    for number, (part, has_place) in enumerate(parts):
        stands_alone = has_place or any(singular(token.word) in word_lists.LOCATED for token in part)
        front = [] if number and stands_alone else tokens[: verb + 1]
        result.append(_to_spans(low, [*front, *part]))
    return result


def _to_spans(low: str, tokens: Sequence[Token]) -> list[Span]:
    """Places of words, joined where nothing stands between them; marks at the ends are left out."""
    spans: list[Span] = []
    for token in tokens:
        if spans and token.start >= spans[-1][1] and not low[spans[-1][1] : token.start].strip():
            spans[-1] = (spans[-1][0], token.end)
        else:
            spans.append((token.start, token.end))
    return [span for span in spans if _WORD.search(low, span[0], span[1])]
