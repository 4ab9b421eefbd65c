"""Brain MRI phantoms: signal, sides, places, effects and labels are what their findings say."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from itemclip_med.phantoms.brain_mri import draw_mri_parts, make_brain_mri
from itemclip_med.phantoms.mri_findings import MRI_FINDING_NAMES, MRI_LABELS, mri_labels_of

WITH_PLACE = [
    name for name in MRI_FINDING_NAMES if name not in ("Hydrocephalus", "Atrophy", "MassEffect", "MidlineShift")
]


@functools.cache
def phantom(index, *findings, seed=11):
    return make_brain_mri(seed, index, findings=findings)


def having(kinds, *findings, seed=11, test=lambda made: True, tries=30):
    """The first phantom whose axial series include ``kinds`` and that passes ``test``."""
    for index in range(tries):
        scan, _, pathology = draw_mri_parts(seed, index, findings=findings)
        axial = {plan.kind for plan in scan.series if plan.orientation == "axial"}
        if set(kinds) <= axial and test(pathology.findings):
            return phantom(index, *findings, seed=seed)
    raise AssertionError(f"none of {tries} studies has {kinds} and passes")


def axial(made, kind):
    """Gray values of the first axial series of a kind, which lie on the masks' grid in a demo study."""
    found = next(one for one in made.series if one.plan.kind == kind and one.plan.orientation == "axial")
    np.testing.assert_allclose(found.affine, made.affine)
    return found.volume.astype(float)


def template_of(made, mask):
    """Template mm (n, 3) of the voxels of a mask on the axial grid."""
    frame = np.argwhere(mask) * made.scan.axial.spacing_mm + np.array(made.scan.axial.origin_mm)
    return made.scan.pose.to_template(frame)


def beside(made, name):
    """Brain on the other side of the midline from a finding's mask."""
    center = template_of(made, made.masks[name]).mean(axis=0)
    points = template_of(made, np.ones(made.brain.shape, bool)).reshape(*made.brain.shape, 3)
    away = np.linalg.norm(points - center * [-1, 1, 1], axis=-1)
    return made.brain & (away < 12)


# What is made.


def test_a_demo_series_is_about_24_slices_of_at_most_128_squared():
    for index in range(3):
        for one in phantom(index).series:
            slices = {"axial": 2, "sagittal": 0, "coronal": 1}[one.plan.orientation]
            shape = list(one.volume.shape)
            assert 18 <= shape.pop(slices) <= 30
            assert shape[0] == shape[1] and 96 <= shape[0] <= 128
            assert one.volume.dtype == np.int16 and one.volume.min() >= 0


def test_one_seed_and_index_give_one_study_whatever_was_made_before():
    first = make_brain_mri(3, 8)
    make_brain_mri(3, 1)
    again = make_brain_mri(3, 8)
    assert first.findings == again.findings
    assert [one.plan for one in first.series] == [one.plan for one in again.series]
    assert all(np.array_equal(a.volume, b.volume) for a, b in zip(first.series, again.series, strict=True))
    assert all(np.array_equal(first.masks[name], again.masks[name]) for name in first.masks)


def test_the_number_of_threads_does_not_change_a_study():
    from threadpoolctl import threadpool_limits

    with threadpool_limits(2):
        two = make_brain_mri(3, 4)
    with threadpool_limits(1):
        one = make_brain_mri(3, 4)
    assert all(np.array_equal(a.volume, b.volume) for a, b in zip(one.series, two.series, strict=True))


def test_protocols_leave_series_out_and_repeat_them():
    drawn = [draw_mri_parts(1, index)[0] for index in range(300)]
    for kind in ("T1", "T1C", "T2", "FLAIR", "DWI", "ADC"):
        share = np.mean([kind in {plan.kind for plan in scan.series} for scan in drawn])
        assert 0.35 < share < (0.985 if kind != "T1" else 1.01), kind
    assert 0.05 < np.mean([any(plan.repeated for plan in scan.series) for scan in drawn]) < 0.2
    assert len({scan.vendor for scan in drawn}) == 4 and {scan.tesla for scan in drawn} == {1.5, 3.0}
    assert {plan.orientation for scan in drawn for plan in scan.series} == {"axial", "sagittal", "coronal"}


# Signal of tissues.


def test_fluid_is_bright_in_t2_dark_in_flair_and_t1_and_diffuses_freely():
    made = having(
        ("T1", "T2", "FLAIR", "ADC"), "Hydrocephalus", test=lambda found: not found[0].params["transependymal"]
    )
    points = template_of(made, np.ones(made.brain.shape, bool)).reshape(*made.brain.shape, 3)
    fluid = np.linalg.norm(np.abs(points) - [9, 4, 16], axis=-1) < 4
    white = (
        (np.abs(np.abs(points[..., 0]) - 34) < 5) & (np.abs(points[..., 1]) < 25) & (np.abs(points[..., 2] - 32) < 5)
    )
    assert np.median(axial(made, "T2")[fluid]) > 1.8 * np.median(axial(made, "T2")[white])
    assert np.median(axial(made, "FLAIR")[fluid]) < 0.4 * np.median(axial(made, "FLAIR")[white])
    assert np.median(axial(made, "T1")[fluid]) < 0.6 * np.median(axial(made, "T1")[white])
    assert 2300 < np.median(axial(made, "ADC")[fluid]) < 3600
    assert 600 < np.median(axial(made, "ADC")[white]) < 1000


