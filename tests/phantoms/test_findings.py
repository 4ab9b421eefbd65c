"""Labels follow from findings."""

from __future__ import annotations

import json

import pytest

from itemclip_med.phantoms.findings import CQ500_LABELS, PhantomFinding, check_names, labels_of


def positives(*findings):
    return {name for name, value in labels_of(findings).items() if value}


def test_a_normal_study_has_every_label_at_zero():
    assert labels_of([]) == dict.fromkeys(CQ500_LABELS, 0)
    assert len(CQ500_LABELS) == 14


@pytest.mark.parametrize("name", ["IPH", "IVH", "SDH", "EDH", "SAH"])
def test_a_bleed_is_hemorrhage_on_its_side(name):
    assert positives(PhantomFinding(name, "left")) == {"ICH", name, "BleedLocation-Left"}


@pytest.mark.parametrize("side", ["bilateral", "midline"])
def test_a_bleed_on_both_sides_or_between_them_is_on_both(side):
    assert {"BleedLocation-Left", "BleedLocation-Right"} <= positives(PhantomFinding("SAH", side))


def test_a_chronic_bleed_is_of_its_compartment():
    subdural = PhantomFinding("ChronicBleed", "right", params={"compartment": "subdural"})
    within = PhantomFinding("ChronicBleed", "right", params={"compartment": "intra-axial"})
    assert positives(subdural) == {"ICH", "SDH", "ChronicBleed", "BleedLocation-Right"}
    assert positives(within) == {"ICH", "IPH", "ChronicBleed", "BleedLocation-Right"}


@pytest.mark.parametrize(
    ("bone", "label"),
    [("parietal bone", "CalvarialFracture"), ("skull base", "OtherFracture"), ("zygoma", "OtherFracture")],
)
def test_a_fracture_is_calvarial_or_other(bone, label):
    assert positives(PhantomFinding("Fracture", "left", bone)) == {"Fracture", label}


def test_effects_have_no_side_of_bleeding():
    shift = PhantomFinding("MidlineShift", "left", shift_mm=7.0)
    assert positives(shift, PhantomFinding("MassEffect", "right")) == {"MidlineShift", "MassEffect"}


def test_names_come_once_and_in_order():
    assert check_names(["SDH", "IPH", "SDH"]) == ("IPH", "SDH")


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="unknown findings Infarct"):
        check_names(["Infarct"])


def test_effects_need_a_cause():
    with pytest.raises(ValueError, match="MassEffect needs a lesion"):
        check_names(["MassEffect"])


def test_a_finding_is_plain_json():
    finding = PhantomFinding("IPH", "left", "frontal", (20.0, 12.5), params={"volume_ml": 3.1})
    assert json.loads(json.dumps(finding.to_dict()))["size_mm"] == [20.0, 12.5]
