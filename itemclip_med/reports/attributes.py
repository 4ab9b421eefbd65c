"""What an item says of place, side and size, as far as it is stated; and the words by which items are compared."""

# ruff: noqa: E501  (patterns and tables read better unbroken)
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from itemclip_med.reports.tokens import singular, tokenize
from itemclip_med.reports.vocabulary import findings, modifiers, word_lists
from itemclip_med.reports.vocabulary.anatomy import ANATOMY

_SIZE = re.compile(
    r"(\d+(?:[.,]\d+)?)(?:\s*(mm|cm))?(?:\s*(?:x|by|×)\s*(\d+(?:[.,]\d+)?)(?:\s*(mm|cm))?)?(?:\s*(?:x|by|×)\s*(\d+(?:[.,]\d+)?))?\s*-?(mm|cm)\b"
)
_LEVEL = re.compile(r"(?:c|t|l|s|d)\d{1,2}(?:-(?:c|t|l|s|d)?\d{1,2})?$")


def _is_level(word: str) -> bool:
    """A level of the spine: "l4", "t11-t12"."""
    return word[-1].isdigit() and _LEVEL.match(word) is not None


_LEFT = re.compile(r"\b(?:left|left-sided|lft|lt|l|lul|lll|lica|lmca)\b")
_RIGHT = re.compile(r"\b(?:right|right-sided|rt|r|rul|rml|rll)\b")
_BOTH = re.compile(
    r"\b(?:bilateral(?:ly)?|both|bilat|bibasal|bibasilar|biapical|bifrontal|bitemporal|bihilar|biparietal|bioccipital)\b"
)
_DIRECTION_TO = re.compile(r"\b(?:to|toward|towards)\s+the\s+(?:left|right)\b")
_STEMS = {
    "kidney": "renal", "liver": "hepatic", "lung": "pulmon", "pulmonary": "pulmon", "heart": "cardiac", "bone": "osse", "osseous": "osse",
    "bony": "osse", "skull": "calvar", "calvarial": "calvar", "calvarium": "calvar", "rib": "costal", "brain": "cerebr", "spleen": "splenic",
    "oesophagus": "esoph", "esophagus": "esoph", "esophageal": "esoph", "oesophageal": "esoph", "iac": "vestibul", "vestibular": "vestibul",
    "base": "basal", "basilar": "basal", "bibasilar": "basal", "apex": "apical", "apices": "apical", "tonsil": "tonsil", "gland": "pituit",
    "pituitary": "pituit", "sella": "pituit", "rll": "right lower", "ventricle": "ventr", "ventricular": "ventr", "vermis": "cerebe",
    "mca": "cerebral-artery", "hilum": "hilar", "hila": "hilar", "node": "nodal",
}  # fmt: skip


def _labels() -> tuple[dict[str, str], list[tuple[str, str]]]:
    words: dict[str, str] = {}
    phrases: list[tuple[str, str]] = []
    for label, row in ANATOMY.items():
        nouns, _, adjectives = row.partition("|")
        for word in [*nouns.split(), *adjectives.split()]:
            if "_" in word:
                phrases.append((word.replace("_", " "), label))
            else:
                words.setdefault(word, label)
    return words, sorted(phrases, key=lambda pair: -len(pair[0]))


_WORD_LABELS, _PHRASES = _labels()
_PHRASE = re.compile(r"\b(?:" + "|".join(re.escape(phrase) for phrase, _ in _PHRASES) + r")\b")
_PHRASE_LABELS = dict(_PHRASES)
_FINDING_LABELS = (
    (
        re.compile(
            r"\b(?:pacemaker|catheters?|tubes?|picc|stents?|shunts?|drains?|leads?|icd|evd|ett|clips?|coils?|wires?|port)\b"
        ),
        "device",
    ),
    (re.compile(r"\b(?:pneumothora\w+|hemothorax|haemothorax|hydropneumothorax)\b"), "pleura"),
    (re.compile(r"\b(?:pneumonia|consolidation|atelectasis|emphysema|bronchiectasis|ground-?\s?glass|ggo)\b"), "lung"),
    (re.compile(r"\b(?:cardiomegaly)\b"), "heart"),
    (re.compile(r"\b(?:hydrocephalus|ventriculomegaly)\b"), "ventricles/CSF"),
    (re.compile(r"\b(?:gallstones?|cholelithiasis)\b"), "upper abdomen"),
    (re.compile(r"\b(?:lymphadenopathy|adenopathy)\b"), "mediastinum/hila"),
)
_CONCEPTS = {singular(word): line.split()[0] for line in reversed(findings.CONCEPTS) for word in line.split()}
_CONCEPTS |= {word: line.split()[0] for line in reversed(findings.CONCEPTS) for word in line.split()}


