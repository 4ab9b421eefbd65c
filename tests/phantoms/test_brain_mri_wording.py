"""Reports of brain MRI say what the phantom and its series show, and their items say the same."""

from __future__ import annotations

import re

import numpy as np
import pytest

from itemclip_med.phantoms.brain_mri import draw_mri_parts
from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.mri_findings import MRI_FINDING_NAMES
from itemclip_med.phantoms.mri_wording import compose_mri_report

NUM = 500
ALL_KINDS = {"T1", "T1C", "T2", "FLAIR", "DWI", "ADC"}
SAYS = {
    "Stroke": r"infarct|diffusion|ischemi|stroke",
    "ChronicInfarct": r"infarct|encephalomalacia|volume loss|ischemic defect",
    "Glioma": r"glioma|glial|glioblastoma|mass|hyperintensity",
    "Meningioma": r"meningioma|extra-axial",
    "Metastasis": r"metasta|lesion",
    "WhiteMatterDisease": r"white matter|small vessel|microvascular|leukoaraiosis",
    "Hemorrhage": r"h(a?)emorrhag|h(a?)ematoma|blood",
    "Hydrocephalus": r"hydrocephalus|ventric",
    "Atrophy": r"atrophy|volume loss",
    "Cyst": r"cyst",
    "MassEffect": r"mass effect|efface|compress|crowding|narrow",
    "MidlineShift": r"midline|septum pellucidum|shift",
}


@pytest.fixture(scope="module")
def written():
    """(findings, kinds of series, report) of many studies."""
    out = []
    for number in range(NUM):
        scan, _, pathology = draw_mri_parts(3, number)
        kinds = {plan.kind for plan in scan.series}
        findings = tuple(pathology.findings)
        out.append((findings, kinds, compose_mri_report(findings, kinds, np.random.default_rng(number))))
    return out


def wordings(gold):
    return [gold.item.text, *gold.alt]


def plain(text):
    return re.sub(r"\s+", " ", text.casefold())


def positive(report):
    return [gold for gold in report.items if gold.item.status in ("present", "uncertain")]


def test_every_finding_is_named_in_the_items(written):
    for findings, _, report in written:
        for finding in findings:
            texts = [text for gold in positive(report) if gold.item.finding == finding.name for text in wordings(gold)]
            spelled = [plain(text).replace("ischaemi", "ischemi") for text in texts]
            assert any(re.search(SAYS[finding.name], text) for text in spelled), (finding, report.text)


def test_every_positive_item_stands_in_the_text(written):
    for _, _, report in written:
        for gold in positive(report):
            assert all(plain(text) in plain(report.text) for text in wordings(gold)), (gold, report.text)


def test_nothing_is_said_that_is_not_there(written):
    for findings, _, report in written:
        said = {gold.item.finding for gold in positive(report)}
        assert said & set(MRI_FINDING_NAMES) == {finding.name for finding in findings}, report.text


def test_nothing_is_denied_that_is_there(written):
    for findings, _, report in written:
        denied = {gold.item.finding for gold in report.items if gold.item.status == "absent"}
        assert not denied & {finding.name for finding in findings}, report.text


def test_nothing_is_said_of_a_series_that_was_not_scanned(written):
    for _, kinds, report in written:
        said = [plain(text) for gold in report.items for text in wordings(gold)]
        for text in said:
            if "T1C" not in kinds:
                assert "enhanc" not in text, report.text
            if "DWI" not in kinds:
                assert "restricted diffusion" not in text and "diffusion restriction" not in text, report.text
            if "ADC" not in kinds:
                assert not re.search(r"\badc\b", text), report.text
            if not {"T2", "FLAIR"} <= kinds:
                assert "t2/flair" not in text, report.text


def test_sides_agree_with_the_phantom(written):
    others = {"left": "right", "right": "left"}
    for findings, _, report in written:
        for finding in findings:
            twins = [other for other in findings if other.name == finding.name]
            if finding.side not in others or finding.name == "MidlineShift" or len(twins) > 1:
                continue
            for gold in report.items:
                if gold.item.finding == finding.name and gold.item.status != "absent":
                    own = re.split(r" (?:with|causing) ", plain(gold.item.text))[0]  # not what it causes
                    assert not re.search(rf"\b{others[finding.side]}", own), (finding, gold.item.text)


def test_a_normal_study_has_one_normal_item(written):
    normals = [report for findings, _, report in written if not findings]
    assert len(normals) > NUM / 8
    for report in normals:
        assert report.is_normal and [gold.item.status for gold in report.items] == ["normal"]


def test_negatives_are_split_into_items_of_their_own(written):
    for _, _, report in written:
        for gold in report.items:
            if gold.item.status == "absent" and ":" not in gold.item.text:
                assert plain(gold.item.text).startswith("no ")
                assert "," not in gold.item.text and " or " not in plain(gold.item.text)


@pytest.mark.parametrize("name", MRI_FINDING_NAMES)
def test_each_finding_has_many_wordings(name):
    _, _, pathology = draw_mri_parts(
        2, 5, findings=["Glioma", name] if name in ("MassEffect", "MidlineShift") else [name]
    )
    texts = {
        plain(gold.item.text)
        for number in range(200)
        for gold in compose_mri_report(pathology.findings, ALL_KINDS, np.random.default_rng(number)).items
        if gold.item.finding == name
    }
    assert len(texts) >= 12


def test_reports_come_in_many_shapes(written):
    texts = [report.text for _, _, report in written]
    assert len(set(texts)) > 0.97 * NUM
    assert any(text == text.upper() for text in texts) and any(text == text.lower() for text in texts)
    assert any("IMPRESSION" in text for text in texts) and any("haem" in text for text in texts)


def test_no_wording_is_torn(written):
    torn = re.compile(r"[\[\]{}|@]|  +|\s[,.;]|\.\.|,,|\bNone\b(?<!: None)|\ba [aeio]\w+ |\b(\w+) \1\b")
    for _, _, report in written:
        assert not torn.search(report.text), report.text


def test_an_unknown_finding_is_refused():
    with pytest.raises(ValueError, match="no wordings for IPH; known are Stroke"):
        compose_mri_report([PhantomFinding("IPH", "left")], ALL_KINDS, np.random.default_rng(0))
