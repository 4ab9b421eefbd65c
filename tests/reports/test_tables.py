"""Every row of every table does what its example says."""

# ruff: noqa: E501  (one example a line)
from __future__ import annotations

import re

import pytest

from itemclip_med.reports.cleaning import clean
from itemclip_med.reports.cutting import cut_lead_in, cut_tails, is_dropped
from itemclip_med.reports.scrubbing import IDENTIFIERS, scrub_text
from itemclip_med.reports.sections import find_blocks
from itemclip_med.reports.status import is_generic_denial, status_of
from itemclip_med.reports.tokens import kind_of
from itemclip_med.reports.vocabulary import anatomy, cues, dropping, findings, headings, modifiers


def names(rows):
    return [row[0] for row in rows]


@pytest.mark.parametrize(("name", "pattern", "example"), dropping.DROP_STATEMENTS, ids=names(dropping.DROP_STATEMENTS))
def test_drop_rule_drops_its_example(name, pattern, example):
    assert re.search(pattern, example.lower())
    assert is_dropped(example.lower())


@pytest.mark.parametrize(("name", "pattern", "example"), dropping.CUT_TAILS, ids=names(dropping.CUT_TAILS))
def test_tail_rule_cuts_its_example(name, pattern, example):
    low = example.lower()
    kept = cut_tails(low, 0, len(low))
    assert sum(end - start for start, end in kept) < len(low)
    assert kept[0][0] == 0


@pytest.mark.parametrize(("name", "pattern", "example"), dropping.LEAD_INS, ids=names(dropping.LEAD_INS))
def test_lead_in_is_cut_from_its_example(name, pattern, example):
    behind = {
        "study title run-on": "there are cysts",
        "patient is": "status post craniotomy",
        "previously seen": "there is a cyst",
    }
    text = f"{example.strip().lower()} {behind.get(name, 'there is a cyst' if name in ('on review', 'contrast lead') else 'a cyst')}"
    assert re.match(pattern, text)
    assert cut_lead_in(text, 0, len(text)) > 0


@pytest.mark.parametrize(
    ("expected", "row"),
    [
        *(("absent", row) for row in cues.ABSENT),
        *(("uncertain", row) for row in cues.UNCERTAIN),
        *(("normal", row) for row in cues.NORMAL),
        *(("present", row) for row in cues.ABNORMAL_DENIALS),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_status_cue_gives_its_status(expected, row):
    assert re.search(row[1], row[2].lower())
    assert status_of(row[2].lower()) == expected


@pytest.mark.parametrize("noun", sorted(cues.GENERIC_NOUNS - {"sol-none"}))
def test_denying_a_generic_noun_calls_normal(noun):
    assert is_generic_denial(f"no acute intracranial {noun}")


@pytest.mark.parametrize("noun", ["hemorrhage", "lesion", "mass", "fracture"])
def test_denying_a_named_finding_does_not(noun):
    assert not is_generic_denial(f"no acute intracranial {noun}")


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        (name, section)
        for table in (headings.KEPT, headings.DROPPED)
        for section, row in table.items()
        for name in row.split("|")
    ],
)
def test_heading_opens_its_section(heading, section):
    text = clean(f"{heading.upper()}: Cyst in the liver.")
    found = [block.section for block in find_blocks(text)]
    assert found == [section] or (section not in headings.KEPT and "findings" not in found)


@pytest.mark.parametrize("row", findings.CONCEPTS)
def test_words_of_a_concept_are_findings(row):
    assert {kind_of(word) for word in row.split()} <= {"F", "E", "m", "a", "P", "u"}
    assert kind_of(row.split()[0]) == "F"


@pytest.mark.parametrize("label", sorted(anatomy.ANATOMY))
def test_places_are_read_as_places(label):
    nouns, _, adjectives = anatomy.ANATOMY[label].partition("|")
    plain = [word for word in [*nouns.split(), *adjectives.split()] if "_" not in word and "-" not in word]
    read = [kind_of(word) in "Aa" for word in plain]
    assert sum(read) >= 0.9 * len(read)


@pytest.mark.parametrize(("modifier_row", "noun_row"), findings.DISEASE_MODIFIERS)
def test_adjectives_that_make_diseases_split_a_denial(modifier_row, noun_row):
    from tests.reports.helpers import in_abnormal

    first, second = modifier_row.split()[:2]
    noun = noun_row.split()[0]
    assert in_abnormal(f"No {first} or {second} {noun}.") == [
        (f"No {first} {noun}", "absent"),
        (f"No {second} {noun}", "absent"),
    ]


@pytest.mark.parametrize("suffix", findings.FINDING_SUFFIXES)
def test_ending_names_a_finding_in_no_list(suffix):
    assert kind_of(f"quuxa{suffix}") == "F" or "-" in suffix


@pytest.mark.parametrize("words", [modifiers.PREPOSITIONS, modifiers.VERBS, modifiers.COORDINATORS])
def test_small_words_are_no_findings(words):
    assert not {word for word in words if kind_of(word) in "FE"}


@pytest.mark.parametrize(("name", "pattern", "example", "left"), IDENTIFIERS, ids=names(IDENTIFIERS))
def test_identifier_is_scrubbed(name, pattern, example, left):
    assert scrub_text(example) == left


@pytest.mark.parametrize(
    "text",
    ["T2/FLAIR signal at L4-L5", "2.4 x 1.9 cm mass", "series 3, image 112", "Grade 2, 1.5 T", "3/4 of the lobe"],
)
def test_scrubbing_leaves_findings_alone(text):
    assert scrub_text(text) == text