@lru_cache(maxsize=50_000)
def anatomy_of(text: str) -> str | None:
    """The coarse place of a statement, or None where it states none.

    Args:
        text: in lower case.
    """
    if _FINDING_LABELS[0][0].search(text):
        return "device"
    phrase = _PHRASE.search(text)
    tokens = tokenize(text, 0, len(text))
    votes: dict[str, int] = {}
    if phrase:
        votes[_PHRASE_LABELS[phrase[0]]] = 2
    for token in tokens:
        label = _WORD_LABELS.get(token.word) or _WORD_LABELS.get(singular(token.word))
        if label is None and _is_level(token.word):
            label = "bone"
        if label:
            votes[label] = votes.get(label, 0) + (2 if token.kind == "A" else 1)
    if votes:
        return max(votes, key=lambda label: votes[label])
    return next((label for pattern, label in _FINDING_LABELS[1:] if pattern.search(text)), None)


@lru_cache(maxsize=50_000)
def laterality_of(text: str) -> str | None:
    """As in: "left", "right", "bilateral" or None.

    Args:
        text: in lower case.
    """
    if _BOTH.search(text):
        return "bilateral"
    text = _DIRECTION_TO.sub(" ", text)
    left, right = _LEFT.search(text) is not None, _RIGHT.search(text) is not None
    return "bilateral" if left and right else "left" if left else "right" if right else None


@lru_cache(maxsize=50_000)
def sizes_of(text: str) -> tuple[tuple[float, ...], ...]:
    """Every size stated, in mm: ((24.0, 19.0),) for "2.4 x 1.9 cm".

    Args:
        text: in lower case.
    """
    sizes = []
    for match in _SIZE.finditer(text):
        factor = 10.0 if match[6] == "cm" else 1.0
        numbers = [float(number.replace(",", ".")) for number in (match[1], match[3], match[5]) if number]
        sizes.append(tuple(round(number * factor, 2) for number in numbers))
    return tuple(sizes)


@dataclass(frozen=True, slots=True)
class Words:
    """The words by which two statements are compared.

    Attributes:
        content: words that say something, in the singular.
        main: those before the statement begins to explain.
        heads: concepts of its findings in the part that names them, first one first.
        concepts: all its concepts.
        places: stems of its places.
        side: laterality.
        is_acute: says acute or new.
        is_old: says chronic or old.
    """

    content: frozenset[str]
    main: frozenset[str]
    heads: tuple[str, ...]
    concepts: frozenset[str]
    places: frozenset[str]
    side: str | None
    is_acute: bool
    is_old: bool


@lru_cache(maxsize=20_000)
def _said_by(word: str, kind: str) -> tuple[str, str]:
    """The concept or singular of a word, "" for one that says nothing; and the stem of its place, "" for none."""
    if kind in ",;:()" or word in word_lists.LIGHT or not word[0].isalnum():
        return "", ""
    one = singular(word)
    name = _CONCEPTS.get(word) or _CONCEPTS.get(one) or one
    if _is_level(word):
        return name, _STEMS.get(one, "osse")
    return name, _STEMS.get(one, one[:6]) if kind in "Aa" else ""


@lru_cache(maxsize=50_000)
def words_of(text: str) -> Words:
    """Prepare a statement for comparison.

    Args:
        text: in lower case.
    """
    tokens = tokenize(text, 0, len(text))
    content: list[str] = []
    main: list[str] = []
    heads: list[str] = []
    concepts: set[str] = set()
    places: set[str] = set()
    kept = False
    for token in tokens:
        kept = kept or (token.kind == "K" and len(content) > 1)
        name, place = _said_by(token.word, token.kind)
        if not name:
            continue
        content.append(name)
        if not kept:
            main.append(name)
        if token.kind in "FE":
            concepts.add(name)
            if not kept and name not in heads:
                heads.append(name)
        elif place:
            places.add(place)
    words = {token.word for token in tokens}
    if not heads:
        heads = [findings.PARTICIPLES[token.word] for token in tokens if token.word in findings.PARTICIPLES][:1]
        concepts.update(heads)
    return Words(
        frozenset(content), frozenset(main), tuple(heads), frozenset(concepts), frozenset(places), laterality_of(text),
        bool(words & {"acute", "new", "early", "hyperacute"}), bool(words & {"chronic", "old", "remote", "healed"}),
    )  # fmt: skip


NEUTRAL = (
    frozenset(
        [
            "acute",
            "intracranial",
            "definite",
            "significant",
            "new",
            "large",
            "focal",
            "pleural",
            "abnormal",
            "other",
            "further",
            "suspicious",
            "intra-axial",
            "extra-axial",
            "any",
            "convincing",
            "cerebral",
            "suggest",
            "brain",
            "discrete",
            "obvious",
            "gross",
            "on",
            "dwi",
            "recent",
            "pathological",
            "traumatic",
            "longer",
            "enlarged",
            "radiographic",
            "ct",
            "seen",
            "mediastinal",
            "hilar",
        ]
    )
    | modifiers.CONCERNS
)
