"""What must hold for any text: places in the report, nothing invented, the same again, no slow pattern."""

# ruff: noqa: E501, SIM905  (one list of words)
from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from itemclip_med.reports import NO_ABNORMALITY, itemize
from itemclip_med.reports.cleaning import clean
from itemclip_med.reports.sentences import split_sentences
from tests.reports.helpers import FORMS, OWN_REPORTS, STYLES, read_jsonl

REPORT_FILES = (OWN_REPORTS, *STYLES, *FORMS, OWN_REPORTS.parent / "data" / "blind.jsonl")
WORDS = st.sampled_from(
    """
    no There is a the normal clear and or , . ; : ( ) ? \n - 1. FINDINGS: IMPRESSION: Lungs: left right mass cyst hemorrhage effusion 6 mm in
    lobe without with possible nodule are is seen not ventricles infarct neither nor but except for It measures since 03/02/2018 Dr. ___ <b>
    &nbsp; [**Name**] recommended MRI may be unchanged pleural pericardial acute 2.4 x 1.9 cm | tab /
    """.split(" ")
)
REPORTS = st.lists(WORDS, max_size=60).map(" ".join)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def squeezed(text):
    return re.sub(r"\s+", "", text)


def check_provenance(report):
    for item in itemize(report, collapse_normal=False).items:
        assert item.spans
        assert all(0 <= start < end <= len(report) for start, end in item.spans)
        pieces = "".join(report[start:end] for start, end in item.spans)
        said = squeezed(item.text).replace(":", "")
        left = iter(squeezed(pieces).replace(":", ""))
        assert all(letter in left for letter in said), "a character that the report does not hold there"


@QUICK
@given(REPORTS)
def test_every_character_of_an_item_stands_in_its_spans(report):
    check_provenance(report)


@QUICK
@given(st.text(max_size=300))
def test_any_text_gives_a_result(report):
    result = itemize(report)
    assert (result.is_normal is None) == (not result.items) == (result.reason is not None)


@QUICK
@given(REPORTS)
def test_a_normal_study_has_one_item_of_status_normal(report):
    result = itemize(report)
    if result.is_normal:
        assert [item.status for item in result.items] == ["normal"]
    elif result.items:
        assert {item.status for item in result.items} & {"present", "uncertain"}


@QUICK
@given(REPORTS)
def test_the_same_report_gives_the_same_items(report):
    assert itemize(report) == itemize(report)


@pytest.mark.parametrize("row", read_jsonl(OWN_REPORTS), ids=lambda row: row["id"])
def test_places_of_own_reports_hold_their_words(row):
    if "<p>" not in row["report"]:
        check_provenance(row["report"])


def cut_again(item):
    return [one.text for one in itemize(item.text, collapse_normal=False).items]


@pytest.mark.parametrize("path", REPORT_FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("collapse", [True, False])
def test_an_item_cut_again_stays_as_it_is(path, collapse):
    items = [item for row in read_jsonl(path) for item in itemize(row["report"], collapse_normal=collapse).items]
    assert [item.text for item in items if cut_again(item) != [item.text]] == []


def test_an_item_of_the_development_reports_cut_again_stays_as_it_is(shared_dir):
    for path in sorted(shared_dir("data/reports").glob("*.jsonl")):
        items = [item for row in read_jsonl(path) for item in itemize(row["report"]).items]
        assert [item.text for item in items if cut_again(item) != [item.text]] == []


def sentences_of_all_reports():
    found = set()
    for row in [row for path in REPORT_FILES for row in read_jsonl(path)]:
        text = clean(row["report"])
        for start, end in split_sentences(text.low, 0, len(text.low), text.shown):
            found.add(row["report"][start:end])
    return sorted(one for one in found if "\n" not in one and "<" not in one)


HEADINGS = st.sampled_from(["", "FINDINGS: ", "IMPRESSION: ", "Lungs: ", "VENTRICLES: ", "1. ", "- "])
LINES = st.lists(st.sampled_from(sentences_of_all_reports()), min_size=1, max_size=3).map(". ".join)
COMPOSITES = st.lists(st.tuples(HEADINGS, LINES).map("".join), min_size=1, max_size=3).map(".\n".join)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(COMPOSITES)
def test_an_item_of_mixed_sentences_cut_again_stays_as_it_is(report):
    """Sentences of all reports, each with its end mark, under any heading and in any order."""
    for item in itemize(report, collapse_normal=False).items:
        assert cut_again(item) == [item.text]


@pytest.mark.parametrize(
    "unit",
    ["no ", "a, ", "and ", "is seen ", "(", "?", "1. ", "with ", "the left ", "\n", ": ", "- ", "__", "<b", "[**", "&", "\\par", "no mass or ", "x ", "/", "if ",
     "since ", "mri ", "study of the ", "there is ", "compared to ", "not ", "12 ", "findings "],
)  # fmt: skip
def test_time_grows_with_length_only(unit):
    def took(num_chars):
        text = "Findings: cyst. " + (unit * num_chars)[:num_chars]
        start = time.process_time()
        itemize(text)
        return time.process_time() - start

    took(1000)
    short, long = min(took(4000) for _ in range(3)), min(took(16_000) for _ in range(2))
    assert long < 0.3 or long < 12 * max(short, 0.002), f"{short:.3f} s for 4,000 characters, {long:.3f} s for 16,000"


def test_the_order_of_sets_does_not_matter():
    code = (
        "import json,sys; sys.path.insert(0, '.');\n"
        "from itemclip_med.reports import itemize\n"
        f"rows=[json.loads(l) for l in open({str(OWN_REPORTS)!r}, encoding='utf-8')]\n"
        "print([[ (i.text, i.status, i.anatomy, i.spans) for i in itemize(r['report']).items] for r in rows])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("0", "1", "17")
    }
    assert len(printed) == 1


def test_the_default_sentence_is_the_only_text_without_a_place():
    for row in read_jsonl(OWN_REPORTS):
        for item in itemize(row["report"]).items:
            assert item.spans or item.text == NO_ABNORMALITY
