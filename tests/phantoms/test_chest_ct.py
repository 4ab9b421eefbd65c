"""Chest CT phantoms: HU, sides, shapes and labels are what their findings say."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy.ndimage import label

from itemclip_med.phantoms.chest_ct import draw_chest_parts, make_chest_ct
from itemclip_med.phantoms.chest_findings import CT_RATE_FINDINGS
from itemclip_med.phantoms.chest_mediastinum import bulging_rods
from itemclip_med.phantoms.chest_shape import LOBES, Place, cavity, lobe_numbers, lung_distance

LUNG_FINDINGS = CT_RATE_FINDINGS[7:12] + CT_RATE_FINDINGS[13:]
SIDED = ("Lung nodule", "Consolidation", "Pleural effusion", "Atelectasis", "Lung opacity", "Bronchiectasis")


@functools.cache
def phantom(index, *findings, seed=11):
    return make_chest_ct(seed, index, findings=findings)


def world_of(made, mask):
    """World mm of the voxels of a mask, (n, 3)."""
    return np.argwhere(mask) @ made.affine[:3, :3].T + made.affine[:3, 3]


def template_of(made, mask):
    """Template points of the voxels of a mask."""
    points = made.scan.pose.to_template(world_of(made, mask)).astype(np.float32)
    return Place(*(np.ascontiguousarray(column) for column in points.T))


def depth_of(made, mask):
    """How deep under the lungs' surface the voxels of a mask lie, template mm."""
    at = template_of(made, mask)
    return -lung_distance(at, made.shape, cavity(at), bulging_rods(made.shape))


def lungs_of(made, margin=4.0):
    """The voxels at least so deep in the lungs."""
    everywhere = np.ones(made.volume_hu.shape, bool)
    return (depth_of(made, everywhere) > margin).reshape(made.volume_hu.shape)


def near(made, center, radius):
    """HU within a template distance of a template point."""
    points = made.scan.pose.to_template(world_of(made, np.ones(made.volume_hu.shape, bool)))
    inside = np.linalg.norm(points - np.array(center), axis=1) < radius
    return made.volume_hu.ravel()[inside]


# What is made.


def test_a_demo_study_is_about_64_slices_of_128_squared():
    for index in range(3):
        made = phantom(index)
        nx, ny, nz = made.volume_hu.shape
        assert (nx, ny) == (128, 128) and 58 <= nz <= 70
        assert made.volume_hu.dtype == np.int16
        assert 2.3 < made.affine[0, 0] < 4 and made.affine[2, 2] == made.slice_thickness_mm


def test_one_seed_and_index_give_one_study_whatever_was_made_before():
    first = make_chest_ct(3, 8)
    make_chest_ct(3, 1)
    again = make_chest_ct(3, 8)
    assert np.array_equal(first.volume_hu, again.volume_hu)
    assert first.findings == again.findings
    assert all(np.array_equal(first.masks[name], again.masks[name]) for name in first.masks)


def test_one_person_has_one_chest_in_two_studies():
    first, second = (draw_chest_parts(3, index, [], person=4) for index in (4, 5))
    assert first[1] == second[1] and first[0].field_mm == second[0].field_mm
    assert first[1] != draw_chest_parts(3, 5, [])[1]


def test_sizes_habitus_and_breath_of_chests_vary():
    parts = [draw_chest_parts(5, index, []) for index in range(60)]
    assert np.std([scan.pose.scale[0] for scan, _, _ in parts]) > 0.02
    assert np.std([shape.fat_mm for _, shape, _ in parts]) > 3
    assert np.std([shape.dome_mm for _, shape, _ in parts]) > 4
    assert {shape.sex for _, shape, _ in parts} == {"F", "M"}
    assert {shape.phase for _, shape, _ in parts} == {"none", "venous", "arterial", "pulmonary"}


# Tissues.


def test_lungs_are_aerated_and_make_up_liters():
    for index in range(2):
        made = phantom(index)
        inside = lungs_of(made)
        assert -930 < np.median(made.volume_hu[inside]) < -740
        liters = inside.sum() * abs(np.linalg.det(made.affine[:3, :3])) / 1e6
        assert 1.5 < liters < 8


