"""Chest reports say what the phantom shows, in many ways, and their items say the same."""

from __future__ import annotations

import re

import numpy as np
import pytest

from itemclip_med.phantoms.chest_ct import draw_chest_parts
from itemclip_med.phantoms.chest_findings import CT_RATE_FINDINGS
from itemclip_med.phantoms.chest_other_lesions import DEVICE_KINDS
from itemclip_med.phantoms.chest_wording import compose_chest_report, compose_chest_sections
from itemclip_med.phantoms.findings import PhantomFinding

NUM = 250
SAYS = {
    "Medical material": r"pacemaker|cardiac device|port|cathet|line|wire|sternotomy|suture|tube|drain|valve|stent",
    "Arterial wall calcification": r"aort|arterial|vascular|atheroma|plaque",
    "Cardiomegaly": r"cardiomegaly|heart|cardiac|cardiothoracic",
    "Pericardial effusion": r"pericard|surrounds the heart",
    "Coronary artery wall calcification": r"coronar|artery|atheroma",
    "Hiatal hernia": r"hernia|stomach|hiat|gastric",
    "Lymphadenopathy": r"node|adenopathy",
    "Emphysema": r"emphysem",
    "Atelectasis": r"atelecta|collapse",
    "Lung nodule": r"nodul",
    "Lung opacity": r"ground.glass|opaci|attenuation",
    "Pulmonary fibrotic sequela": r"fibro|scar|sequel|reticul|honeycomb|bands",
    "Pleural effusion": r"pleural",
    "Mosaic attenuation pattern": r"mosaic",
    "Peribronchial thickening": r"bronchial",
    "Consolidation": r"consolidat",
    "Bronchiectasis": r"bronchi",
    "Interlobular septal thickening": r"sept",
}


@pytest.fixture(scope="module")
def written():
    """(findings, report) of many studies."""
    studies = [tuple(draw_chest_parts(7, number)[2].findings) for number in range(NUM)]
    return [(found, compose_chest_report(found, np.random.default_rng(n))) for n, found in enumerate(studies)]


def wordings(gold):
    return [gold.item.text, *gold.alt]


def plain(text):
    return re.sub(r"\s+", " ", text.casefold())


def positive(report):
    return [gold for gold in report.items if gold.item.status in ("present", "uncertain")]


def test_every_finding_is_named_in_the_items(written):
    for findings, report in written:
        for finding in findings:
            texts = [t for gold in positive(report) if gold.item.finding == finding.name for t in wordings(gold)]
            assert any(re.search(SAYS[finding.name], text.casefold()) for text in texts), (finding, report.text)


def test_every_positive_item_stands_in_the_text(written):
    for _, report in written:
        for gold in positive(report):
            assert all(plain(text) in plain(report.text) for text in wordings(gold)), (gold, report.text)


def test_nothing_is_said_that_is_not_there_and_nothing_denied_that_is(written):
    for findings, report in written:
        names = {finding.name for finding in findings}
        assert {gold.item.finding for gold in positive(report)} - {None} == names, report.text
        assert not {gold.item.finding for gold in report.items if gold.item.status == "absent"} & names, report.text


def test_sides_agree_with_the_phantom(written):
    others = {"left": "right", "right": "left"}
    allowed = re.compile(r"(?:left anterior descending|left circumflex|right coronary|right ventric\w+)")
    for findings, report in written:
        for finding in findings:
            if finding.side not in others or finding.name == "Medical material":
                continue
            for gold in positive(report):
                if gold.item.finding == finding.name:
                    own = allowed.sub("", gold.item.text.casefold())
                    assert not re.search(rf"\b{others[finding.side]}", own), (finding, gold.item.text)


def test_lobes_agree_with_the_phantom():
    for lobe in ("right upper lobe", "right middle lobe", "left lower lobe"):
        finding = PhantomFinding("Consolidation", lobe.split()[0], lobe, params={"lobes": [lobe], "kind": "patchy"})
        texts = [
            plain(text)
            for number in range(60)
            for gold in positive(compose_chest_report([finding], np.random.default_rng(number)))
            for text in wordings(gold)
        ]
        named = {found for text in texts for found in re.findall(r"(?:right|left) (?:upper|middle|lower) lobe", text)}
        assert named == {lobe}


