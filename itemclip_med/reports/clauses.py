"""Cut a sentence into clauses: what has a subject and a verb of its own, exceptions, what hangs on "without"."""

from __future__ import annotations

import re

from itemclip_med.reports.matching import WordGate
from itemclip_med.reports.sentences import trim
from itemclip_med.reports.tokens import Token, tokenize
from itemclip_med.reports.vocabulary import findings
from itemclip_med.reports.vocabulary.modifiers import SEEN

Span = tuple[int, int]

_EXCEPT = WordGate(
    r"\s*[,(]?\s*\b(?:except(?:\s+for|ing)?|apart\s+from|other\s+than|aside\s+from|with\s+the\s+exception\s+of|with\s+exception\s+of|save\s+for|"
    r"barring|excluding|excepting|bar|besides)\s+(?:that\s+(?:there\s+is\s+)?)?"
)
_LEADING_EXCEPT = re.compile(
    r"(?:except(?:\s+for)?|apart\s+from|other\s+than|aside\s+from|with\s+the\s+exception\s+of|save\s+for|besides|excluding)\s+([^,]{3,160}),\s*"
)
_LEADING_EXCEPT_NO_COMMA = re.compile(
    r"(?:except\s+for|apart\s+from|other\s+than|aside\s+from|with\s+the\s+exception\s+of|save\s+for)\s+"
    r"((?:(?!\b(?:is|are|was|were)\b)[^,;]){3,80}?)\s+(?=(?:the|both|all|no)\s+[^,;]{2,60}?\b(?:is|are|was|were|remains?|appears?)\b)"
)
_SHORT_EXCEPT = re.compile(r"\s+x\s+(?=[a-z])")
_JOIN = re.compile(
    r"\s*(?:,\s*(?:and|but|while|whereas|although|though|however|yet|with)?|\b(?:and|but|while|whereas|although|though|however|yet)\b|\s+-+\s+)\s*,?\s*"
)
# What follows a semicolon without being a statement of its own.
HANGS_ON = re.compile(
    r"\?|(?!it\s+is\s+(?:difficult|hard|possible|impossible|unclear|not\s+possible)\b)(?:it|they)\s+\w+|(?:this|these)\s+(?:is|are|was|were|may|might|could|has|have|measures?|likely|probably|appears?|shows?)\b|(?:for\s+(?:example|instance)|e\.?g|i\.?e|the\s+largest|largest|which|measuring|no\s+(?:\S+\s+)?(?:correlate|counterpart)|most\s+likely|"
    r"likely|probably|possibly|previously|consistent|compatible|suggestive|concerning|suspicious)\b"
    r"|(?:[\w-]+\s+){1,4}(?:is\s+|are\s+)?(?:considered\s+|felt\s+)?(?:less|more|not|un)\s*likely$"
)
_CLOSING = frozenset(("throughout", "within", "above", "below", "around", "about"))  # adverbs at the end of a phrase
_SUPERLATIVE = frozenset(("largest", "biggest", "longest", "smallest", "dominant"))
_CONCEDES = frozenset(("though", "although", "while", "whereas"))
_SEEN_AFTER = re.compile(rf"^[^,;]{{2,80}}?\b(?:is|are|was|were)\s+(?:also\s+)?{SEEN}")
_JOINERS = frozenset(("and", "but", "while", "whereas", "although", "though", "however", "yet"))
_JOINTS = _JOINERS | {",", ";", "with", "without", "(", ")"}
_COMPARES = frozenset(("more", "less", "larger", "greater", "longer", "worse", "better", "different", "smaller"))
_CONSIDERED = re.compile(r"\b(?:is|are|was|were)\s+(?:primarily\s+|mainly\s+|first\s+)?(?:considered|favou?red)$")
_DENIED_END = re.compile(r"\bnot\s+(?:\w+ly\s+)?(?:\w+(?:ed|ing)|seen)$")
_ADVERBS = frozenset(("now", "also", "again", "then", "still", "currently", "thus", "therefore"))
_SUBORDINATE = frozenset(("which", "that", "who", "where", "whose"))
_NORMAL_END = re.compile(
    r"\b(?:normal|nl|clear|ok|intact|patent|unremarkable|negative|preserved|fine|open)\b(?:\s+(?:in\s+)?(?:size|caliber|calibre|bilaterally))?$"
)