def test_vessels_branch_in_both_lungs():
    made = phantom(0)
    inside = lungs_of(made, margin=8)
    dense = inside & (made.volume_hu > made.shape.lung_hu + 200)
    x = template_of(made, dense).x
    assert 0.01 < dense.sum() / inside.sum() < 0.2
    assert (x > 30).sum() > 100 and (x < -30).sum() > 100


def test_the_windpipe_is_air_down_to_the_carina():
    for index in range(3):
        made = phantom(index)
        for center in ((1, -3, 70), (1, -8, 30)):
            assert near(made, center, 4).min() < -850


def test_blood_fat_liver_and_bone_have_their_hu():
    made = next(m for m in (phantom(i) for i in range(12)) if m.shape.phase == "none")
    assert 25 < np.median(near(made, (15, 28, 2), 7)) < 60  # ascending aorta
    assert 40 < np.median(near(made, (66, 4, made.shape.dome_mm - 45), 14)) < 75  # liver
    assert (made.volume_hu > 350).mean() > 0.004
    assert ((made.volume_hu > -130) & (made.volume_hu < -70)).mean() > 0.03
    assert np.median(made.volume_hu[:, -2:]) < -900  # air in front


def test_contrast_brightens_arteries_where_there_is_any():
    level = {}
    for index in range(40):
        shape = draw_chest_parts(11, index, [])[1]
        if shape.phase not in level:
            level[shape.phase] = np.median(near(phantom(index), (15, 28, 2), 7))
        if len(level) == 4:
            break
    assert level["none"] < 70 < 110 < level["venous"] < level["arterial"]


# Findings lie where they should.


@pytest.mark.parametrize("name", CT_RATE_FINDINGS)
def test_a_request_brings_exactly_its_finding_and_shows_it(name):
    made = phantom(3, name)
    assert [finding.name for finding in made.findings] == [name]
    assert made.labels() == {one: int(one == name) for one in CT_RATE_FINDINGS}
    assert set(made.masks) == {name} and made.masks[name].sum() >= 2


def test_a_normal_chest_has_no_masks():
    made = phantom(3)
    assert made.findings == () and made.masks == {} and not any(made.labels().values())


@pytest.mark.parametrize("name", SIDED)
def test_a_finding_lies_on_its_side_of_the_world(name):
    for index in range(4):
        made = phantom(index, name)
        x = world_of(made, made.masks[name])[:, 0]
        side = made.findings[0].side
        if side == "left":
            assert np.mean(x < 0) > 0.9
        elif side == "right":
            assert np.mean(x > 0) > 0.9
        else:
            assert (x > 0).any() and (x < 0).any()


@pytest.mark.parametrize("name", LUNG_FINDINGS)
def test_lung_findings_lie_in_the_lungs(name):
    made = phantom(1, name)
    assert np.median(depth_of(made, made.masks[name])) > -1


@pytest.mark.parametrize("name", ["Lung nodule", "Consolidation"])
def test_a_finding_lies_in_the_lobe_that_it_names(name):
    for index in range(4):
        made = phantom(index, name)
        lobes = made.findings[0].params["lobes"]
        numbers = lobe_numbers(template_of(made, made.masks[name]))
        assert np.mean(np.isin(numbers, [LOBES.index(lobe) for lobe in lobes])) > 0.5  # may reach over a fissure


def test_what_is_dense_is_dense_and_what_is_empty_is_empty():
    expected = {
        "Consolidation": (-60, 120), "Pleural effusion": (-20, 35), "Pericardial effusion": (-30, 60),
        "Emphysema": (-1010, -860), "Lung opacity": (-760, -330), "Medical material": (60, 3071),
        "Arterial wall calcification": (180, 1500), "Lymphadenopathy": (5, 140),
    }  # fmt: skip
    for name, (low, high) in expected.items():
        made = phantom(2, name)
        assert low < np.median(made.volume_hu[made.masks[name]]) < high, name


def test_an_enlarged_heart_fills_more_than_half_of_the_chest():
    made, usual = phantom(5, "Cardiomegaly"), phantom(5)
    assert np.ptp(template_of(made, made.masks["Cardiomegaly"]).x) > 0.5 * 260
    assert made.shape.heart > 1.2 > 1.1 > usual.shape.heart