def test_fat_is_bright_in_t1_and_suppressed_in_diffusion():
    made = having(("T1", "DWI"))
    t1, dwi = axial(made, "T1"), axial(made, "DWI")
    scalp = ~made.brain & (t1 > np.percentile(t1[made.brain], 99.5))
    assert scalp.sum() > 500
    assert np.median(dwi[scalp]) < 0.35 * np.median(dwi[made.brain])


def test_noise_outside_the_head_is_never_negative_and_rician():
    """Where there is no signal the magnitude of complex noise has a mean of 1.91 standard deviations."""
    air = np.concatenate([one.volume[:8, :8].ravel() for one in having(("DWI",)).series if one.plan.kind == "DWI"])
    assert air.mean() / air.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.15)


# Findings.


@pytest.mark.parametrize("name", WITH_PLACE)
def test_a_finding_lies_on_its_side(name):
    for index in range(2):
        made = phantom(index, name)
        finding, mask = made.findings[0], made.masks[name]
        assert mask.any()
        x = template_of(made, mask)[:, 0]
        if finding.side == "left":
            assert x.mean() < 0
        elif finding.side == "right":
            assert x.mean() > 0


def test_the_world_of_the_masks_has_the_patients_right_at_positive_x():
    made = phantom(0, "Meningioma")
    world = np.argwhere(made.masks["Meningioma"]) @ made.affine[:3, :3].T + made.affine[:3, 3]
    assert made.findings[0].side == ("right" if world[:, 0].mean() > 0 else "left")


def test_an_acute_stroke_restricts_diffusion():
    made = having(("DWI", "ADC"), "Stroke", test=lambda found: not found[0].params["lacunar"])
    mask, other = made.masks["Stroke"], beside(made, "Stroke")
    assert np.median(axial(made, "DWI")[mask]) > 1.5 * np.median(axial(made, "DWI")[other])
    assert np.median(axial(made, "ADC")[mask]) < 0.8 * np.median(axial(made, "ADC")[other])


def test_an_early_stroke_is_seen_by_diffusion_before_t2_rises():
    def wanted(early):
        return lambda found: not found[0].params["lacunar"] and found[0].params["early"] is early

    ratios = []
    for early in (True, False):
        made = having(("FLAIR", "DWI"), "Stroke", test=wanted(early), tries=60)
        flair = axial(made, "FLAIR")
        ratios.append(np.median(flair[made.masks["Stroke"]]) / np.median(flair[beside(made, "Stroke")]))
    assert ratios[0] < 1.3 and ratios[1] > 1.15 * ratios[0]


def test_an_old_infarct_is_a_cavity():
    made = having(("T2", "FLAIR"), "ChronicInfarct", test=lambda found: not found[0].params["lacunar"])
    core = made.masks["ChronicInfarct"]
    assert np.percentile(axial(made, "FLAIR")[core], 20) < 0.6 * np.median(
        axial(made, "FLAIR")[beside(made, "ChronicInfarct")]
    )


def test_a_high_grade_glioma_enhances_at_its_rim_and_a_low_grade_one_does_not():
    for kind in ("high-grade", "low-grade"):
        made = having(("T1", "T1C"), "Glioma", test=lambda found, kind=kind: found[0].params["kind"] == kind)
        mask = made.masks["Glioma"]
        # Each series has a gain of its own; the brain beside tells it.
        gain = np.median(axial(made, "T1C")[beside(made, "Glioma")]) / np.median(
            axial(made, "T1")[beside(made, "Glioma")]
        )
        rise = axial(made, "T1C")[mask] / (gain * np.maximum(axial(made, "T1")[mask], 1))
        if kind == "high-grade":
            assert np.percentile(rise, 90) > 1.5 and np.percentile(rise, 10) < 0.7 * np.percentile(rise, 90)
        else:
            assert np.percentile(rise, 90) < 1.3


def test_a_meningioma_enhances_evenly_and_lies_at_the_edge_of_the_brain():
    made = having(
        ("T1C",), "Meningioma", test=lambda found: "convexity" in found[0].region and max(found[0].size_mm) > 24
    )
    t1c = axial(made, "T1C")
    inside = t1c[made.masks["Meningioma"]]
    assert np.percentile(inside, 25) > 1.3 * np.median(t1c[beside(made, "Meningioma")])
    distance = np.abs(template_of(made, made.masks["Meningioma"]) - [0, -16, 8]) / [67, 84, 69]
    assert np.linalg.norm(distance, axis=1).max() > 0.9