def split_exceptions(low: str, start: int, end: int) -> list[Span]:
    """As in: "clear except for atelectasis" and "Apart from atelectasis, clear" as two clauses.

    Args:
        low: the cleaned report in lower case.
        start: first character.
        end: behind the last.
    """
    text = low[start:end].replace("\n", " ")
    leading = _LEADING_EXCEPT.match(text) or _LEADING_EXCEPT_NO_COMMA.match(text)
    if leading:
        return [
            trim(low, start + leading.start(1), start + leading.end(1)),
            *split_exceptions(low, start + leading.end(), end),
        ]
    match = _EXCEPT.search(text, 3)
    if match is None:
        match = _SHORT_EXCEPT.search(text) if re.search(r"\b(?:clear|normal|ok|nl)\s+x\s", text) else None
    if match is None or match.end() >= len(text):
        return [(start, end)]
    if re.match(r"(?:this|these|the\s+above|that|those)\b", text[match.end() :]) or text[: match.start()].strip() in (
        "no",
        "any",
    ):
        return [(start, end)]
    rest = trim(low, start + match.end(), end)
    if low[rest[1] - 1] == ")" and "(" not in low[rest[0] : rest[1]]:
        rest = (rest[0], rest[1] - 1)
    return [trim(low, start, start + match.start()), rest]


def split_clauses(low: str, start: int, end: int) -> list[Span]:
    """The clauses of a sentence.

    Args:
        low: the cleaned report in lower case.
        start: first character.
        end: behind the last.
    """
    tokens = tokenize(low, start, end)
    bounds = [start]
    depth = 0
    for index, token in enumerate(tokens):
        if token.word not in _JOINTS:
            continue
        depth = max(0, depth + (token.word == "(") - (token.word == ")"))
        if depth or token.start < bounds[-1]:
            continue
        joint = _joint(tokens, index)
        if joint is None:
            continue
        stop, resume = joint
        left = [one for one in tokens if bounds[-1] <= one.start < stop]
        right = tokens[resume:]
        if right and _is_split(low, token.word, left, right, tokens[index:resume]):
            bounds += [stop, right[0].start]
    bounds.append(end)
    spans = [trim(low, left, right) for left, right in zip(bounds[::2], bounds[1::2], strict=True)]
    return [span for span in spans if span[0] < span[1]]


def _joint(tokens: list[Token], index: int) -> tuple[int, int] | None:
    """A possible joint at a token: where the left side stops, and the index at which the right side resumes."""
    word = tokens[index].word
    following = tokens[index + 1].word if index + 1 < len(tokens) else ""
    if word in (",", ";"):
        resume = index + 2 if following in _JOINERS else index + 1
        return tokens[index].start, resume
    if word in _JOINERS:
        if index and tokens[index - 1].word in (",", ";"):
            return None
        return tokens[index].start, index + 1
    if (word == "with" and following in ("no", "neither")) or word == "without":
        return tokens[index].start, index + (1 if word == "with" else 0)
    return None


def _is_split(low: str, word: str, left: list[Token], right: list[Token], joint: list[Token]) -> bool:
    if not left:
        return False
    words = {token.word for token in joint}
    left_text = low[left[0].start : left[-1].end]
    if word in ("without", "with"):
        return _says_normal(left)
    if "but" in words or "however" in words:
        return _begins_statement(right) and not (len(left) < 2)
    if word == ";":
        behind = low[right[0].start : right[-1].end]
        return not (
            HANGS_ON.match(behind)
            or left[0].word == "when"
            or re.match(r"(?:in|on|at)\s.*\b(?:sections?|images|window)\b", left_text)
        )
    if word == "," and right[0].word == "otherwise" and _says_normal(right[:6]):
        return True
    negated = right[0].word in ("no", "nil") and len(right) > 1 and right[1].word not in _COMPARES
    if word in (",", "and") and _CONSIDERED.search(low[right[0].start : right[-1].end]):
        return False  # "consolidation, and infection is considered"
    if negated and word in (",", "and"):
        return (
            "C" not in left[-1].kind
            and (left[-1].kind not in "NP" or left[-1].word in _CLOSING)
            and not re.search(r"\b(?:nor|neither|shows|with)$", left_text)
        )
    if right[0].word in ("nor",) and word == ",":
        return False
    if not _has_subject_and_verb(right):
        return word == "," and len(joint) == 1 and (_is_normal_note(right, left) or _follows_normal(left, right))
    if right[0].kind in "KV" or right[0].word in _SUBORDINATE or right[0].word in ("as", "so", "not"):
        return False
    if right[right[0].kind == "D" and len(right) > 1].word in _SUPERLATIVE and word in (",", "and"):
        return False  # "several nodes, the largest is 9 mm"
    if right[0].word in ("its", "their") and word == "and":
        return False  # "the trachea is in the midline and its lumen is open"
    if right[0].word in _ADVERBS and right[1].kind == "V":
        return False  # "and now occupies": no subject of its own
    if (
        left[0].kind == "N"
        and not any(token.kind == "V" for token in left)
        and _SEEN_AFTER.search(low[right[0].start : right[-1].end])
    ):
        return False  # "no masses or nodules, and no effusions are identified" is one list
    if _is_complete(left):
        return True
    is_list = any(token.word == "," for token in left)
    if word == "," and len(joint) == 1 and _has_finding(left) and not is_list and _says_normal(right):
        return True  # "thickening in the sinuses, mastoid cells are clear"
    return (
        "," in words
        and len(joint) > 1
        and (left[0].kind == "N" or (_has_finding(left) and (not is_list or bool(words & _CONCEDES))))
    )