def test_pleural_fluid_lies_behind():
    for index in range(3):
        made = phantom(index, "Pleural effusion")
        assert np.median(template_of(made, made.masks["Pleural effusion"]).y) < -25


def test_a_nodule_is_as_large_as_its_finding_says():
    sizes = []
    for index in range(8):
        made = phantom(index, "Lung nodule")
        finding = made.findings[0]
        if finding.params["num"] > 1 or finding.params["kind"] != "solid":
            continue
        volume = made.masks["Lung nodule"].sum() * abs(np.linalg.det(made.affine[:3, :3]))
        sizes.append((finding.size_mm[0], (6 * volume / np.pi) ** (1 / 3)))
    assert sizes
    assert all(found == pytest.approx(named, abs=5) for named, found in sizes)


def test_several_nodules_are_several_bodies():
    made = next(m for m in (phantom(i, "Lung nodule") for i in range(20)) if m.findings[0].params["num"] > 1)
    assert label(made.masks["Lung nodule"], np.ones((3, 3, 3)))[1] >= 2


def test_calcified_coronaries_lie_on_the_heart():
    made = phantom(2, "Coronary artery wall calcification")
    at = template_of(made, made.masks["Coronary artery wall calcification"])
    assert -110 < np.median(at.z) < -15 and np.all(np.abs(at.x) < 95)


# Studies as they are drawn.


def test_default_studies_hold_each_finding_often_enough():
    parts = [draw_chest_parts(1, index)[2] for index in range(150)]
    names = [{finding.name for finding in pathology.findings} for pathology in parts]
    share = {name: np.mean([name in one for one in names]) for name in CT_RATE_FINDINGS}
    assert 0.1 < np.mean([not one for one in names]) < 0.3
    assert min(share.values()) > 0.015, share
    assert 1.2 < np.mean([len(one) for one in names if one]) < 5


def test_thin_series_shows_the_same_lesion_in_more_slices():
    made = phantom(2, "Consolidation")
    thin = made.reconstruct("thin")
    assert thin.volume_hu.shape[2] > 1.6 * made.volume_hu.shape[2]
    volumes = [m.masks["Consolidation"].sum() * abs(np.linalg.det(m.affine[:3, :3])) for m in (made, thin)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.15)
    assert made.reconstruct("thick").volume_hu is made.volume_hu


def test_the_lung_kernel_is_sharper_and_noisier():
    made = phantom(2)
    soft, sharp = made.reconstruct("thin"), made.reconstruct("lung")
    assert sharp.kernel == "lung" and soft.volume_hu.shape == sharp.volume_hu.shape
    steps = [np.diff(series.volume_hu[50:78, 50:78].astype(float), axis=0) for series in (soft, sharp)]
    spread = [np.median(np.abs(step)) for step in steps]  # of which edges are few
    assert spread[1] > 1.5 * spread[0]


@pytest.mark.long
def test_clinical_size_is_the_same_chest_in_512_squared():
    demo, clinical = phantom(1, "Consolidation"), make_chest_ct(11, 1, size="clinical", findings=["Consolidation"])
    assert clinical.volume_hu.shape[:2] == (512, 512) and clinical.findings == demo.findings
    volumes = [m.masks["Consolidation"].sum() * abs(np.linalg.det(m.affine[:3, :3])) for m in (demo, clinical)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.15)


# Errors.


def test_an_unknown_finding_is_named():
    with pytest.raises(ValueError, match="unknown findings Pneumothorax; a chest CT phantom has Medical material"):
        make_chest_ct(0, 0, findings=["Pneumothorax"])


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="unknown size 'huge'; expected demo or clinical"):
        make_chest_ct(0, 0, size="huge")


@pytest.mark.parametrize("numbers", [(-1, 0), (0, -1)])
def test_negative_numbers_are_refused(numbers):
    with pytest.raises(ValueError, match="seed, index and person count from 0"):
        make_chest_ct(*numbers)


def test_an_unknown_reconstruction_is_refused():
    with pytest.raises(ValueError, match="unknown reconstruction 'bone'; expected one of thick, thin, lung"):
        phantom(2).reconstruct("bone")