def test_a_normal_study_has_one_normal_item(written):
    normals = [report for findings, report in written if not findings]
    assert len(normals) > NUM / 20
    for report in normals:
        assert report.is_normal and [gold.item.status for gold in report.items] == ["normal"]


def test_only_studies_without_findings_are_normal(written):
    assert all(report.is_normal == (not findings) for findings, report in written)


def test_negatives_are_split_into_items_of_their_own(written):
    for _, report in written:
        for gold in report.items:
            if gold.item.status == "absent" and ":" not in gold.item.text:
                text = re.sub(r"mediastinal or hilar|lytic or destructive", "", gold.item.text.casefold())
                assert text.startswith("no ") and "," not in text and " or " not in text


def example(name, kind=""):
    """A finding of a name, with everything its wordings may need."""
    lobes = ["left lower lobe"]
    params = {"lobes": lobes, "kind": kind, "num": 1, "degree": "moderate", "stations": ["subcarinal"]}
    params["vessels"] = ["right coronary artery"]
    region = "upper lobes" if name == "Emphysema" else lobes[0]
    return PhantomFinding(name, "left", region, (14.0, 12.0), 18.0, params=params)


@pytest.mark.parametrize("name", [name for name in CT_RATE_FINDINGS if name != "Medical material"])
def test_each_finding_has_many_wordings(name):
    kind = {"Atelectasis": "linear", "Pulmonary fibrotic sequela": "band", "Bronchiectasis": "cylindrical"}.get(
        name, "solid"
    )
    texts = {
        plain(gold.item.text)
        for number in range(120)
        for gold in compose_chest_report([example(name, kind)], np.random.default_rng(number)).items
        if gold.item.finding == name
    }
    assert len(texts) >= 10, texts


@pytest.mark.parametrize("kind", DEVICE_KINDS)
def test_each_device_is_named(kind):
    for number in range(20):
        report = compose_chest_report([example("Medical material", kind)], np.random.default_rng(number))
        (gold,) = [gold for gold in positive(report) if gold.item.finding == "Medical material"]
        assert re.search(SAYS["Medical material"], gold.item.text.casefold())


def test_reports_come_in_many_shapes(written):
    texts = [report.text for _, report in written]
    assert len(set(texts)) > 0.95 * NUM
    assert any("IMPRESSION" in text for text in texts)
    assert any(text == text.upper() for text in texts) and any(text == text.lower() for text in texts)


def test_uncertain_findings_are_hedged(written):
    hedges = r"possible|probable|suspected|questionable|may|cannot be excluded|borderline"
    unsure = [gold.item.text for _, report in written for gold in report.items if gold.item.status == "uncertain"]
    assert unsure and all(re.search(hedges, text.casefold()) for text in unsure)


def test_no_wording_is_torn(written):
    torn = re.compile(r"[\[\]{}|@]|  +|\s[,.;]|\.\.|,,|\bNone\b(?<!: None)|\b(\w+) \1\b|\bthe (?:in|of|and)\b")
    for _, report in written:
        assert not torn.search(report.text), (torn.search(report.text)[0], report.text)


def test_sections_say_what_the_report_says():
    findings = [example("Consolidation", "patchy")]
    report, body, impression = compose_chest_sections(findings, np.random.default_rng(2))
    said = plain(f"{body} {impression}")
    assert all(plain(gold.item.text) in said for gold in positive(report))


def test_the_same_state_writes_the_same_report():
    findings = [example("Lung nodule", "solid")]
    first, again, other = (compose_chest_report(findings, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_an_unknown_finding_is_refused():
    with pytest.raises(ValueError, match="no wordings for Pneumothorax; known are Medical material"):
        compose_chest_report([PhantomFinding("Pneumothorax", "left")], np.random.default_rng(0))
