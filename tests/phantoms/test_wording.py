"""Reports say what the phantom shows, with the right side, in many ways, and their items say the same."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import pytest

from itemclip_med.phantoms.acquisition import draw_scan
from itemclip_med.phantoms.brain import draw_brain
from itemclip_med.phantoms.findings import CALVARIAL_BONES, FINDING_NAMES, PhantomFinding
from itemclip_med.phantoms.mixes import MIXES
from itemclip_med.phantoms.scenarios import draw_pathology
from itemclip_med.phantoms.wording import compose_report, write_report

NUM = 600
SAYS = {
    "IPH": r"ha?emorrhag|ha?ematoma|bleed|blood|iph|density|hyperattenuat",
    "IVH": r"ventric|ivh",
    "SDH": r"subdural|sdh",
    "EDH": r"epidural|extradural|edh",
    "SAH": r"subarachnoid|sah|sulc|fissure|cistern",
    "ChronicBleed": r"chronic|old|remote|hypodens|low-|hemosiderin|resorbed|resolved",
    "Fracture": r"fracture|lucency",
    "MassEffect": r"mass effect|efface|compress|crowding|narrow",
    "MidlineShift": r"midline|septum pellucidum|shift",
}


def drawn_findings(number):
    """The findings of a phantom, without painting it."""
    rng = np.random.default_rng(number)
    scan, brain = draw_scan(rng), draw_brain(rng)
    return tuple(draw_pathology(MIXES["usual"].draw_names(rng), brain, scan.pose, rng, effects=None).findings)


@pytest.fixture(scope="module")
def written():
    """(findings, report) of many studies."""
    studies = [drawn_findings(number) for number in range(NUM)]
    return [(found, compose_report(found, np.random.default_rng(number))) for number, found in enumerate(studies)]


def wordings(gold):
    return [gold.item.text, *gold.alt]


def plain(text):
    return re.sub(r"\s+", " ", text.casefold())


def test_every_finding_is_named_in_the_items(written):
    for findings, report in written:
        said = [gold for gold in report.items if gold.item.status in ("present", "uncertain")]
        for finding in findings:
            texts = [text for gold in said if gold.item.finding == finding.name for text in wordings(gold)]
            assert any(re.search(SAYS[finding.name], text.casefold()) for text in texts), (finding, report.text)


def test_every_positive_item_stands_in_the_text(written):
    for _, report in written:
        for gold in report.items:
            if gold.item.status in ("present", "uncertain"):
                assert all(plain(text) in plain(report.text) for text in wordings(gold)), (gold, report.text)


def test_nothing_is_said_that_is_not_there(written):
    for findings, report in written:
        names = {finding.name for finding in findings}
        said = {gold.item.finding for gold in report.items if gold.item.status in ("present", "uncertain")}
        assert said & set(FINDING_NAMES) == names, report.text


def test_nothing_is_denied_that_is_there(written):
    for findings, report in written:
        names = {finding.name for finding in findings}
        if names & {"IPH", "IVH", "SDH", "EDH", "SAH", "ChronicBleed"}:
            names.add("ICH")
        denied = {gold.item.finding for gold in report.items if gold.item.status == "absent"}
        assert not denied & names, report.text


def test_sides_agree_with_the_phantom(written):
    others = {"left": "right", "right": "left"}
    for findings, report in written:
        for finding in findings:
            twins = [other for other in findings if other.name == finding.name]
            if finding.side not in others or finding.name == "MidlineShift" or len(twins) > 1:
                continue
            for gold in report.items:
                if gold.item.finding == finding.name and gold.item.status != "absent":
                    own = re.split(r" (?:with|causing) ", gold.item.text.casefold())[0]  # not what it causes
                    assert not re.search(rf"\b{others[finding.side]}", own), (finding, gold.item.text)


def test_a_shift_moves_to_its_side():
    finding = PhantomFinding("MidlineShift", "left", shift_mm=7.0)
    bleed = PhantomFinding("SDH", "right", "frontal", thickness_mm=12.0, chronicity="acute")
    for number in range(200):
        report = compose_report([bleed, finding], np.random.default_rng(number))
        for gold in report.items:
            if gold.item.finding == "MidlineShift":
                for text in map(str.casefold, wordings(gold)):
                    assert not re.search(r"rightward|to the right|to right\b", text), text


def test_bleeds_of_both_sides_are_summed_up_as_bilateral():
    findings = [PhantomFinding("SDH", "left", thickness_mm=9.0), PhantomFinding("SAH", "right", "frontal")]
    summaries = {
        gold.item.finding
        for number in range(200)
        for gold in compose_report(findings, np.random.default_rng(number)).items
        if gold.item.finding in ("ICH", "BleedLocation-Left", "BleedLocation-Right")
    }
    assert summaries == {"ICH"}


def test_a_normal_study_has_one_normal_item(written):
    normals = [report for findings, report in written if not findings]
    assert len(normals) > NUM / 10
    for report in normals:
        assert report.is_normal
        assert [gold.item.status for gold in report.items] == ["normal"]


def test_only_studies_without_findings_are_normal(written):
    assert all(report.is_normal == (not findings) for findings, report in written)


def test_negatives_are_split_into_items_of_their_own(written):
    for _, report in written:
        for gold in report.items:
            if gold.item.status == "absent" and ":" not in gold.item.text:
                assert gold.item.text.casefold().startswith("no ")
                assert "," not in gold.item.text
                assert " or " not in gold.item.text


@pytest.mark.parametrize("name", FINDING_NAMES)
def test_each_finding_has_many_wordings(name):
    finding = PhantomFinding(
        name, "left", "frontal bone" if name == "Fracture" else "frontal", (22.0, 17.0),
        9.0 if name.endswith("DH") else None, 6.0 if name == "MidlineShift" else None, "acute",
    )  # fmt: skip
    texts = {
        plain(gold.item.text)
        for number in range(150)
        for gold in compose_report([finding], np.random.default_rng(number)).items
        if gold.item.finding == name
    }
    assert len(texts) >= 25


def test_reports_come_in_many_shapes(written):
    texts = [report.text for _, report in written]
    assert len(set(texts)) > 0.97 * NUM
    assert any("IMPRESSION" in text for text in texts)
    assert any("haem" in text for text in texts)
    assert any(text == text.upper() for text in texts)
    assert any(text == text.lower() for text in texts)
    assert any(not re.search(r"impression|findings|conclusion", text, re.I) for text in texts)


def test_uncertain_findings_are_hedged():
    faint = PhantomFinding("SDH", "left", "frontal", None, 2.5, None, "acute")
    statuses = defaultdict(list)
    for number in range(200):
        for gold in compose_report([faint], np.random.default_rng(number)).items:
            if gold.item.finding == "SDH":
                statuses[gold.item.status].append(gold.item.text.casefold())
    assert set(statuses) == {"present", "uncertain"}
    hedges = r"possible|probable|suspected|suspicious|questionable|may|could|cannot be excluded|possibly"
    assert all(re.search(hedges, text) for text in statuses["uncertain"])


def test_fractures_are_worded_after_their_bone_and_kind():
    for region, kind, never in (
        ("orbit", "linear", r"calvari|skull|tables|bone fracture"),
        ("mastoid", "linear", r"calvari"),
        ("skull base", "linear", r"calvari|skull fracture"),
        (CALVARIAL_BONES[0], "depressed", r"nondisplaced|without displacement|\blinear (?!lucency)"),
    ):
        finding = PhantomFinding("Fracture", "left", region, params={"kind": kind})
        for number in range(120):
            for gold in compose_report([finding], np.random.default_rng(number)).items:
                if gold.item.finding == "Fracture":
                    assert not any(re.search(never, text.casefold()) for text in wordings(gold)), wordings(gold)


def test_mass_effect_of_the_posterior_fossa_spares_the_lateral_ventricles():
    findings = [PhantomFinding("IPH", "left", "cerebellum", (35.0, 30.0)), PhantomFinding("MassEffect", "left")]
    for number in range(120):
        for gold in compose_report(findings, np.random.default_rng(number)).items:
            if gold.item.finding == "MassEffect":
                assert not any(re.search("lateral|hemisph|sulc", text.casefold()) for text in wordings(gold))


def test_no_wording_is_torn(written):
    torn = re.compile(r"[\[\]{}|@]|  +|\s[,.;]|\.\.|,,|\bNone\b(?<!: None)|\ba [aeio]\w+ h|\b(\w+) \1\b")
    for _, report in written:
        assert not torn.search(report.text), report.text


def test_the_same_state_writes_the_same_report():
    findings = drawn_findings(3)
    assert write_report(findings, np.random.default_rng(1)) == write_report(findings, np.random.default_rng(1))
    assert write_report(findings, np.random.default_rng(1)) != write_report(findings, np.random.default_rng(2))


def test_an_unknown_finding_is_refused():
    with pytest.raises(ValueError, match="no wordings for Glioma; known are IPH"):
        write_report([PhantomFinding("Glioma", "left")], np.random.default_rng(0))
