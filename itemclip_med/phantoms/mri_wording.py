"""Write a radiology report for a brain MRI phantom, together with the items that an annotator would cut from it.

The items follow the same annotation rule as the head CT's, see :mod:`wording`. Nothing is said of a series that the
study does not have.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms import mri_normal_tables as normal
from itemclip_med.phantoms import mri_wording_tables as tables
from itemclip_med.phantoms.composing import (
    GoldItem,
    ImpressionOdds,
    WrittenReport,
    as_sentence,
    draw,
    merge,
    negatives,
    normal_statements,
    sum_up,
)
from itemclip_med.phantoms.layouts import LAYOUTS, Sections, Statement, add_headed_lines, fit_to, lay_out
from itemclip_med.phantoms.mri_findings import MRI_FINDING_NAMES
from itemclip_med.phantoms.mri_places import mri_slots
from itemclip_med.phantoms.phrases import capitalize, chance, expand, pick
from itemclip_med.records import Item, Status

if TYPE_CHECKING:
    from itemclip_med.phantoms.findings import PhantomFinding

_NEEDED = (
    "size", "shift", "toward", "away", "side", "side_of", "t2", "dwi", "low_adc", "enhancing", "enhancement", "artery",
    "blood_signal", "count", "both_places", "grade",
)  # fmt: skip
_ORGANS = {"Meningioma": "extra-axial spaces", "Cyst": "extra-axial spaces", "Hydrocephalus": "ventricles"}


def compose_mri_report(
    findings: Sequence[PhantomFinding], kinds: Collection[str], rng: np.random.Generator
) -> WrittenReport:
    """Write the report of a brain MRI phantom with its gold items and their repeats.

    Args:
        findings: what the phantom shows; empty for a normal one.
        kinds: of the series that were scanned: "T1", "T1C", "T2", "FLAIR", "DWI", "ADC".
        rng: draws everything; the same state gives the same report.

    Returns:
        The report.

    Raises:
        ValueError: if a finding's name has no wordings.
    """
    unknown = sorted({finding.name for finding in findings} - set(MRI_FINDING_NAMES))
    if unknown:
        raise ValueError(f"no wordings for {', '.join(unknown)}; known are {', '.join(MRI_FINDING_NAMES)}")
    layout = pick(LAYOUTS, rng)
    barred = {finding.name for finding in findings} | {f"no {kind}" for kind in ("DWI", "T1C") if kind not in kinds}
    sections = _abnormal(findings, kinds, barred, rng) if findings else _normal(barred, rng)
    sections = fit_to(sections, layout, None, rng)
    if layout.body == "organs":
        sections.findings = add_headed_lines(sections.findings, barred, rng, normal)
    text, rewrite = lay_out(sections, layout, rng, normal)
    if not findings:
        overall = rewrite(sections.overall) if sections.overall else "No significant abnormality"
        return WrittenReport(text, (GoldItem(Item(overall, "normal")),), True)
    return WrittenReport(text, tuple(merge(sections, rewrite)), False)


@dataclass
class _Said:
    """One finding on its way into the report."""

    key: str
    names: tuple[str, ...]
    slots: dict[str, str]
    status: Status
    finding: PhantomFinding
    statement: Statement


def _tables_of(finding: PhantomFinding) -> tuple[str, ...]:
    """The tables whose wordings are true of a finding; the first decides where there is but one."""
    params = finding.params
    if finding.name == "Glioma":
        return ("Glioma", "GliomaHigh" if params["kind"] == "high-grade" else "GliomaLow")
    if finding.name == "Meningioma":
        return ("Meningioma", "MeningiomaEdema") if params.get("edema") else ("Meningioma",)
    if finding.name == "Metastasis":
        return ("Metastases",) if int(str(params["count"])) > 1 else ("Metastasis",)
    if finding.name == "Hemorrhage":
        return ("HemorrhageChronic",) if finding.chronicity == "chronic" else ("Hemorrhage",)
    if finding.name == "Hydrocephalus":
        return ("Hydrocephalus", "HydrocephalusSeeping") if params["transependymal"] else ("Hydrocephalus",)
    if finding.name == "MassEffect" and params.get("compartment") == "posterior fossa":
        return ("MassEffectPosterior",)
    return (finding.name,)


def is_subtle_mri(finding: PhantomFinding) -> bool:
    """Whether a careful reader would hedge."""
    if finding.name in ("Stroke", "ChronicInfarct"):
        return bool(finding.params.get("lacunar"))
    if finding.name in ("Metastasis", "Meningioma"):
        return finding.size_mm is not None and max(finding.size_mm) < (14 if finding.name == "Metastasis" else 18)
    return finding.name == "WhiteMatterDisease" and finding.params.get("grade") == 1


def _say(key: str, finding: PhantomFinding, kinds: Collection[str], rng: np.random.Generator) -> _Said:
    """The statement of one finding in the findings section."""
    names = _tables_of(finding)
    slots = mri_slots(finding, kinds, rng)
    hedged = names[0] in tables.HEDGED and is_subtle_mri(finding) and chance(0.35, rng)
    sentence = None
    if hedged:
        phrase = _draw(tables.HEDGED[names[0]], slots, rng) or f"possible {tables.PLAIN[names[0]]}"
        sentence = phrase if phrase[0].isupper() else None
    else:
        if chance(0.25, rng):
            sentence = _draw(tables.SENTENCES.get(names[0], ()), slots, rng)
        options = tables.NOUN_PHRASES[pick(names, rng)]
        phrase = sentence or _draw(options, slots, rng) or tables.PLAIN[names[0]]
    words, item = (capitalize(phrase),) * 2 if sentence else as_sentence(phrase, rng)
    status: Status = "uncertain" if hedged else "present"
    statement = Statement(words, [(item, status, finding.name, key)], _ORGANS.get(finding.name, "brain"))
    return _Said(key, names, slots, status, finding, statement)


def _abnormal(
    findings: Sequence[PhantomFinding], kinds: Collection[str], barred: set[str], rng: np.random.Generator
) -> Sections:
    said = [_say(f"{number}", finding, kinds, rng) for number, finding in enumerate(findings)]
    body = [one.statement for one in said]
    if chance(0.85, rng):
        body = [body[index] for index in rng.permutation(len(body))]
    others = _negatives(barred, rng, at_most=4) + _normal_statements(barred, rng, at_most=4)
    others = [others[index] for index in rng.permutation(len(others))]
    split = int(rng.integers(len(others) + 1)) if chance(0.3, rng) else 0
    body = others[:split] + body + others[split:]
    return Sections(findings=body, impression=_impression(said, others, rng), abnormal=True)


def _impression(said: Sequence[_Said], others: Sequence[Statement], rng: np.random.Generator) -> list[Statement]:
    """Repeats of findings, a negative, a closing phrase."""
    return sum_up(
        said,
        others,
        rng,
        short=lambda one: _draw(tables.IMPRESSIONS[_short_table(one)], one.slots, rng) or tables.PLAIN[one.names[0]],
        joint=lambda one, other: tables.COMBINED.get((one.names[0], other.names[0])),
        fill=lambda templates, slots: _draw(templates, slots, rng),
        hedges=("possible", "suspected", "probable", "questionable"),
        otherwise=normal.OTHERWISE,
        odds=ImpressionOdds(leave_out=0.25, join=0.35, otherwise=0.3),
    )


def _short_table(one: _Said) -> str:
    return next(name for name in (*one.names, one.finding.name) if name in tables.IMPRESSIONS)


def _normal(barred: set[str], rng: np.random.Generator) -> Sections:
    overall = None
    if chance(0.93, rng):
        overall = capitalize(expand(pick(normal.OVERALL_NORMAL, rng), {}, rng))
    body = _negatives(barred, rng, at_most=5) + _normal_statements(barred, rng, at_most=5)
    body = [body[index] for index in rng.permutation(len(body))]
    closing = [Statement(overall, [(overall, "normal", None, "overall")], "")] if overall else []
    return Sections(findings=body, impression=closing, abnormal=False, overall=overall)


def _negatives(barred: set[str], rng: np.random.Generator, *, at_most: int) -> list[Statement]:
    allowed = [entry for entry in normal.NEGATIVES if not entry[3] & barred]
    return negatives(allowed, normal.NEGATIVE_LEADS, "brain", rng, at_most=at_most)


def _normal_statements(barred: set[str], rng: np.random.Generator, *, at_most: int) -> list[Statement]:
    allowed = [entry for entry in normal.NORMAL_STATEMENTS if not entry[2] & barred]
    return normal_statements(allowed, rng, at_most=at_most)


def _draw(templates: Sequence[str], slots: dict[str, str], rng: np.random.Generator) -> str | None:
    return draw(templates, slots, rng, needed=_NEEDED) if templates else None
