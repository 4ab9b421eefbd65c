"""A small language for wordings: templates with choices and slots, measures, articles.

``[a|b|c]`` draws one of its alternatives (they may nest, an empty one is allowed), ``{slot}`` takes a value, ``a@``
becomes "a" or "an" before the word that follows it in the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_ARTICLE = re.compile(r"\b([Aa])@\s+(?=(\S+))")
_HEAD_END = re.compile(
    r",|\b(?:in|into|along|over|of|within|overlying|involving|measuring|with|adjacent|centered|extending|filling|"
    r"layering|to|deep|at|on|about|dependently|through|underlying|across|throughout|consistent|compatible|from|"
    r"displacing|suggesting|up|near|noted)\b"
)
_COUNTABLE = {
    "hematoma", "collection", "fracture", "focus", "hyperdensity", "hypodensity", "area", "clot", "bleed",
    "nodule", "opacity", "effusion", "hernia", "catheter", "pacemaker", "tube", "stent", "prosthesis", "pattern",
}  # fmt: skip
_SINGULAR_IN_S = {
    "mass", "thalamus", "callosum", "loss", "pons", "ganglia", "atelectasis", "bronchiectasis", "fibrosis",
    "atherosclerosis", "prosthesis", "thickness",
}  # fmt: skip

T = TypeVar("T")


def pick(options: Sequence[T], rng: np.random.Generator) -> T:
    """One of ``options``, all equally likely."""
    return options[int(rng.integers(len(options)))]


def chance(probability: float, rng: np.random.Generator) -> bool:
    """True with ``probability``."""
    return bool(rng.random() < probability)


def expand(template: str, slots: Mapping[str, str], rng: np.random.Generator) -> str:
    """Draw every choice of a template, fill its slots and tidy spaces, commas and articles.

    Args:
        template: the wording; see the module's first lines.
        slots: value of every ``{slot}``; an empty one leaves no trace.
        rng: draws the choices.

    Returns:
        One line without a final full stop.

    Raises:
        KeyError: if the template names a slot that has no value.
    """
    while found := _CHOICE.search(template):
        template = template[: found.start()] + pick(found[1].split("|"), rng) + template[found.end() :]
    text = template.format_map(slots)
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.;:])", r"\1", text)
    text = re.sub(r",(?:\s*,)+", ",", text).strip(" ,")
    return _ARTICLE.sub(lambda match: match[1] + ("n " if _sounds_as_vowel(match[2]) else " "), text)


def with_article(phrase: str) -> str:
    """``phrase`` with "a" or "an" where its head noun is countable, singular and has none yet."""
    if re.match(r"(?:an?|the|one|two|multiple|several)\b", phrase) or head_noun(phrase) not in _COUNTABLE:
        return phrase
    return f"a{'n' if _sounds_as_vowel(phrase.split()[0]) else ''} {phrase}"


def head_noun(phrase: str) -> str:
    """The noun that a noun phrase is about: "hematoma" of "small hematoma in the left frontal lobe"."""
    words = _HEAD_END.split(phrase, maxsplit=1)[0].split()
    return words[-1] if words else phrase.split()[-1]


def is_plural(phrase: str) -> bool:
    """Whether the verb of a noun phrase is "are"."""
    head = head_noun(phrase)
    return head in ("foci", "sulci") or (head.endswith("s") and head not in _SINGULAR_IN_S)


def capitalize(text: str) -> str:
    """``text`` with its first letter upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def measure(value_mm: float | Sequence[float], rng: np.random.Generator) -> str:
    """A length, or two or three lengths, in the words of a report.

    Args:
        value_mm: one length or several, in mm.
        rng: draws the unit.

    Returns:
        Such as "6 mm", "1.8 cm" or "2.4 x 1.9 cm"; below 1 cm always in mm.
    """
    lengths = [float(value_mm)] if np.ndim(value_mm) == 0 else sorted((float(v) for v in value_mm), reverse=True)[:3]
    if max(lengths) >= 10 and chance(0.6, rng):
        return " x ".join(f"{length / 10:.1f}" for length in lengths) + " cm"
    return " x ".join(f"{max(length, 1):.0f}" for length in lengths) + " mm"


def _sounds_as_vowel(word: str) -> bool:
    number = re.match(r"\d+", word)
    if number:
        return number[0].startswith("8") or number[0] in ("11", "18")
    if len(word) > 1 and word[:2].isupper():  # spelled by letters: an SDH, an MCA
        return word[0] in "AEFHILMNORSX"
    return word[:1].lower() in "aeiou" and not word.lower().startswith(("uni", "one"))
