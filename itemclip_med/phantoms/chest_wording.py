"""Write a radiology report for a chest CT phantom, together with the items that an annotator would cut from it.

The rule is that of :mod:`wording`: negative lists split, repeats merge, what frames a report is left out, and a normal
study has one item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from itemclip_med.phantoms import chest_normal_tables as normal
from itemclip_med.phantoms import chest_wording_tables as tables
from itemclip_med.phantoms.chest_findings import CT_RATE_FINDINGS
from itemclip_med.phantoms.chest_shape import LOBES
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
from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.layouts import LAYOUTS, Sections, Statement, add_headed_lines, fit_to, lay_out
from itemclip_med.phantoms.phrases import capitalize, chance, expand, measure, pick
from itemclip_med.records import Item, Status

# Without these the words around a slot make no sense.
_NEEDED = (
    "size", "thick", "side", "side_of", "the_place", "The_place", "vessel", "station", "Station", "kind", "zone",
    "zone_adj", "larger", "num", "all_places", "apical", "basal", "lobe_adj", "degree_of", "degree_ly", "patchy",
)  # fmt: skip
_ORGANS = {
    "Medical material": "chest wall", "Arterial wall calcification": "vessels", "Cardiomegaly": "heart",
    "Pericardial effusion": "heart", "Coronary artery wall calcification": "heart", "Hiatal hernia": "esophagus",
    "Lymphadenopathy": "mediastinum", "Pleural effusion": "pleura", "Peribronchial thickening": "airways",
    "Bronchiectasis": "airways",
}  # fmt: skip


@dataclass
class _Said:
    """One finding on its way into the report."""

    key: str
    table: str
    slots: Mapping[str, str]
    status: Status
    finding: PhantomFinding
    statement: Statement


def compose_chest_report(findings: Sequence[PhantomFinding], rng: np.random.Generator) -> WrittenReport:
    """Write the report of a chest CT phantom with its gold items and their repeats.

    Args:
        findings: what the phantom shows; empty for a normal one.
        rng: draws everything; the same state gives the same report.

    Returns:
        The report.

    Raises:
        ValueError: if a finding's name has no wordings.
    """
    return compose_chest_sections(findings, rng)[0]


def compose_chest_sections(
    findings: Sequence[PhantomFinding], rng: np.random.Generator
) -> tuple[WrittenReport, str, str]:
    """A report as :func:`compose_chest_report` writes it, and its findings and impression as texts of their own.

    Args:
        findings: what the phantom shows; empty for a normal one.
        rng: draws everything.

    Returns:
        The report, the prose of its findings and of its impression; "" where it has none.

    Raises:
        ValueError: if a finding's name has no wordings.
    """
    unknown = sorted({finding.name for finding in findings} - set(CT_RATE_FINDINGS))
    if unknown:
        raise ValueError(f"no wordings for {', '.join(unknown)}; known are {', '.join(CT_RATE_FINDINGS)}")
    names = {finding.name for finding in findings}
    layout = pick(LAYOUTS, rng)
    sections = fit_to(_abnormal(findings, rng) if findings else _normal(rng), layout, None, rng)
    if layout.body == "organs":
        sections.findings = add_headed_lines(sections.findings, names, rng, normal)
    text, rewrite = lay_out(sections, layout, rng, normal)
    parts = (_prose(sections.findings), _prose(sections.impression))
    if findings:
        return WrittenReport(text, tuple(merge(sections, rewrite)), False), *parts
    overall = rewrite(sections.overall) if sections.overall else "No significant abnormality"
    return WrittenReport(text, (GoldItem(Item(overall, "normal")),), True), *parts


def _prose(statements: Sequence[Statement]) -> str:
    return " ".join(f"{statement.sentence}." for statement in statements)


def _abnormal(findings: Sequence[PhantomFinding], rng: np.random.Generator) -> Sections:
    names = {finding.name for finding in findings}
    said = [_say(str(number), finding, rng) for number, finding in enumerate(findings)]
    body = [one.statement for one in said]
    if chance(0.8, rng):
        body = [body[index] for index in rng.permutation(len(body))]
    allowed = [entry for entry in normal.NEGATIVES if not entry[3] & names]
    others = negatives(allowed, normal.NEGATIVE_LEADS, "lungs", rng, at_most=5)
    calm = [entry for entry in normal.NORMAL_STATEMENTS if not entry[2] & names]
    others += normal_statements(calm, rng, at_most=5)
    others = [others[index] for index in rng.permutation(len(others))]
    split = int(rng.integers(len(others) + 1)) if chance(0.4, rng) else 0
    body = others[:split] + body + others[split:]
    return Sections(body, _impression(said, others, rng), True)


def _normal(rng: np.random.Generator) -> Sections:
    overall = capitalize(expand(pick(normal.OVERALL_NORMAL, rng), {}, rng)) if chance(0.93, rng) else None
    body = negatives(normal.NEGATIVES, normal.NEGATIVE_LEADS, "lungs", rng, at_most=6)
    body += normal_statements(normal.NORMAL_STATEMENTS, rng, at_most=6)
    body = [body[index] for index in rng.permutation(len(body))]
    closing = [Statement(overall, [(overall, "normal", None, "overall")], "")] if overall else []
    return Sections(body, closing, False, overall)


def _say(key: str, finding: PhantomFinding, rng: np.random.Generator) -> _Said:
    """The statement of one finding in the findings section."""
    table = table_of(finding)
    slots = describe(finding, rng)
    hedged = finding.name in tables.HEDGED and _is_subtle(finding) and chance(0.4, rng)
    status: Status = "uncertain" if hedged else "present"
    words = _draw(tables.HEDGED[finding.name], slots, rng) if hedged else None
    if words is None:
        status = "present"
        words = _draw(tables.SENTENCES.get(table, ()), slots, rng) if chance(0.25, rng) else None
    if words is None:
        words = _draw(tables.NOUN_PHRASES[table], slots, rng) or finding.name.lower()
    is_sentence = words[0].isupper()
    sentence, item = (words, words) if is_sentence else as_sentence(words, rng)
    statement = Statement(sentence, [(item, status, finding.name, key)], _ORGANS.get(finding.name, "lungs"))
    return _Said(key, table, slots, status, finding, statement)


def _impression(said: Sequence[_Said], others: Sequence[Statement], rng: np.random.Generator) -> list[Statement]:
    """Repeats, an overview and negatives of the impression."""
    return sum_up(
        said,
        others,
        rng,
        short=lambda one: _draw(tables.IMPRESSIONS[one.table], one.slots, rng) or one.finding.name,
        joint=lambda one, other: tables.COMBINED.get((one.table, other.table)),
        fill=lambda templates, slots: _draw(templates, slots, rng),
        hedges=("possible", "suspected", "probable"),
        otherwise=normal.OTHERWISE,
        odds=ImpressionOdds(leave_out=0.3, join=0.4, otherwise=0.25),
    )


def _draw(templates: Sequence[str], slots: Mapping[str, str], rng: np.random.Generator) -> str | None:
    """A template whose needed slots all have values, expanded; None if none was found."""
    return draw(templates, slots, rng, needed=_NEEDED)


def _is_subtle(finding: PhantomFinding) -> bool:
    """Whether a careful reader would hedge."""
    if finding.name == "Lung nodule":
        return bool(finding.size_mm) and finding.size_mm[0] < 7 and finding.params.get("num") == 1
    if finding.name == "Lymphadenopathy":
        return bool(finding.size_mm) and finding.size_mm[0] < 13
    if finding.name == "Pleural effusion":
        return finding.thickness_mm is not None and finding.thickness_mm < 14 and finding.side != "bilateral"
    return finding.params.get("degree") in ("mild", "small") or finding.name in (
        "Mosaic attenuation pattern", "Peribronchial thickening", "Interlobular septal thickening", "Lung opacity",
    )  # fmt: skip


def table_of(finding: PhantomFinding) -> str:
    """The table whose wordings are true of a finding."""
    kind = str(finding.params.get("kind", ""))
    if finding.name == "Medical material":
        return kind
    if finding.name in ("Atelectasis", "Pulmonary fibrotic sequela"):
        return f"{finding.name} {kind}"
    if finding.name == "Lung nodule" and int(finding.params.get("num", 1)) > 1:  # type: ignore[call-overload]
        return "Lung nodules"
    if finding.name == "Pleural effusion" and finding.side == "bilateral":
        return "Pleural effusion bilateral"
    return finding.name


def describe(finding: PhantomFinding, rng: np.random.Generator) -> dict[str, str]:
    """The slots of one finding's wordings.

    Args:
        finding: the phantom's own description of it.
        rng: draws among equal ways to say it.

    Returns:
        Places (``the_place``, ``all_places``, ``zone``, ``station``, ``vessel``), sides (``side``, ``side_of``,
        ``larger``), sizes (``size``, ``thick``, ``sized``, ``short``), degrees and kinds; "" where there is none.
    """
    side = finding.side if finding.side in ("left", "right", "bilateral") else ""
    params = finding.params
    size = ""
    if finding.size_mm:
        size = measure(finding.size_mm if len(finding.size_mm) > 1 and chance(0.4, rng) else finding.size_mm[0], rng)
    thick = "" if finding.thickness_mm is None else measure(finding.thickness_mm, rng)
    degree = str(params.get("degree", ""))
    place = _place(finding, rng)
    extent = thick or size
    kind = str(params.get("kind", ""))
    if finding.name == "Lung nodule" and kind == "ground-glass":
        kind = pick(("ground-glass", "ground glass", "subsolid"), rng)
    stations = [str(station) for station in params.get("stations", ())]  # type: ignore[union-attr]
    station = ", ".join(stations[:-1]) + " and " * (len(stations) > 1) + "".join(stations[-1:])
    vessels = [str(vessel) for vessel in params.get("vessels", ())]  # type: ignore[union-attr]
    zone = {"upper lobes": "upper lobes", "lower lobes": "lower lobes"}.get(finding.region, "")
    lobe = finding.region if finding.region in LOBES else ""
    lobes = [str(one) for one in params.get("lobes", ())]  # type: ignore[union-attr]
    diffuse = kind == "diffuse"
    num = int(params.get("num", 1))  # type: ignore[call-overload]
    return {
        "side": side if side != "bilateral" else "",
        "side_of": {"left": "left-sided", "right": "right-sided", "bilateral": "bilateral"}.get(side, ""),
        "the_place": place,
        "The_place": capitalize(place) if finding.region in LOBES else "",
        "all_places": _listed(lobes) if num > 1 else "",
        "size": size,
        "thick": thick,
        "sized": pick((f", measuring {extent}", f" measuring {extent}", f", {extent}", ""), rng) if extent else "",
        "short": pick((f", up to {size} in short axis", f" measuring {size} in short axis", ""), rng) if size else "",
        "degree": pick((degree, degree, ""), rng),
        "degree_of": {"small": "a small", "moderate": "a moderate", "large": "a large"}.get(degree, ""),
        "degree_ly": f"{degree}ly" if degree and degree not in ("small", "large", "extensive") else "",
        "kind": kind,
        "num": {2: "two", 3: "three", 5: "five"}.get(num, ""),
        "station": station,
        "Station": capitalize(station),
        "vessel": pick(vessels, rng) if vessels else "",
        "zone": zone,
        "zone_adj": zone.split()[0] + " lobe" if zone else "",
        "larger": str(params.get("larger", "")) if side == "bilateral" else "",
        "apical": {"apices": "biapical", "apex": f"{side} apical"}.get(finding.region, ""),
        "basal": "bibasilar" if finding.region == "lower lobes" else f"{side} basilar" if "lower" in lobe else "",
        "lobe_adj": lobe.split(" ", 1)[1] if lobe else "",
        "patchy": pick(("diffuse", "widespread"), rng) if diffuse else pick(("patchy", "focal", "multifocal", ""), rng),
    }  # fmt: skip


def _place(finding: PhantomFinding, rng: np.random.Generator) -> str:
    """Where a finding lies, such as "the right lower lobe" or "both lungs"."""
    region, side = finding.region, finding.side
    if region in LOBES:
        return f"the {region}"
    if region == "both lungs":
        return pick(("both lungs", "both lungs", "all lobes"), rng)
    if region == "lower lobes":
        return pick(("both lower lobes", "the lower lobes", "the lower lobes of both lungs"), rng)
    if region == "apices":
        return pick(("both lung apices", "the apices of both lungs", "both apices"), rng)
    if region == "apex":
        return f"the {side} {pick(('lung apex', 'apex'), rng)}"
    return _listed([str(one) for one in finding.params.get("lobes", ())])  # type: ignore[union-attr]


def _listed(lobes: Sequence[str]) -> str:
    """Lobes as words: "the right upper lobe", "the right upper and lower lobes", "both lower lobes"."""
    lobes = list(dict.fromkeys(lobes))
    if not lobes:
        return ""
    if len(lobes) == 1:
        return f"the {lobes[0]}"
    if len(lobes) == 2:
        (first, name, _), (second, other, _) = (lobe.split() for lobe in lobes)
        if first == second:
            return f"the {first} {name} and {other} lobes"
        return f"both {name} lobes" if name == other else f"the {lobes[0]} and the {lobes[1]}"
    return "both lungs" if len({lobe.split()[0] for lobe in lobes}) == 2 else f"the {lobes[0].split()[0]} lung"
