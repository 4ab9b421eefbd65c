"""What reports of all phantoms are composed of: gold items, templated negatives, one item per finding said twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from itemclip_med.phantoms.layouts import Sections, Statement
from itemclip_med.phantoms.phrases import capitalize, chance, expand, is_plural, pick, with_article
from itemclip_med.records import Item, Status

Negative = tuple[str, str, str | None, frozenset[str]]
Normal = tuple[str, str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class GoldItem:
    """One item of a written report.

    Attributes:
        item: text, status and finding.
        alt: other wordings of the same item that the report holds (its repeat in the impression).
    """

    item: Item
    alt: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The item as it is written to ``reports.jsonl``."""
        values: dict[str, object] = dict(self.item.to_dict())
        if self.alt:
            values["alt"] = list(self.alt)
        return values


class Said(Protocol):
    """One finding on its way into the report.

    Attributes:
        key: of its gold item.
        slots: values of the wordings' slots.
        status: "present" or "uncertain".
    """

    key: str
    slots: Mapping[str, str]
    status: Status


AnySaid = TypeVar("AnySaid", bound=Said)


@dataclass(frozen=True, slots=True)
class ImpressionOdds:
    """How often an impression does what.

    Attributes:
        leave_out: says nothing of a finding.
        join: says two findings in one line, where a wording for both is there.
        otherwise: ends with a line that all else is normal.
    """

    leave_out: float
    join: float
    otherwise: float


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report and its gold items.

    Attributes:
        text: the free text.
        items: in the order of the report.
        is_normal: True where nothing is present or uncertain.
    """

    text: str
    items: tuple[GoldItem, ...]
    is_normal: bool


def as_sentence(phrase: str, rng: np.random.Generator) -> tuple[str, str]:
    """A noun phrase as a sentence of the report, and as the item cut from it."""
    draw = rng.random()
    verb = "are" if is_plural(phrase) else "is"
    if draw < 0.38:
        dressed = (
            with_article(phrase) if chance(0.75, rng) and "both" not in phrase and "bilateral" not in phrase else phrase
        )
        return f"There {verb} {dressed}", dressed
    if draw < 0.62 and "," not in phrase:
        dressed = capitalize(with_article(phrase) if chance(0.4, rng) else phrase)
        return f"{dressed} {verb} {pick(('seen', 'noted', 'present', 'identified', 'demonstrated'), rng)}", dressed
    return capitalize(phrase), capitalize(phrase)


def negatives(
    allowed: Sequence[Negative], leads: Sequence[str], organ: str, rng: np.random.Generator, *, at_most: int
) -> list[Statement]:
    """Templated negatives, alone or as a list.

    Args:
        allowed: (wording after "no", heading, finding it denies, what it cannot stand with) that are true of the study.
        leads: how such a sentence begins.
        organ: heading of a list over several organs.
        rng: draws them.
        at_most: how many findings to deny.

    Returns:
        The statements, an item for each finding denied.
    """
    several = organ
    count = int(rng.integers(at_most + 1))
    chosen = [allowed[index] for index in rng.permutation(len(allowed))[:count]]
    statements: list[Statement] = []
    while chosen:
        size = min(len(chosen), pick((1, 1, 2, 2, 3), rng))
        group, chosen = chosen[:size], chosen[size:]
        nouns = [expand(entry[0], {}, rng) for entry in group]
        listed = nouns[0] if size == 1 else f"{', '.join(nouns[:-1])}{',' if size > 2 else ''} or {nouns[-1]}"
        organ = group[0][1] if len({entry[1] for entry in group}) == 1 else several
        if size == 1 and not is_plural(listed) and chance(0.15, rng):
            sentence = f"No {listed} is {pick(('seen', 'identified'), rng)}"
        else:
            sentence = f"{pick(leads, rng)} {listed}"
        items = [(f"No {noun}", "absent", entry[2], f"no {noun}") for noun, entry in zip(nouns, group, strict=True)]
        statements.append(Statement(sentence, items, organ))
    return statements


def normal_statements(allowed: Sequence[Normal], rng: np.random.Generator, *, at_most: int) -> list[Statement]:
    """Statements that an organ is normal; never two on one organ.

    Args:
        allowed: (wording, heading, what it cannot stand with) that are true of the study.
        rng: draws them.
        at_most: how many to draw.

    Returns:
        The statements.
    """
    count = int(rng.integers(at_most + 1))
    statements: dict[str, Statement] = {}
    for index in rng.permutation(len(allowed))[:count]:
        template, organ, _ = allowed[index]
        words = expand(template, {}, rng)
        statements.setdefault(organ, Statement(words, [(words, "normal", None, words)], organ))
    return list(statements.values())


def merge(sections: Sections, rewrite: Callable[[str], str]) -> list[GoldItem]:
    """One item per key: the more specific wording as its text, the others as ``alt``, the most definite status."""
    merged: dict[str, list[tuple[str, Status, str | None]]] = {}
    for statement in sections.findings + sections.impression:
        for text, status, finding, key in statement.items:
            merged.setdefault(key, []).append((rewrite(text), status, finding))
    gold = []
    for wordings in merged.values():
        texts = list(dict.fromkeys(text for text, _, _ in wordings))
        best = max(texts, key=lambda text: (len(text.split()), -texts.index(text)))
        statuses = {status for _, status, _ in wordings}
        status = next(s for s in ("present", "uncertain", "absent", "normal") if s in statuses)
        finding = next((name for _, _, name in wordings if name), None)
        gold.append(GoldItem(Item(best, status, finding), tuple(text for text in texts if text != best)))
    return gold


def sum_up(
    said: Sequence[AnySaid],
    others: Sequence[Statement],
    rng: np.random.Generator,
    *,
    short: Callable[[AnySaid], str],
    joint: Callable[[AnySaid, AnySaid], Sequence[str] | None],
    fill: Callable[[Sequence[str], Mapping[str, str]], str | None],
    hedges: Sequence[str],
    otherwise: Sequence[str],
    odds: ImpressionOdds,
) -> list[Statement]:
    """The impression: most findings in short, some joined, a negative repeated, a closing line.

    Args:
        said: what the findings section says.
        others: its other statements.
        rng: decides.
        short: words of a finding.
        joint: templates that say two findings at once, with ``{first}`` for the words of the first; None if none do.
        fill: a template with its slots filled; None if none can be.
        hedges: words before an uncertain finding.
        otherwise: closing lines.
        odds: of what may happen.
    """
    lines: list[Statement] = []
    used: set[str] = set()
    for one in said:
        if one.key in used or chance(odds.leave_out, rng):
            continue
        words = short(one)
        if one.status == "uncertain":
            words = f"{pick(hedges, rng)} {words[0].lower() + words[1:]}"
        for other in said:
            options = joint(one, other)
            certain = one.status == other.status == "present"
            if options and certain and other.key not in used and chance(odds.join, rng):
                joined = fill(options, {**other.slots, "first": words})
                if joined:
                    words = joined
                    used.add(other.key)
                    break
        used.add(one.key)
        lines.append(Statement(capitalize(words), [(capitalize(words), one.status, None, one.key)], ""))
    denied = [other for other in others if len(other.items) == 1 and other.items[0][1] == "absent"]
    if denied and chance(0.25, rng):
        lines.append(pick(denied, rng))
    if chance(odds.otherwise, rng):
        words = expand(pick(otherwise, rng), {}, rng)
        lines.append(Statement(words, [(words, "normal", None, "otherwise")], ""))
    return lines


def draw(
    templates: Sequence[str], slots: Mapping[str, str], rng: np.random.Generator, *, needed: Sequence[str]
) -> str | None:
    """A template whose needed slots all have values, expanded.

    Args:
        templates: wordings to draw from.
        slots: their values.
        rng: draws one.
        needed: slots without which the words around them make no sense.

    Returns:
        The words; None if no template can be filled.
    """
    empty = [f"{{{name}}}" for name in needed if not slots.get(name)]
    if slots.get("side") == "bilateral":
        empty += ["the {side}", "on the {side}"]
    usable = [template for template in templates if not any(gap in template for gap in empty)]
    return expand(pick(usable, rng), slots, rng) if usable else None
