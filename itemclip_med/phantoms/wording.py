"""Write a radiology report for a phantom, together with the items that an annotator would cut from it.

The items follow the annotation rule of itemized supervision: negative lists split and repeat the negation, a finding
repeated in the impression is one item in its more specific wording, a sentence that sums up several findings is an
item of its own, titles, history, technique, recommendations and image quality are left out, and a normal study has one
item, its overall sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms import normal_tables as normal
from itemclip_med.phantoms import wording_tables as tables
from itemclip_med.phantoms.composing import (
    GoldItem,
    WrittenReport,
    as_sentence,
    draw,
    merge,
    negatives,
    normal_statements,
)
from itemclip_med.phantoms.findings import CALVARIAL_BONES
from itemclip_med.phantoms.layouts import LAYOUTS, Sections, Statement, add_headed_lines, fit_to, lay_out
from itemclip_med.phantoms.phrases import capitalize, chance, expand, pick
from itemclip_med.phantoms.places import describe, is_subtle
from itemclip_med.records import Item, Status

if TYPE_CHECKING:
    from itemclip_med.phantoms.findings import PhantomFinding

# Without these the words around a slot make no sense.
_NEEDED = ("size", "thick", "shift", "toward", "away", "side", "side_of")
_POSTERIOR = ("cerebellum", "pons", "brainstem", "vermis")
_FACE = ("orbit", "zygoma", "zygomatic arch", "mandible")
_ORGANS = {
    "IPH": "brain", "IVH": "ventricles", "SDH": "extra-axial spaces", "EDH": "extra-axial spaces",
    "SAH": "extra-axial spaces", "ChronicBleed": "extra-axial spaces", "ChronicBleedIntraAxial": "brain",
    "Fracture": "bones", "MassEffect": "brain", "MassEffectPosterior": "brain", "MidlineShift": "brain",
}  # fmt: skip


def write_report(findings: Sequence[PhantomFinding], rng: np.random.Generator) -> tuple[str, list[Item]]:
    """Write the report of a phantom and its items; :func:`compose_report` gives the items' other wordings as well.

    Args:
        findings: what the phantom shows; empty for a normal one.
        rng: draws everything; the same state gives the same report.

    Returns:
        The free text, and its items in the report's order.

    Raises:
        ValueError: if a finding's name has no wordings.
    """
    report = compose_report(findings, rng)
    return report.text, [gold.item for gold in report.items]


def compose_report(findings: Sequence[PhantomFinding], rng: np.random.Generator) -> WrittenReport:
    """Write the report of a phantom with its gold items and their repeats.

    Args:
        findings: what the phantom shows; empty for a normal one.
        rng: draws everything; the same state gives the same report.

    Returns:
        The report.

    Raises:
        ValueError: if a finding's name has no wordings.
    """
    unknown = sorted({finding.name for finding in findings} - set(tables.NOUN_PHRASES))
    if unknown:
        raise ValueError(f"no wordings for {', '.join(unknown)}; known are {', '.join(tables.NOUN_PHRASES)}")
    layout = pick(LAYOUTS, rng)
    sections, overview = _abnormal(findings, rng) if findings else (_normal(rng), None)
    sections = fit_to(sections, layout, overview, rng)
    if layout.body == "organs":
        sections.findings = add_headed_lines(sections.findings, {finding.name for finding in findings}, rng, normal)
    text, rewrite = lay_out(sections, layout, rng, normal)
    if not findings:
        overall = rewrite(sections.overall) if sections.overall else "No significant abnormality"
        return WrittenReport(text, (GoldItem(Item(overall, "normal")),), True)
    return WrittenReport(text, tuple(merge(sections, rewrite)), False)


@dataclass
class _Said:
    """One finding on its way into the report."""

    key: str
    table: str
    slots: Mapping[str, str]
    status: Status
    finding: PhantomFinding
    phrase: str = ""
    statement: Statement | None = None


def _abnormal(findings: Sequence[PhantomFinding], rng: np.random.Generator) -> tuple[Sections, Statement | None]:
    """What the report of an abnormal study says, and its summary if it has one."""
    names = {finding.name for finding in findings}
    said = [_say(f"{number}", finding, table_of(finding, findings), rng) for number, finding in enumerate(findings)]
    body = [one.statement for one in said if one.statement]
    if chance(0.85, rng):  # findings of one organ come together, but not in a fixed order of types
        order = rng.permutation(len(body))
        body = [body[index] for index in order]
    overview = _summary(findings, said, rng)
    opens_with_overview = overview is not None and chance(0.2, rng)
    others = _negatives(names, rng, at_most=4) + _normal_statements(names, rng, at_most=4)
    others = [others[index] for index in rng.permutation(len(others))]
    split = int(rng.integers(len(others) + 1)) if chance(0.25, rng) else 0
    body = others[:split] + body + others[split:]
    if opens_with_overview and overview is not None:
        body.insert(0, overview)
    impression = _impression(said, None if opens_with_overview else overview, others, rng)
    return Sections(findings=body, impression=impression, abnormal=True), overview


def table_of(finding: PhantomFinding, findings: Sequence[PhantomFinding]) -> str:
    """The table whose wordings are true of a finding in its company."""
    if finding.name == "ChronicBleed" and _is_intra_axial(finding):
        return "ChronicBleedIntraAxial"
    if finding.name == "MassEffect":
        causes = [other for other in findings if other.name in ("IPH", "SDH", "EDH", "ChronicBleed")]
        if causes and all(other.name == "IPH" and other.region in _POSTERIOR for other in causes):
            return "MassEffectPosterior"
    return finding.name


def _say(key: str, finding: PhantomFinding, table: str, rng: np.random.Generator) -> _Said:
    """The statement of one finding in the findings section, in the words of a table."""
    slots = describe(finding, rng)
    if table == "MassEffect" and slots["side"] == "bilateral":
        slots |= {"side": "", "side_of": ""}
    slots["age"] = _age(finding, rng)
    hedged = is_subtle(finding) and chance(0.4, rng)
    one = _Said(key, table, slots, "uncertain" if hedged else "present", finding)
    if hedged:
        one.phrase = _draw(tables.HEDGED[table], slots, rng) or f"possible {_plain(table)}"
        is_sentence = one.phrase[0].isupper()
    else:
        sentence = _draw(tables.SENTENCES[table], slots, rng) if chance(0.25, rng) else None
        is_sentence = sentence is not None
        one.phrase = sentence or _draw(tables.NOUN_PHRASES[table], slots, rng) or _plain(table)
    one.phrase = _fit_bone(one.phrase, finding)
    sentence, item = (capitalize(one.phrase),) * 2 if is_sentence else as_sentence(one.phrase, rng)
    one.statement = Statement(sentence, [(item, one.status, finding.name, key)], _ORGANS[table])
    return one


def _impression(
    said: Sequence[_Said], overview: Statement | None, others: Sequence[Statement], rng: np.random.Generator
) -> list[Statement]:
    """Repeats, summary and negatives of the impression."""
    lines: list[Statement] = []
    used: set[str] = set()
    if overview is not None:
        lines.append(overview)
    for one in said:
        if one.key in used or chance(0.3 if overview is None else 0.5, rng):
            continue
        short = _short(one, rng)
        for other in said:
            options = tables.COMBINED.get((one.table, other.table))
            certain = one.status == other.status == "present"
            if options and certain and other.key not in used and chance(0.35, rng):
                words = _draw(options, {**other.slots, "first": short}, rng)
                if words:
                    short = words
                    used.add(other.key)
                    break
        used.add(one.key)
        lines.append(Statement(capitalize(short), [(capitalize(short), one.status, None, one.key)], ""))
    lines = [lines[index] for index in rng.permutation(len(lines))] if chance(0.2, rng) else lines
    negatives = [other for other in others if len(other.items) == 1 and other.items[0][1] == "absent"]
    if negatives and chance(0.25, rng):
        lines.append(pick(negatives, rng))
    if chance(0.3, rng):
        words = expand(pick(normal.OTHERWISE, rng), {}, rng)
        lines.append(Statement(words, [(words, "normal", None, "otherwise")], ""))
    return lines


def _short(one: _Said, rng: np.random.Generator) -> str:
    """One finding in the impression's words, as sure or unsure as before."""
    if one.status == "uncertain":
        words = _draw(tables.IMPRESSIONS[one.table], {**one.slots, "age": ""}, rng) or _plain(one.table)
        hedge = pick(("possible", "suspected", "probable", "questionable"), rng)
        return _fit_bone(f"{hedge} {words[0].lower() + words[1:]}", one.finding)
    words = _draw(tables.IMPRESSIONS[one.table], one.slots, rng) or _plain(one.table)
    return _fit_bone(words, one.finding)


