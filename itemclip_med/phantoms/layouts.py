"""The shapes a report comes in: headed, by organ, numbered, prose, capitals, notes without full stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from itemclip_med.phantoms.phrases import capitalize, chance, expand, pick

if TYPE_CHECKING:
    from itemclip_med.records import Status

SaidItem = tuple[str, "Status", str | None, str]
HeadedLine = tuple[str, str, frozenset[str], "Status", str | None]


class FrameTables(Protocol):
    """The wordings of one kind of examination that frame its report; a module with these names is one."""

    TITLES: tuple[str, ...]
    INDICATIONS: tuple[str, ...]
    TECHNIQUES: tuple[str, ...]
    COMPARISONS: tuple[str, ...]
    RECOMMENDATIONS: tuple[str, ...]
    LIMITS: tuple[str, ...]
    BRITISH: tuple[tuple[str, str], ...]
    HEADED_LINES: tuple[HeadedLine, ...]
    HEADING_ORGANS: dict[str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a report.

    Attributes:
        sentence: its words, without the full stop.
        items: (text, status, finding, key) of what it says; items of one key are one item of the report.
        organ: the heading it stands under in a report by organ; "" for none.
    """

    sentence: str
    items: list[SaidItem]
    organ: str


@dataclass(slots=True)
class Sections:
    """What a report says, before it has a shape.

    Attributes:
        findings: statements of the findings section.
        impression: statements of the impression; empty for none.
        abnormal: whether anything is present or uncertain.
        overall: the sentence that calls the study normal, if there is one.
    """

    findings: list[Statement]
    impression: list[Statement] = field(default_factory=list)
    abnormal: bool = False
    overall: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape of a report.

    Attributes:
        name: for tests and people.
        body: "prose", "lines", "numbers", "bullets" or "organs".
        findings_heads: headings to draw the findings' one from; "" for none.
        impression_heads: the same for the impression; empty where the layout has none.
        frame: whether title, history and technique come first.
        british: British spelling.
        case: "as is", "upper" or "lower".
        full_stops: whether sentences end with one.
    """

    name: str
    body: str = "prose"
    findings_heads: tuple[str, ...] = ("FINDINGS:",)
    impression_heads: tuple[str, ...] = ("IMPRESSION:",)
    frame: bool = True
    british: bool = False
    case: str = "as is"
    full_stops: bool = True

    @property
    def has_impression(self) -> bool:
        """Whether the impression is written at all."""
        return bool(self.impression_heads)


_HEADED = Layout(
    "headed", findings_heads=("FINDINGS:", "Findings:"), impression_heads=("IMPRESSION:", "Impression:", "CONCLUSION:")
)
# Drawn evenly, so that a layout that stands here three times is three times as frequent.
LAYOUTS: tuple[Layout, ...] = (
    _HEADED,
    _HEADED,
    _HEADED,
    Layout("numbered impression", impression_heads=("IMPRESSION:\n#",), body="lines"),
    Layout("organs", body="organs"),
    Layout("organs without impression", body="organs", impression_heads=(), frame=False),
    Layout("bullets", body="bullets", impression_heads=("IMPRESSION:\n-",), frame=False),
    Layout("numbers", body="numbers", impression_heads=(), frame=False),
    Layout("prose", findings_heads=("",), impression_heads=("",), frame=False),
    Layout("impression only", findings_heads=("IMPRESSION:", "Impression:"), impression_heads=()),
    Layout("short prose", findings_heads=("",), impression_heads=(), frame=False),
    Layout("british", findings_heads=("Report:", "Findings:"), impression_heads=("Conclusion:", "Opinion:"),
           british=True),
    Layout("capitals", case="upper"),
    Layout("notes", body="lines", findings_heads=("", "findings:"), impression_heads=("imp:\n",), frame=False,
           case="lower", full_stops=False),
)  # fmt: skip


def fit_to(sections: Sections, layout: Layout, overview: Statement | None, rng: np.random.Generator) -> Sections:
    """What of the sections a layout can say: without an impression, its summary moves into the findings.

    Args:
        sections: what is to be said.
        layout: the shape.
        overview: the summary that stands in the impression, if it does.
        rng: draws its new place.

    Returns:
        The sections to lay out; only these are in the report.
    """
    if layout.has_impression:
        return sections
    findings = list(sections.findings)
    if overview is not None and overview in sections.impression:
        findings.insert(0 if chance(0.7, rng) else len(findings), overview)
    closing = sections.impression[:1] if sections.overall else []
    return Sections(findings + closing, [], sections.abnormal, sections.overall)


def add_headed_lines(
    findings: list[Statement], names: set[str], rng: np.random.Generator, tables: FrameTables
) -> list[Statement]:
    """Add lines such as "Hemorrhage: None" to a report by organ, none on an organ of which something is said.

    Args:
        findings: the statements so far.
        names: the study's findings, which no line may contradict.
        rng: draws the lines.
        tables: of the kind of examination.

    Returns:
        A new list.
    """
    taken = {statement.organ for statement in findings}
    lines = []
    for heading, template, conflicts, status, finding in tables.HEADED_LINES:
        organ = tables.HEADING_ORGANS.get(heading, heading.lower())
        if conflicts & names or organ in taken or not chance(0.45, rng):
            continue
        words = f"{heading}: {expand(template, {}, rng)}"
        lines.append(Statement(words, [(words, status, finding, f"no {heading.lower()}")], "headed"))
    return findings + lines


def lay_out(
    sections: Sections, layout: Layout, rng: np.random.Generator, tables: FrameTables
) -> tuple[str, Callable[[str], str]]:
    """Write the sections down in one shape.

    Args:
        sections: what to say; its impression must be empty if the layout has none.
        layout: the shape.
        rng: draws headings and what frames the report.
        tables: of the kind of examination.

    Returns:
        The report, and the function that brings an item's text to the report's spelling and case.
    """

    def rewrite(text: str) -> str:
        if layout.british:
            for american, british in tables.BRITISH:
                text = text.replace(american, british)
        return {"upper": text.upper(), "lower": text.lower()}.get(layout.case, text)

    parts = _frame(rng, tables) if layout.frame else []
    body = _body(sections.findings, layout, rng)
    if chance(0.05, rng) and layout.body == "prose":
        body = f"{pick(tables.LIMITS, rng)} {body}"
    if body:
        head = pick(layout.findings_heads, rng)
        below = "\n" if head and (layout.body not in ("prose",) or chance(0.3, rng)) else " "
        parts.append(f"{head}{below}{body}".strip())
    if layout.has_impression and sections.impression:
        parts.append(_impression(sections.impression, pick(layout.impression_heads, rng), layout, rng))
    if sections.abnormal and layout.full_stops and layout.frame and chance(0.2, rng):
        parts[-1] += f" {expand(pick(tables.RECOMMENDATIONS, rng), {}, rng)}"
    separator = "\n\n" if layout.frame and chance(0.3, rng) else "\n"
    return rewrite(separator.join(parts)), rewrite


def _frame(rng: np.random.Generator, tables: FrameTables) -> list[str]:
    """Title, history, technique and comparison, each or not."""
    return [
        expand(pick(options, rng), {}, rng)
        for options, often in (
            (tables.TITLES, 0.5),
            (tables.INDICATIONS, 0.5),
            (tables.TECHNIQUES, 0.4),
            (tables.COMPARISONS, 0.3),
        )
        if chance(often, rng)
    ]


def _body(statements: list[Statement], layout: Layout, rng: np.random.Generator) -> str:
    stop = "." if layout.full_stops else ""
    sentences = [f"{statement.sentence}{stop}" for statement in statements]
    if layout.body == "numbers":
        return "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1))
    if layout.body == "bullets":
        return "\n".join(f"- {sentence}" for sentence in sentences)
    if layout.body == "lines":
        return "\n".join(sentences)
    if layout.body == "organs":
        organs: dict[str, list[str]] = {}
        for statement, sentence in zip(statements, sentences, strict=True):
            organs.setdefault(sentence if statement.organ == "headed" else statement.organ, []).append(sentence)
        upper = chance(0.6, rng)
        lines = []
        for organ, said in organs.items():
            if said == [organ]:  # a line that brings its own heading
                lines.append(_headed_upper(organ) if upper else organ)
            elif organ:
                lines.append(f"{organ.upper() if upper else capitalize(organ)}: {' '.join(said)}")
            else:
                lines.append(" ".join(said))
        return "\n".join(lines)
    return " ".join(sentences)


def _headed_upper(line: str) -> str:
    heading, value = line.split(":", 1)
    return f"{heading.upper()}:{value}"


def _impression(statements: list[Statement], head: str, layout: Layout, rng: np.random.Generator) -> str:
    stop = "." if layout.full_stops else ""
    sentences = [f"{statement.sentence}{stop}" for statement in statements]
    if head.endswith("#"):
        return head[:-1] + "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1))
    if head.endswith("-"):
        return head[:-1] + "\n".join(f"- {sentence}" for sentence in sentences)
    if head.endswith("\n"):
        return head + "\n".join(sentences)
    if head and len(sentences) > 1 and chance(0.35, rng):
        return f"{head} " + " ".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1))
    return f"{head} {' '.join(sentences)}".strip()
