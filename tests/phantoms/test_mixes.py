"""Harder mixes of head CT phantoms, and reports in other words."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest

from itemclip_med.phantoms import wording_tables
from itemclip_med.phantoms.export import PhantomSet, export_head_ct
from itemclip_med.phantoms.head_ct import draw_parts, make_head_ct
from itemclip_med.phantoms.mixes import MIXES
from itemclip_med.phantoms.other_words import NORMAL_WORDS, OTHER_WORDS, compose_in_other_words
from itemclip_med.phantoms.wording import compose_report


def findings_of(mix, num=300, seed=4):
    """Findings of the first studies of a mix, which are drawn without painting them."""
    return [draw_parts(seed, index, mix=mix)[3].findings for index in range(num)]


def test_the_usual_mix_is_what_was_drawn_before_there_were_mixes():
    volume = make_head_ct(5, 3).volume_hu
    assert np.array_equal(volume, make_head_ct(5, 3, mix="usual").volume_hu)
    assert hashlib.sha256(volume.tobytes()).hexdigest()[:16] == "3b8c3e3a592763f8"


def test_nine_in_ten_of_the_normal_heavy_mix_are_normal():
    assert 0.86 <= np.mean([not findings for findings in findings_of("normal-heavy", 500)]) <= 0.94


def test_each_compositional_study_has_one_collection_on_either_side_equally_often():
    drawn = findings_of("compositional")
    pairs = [(one.name, one.side) for findings in drawn for one in findings if one.name in ("EDH", "SDH")]
    assert len(pairs) == len(drawn)
    shares = [pairs.count((name, side)) / len(pairs) for name in ("EDH", "SDH") for side in ("left", "right")]
    assert min(shares) >= 0.18 and max(shares) <= 0.32
    assert {one.name for findings in drawn for one in findings} <= {"EDH", "SDH", "MassEffect", "MidlineShift"}


def test_hard_lesions_are_smaller_than_usual_ones():
    def largest(mix, name, pick):
        return np.max([pick(one) for findings in findings_of(mix) for one in findings if one.name == name])

    for name in ("SDH", "EDH"):
        assert largest("hard", name, lambda one: one.thickness_mm) <= 6
        assert largest("usual", name, lambda one: one.thickness_mm) > 12
    assert largest("hard", "IPH", lambda one: one.params["volume_ml"]) <= 2.5


@pytest.mark.parametrize("name", ["IPH", "SDH", "EDH"])
def test_hard_lesions_have_less_contrast_than_usual_ones(name):
    def middle_hu(mix):
        made = [make_head_ct(9, index, findings=[name], mix=mix) for index in range(4)]
        return np.median(np.concatenate([one.volume_hu[one.masks[name]] for one in made]))

    assert 40 < middle_hu("hard") < middle_hu("usual") - 4


@pytest.mark.parametrize("name", ["IPH", "IVH", "SDH", "EDH", "SAH", "ChronicBleed", "Fracture"])
def test_hard_lesions_are_still_there(name):
    assert all(make_head_ct(8, index, findings=[name], mix="hard").masks[name].sum() >= 3 for index in range(3))


def test_a_hard_clot_lies_in_the_lobe_whose_sulci_bleed():
    lobes = ("frontal", "temporal", "parietal", "occipital")
    both = [{one.name: one for one in findings} for findings in findings_of("hard")]
    both = [found for found in both if {"IPH", "SAH"} <= set(found) and found["IPH"].region in lobes]
    assert len(both) > 10
    assert all((f["IPH"].side, f["IPH"].region) == (f["SAH"].side, f["SAH"].region) for f in both)


def test_a_hard_fracture_leaves_no_trace_outside_the_bone():
    lines = [line for index in range(100) for line in draw_parts(4, index, mix="hard")[3].fractures]
    assert lines
    assert {(line.dent_mm, line.swelling_mm, line.opaque) for line in lines} == {(0.0, 0.0, None)}


def test_a_mix_and_its_words_are_told_and_made_alike_twice(tmp_path):
    wanted = PhantomSet(2, seed=3, mix="hard", words="other")
    assert (wanted.to_dict()["mix"], wanted.to_dict()["words"]) == ("hard", "other")
    assert not {"mix", "words"} & set(PhantomSet(2).to_dict())
    for name in ("one", "two"):
        export_head_ct(tmp_path / name, wanted)
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


@pytest.mark.parametrize(("field", "told"), [("mix", "expected one of usual, hard"), ("words", "expected usual or")])
def test_an_unknown_mix_or_wording_is_refused(field, told):
    with pytest.raises(ValueError, match=told):
        PhantomSet(1, **{field: "odd"})


def test_other_words_have_no_name_of_a_finding_in_common_with_the_usual_ones():
    names = re.compile(
        r"hemorrhage|hematoma|extradural|epidural|subdural|subarachnoid|intraventricular|parenchym|extra-axial|"
        r"fracture|mass effect|midline|effacement|crescent|lentiform|biconvex|unremarkable|abnormal"
    )
    templates = [template for options in OTHER_WORDS.values() for template in options] + list(NORMAL_WORDS)
    assert not [template for template in templates if names.search(template.lower())]
    assert set(OTHER_WORDS) == set(wording_tables.NOUN_PHRASES)


def test_other_words_never_repeat_an_item_of_the_usual_reports():
    drawn = findings_of("usual", 200)
    usual = {
        gold.item.text.lower()
        for index, findings in enumerate(drawn)
        for gold in compose_report(findings, np.random.default_rng(index)).items
    }
    reports = [compose_in_other_words(findings, np.random.default_rng(index)) for index, findings in enumerate(drawn)]
    other = {gold.item.text.lower() for report in reports for gold in report.items}
    assert len(other) > 100
    assert not usual & other
    assert not [text for text in other if re.search(r"[{}\[\]|]|  | ,|,,", text)]


def test_other_words_are_one_item_a_finding():
    findings = make_head_ct(2, 0, findings=["SDH", "MassEffect"]).findings
    report = compose_in_other_words(findings, np.random.default_rng(0))
    assert [gold.item.finding for gold in report.items] == ["SDH", "MassEffect"]
    assert all(gold.item.text in report.text for gold in report.items)
    assert compose_in_other_words((), np.random.default_rng(0)).is_normal


def test_every_mix_adds_up():
    for mix in MIXES.values():
        assert 0 <= mix.normal_share <= 1
        assert sum(weight for weight, _, _ in mix.scenarios) > 0