def _summary(findings: Sequence[PhantomFinding], said: Sequence[_Said], rng: np.random.Generator) -> Statement | None:
    """A sentence over several findings, such as "Left-sided intracranial hemorrhage with midline shift"."""
    certain = [f for f, one in zip(findings, said, strict=True) if one.status == "present"]
    bleeds = [finding for finding in certain if finding.name in normal.BLEEDS]
    names = {finding.name for finding in certain}
    if not bleeds or len(certain) < 2 or not chance(0.65, rng):
        return None
    sides = {finding.side for finding in bleeds}
    side = sides.pop() if len(sides) == 1 else "bilateral" if sides <= {"left", "right", "bilateral"} else ""
    side = side if side in ("left", "right", "bilateral") else ""
    found = [
        words for name, words in (("MassEffect", "mass effect"), ("MidlineShift", "midline shift")) if name in names
    ]
    several = len({finding.name for finding in bleeds}) > 1
    slots = {
        "age": pick(("acute", "acute", ""), rng),
        "side": "" if side == "bilateral" else side,
        "side_of": {"left": "left-sided", "right": "right-sided", "bilateral": "bilateral"}.get(side, ""),
        "effects": f" with {' and '.join(found)}" if found and chance(0.6, rng) else "",
        "multi": pick(("multicompartmental", "multifocal", "extensive"), rng) if several else "acute",
    }
    words = capitalize(_draw(tables.SUMMARIES, slots, rng) or "intracranial hemorrhage")
    item = words
    for pointer in (" as described above", " as above", " as detailed above"):
        item = item.removesuffix(pointer)
    lateral = "left" in item.lower() or "right" in item.lower()
    name = {"left": "BleedLocation-Left", "right": "BleedLocation-Right"}[side] if lateral else "ICH"
    return Statement(words, [(item, "present", name, "summary")], "brain")