def _says_normal(tokens: list[Token]) -> bool:
    text = " ".join(token.word for token in tokens)
    return re.search(
        r"\b(?:normal(?:ly)?|unremarkable|clear|intact|patent|preserved|maintained|symmetric(?:al)?|midline(?!\s+shift)|natural|limits|open|appropriate|"
        r"well[- ]aerated|aerated|ok|nl|negative)\b",
        text,
    ) is not None and not re.search(r"\b(?:abnormal|not\s+normal|enlarged|dilated|near|above|below|to)\b", text)


def _begins_statement(tokens: list[Token]) -> bool:
    """Whether what follows "but" says something of its own ("but there is …", "but no …", "but a mass …")."""
    first = tokens[0]
    if first.kind == "V" and len(tokens) > 2 and tokens[1].word == "otherwise":
        return True
    if first.word in (
        "not",
        "does",
        "do",
        "did",
        "is",
        "are",
        "has",
        "have",
        "remains",
        "remain",
        "now",
        "still",
        "unchanged",
        "stable",
        "also",
        "most",
        "likely",
        "probably",
    ):
        return False
    if first.word in ("no", "nil", "there", "without"):
        return True
    if first.kind in "VPK" or first.word in ("sparing", "less", "more", "otherwise-unchanged"):
        return False
    if _has_subject_and_verb(tokens):
        return True
    verb = next((index for index, token in enumerate(tokens) if token.kind == "V"), len(tokens))
    return any(token.kind in "FE" for token in tokens[:verb])


def _has_subject_and_verb(tokens: list[Token]) -> bool:
    """A noun, then a finite verb that no "which" rules."""
    if tokens[0].word == "there" and len(tokens) > 1 and tokens[1].kind == "V":
        return True
    noun = False
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.word in _SUBORDINATE:
            return False
        if token.kind == "V":
            return noun
        if token.kind in "K,;" or token.word in ("but", "no"):
            return False
        noun = (
            noun
            or (before is not None and before.kind == "D")  # "the tubing is": any word behind an article
            or token.kind in "FEAupa"
            or token.word in ("it", "this", "these", "remainder", "rest", "left", "right", "both", "other")
        )
    return False


def _is_complete(tokens: list[Token]) -> bool:
    """Whether the left side is a clause of its own."""
    words = {token.word for token in tokens}
    if "there" in words or tokens[0].kind == "N":
        return True
    if not any(token.kind == "V" for token in tokens):
        return _NORMAL_END.search(" ".join(token.word for token in tokens)) is not None
    return True


def _has_finding(tokens: list[Token]) -> bool:
    return any(token.kind in "FE" for token in tokens)


def _is_normal_note(right: list[Token], left: list[Token]) -> bool:
    """A telegraphic "…, vents ok": a place, then nothing but a word for normal."""
    stop = next((index for index, token in enumerate(right) if token.word in (",", ";")), len(right))
    if right[0].kind == "C":
        return False
    piece = right[:stop]
    text = " ".join(token.word for token in piece)
    is_denied = _DENIED_END.search(text) is not None and piece[0].word != "not"
    if not (is_denied or _NORMAL_END.search(text)) or len(piece) < 2 or len(piece) > 8:
        return False
    return (
        any(token.kind == "A" or (is_denied and token.kind == "u") for token in piece)
        and piece[0].kind not in "KPV"
        and (_has_finding(left) or _is_complete(left) or any(token.word in findings.PARTICIPLES for token in left))
    )


def _follows_normal(left: list[Token], right: list[Token]) -> bool:
    """As in: "Heart normal, ascending aorta 42 mm": another place behind a complete normal note."""
    if not _NORMAL_END.search(" ".join(token.word for token in left)) or not any(token.kind in "AF" for token in left):
        return False
    return len(right) > 1 and right[0].kind not in "KPV" and any(token.kind in "AFE" for token in right)
