"""Which files become which studies, and that each of them is accounted for."""

from __future__ import annotations

import os

import numpy as np
import pytest

from itemclip_med.errors import RecipeError
from itemclip_med.formats import FileRules, parse_file_rules, read_group, scan_files
from tests.formats.making import make_array, write_itk_file, write_nifti_file


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ("file", {"p1/a/t1": 1, "p1/a/t2": 1, "p1/b/t1": 1, "t": 1}),
        ("folder", {"p1/a": 2, "p1/b": 1, "t": 1}),
        ("top", {"p1": 3, "t": 1}),
    ],
)
def test_files_become_studies_as_the_recipe_says(study, expected, tmp_path):
    touch(tmp_path, "p1/a/t1.nii", "p1/a/t2.nii.gz", "p1/b/t1.nii", "t.nii")
    scan = scan_files(tmp_path, ["nifti"], FileRules("MR", study=study))
    assert {group.name: len(group.files) for group in scan.studies} == expected


def test_every_file_is_in_a_study_or_has_a_reason(tmp_path):
    touch(tmp_path, "a.nii", "a_seg.nii", "readme.txt", "b.npz", "other.nii")
    (tmp_path / "empty.nii").touch()
    write_itk_file(tmp_path / "c.mhd")
    write_itk_file(tmp_path / "d_seg.mhd")
    rules = FileRules("CT", pattern=("a*", "c*", "d*", "e*"), skip=("*_seg*",))
    scan = scan_files(tmp_path, ["nifti", "itk"], rules)
    assert [group.name for group in scan.studies] == ["a", "c"]
    assert scan.skipped == {
        "left out by the recipe's pattern": 3,
        "not nifti or itk": 2,
        "empty file": 1,
        "voxels of a header that is not used": 1,
    }
    used = sum(len(group.files) for group in scan.studies) + 1  # and c.raw
    assert scan.num_files == used + sum(scan.skipped.values())


def test_the_digest_changes_with_the_voxels_of_a_header(tmp_path):
    write_itk_file(tmp_path / "c.mhd")
    (before,) = scan_files(tmp_path, ["itk"], FileRules("CT")).studies
    os.utime(tmp_path / "c.raw", ns=(1, 1))
    (after,) = scan_files(tmp_path, ["itk"], FileRules("CT")).studies
    assert before.digest != after.digest


def test_a_name_that_is_no_text_does_not_stop_a_scan(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.nii")).write_bytes(b"x")
    (group,) = scan_files(tmp_path, ["nifti"], FileRules("CT")).studies
    assert group.name.encode("utf-8") == b"caf\\xe9"


def four_d(tmp_path):
    array = np.stack([make_array(), make_array() + 500], axis=-1)
    return write_nifti_file(tmp_path / "a.nii.gz", array)


def test_several_volumes_in_a_file_are_refused_by_default(tmp_path):
    four_d(tmp_path)
    (group,) = scan_files(tmp_path, ["nifti"], FileRules("MR")).studies
    (series,) = read_group(group).series
    assert series.reason == "several volumes in one file (set files: on_4d: split in the recipe)"


def test_several_volumes_in_a_file_are_split_on_request(tmp_path):
    from itemclip_med.formats import load_file_series

    four_d(tmp_path)
    (group,) = scan_files(tmp_path, ["nifti"], FileRules("MR", on_4d="split")).studies
    first, second = (load_file_series(series).array for series in read_group(group).series)
    assert np.array_equal(first, make_array()) and np.array_equal(second, make_array() + 500)


def test_slices_lie_across_the_largest_spacing(tmp_path):
    affine = np.array([[0, 0, 5.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    write_nifti_file(tmp_path / "a.nii", make_array(), affine)
    (group,) = scan_files(tmp_path, ["nifti"], FileRules("MR")).studies
    (series,) = read_group(group).series
    assert (series.plane, len(series.slices), series.depth_spacing_mm) == ("sagittal", 5, 5.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("nifti", "expected keys and values, with a modality"),
        ({"study": "file"}, "with a modality"),
        ({"modality": "PT"}, "modality is 'PT'"),
        ({"modality": "CT", "study": "patient"}, "study is 'patient'"),
        ({"modality": "CT", "on_4d": "keep"}, "on_4d is 'keep'"),
        ({"modality": "CT", "spacing": 1}, "unknown key 'spacing'"),
        ({"modality": "CT", "orientation": "LLS"}, "orientation is 'LLS'"),
        ({"modality": "CT", "orientation": "LPX"}, "orientation is 'LPX'"),
        ({"modality": "CT", "spacing_mm": [1, 1]}, "spacing_mm is"),
        ({"modality": "CT", "spacing_mm": [1, 1, -1]}, "spacing_mm is"),
        ({"modality": "CT", "slope": "two"}, "must be numbers"),
    ],
)
def test_a_wrong_rule_is_named(values, message):
    with pytest.raises(RecipeError, match=message):
        parse_file_rules(values)