def _normal(rng: np.random.Generator) -> Sections:
    overall = None
    if chance(0.93, rng):
        overall = capitalize(expand(pick(normal.OVERALL_NORMAL, rng), {}, rng))
    body = _negatives(set(), rng, at_most=5) + _normal_statements(set(), rng, at_most=5)
    body = [body[index] for index in rng.permutation(len(body))]
    closing = [Statement(overall, [(overall, "normal", None, "overall")], "")] if overall else []
    if overall and chance(0.15, rng) and body:
        closing.append(pick(body, rng))
    return Sections(findings=body, impression=closing, abnormal=False, overall=overall)


def _negatives(names: set[str], rng: np.random.Generator, *, at_most: int) -> list[Statement]:
    """Templated negatives that hold for a study with the findings ``names``."""
    allowed = [entry for entry in normal.NEGATIVES if not entry[3] & names]
    if not names & (normal.BLEEDS | {"ChronicBleed"}):  # the general denial says it all
        allowed = [entry for entry in allowed if entry[2] not in ("IPH", "ChronicBleed") or chance(0.3, rng)]
    return negatives(allowed, normal.NEGATIVE_LEADS, "brain", rng, at_most=at_most)


def _normal_statements(names: set[str], rng: np.random.Generator, *, at_most: int) -> list[Statement]:
    """Statements that an organ is normal, true for a study with the findings ``names``."""
    allowed = [entry for entry in normal.NORMAL_STATEMENTS if not entry[2] & names]
    return normal_statements(allowed, rng, at_most=at_most)


def _draw(templates: Sequence[str], slots: Mapping[str, str], rng: np.random.Generator) -> str | None:
    """A template whose needed slots all have values, expanded; None if none was found."""
    return draw(templates, slots, rng, needed=_NEEDED)


def _fit_bone(words: str, finding: PhantomFinding) -> str:
    """A fracture's wording as it is true of its bone and kind; other findings' words stay as they are."""
    if finding.name != "Fracture":
        return words
    if (finding.params or {}).get("kind") == "depressed":
        words = words.replace("without displacement", "with depression")
        words = re.sub(
            r"\b(?:linear nondisplaced|minimally displaced|nondisplaced|displaced|linear(?! lucency))\b",
            lambda match: "Depressed" if match[0][0].isupper() else "depressed",
            words,
            flags=re.IGNORECASE,
        )
    if finding.region in CALVARIAL_BONES or not finding.region:
        return words
    kind = "facial" if finding.region in _FACE else "skull base" if "base" in finding.region else "skull"
    words = (
        words.replace("bone fracture", "fracture")
        .replace("both tables", "the cortex")
        .replace("fracture of the skull", f"{kind} fracture")
    )
    words = re.sub(
        r"\b(?:calvarial|skull) fracture",
        lambda match: f"{capitalize(kind) if match[0][0].isupper() else kind} fracture",
        words,
        flags=re.IGNORECASE,
    )
    padj = f"{finding.region} "
    return re.sub(rf"\b{padj}{kind} fracture", f"{padj}fracture", words, flags=re.IGNORECASE)


def _plain(table: str) -> str:
    return {
        "IPH": "intraparenchymal hemorrhage", "IVH": "intraventricular hemorrhage", "SDH": "subdural hematoma",
        "EDH": "epidural hematoma", "SAH": "subarachnoid hemorrhage", "ChronicBleed": "chronic subdural hematoma",
        "ChronicBleedIntraAxial": "chronic hemorrhage", "Fracture": "skull fracture", "MassEffect": "mass effect",
        "MassEffectPosterior": "mass effect", "MidlineShift": "midline shift",
    }[table]  # fmt: skip


def _age(finding: PhantomFinding, rng: np.random.Generator) -> str:
    """The age in words: "acute" most of the time, or what the phantom says."""
    age = (finding.chronicity or "acute").lower()
    if age in ("subacute", "chronic", "mixed"):
        return {"mixed": "acute on chronic"}.get(age, age)
    return pick(("acute", "acute", "acute", "", "recent"), rng)


def _is_intra_axial(finding: PhantomFinding) -> bool:
    place = (finding.params or {}).get("compartment")
    if place is not None:
        return place != "subdural"
    return finding.thickness_mm is None
