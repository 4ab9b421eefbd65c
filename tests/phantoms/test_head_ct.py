"""Head CT phantoms: HU, sides, shapes, effects and labels are what their findings say."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from itemclip_med.phantoms.findings import CQ500_LABELS, FINDING_NAMES
from itemclip_med.phantoms.head_ct import make_head_ct
from itemclip_med.phantoms.skull import cavity

BLEEDS = ("IPH", "IVH", "SDH", "EDH", "SAH", "ChronicBleed")
CQ500_10 = CQ500_LABELS[:8] + CQ500_LABELS[-2:]


@functools.cache
def phantom(index, *findings, seed=11, size="demo"):
    return make_head_ct(seed, index, size=size, findings=findings)


@functools.cache
def drawn(num=48, seed=5):
    return [make_head_ct(seed, index) for index in range(num)]


def world_of(made, mask):
    """World mm of the voxels of a mask, (n, 3)."""
    return np.argwhere(mask) @ made.affine[:3, :3].T + made.affine[:3, 3]


def template_of(made, mask):
    """Template mm of the voxels of a mask, three (n, 1, 1) columns as the fields take them."""
    points = made.scan.pose.to_template(world_of(made, mask)).astype(np.float32)
    return tuple(points[:, i, None, None] for i in range(3))


def depth_of(made, mask):
    """How deep under the inner table the voxels of a mask lie, real mm."""
    skull = made._parts[0]
    x, y, z = template_of(made, mask)
    order = np.argsort(z.ravel(), kind="stable")
    depth = np.empty(x.size)
    depth[order] = -cavity(x[order], y[order], z[order], skull).ravel()
    return depth * np.mean(made.scan.pose.scale)


def hu_in(made, *, low, high, margin=0.0):
    """HU in a box of the template, in mm."""
    points = made.scan.pose.to_template(world_of(made, np.ones(made.volume_hu.shape, bool)))
    inside = np.all((points > np.array(low) + margin) & (points < np.array(high) - margin), axis=1)
    return made.volume_hu.ravel()[inside]


# What is made.


def test_a_demo_study_is_about_32_slices_of_128_squared():
    for made in drawn():
        nx, ny, nz = made.volume_hu.shape
        assert (nx, ny) == (128, 128) and 24 <= nz <= 36
        assert made.volume_hu.dtype == np.int16
        assert 1.6 < made.affine[0, 0] < 1.9 and made.affine[2, 2] == made.slice_thickness_mm


def test_one_seed_and_index_give_one_study_whatever_was_made_before():
    first = make_head_ct(3, 8)
    make_head_ct(3, 1)
    again = make_head_ct(3, 8)
    assert np.array_equal(first.volume_hu, again.volume_hu)
    assert first.findings == again.findings
    assert all(np.array_equal(first.masks[name], again.masks[name]) for name in first.masks)


def test_other_seeds_and_indices_give_other_heads():
    volumes = [make_head_ct(seed, index, findings=[]).volume_hu for seed, index in ((3, 8), (3, 9), (4, 8))]
    shapes_or_voxels = [(v.shape, v.tobytes()) for v in volumes]
    assert len(set(shapes_or_voxels)) == 3


def test_sizes_and_poses_of_heads_vary():
    scales = np.array([made.scan.pose.scale for made in drawn()])
    pitch = np.array([np.rad2deg(np.arcsin(made.scan.pose.rotation[2, 1])) for made in drawn()])
    assert np.all(scales.std(axis=0) > 0.01) and pitch.std() > 3


# Tissues.


def test_tissues_have_their_hu():
    made = phantom(2)
    assert (made.volume_hu.min() >= -1024) and made.volume_hu[:3, :3].mean() == pytest.approx(-1000, abs=5)
    white = np.median(hu_in(made, low=(18, -30, 24), high=(28, 20, 34)))
    lentiform = np.median(hu_in(made, low=(22, -6, -3), high=(28, 8, 6)))
    brain = hu_in(made, low=(-38, -60, 24), high=(38, 36, 46))
    assert 20 < white < 32 and 32 < lentiform < 42 and white + 4 < lentiform
    assert np.percentile(brain, 99.8) < 60  # nothing bleeds
    assert (made.volume_hu > 1000).mean() > 0.005  # the tables of the skull


def test_ventricles_and_eyes_are_fluid_and_orbits_are_fat():
    made = next(m for m in (phantom(i) for i in range(20)) if m._parts[1].ventricles > 1.05)
    assert np.percentile(hu_in(made, low=(3, 2, 10), high=(11, 22, 16)), 10) < 16
    low = [m for m in (phantom(i) for i in range(12)) if hu_in(m, low=(28, 58, -38), high=(34, 64, -32)).size > 3]
    assert low
    for made in low:
        assert -5 < np.median(hu_in(made, low=(28, 57, -38), high=(34, 63, -32))) < 30
        assert np.percentile(hu_in(made, low=(20, 30, -42), high=(38, 48, -28)), 30) < -40


def test_air_surrounds_the_head_and_fills_its_sinuses():
    made = phantom(2)
    assert np.median(hu_in(made, low=(3, 6, -42), high=(10, 18, -32))) < -300


def test_thinner_slices_are_noisier_and_the_bone_kernel_more_so():
    made = phantom(2)
    noise = {}
    for kind in ("thick", "thin", "bone"):
        series = made.reconstruct(kind)
        middle = series.volume_hu[56:72, 60:76].astype(float)
        noise[kind] = np.std(np.diff(middle, axis=0)[..., series.volume_hu.shape[2] // 2 :][..., :4])
    assert noise["thick"] < noise["thin"] < noise["bone"]


# Findings lie where they should.


@pytest.mark.parametrize("name", BLEEDS)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_finding_lies_on_its_side_of_the_world(name, index):
    made = phantom(index, name)
    finding = made.findings[0]
    x = world_of(made, made.masks[name])[:, 0].mean()
    if finding.region == "falx":  # so near the midline that the head's own turn decides
        x = template_of(made, made.masks[name])[0].mean()
    if finding.side == "left":
        assert x < 0
    elif finding.side == "right":
        assert x > 0
    else:
        assert abs(x) < 14


def test_x_of_the_world_grows_toward_the_patients_right():
    made = phantom(0, "EDH")
    assert made.affine[0, 0] > 0 and made.affine[1, 1] > 0 and made.affine[2, 2] > 0
    voxels = np.argwhere(made.masks["EDH"])
    half = "right" if voxels[:, 0].mean() * made.affine[0, 0] + made.affine[0, 3] > 0 else "left"
    assert made.findings[0].side == half


@pytest.mark.parametrize("name", BLEEDS)
def test_bleeds_lie_inside_the_skull_and_are_as_dense_as_their_age(name):
    for index in range(3):
        made = phantom(index, name)
        mask = made.masks[name]
        assert np.percentile(depth_of(made, mask), 5) > -2.5
        median = np.median(made.volume_hu[mask])
        if made.findings[0].chronicity == "chronic":
            assert 4 < median < 30
        elif made.findings[0].chronicity == "acute":
            assert 40 < median < 80


@pytest.mark.parametrize("name", ["SDH", "EDH", "ChronicBleed"])
def test_a_collection_is_as_thick_as_its_finding_says(name):
    for index in range(4):
        made = phantom(index, name)
        finding = made.findings[0]
        if finding.thickness_mm is None or finding.region == "falx":
            continue
        assert np.percentile(depth_of(made, made.masks[name]), 99) == pytest.approx(finding.thickness_mm, abs=4.5)


def test_a_subdural_is_a_crescent_and_an_epidural_a_lens():
    """The one spreads over the hemisphere, the other stays near its middle, for the same thickness."""

    def spread(made, name):
        x, y, z = (v.ravel() for v in template_of(made, made.masks[name]))
        around = np.rad2deg(np.arctan2(np.abs(x), y + 16)[np.abs(z - np.median(z)) < 6])
        return np.ptp(around)

    convex = [m for m in (phantom(i, "SDH") for i in range(5)) if m.findings[0].region != "falx"]
    crescents, lenses = [spread(m, "SDH") for m in convex], [spread(phantom(i, "EDH"), "EDH") for i in range(5)]
    assert min(crescents) > max(45, np.median(lenses)) and max(lenses) < 85
    for made in convex:  # not across the midline, but across sutures
        x = template_of(made, made.masks["SDH"])[0]
        assert np.mean(np.sign(x) == np.sign(np.median(x))) > 0.99


def test_a_collection_touches_bone():
    made = phantom(1, "EDH")
    touched = binary_dilation(made.masks["EDH"], iterations=2) & (made.volume_hu > 300)
    assert touched.sum() > 50


def test_ventricular_blood_lies_where_the_ventricles_are():
    for index in range(4):
        x, y, z = (v.ravel() for v in template_of(phantom(index, "IVH"), phantom(index, "IVH").masks["IVH"]))
        lateral = (np.abs(x) < 42) & (y > -82) & (y < 42) & (z > -28) & (z < 40)
        fourth = (np.abs(x) < 12) & (y > -56) & (y < -26) & (z < -5)
        assert np.all(lateral | fourth)


def test_layering_blood_lies_behind_clear_fluid():
    made = next(m for m in (phantom(i, "IVH") for i in range(12)) if m.findings[0].region == "occipital horn")
    y = template_of(made, made.masks["IVH"])[1]
    assert y.max() < -25


def test_subarachnoid_blood_fills_what_is_fluid_in_the_same_head_without_it():
    clear, bloody = phantom(4), phantom(4, "SAH")
    mask = bloody.masks["SAH"]
    assert np.median(clear.volume_hu[mask]) < 27 < 42 < np.median(bloody.volume_hu[mask])
    assert len(np.unique(np.argwhere(mask)[:, 2])) >= 4  # several sulci or cisterns


def test_a_fracture_is_a_gap_in_bone():
    for index in range(3):
        made, whole = phantom(index, "Fracture"), phantom(index)
        mask = made.masks["Fracture"]
        assert 10 < mask.sum() < 1500
        assert np.median(made.volume_hu[mask]) < np.median(whole.volume_hu[mask]) - 100


@pytest.mark.parametrize("index", range(6))
def test_drawn_findings_are_visible(index):
    """Nothing is named in the labels that a few voxels of a mask do not show."""
    for made in drawn()[index::6]:
        voxel_ml = abs(np.linalg.det(made.affine[:3, :3])) / 1000
        assert set(made.masks) == {finding.name for finding in made.findings}
        for name, mask in made.masks.items():
            assert mask.shape == made.volume_hu.shape and mask.dtype == bool
            assert mask.sum() * voxel_ml > (0.2 if name == "Fracture" else 0.5)


def test_depth_under_the_skull_does_not_depend_on_what_else_is_in_the_slab():
    skull = phantom(0)._parts[0]
    x, y, z = (v.astype(np.float32) for v in np.meshgrid([-24, 24], np.linspace(-60, 40, 41), [13], indexing="ij"))
    high = [v.transpose(2, 1, 0) for v in (x, y, z)]
    low = [np.concatenate([np.full_like(v, fill), v], axis=1) for v, fill in zip(high, (0, 0, -50), strict=True)]
    beside, alone = -cavity(*low, skull)[:, 41:], -cavity(*high, skull)
    assert np.allclose(np.minimum(beside, 17), np.minimum(alone, 17), atol=0.5)  # deeper, nothing depends on it
    assert beside.min() > 15


# Effects.


def test_the_midline_moves_by_what_the_finding_says():
    for index in range(3):
        made, still = phantom(index, "SDH", "MassEffect", "MidlineShift"), phantom(index)
        shift = next(f for f in made.findings if f.name == "MidlineShift")
        sign = 1 if shift.side == "right" else -1
        assert next(f for f in made.findings if f.name == "SDH").side != shift.side

        def third_ventricle(volume, made=made):
            points = made.scan.pose.to_template(world_of(made, np.ones(volume.shape, bool)))
            near = np.all(np.abs(points - [0, -6, 3]) < [15, 9, 8], axis=1)
            dark = np.clip(24 - volume.ravel()[near].astype(float), 0, 16)
            return np.sum(dark * points[near, 0]) / dark.sum() * made.scan.pose.scale[0]

        moved = sign * (third_ventricle(made.volume_hu) - third_ventricle(still.volume_hu))
        assert shift.shift_mm >= 5 and moved == pytest.approx(shift.shift_mm, abs=2.5)


def test_tissue_at_the_displaced_septum_came_from_the_midline():
    made = phantom(0, "IPH", "MassEffect", "MidlineShift")
    shift = next(f for f in made.findings if f.name == "MidlineShift")
    sign = 1 if shift.side == "right" else -1
    at = [np.array([v], np.float32) for v in (sign * shift.shift_mm / made.scan.pose.scale[0], 12, 12)]
    came_from = made._parts[2].displacement.sources(*at, np.array([-55.0], np.float32))
    assert came_from.x[0] == pytest.approx(0, abs=0.1)


def test_a_lesion_narrows_the_ventricle_of_its_side():
    made, still = phantom(1, "SDH", "MassEffect", "MidlineShift"), phantom(1)
    sign = 1 if made.findings[0].side == "right" else -1

    def fluid(m):
        box = ((2, -30, 12), (32, 34, 28)) if sign > 0 else ((-32, -30, 12), (-2, 34, 28))
        return np.clip(18 - hu_in(m, low=box[0], high=box[1]).astype(float), 0, 12).sum()

    assert fluid(made) < 0.8 * fluid(still)


def test_large_shifts_are_named_and_small_ones_stay_below_three_mm():
    for made in drawn():
        displacement = made._parts[2].displacement
        real = abs(displacement.shift_mm) * made.scan.pose.scale[0]
        assert ("MidlineShift" in {f.name for f in made.findings}) == (real >= 5)
        assert real < 3 or real >= 5


# Requests and labels.


@pytest.mark.parametrize("name", FINDING_NAMES)
def test_a_request_brings_exactly_its_findings(name):
    wanted = {name} if name not in ("MassEffect", "MidlineShift") else {"SDH", name}
    made = phantom(3, *sorted(wanted))
    assert {finding.name for finding in made.findings} == wanted
    assert phantom(3).findings == () and phantom(3).masks == {}


def test_default_studies_hold_each_finding_often_enough():
    from itemclip_med.phantoms.findings import labels_of
    from itemclip_med.phantoms.head_ct import draw_parts

    rows = [labels_of(draw_parts(1, index)[3].findings) for index in range(1000)]
    share = {name: np.mean([row[name] for row in rows]) for name in CQ500_LABELS}
    normal = np.mean([not any(row.values()) for row in rows])
    assert 0.22 < normal < 0.32
    assert min(share[name] for name in CQ500_10) > 0.11, share
    assert share["Fracture"] > 0.1 and share["ChronicBleed"] > 0.04


def test_clinical_size_is_the_same_head_in_512_squared():
    demo, clinical = phantom(1, "EDH"), phantom(1, "EDH", size="clinical")
    assert clinical.volume_hu.shape[:2] == (512, 512) and clinical.findings == demo.findings
    volumes = [m.masks["EDH"].sum() * abs(np.linalg.det(m.affine[:3, :3])) for m in (demo, clinical)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.12)
    centers = [world_of(m, m.masks["EDH"]).mean(axis=0) for m in (demo, clinical)]
    assert np.linalg.norm(centers[0] - centers[1]) < 1.5


def test_thin_series_shows_the_same_lesion_in_more_slices():
    made = phantom(2, "IPH")
    thin = made.reconstruct("thin")
    assert thin.slice_thickness_mm <= 2 and thin.volume_hu.shape[2] > 2 * made.volume_hu.shape[2]
    volumes = [m.masks["IPH"].sum() * abs(np.linalg.det(m.affine[:3, :3])) for m in (made, thin)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.15)
    assert made.reconstruct("thick").volume_hu is made.volume_hu


# Errors.


def test_an_unknown_finding_is_named():
    with pytest.raises(ValueError, match="unknown findings Tumor; a head CT phantom has IPH"):
        make_head_ct(0, 0, findings=["IPH", "Tumor"])


def test_an_effect_without_a_cause_is_refused():
    with pytest.raises(ValueError, match="MidlineShift needs a lesion that takes up space: add one of IPH"):
        make_head_ct(0, 0, findings=["MidlineShift", "SAH"])


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="unknown size 'huge'; expected demo or clinical"):
        make_head_ct(0, 0, size="huge")


@pytest.mark.parametrize("numbers", [(-1, 0), (0, -1)])
def test_negative_numbers_are_refused(numbers):
    with pytest.raises(ValueError, match="seed and index count from 0"):
        make_head_ct(*numbers)


def test_an_unknown_reconstruction_is_refused():
    with pytest.raises(ValueError, match="unknown reconstruction 'sharp'; expected one of thin, thick, bone"):
        phantom(2).reconstruct("sharp")
