"""Cut a statement into words and say what kind each is: finding, place, degree, verb …

Kinds are single letters:

====  =======================================  ====  ======================================
F     noun of a finding                        P     preposition
E     device or procedure                      K     keeper: "with", "causing", "consistent" …
A     noun of a place                          V     finite verb
a     adjective of a place                     C     "and", "or", "nor", "+"
p     noun of a property ("size")              N     "no", "without", "neither", "not"
d t   degree; age or change                    D #   determiner; number
s r   side; direction                          , ;   marks stand for themselves, as do ( ) : ?
m u   other adjective; other noun
====  =======================================  ====  ======================================
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from itemclip_med.reports.vocabulary import findings, modifiers, word_lists
from itemclip_med.reports.vocabulary.anatomy import ANATOMY

_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)*(?:st|nd|rd|th)?(?:-?(?:mm|cm|ml|hu)\b)?|w/o\b|w/|[^\W\d_](?:[\w'’.-]*[\w'])?(?:/[^\W\d_][\w'’-]*)*|\S"
)
_ADJECTIVES_TOO = frozenset(("suspicious", "concerning", "worrisome", "related", "containing"))
_IN_PLACES = frozenset(("cavity", "cavities", "recess", "recesses", "angle", "angles"))
_FOUND_BODIES = frozenset(("body", "bodies"))
_BY_NEIGHBOR = _ADJECTIVES_TOO | _IN_PLACES | _FOUND_BODIES | {"occupying"}
_new = tuple.__new__  # half the time of a named tuple's own
_SENTENCE = 600  # texts up to this length are cut once, and their parts taken from that
_NEGATIONS = frozenset(["no", "not", "without", "neither", "nil", "none", "never", "w/o"])


class Token(NamedTuple):
    """One word or mark of a statement.

    Attributes:
        start: its first character in the report.
        end: behind its last.
        word: in lower case.
        kind: one letter, see the module.
    """

    start: int
    end: int
    word: str
    kind: str


def _build_kinds() -> dict[str, str]:
    kinds: dict[str, str] = {}
    for words in ANATOMY.values():
        nouns, _, adjectives = words.partition("|")
        for word in nouns.split():
            kinds.setdefault(word.rpartition("_")[2], "A")
        for word in adjectives.split():
            kinds.setdefault(word.rpartition("_")[2] if "_" not in word else word.partition("_")[0], "a")
    for word in findings.NOT_FINDINGS:
        kinds.setdefault(word, "u")
    tables: tuple[tuple[frozenset[str], str], ...] = (
        (word_lists.PROPERTIES, "p"),
        (word_lists.SOFT_FINDINGS, "F"),
        (findings.FINDING_WORDS, "F"),
        (frozenset(word for line in findings.CONCEPTS for word in line.split()), "F"),
        (findings.DEVICE_WORDS, "E"),
        (modifiers.DIRECTIONS, "r"),
        (modifiers.DEGREES, "d"),
        (modifiers.AGES, "t"),
        (modifiers.SIDES, "s"),
        (modifiers.NUMBER_WORDS, "#"),
        (modifiers.PREPOSITIONS, "P"),
        (modifiers.KEEPERS, "K"),
        (modifiers.VERBS, "V"),
        (modifiers.DETERMINERS, "D"),
        (modifiers.COORDINATORS, "C"),
        (_NEGATIONS, "N"),
    )
    for words_of_kind, kind in tables:
        kinds.update(dict.fromkeys(words_of_kind, kind))
    kinds.update(dict.fromkeys(("mm", "cm", "ml", "hu", "cc", "x", "%"), "#"))
    kinds["#"] = "F"  # a fracture in British notes
    kinds["midline"] = "A"
    kinds["airway"] = kinds["apex"] = kinds["shunt-flow"] = "A"
    return kinds


_KINDS = _build_kinds()
# Places whose plain form also ends as a finding would.
_TRAILING = re.compile(r"^[\W_]+|[\W_]+$")


@lru_cache(maxsize=20_000)
def singular(word: str) -> str:
    """The singular of an English or Latin plural, as far as the tables need it.

    Args:
        word: in lower case.
    """
    if word.endswith("ies") and len(word) > 5:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


@lru_cache(maxsize=20_000)
def kind_of(word: str) -> str:
    """The kind of one word; words in no list are judged by their endings.

    Args:
        word: in lower case.
    """
    if word in _KINDS:
        return _KINDS[word]
    if not word[0].isalnum():
        return "C" if word == "/" else word[0]
    if word[0].isdigit():
        return "#"
    one = singular(word)
    if one != word and one in _KINDS and _KINDS[one] in "FEAp":
        return _KINDS[one]
    if "-" in word or "/" in word:
        return _kind_of_compound(word)
    if word.endswith(findings.FINDING_SUFFIXES) and one not in findings.NOT_FINDINGS and len(word) > 5:
        return "F"
    if word.endswith(modifiers.ADJECTIVE_SUFFIXES) and len(word) > 3:
        return "m"
    return "u"


def _kind_of_compound(word: str) -> str:
    if word.startswith("non-") and word.endswith("ing"):
        return "F"  # non-filling, non-opacifying
    parts = [part for part in re.split(r"[-/]", word) if part]
    if not parts:
        return "u"
    last = _KINDS.get(parts[-1]) or _KINDS.get(singular(parts[-1])) or ""
    if last in ("F", "E", "a"):
        return last
    if last == "A":
        return "a" if _KINDS.get(parts[0]) in ("a", "r") and "/" not in word else "A"
    if word.endswith(modifiers.ADJECTIVE_SUFFIXES) or len(parts[-1]) <= 2:
        return "m"
    return "m" if "/" in word else "u"


def _split_slash(token: Token) -> list[Token]:
    """As in: "effusion/pneumothorax" as three words; "t2/flair" stays one."""
    words = token.word.split("/")
    kinds = [kind_of(word) if word else "" for word in words]
    is_list = "F" in kinds and set(kinds) <= {"F", "u"} and all(word.isalpha() and len(word) > 1 for word in words)
    if len(words) < 2 or not (is_list or kinds == ["a", "a"]):
        return [token]
    tokens: list[Token] = []
    start = token.start
    for word, kind in zip(words, kinds, strict=True):
        if tokens:
            tokens.append(Token(start - 1, start, "/", "C"))
        tokens.append(Token(start, start + len(word), word, "F" if is_list else kind))
        start += len(word) + 1
    return tokens


def _split_contraction(token: Token) -> list[Token]:
    """As in: "there's" as "there" and a verb."""
    if token.word != "there's":
        return [token]
    cut = token.end - 2
    return [Token(token.start, cut, "there", kind_of("there")), Token(cut, token.end, "'s", "V")]


def tokenize(low: str, start: int, end: int) -> list[Token]:
    """The words and marks of ``low[start:end]``.

    Args:
        low: the cleaned report in lower case.
        start: first character.
        end: behind the last one.
    """
    if start == 0 and end == len(low):
        return list(_whole(low))
    if len(low) <= _SENTENCE and start < end:
        return _part_of(_whole(low), low, start, end)
    return _cut(low, start, end)


def _part_of(tokens: tuple[Token, ...], low: str, start: int, end: int) -> list[Token]:
    """The tokens between two places, where no token lies across one of them and none is read by its neighbors."""
    part = [token for token in tokens if token.end > start and token.start < end]
    if part and (part[0].start < start or part[-1].end > end or any(token.word in _BY_NEIGHBOR for token in part)):
        return _cut(low, start, end)
    return part


@lru_cache(maxsize=20_000)
def _whole(text: str) -> tuple[Token, ...]:
    return tuple(_cut(text, 0, len(text)))  # status, place and comparison ask for the same statement


def _cut(low: str, start: int, end: int) -> list[Token]:
    tokens = [
        _new(Token, (*match.span(), word := match[0], kind_of(word))) for match in _TOKEN.finditer(low, start, end)
    ]
    words = low[start:end]
    if "there's" in words:
        tokens = [part for token in tokens for part in _split_contraction(token)]
    if "/" in words:
        tokens = [part for token in tokens for part in _split_slash(token)]
    for index, token in enumerate(tokens):
        if token.word not in _BY_NEIGHBOR:
            continue
        if token.word in _ADJECTIVES_TOO and index + 1 < len(tokens) and tokens[index + 1].kind in "FEAaumdr":
            tokens[index] = token._replace(kind="m")  # a suspicious nodule
        if token.word in _IN_PLACES and index and tokens[index - 1].kind in "Aa":
            tokens[index] = token._replace(kind="A")  # the middle ear cavities
        if token.word == "occupying" and index and tokens[index - 1].word == "space":
            tokens[index] = token._replace(kind="m")  # space occupying lesion
        if token.word in _FOUND_BODIES and index and tokens[index - 1].word in ("foreign", "loose"):
            tokens[index] = token._replace(kind="F")
    return tokens