def test_metastases_are_as_many_as_said_and_apart():
    from scipy.ndimage import label

    made = having((), "Metastasis", test=lambda found: found[0].params["count"] == 3 and max(found[0].size_mm) > 16)
    assert 1 <= label(made.masks["Metastasis"], np.ones((3, 3, 3)))[1] <= 3
    assert made.labels()["Metastasis"] == 1


def test_white_matter_disease_grows_with_its_grade():
    volumes = {1: [], 2: [], 3: []}
    for index in range(12):
        made = phantom(index, "WhiteMatterDisease")
        volumes[made.findings[0].params["grade"]].append(
            made.masks["WhiteMatterDisease"].sum() * np.prod(made.scan.axial.spacing_mm)
        )
    means = [np.mean(values) for values in volumes.values() if values]
    assert len(means) >= 2 and means == sorted(means)


@pytest.mark.parametrize(("age", "kind", "bright"), [("late subacute", "T1", True), ("acute", "T2", False)])
def test_blood_has_the_signal_of_its_age(age, kind, bright):
    made = having((kind,), "Hemorrhage", test=lambda found: found[0].chronicity == age and max(found[0].size_mm) > 18)
    ratio = np.median(axial(made, kind)[made.masks["Hemorrhage"]]) / np.median(
        axial(made, kind)[beside(made, "Hemorrhage")]
    )
    assert ratio > 1.4 if bright else ratio < 0.75


def test_hydrocephalus_and_atrophy_widen_the_ventricles_and_only_atrophy_the_sulci():
    drawn = {
        name: [draw_mri_parts(1, index, findings=names)[2].brain for index in range(20)]
        for name, names in (("normal", ()), ("hydrocephalus", ("Hydrocephalus",)), ("atrophy", ("Atrophy",)))
    }
    ventricles = {name: np.mean([brain.ventricles for brain in brains]) for name, brains in drawn.items()}
    sulci = {name: np.mean([brain.atrophy for brain in brains]) for name, brains in drawn.items()}
    assert ventricles["hydrocephalus"] > ventricles["atrophy"] + 0.3 > ventricles["normal"] + 0.5
    assert sulci["atrophy"] > sulci["normal"] + 0.3 > sulci["hydrocephalus"] + 0.4


def test_a_shift_moves_the_midline_to_the_other_side():
    made = phantom(2, "Glioma", "MassEffect", "MidlineShift")
    by_name = {finding.name: finding for finding in made.findings}
    assert by_name["MidlineShift"].side != by_name["Glioma"].side
    assert by_name["MidlineShift"].shift_mm > 5
    assert made.masks["MidlineShift"].any() and made.masks["MassEffect"].any()


def test_shift_without_being_asked_is_clear_of_what_readers_disagree_on():
    for index in range(300):
        _, _, pathology = draw_mri_parts(7, index)
        real = abs(pathology.displacement.shift_mm)
        assert ("MidlineShift" in {finding.name for finding in pathology.findings}) == (real > 4)
        assert real < 3 or real > 4.5


# Requests and labels.


@pytest.mark.parametrize("name", MRI_FINDING_NAMES)
def test_a_request_brings_exactly_its_findings(name):
    wanted = {name} if name not in ("MassEffect", "MidlineShift") else {"Glioma", name}
    _, _, pathology = draw_mri_parts(5, 3, findings=sorted(wanted))
    assert {finding.name for finding in pathology.findings} == wanted


def test_a_normal_study_has_no_finding_and_says_so():
    assert phantom(1).findings == () and phantom(1).masks == {}
    assert phantom(1).labels() == {**dict.fromkeys(MRI_LABELS, 0), "Normal": 1}


def test_default_studies_hold_each_finding_often_enough():
    rows = [mri_labels_of(draw_mri_parts(1, index)[2].findings) for index in range(800)]
    share = {name: np.mean([row[name] for row in rows]) for name in MRI_LABELS}
    assert 0.17 < share["Normal"] < 0.28
    assert min(share[name] for name in ("Stroke", "Glioma", "Meningioma", "Metastasis")) > 0.06, share
    assert min(share.values()) > 0.015, share


def test_an_unknown_finding_is_named():
    with pytest.raises(ValueError, match="unknown findings Tumor; a brain MRI phantom has Stroke"):
        make_brain_mri(0, 0, findings=["Stroke", "Tumor"])


def test_an_effect_without_a_cause_is_refused():
    with pytest.raises(ValueError, match="MidlineShift needs a lesion that takes up space: add one of Glioma"):
        make_brain_mri(0, 0, findings=["MidlineShift", "Stroke"])


def test_what_excludes_each_other_is_refused():
    with pytest.raises(ValueError, match="Hydrocephalus and Atrophy exclude each other"):
        make_brain_mri(0, 0, findings=["Hydrocephalus", "Atrophy"])


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="unknown size 'huge'; expected demo or clinical"):
        make_brain_mri(0, 0, size="huge")


@pytest.mark.parametrize("numbers", [(-1, 0), (0, -1)])
def test_negative_numbers_are_refused(numbers):
    with pytest.raises(ValueError, match="seed and index count from 0"):
        make_brain_mri(*numbers)
