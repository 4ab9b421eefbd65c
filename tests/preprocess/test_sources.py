"""Runs over files other than DICOM: the same store, ids, resumption and summary."""

from __future__ import annotations

import hmac
import json
import shutil

import nibabel as nib
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.errors import RecipeError, SourceError
from itemclip_med.preprocess import load_recipe, run_recipe
from itemclip_med.preprocess.recipe import parse_recipe
from itemclip_med.resources import recipes_dir
from itemclip_med.store import Store
from tests.dicom.making import write_series
from tests.formats.making import make_affine, write_itk_file, write_nifti_file, write_npz_file
from tests.preprocess.test_recipe import make_values

SHAPE = (24, 20, 18)


def head(seed=0):
    """An asymmetric CT with air around."""
    values = np.full(SHAPE, -1000, np.int16)
    values[4:18, 5:15, 3:14] = np.random.default_rng(seed).integers(0, 80, (14, 10, 11))
    return values


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def own_recipe(folder, **changes):
    values = yaml.safe_load((recipes_dir() / "generic_chest_ct.yaml").read_text())
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({**values, "name": "own", "min_spacing_mm": [0, 0, 0], **changes}))
    return path


def test_a_nifti_file_becomes_a_study_in_the_store(tmp_path):
    write_nifti_file(tmp_path / "in" / "Doe_Jane" / "scan.nii.gz", head())
    done = run("preprocess", "nifti", tmp_path / "in", tmp_path / "s", "--recipe", own_recipe(tmp_path), "--workers", 1)
    assert done.exit_code == 0, done.output
    store = Store(tmp_path / "s")
    (study,) = store.studies
    key = bytes.fromhex((tmp_path / "s.id-key").read_text())
    assert study.study_id == hmac.new(key, b"Doe_Jane/scan", "sha256").hexdigest()
    (series,) = study.series
    assert (series.name, series.modality, series.dtype) == ("AX_THICK", "CT", "int16")
    assert np.array_equal(store.read(series), head())
    assert np.array(series.affine) == pytest.approx(make_affine(SHAPE), abs=1e-5)
    assert store.check() == []
    written = [path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "in" not in path.parents]
    assert not any(b"Doe" in path.read_bytes() for path in written)


def test_every_format_gives_the_same_volume_in_a_store(tmp_path):
    write_nifti_file(tmp_path / "nifti" / "a.nii", head())
    write_npz_file(tmp_path / "npz" / "a.npz", head())
    write_itk_file(tmp_path / "itk" / "a.nrrd", head())
    files = {"modality": "CT", "orientation": "IPL", "spacing_mm": [4.0, 1.5, 0.75]}
    recipe = own_recipe(tmp_path, source=["nifti", "npz", "itk"], files=files, study_id={"rule": "public"})
    found = {}
    for kind in ("nifti", "npz", "itk"):
        run_recipe(recipe, tmp_path / kind, tmp_path / f"s_{kind}", kind=kind, workers=1)
        store = Store(tmp_path / f"s_{kind}")
        series = store.study("a").series[0]
        assert np.array_equal(store.read(series), head())
        found[kind] = (series.affine, series.spacing_mm, series.name)
    assert found["nifti"] == found["npz"] == found["itk"]


def test_a_run_is_resumed_and_equal_whatever_the_workers(tmp_path):
    for number in range(4):
        write_nifti_file(tmp_path / "in" / f"{number}.nii.gz", head(number))
    recipe, key = own_recipe(tmp_path), tmp_path / "key"
    part = shutil.copytree(tmp_path / "in", tmp_path / "part")
    (part / "3.nii.gz").unlink()
    run_recipe(recipe, part, tmp_path / "one", kind="nifti", workers=1, id_key=key)
    summary = run_recipe(recipe, tmp_path / "in", tmp_path / "one", kind="nifti", workers=1, id_key=key)
    assert (summary.num_known, summary.num_stored) == (3, 1)
    run_recipe(recipe, tmp_path / "in", tmp_path / "two", kind="nifti", workers=2, id_key=key)
    assert Store(tmp_path / "one").digest() == Store(tmp_path / "two").digest()


def test_a_broken_file_is_a_failed_study_and_the_rest_goes_on(tmp_path):
    write_nifti_file(tmp_path / "in" / "good.nii.gz", head())
    (tmp_path / "in" / "Doe_broken.nii.gz").write_bytes(b"junk" * 50)
    (tmp_path / "in" / "notes.txt").write_text("x")
    done = run(
        "preprocess",
        "nifti",
        tmp_path / "in",
        tmp_path / "s",
        "--recipe",
        own_recipe(tmp_path),
        "--workers",
        1,
        "--json",
    )
    summary = json.loads(done.output)
    assert done.exit_code == 1
    assert (summary["num_stored"], summary["num_failed"], summary["files_found"]) == (1, 1, 3)
    assert sum(summary["files_skipped"].values()) == 2
    assert "cannot be read as NIfTI" in next(iter(summary["failures"]))
    assert "Doe" not in done.output and "Doe" not in (tmp_path / "s.log.jsonl").read_text()


def test_a_study_with_one_broken_file_keeps_the_others_and_says_so(tmp_path):
    write_nifti_file(tmp_path / "in" / "p" / "t1.nii.gz", head())
    (tmp_path / "in" / "p" / "t2.nii.gz").write_bytes(b"junk" * 50)
    recipe = own_recipe(tmp_path, files={"modality": "CT", "study": "folder"})
    summary = run_recipe(recipe, tmp_path / "in", tmp_path / "s", kind="nifti", workers=1)
    assert (summary.num_stored, summary.num_series, summary.num_failed) == (1, 1, 0)
    assert sum(summary.files_skipped.values()) == 1


def test_voxels_below_air_become_air(tmp_path):
    values = head()
    values[0] = -3024
    write_nifti_file(tmp_path / "in" / "a.nii", values)
    run_recipe(own_recipe(tmp_path), tmp_path / "in", tmp_path / "s", kind="nifti", workers=1)
    store = Store(tmp_path / "s")
    assert store.read(store.studies[0].series[0]).min() == -1024


def test_brain_series_are_scaled_by_percentile_and_named_by_their_words(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("case-1-t1n", "case-1-t1c", "case-1-t2f", "case-1-seg"):
        write_nifti_file(tmp_path / "in" / "case-1" / f"{name}.nii.gz", rng.gamma(2, 300, SHAPE).astype(np.float32))
    done = run(
        "preprocess",
        "nifti",
        tmp_path / "in",
        tmp_path / "s",
        "--recipe",
        "generic_brain_mri",
        "--workers",
        1,
        "--json",
    )
    assert done.exit_code == 0, done.output
    store = Store(tmp_path / "s")
    (study,) = store.studies
    assert sorted(series.name for series in study.series) == ["AX_FLAIR", "AX_T1", "AX_T1_CE"]
    array = store.read(study.series[0])
    assert array.dtype == np.uint8 and (array.min(), array.max()) == (0, 255)
    assert 0.004 < (array == 255).mean() < 0.02
    assert json.loads(done.output)["files_skipped"] == {"left out by the recipe's pattern": 1}


def test_of_one_name_only_as_many_series_as_the_recipe_wants(tmp_path):
    for name in ("t1_a", "t1_b", "t1_c"):
        write_nifti_file(tmp_path / "in" / "p" / f"{name}.nii.gz", head().astype(np.float32))
    summary = run_recipe("generic_brain_mri", tmp_path / "in", tmp_path / "s", kind="nifti", workers=1)
    assert summary.num_series == 2
    assert summary.series_left_out == {"more than 2 series of one name": 1}


def test_rad_chestct_keeps_its_ids_and_its_left(tmp_path):
    values = np.full((40, 36, 44), -1000, np.int16)
    values[24:38, 8:18, 6:30] = 40  # to the right in RAS
    write_npz_file(tmp_path / "in" / "trn00001.npz", values)
    done = run("preprocess", "dataset", tmp_path / "in", tmp_path / "s", "--recipe", "rad_chestct", "--workers", 1)
    assert done.exit_code == 0, done.output
    store = Store(tmp_path / "s")
    series = store.study("trn00001").series[0]
    assert nib.aff2axcodes(np.array(series.affine)) == ("R", "A", "S")
    assert series.spacing_mm == pytest.approx((1, 1, 3), rel=0.1)
    stored = store.read(series)
    for axis, start, end in ((0, 24, 38), (1, 8, 18), (2, 6, 30)):
        inside = np.flatnonzero((stored > -500).any(axis=tuple({0, 1, 2} - {axis})))
        share = np.array([inside[0], inside[-1] + 1]) / stored.shape[axis]
        assert share == pytest.approx(np.array([start, end]) / values.shape[axis], abs=1 / stored.shape[axis])


def test_a_dataset_is_read_in_the_format_that_is_asked_for(tmp_path):
    write_itk_file(tmp_path / "in" / "a.mha", head())
    arguments = ("preprocess", "dataset", tmp_path / "in", tmp_path / "s", "--recipe", own_recipe(tmp_path))
    assert run(*arguments, "--workers", 1, "--format", "itk").exit_code == 0
    assert "none of its 1 files is DICOM" in run(*arguments).output  # the recipe's first


@pytest.mark.parametrize(
    ("command", "recipe"), [("nifti", "cq500"), ("nifti", "rad_chestct"), ("dicom", "rad_chestct")]
)
def test_a_recipe_of_another_source_is_refused(command, recipe, tmp_path):
    write_series(tmp_path / "in", num=10)
    done = run("preprocess", command, tmp_path / "in", tmp_path / "s", "--recipe", recipe)
    assert done.exit_code == 1 and f"not {command}: take a recipe whose source is {command}" in done.output
    assert not (tmp_path / "s").exists()


def test_a_source_without_such_files_says_what_is_there(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    with pytest.raises(SourceError, match=r"no file to read \(1 not nifti\)\. Expected \.nii\.gz, \.nii"):
        run_recipe("generic_chest_ct", tmp_path / "in", tmp_path / "s", kind="nifti")


def test_a_recipe_for_files_must_say_their_rules():
    with pytest.raises(RecipeError, match="the key files is missing"):
        parse_recipe(make_values(source=["dicom", "nifti"]), "mine")
    with pytest.raises(RecipeError, match="Recipe mine: files: modality is 'PT'"):
        parse_recipe(make_values(source="nifti", files={"modality": "PT"}), "mine")


def test_studies_of_another_recipe_are_told(tmp_path):
    write_nifti_file(tmp_path / "in" / "a.nii", head())
    run_recipe(own_recipe(tmp_path), tmp_path / "in", tmp_path / "s", kind="nifti", workers=1)
    again = run_recipe(own_recipe(tmp_path, max_series=1), tmp_path / "in", tmp_path / "s", kind="nifti", workers=1)
    assert again.num_known == 1 and again.notes[0].startswith("1 of the studies known before were made by another")


@pytest.mark.real_dicom
@pytest.mark.parametrize(
    ("recipe", "pattern"),
    [
        ("generic_head_ct", "case*_head_ct*"),
        ("generic_chest_ct", "case*_chest_ct*"),
        ("generic_brain_mri", "case*_brain_mr*"),
    ],
)
def test_generic_recipes_store_real_series(recipe, pattern, shared_dir, tmp_path):
    """Series that the truth says are volumes, of the recipe's modality, become readable volumes at sane values."""
    folders = sorted(shared_dir("data/dicom").glob(pattern))
    assert folders
    num_stored = 0
    for folder in folders:
        summary = run_recipe(recipe, folder, tmp_path / folder.name, workers=1)
        store = Store(tmp_path / folder.name)
        assert store.check() == []
        num_stored += summary.num_stored
        for study in store.studies:
            for series in study.series:
                array = store.read(series)
                assert nib.aff2axcodes(np.array(series.affine)) == ("R", "A", "S")
                if load_recipe(recipe).stored_dtype == "int16":
                    assert array.min() >= -1024 and np.percentile(array, 99) > 0
                else:
                    assert (array.min(), array.max()) == (0, 255)
    assert num_stored == len(folders)


@pytest.mark.long
@pytest.mark.real_dicom
@pytest.mark.parametrize("recipe", ["generic_head_ct", "generic_chest_ct", "generic_brain_mri"])
def test_generic_recipes_take_all_real_studies_at_once(recipe, shared_dir, tmp_path):
    """Every study of every case ends stored, skipped or failed for a reason we know; a rerun stores nothing more."""
    first = run_recipe(recipe, shared_dir("data/dicom"), tmp_path / "s", workers=2)
    assert first.num_stored > 0
    assert not [reason for reason in first.failures if reason.startswith("unexpected")]
    store = Store(tmp_path / "s")
    assert store.check() == []
    modality = load_recipe(recipe).select["modality"]
    assert {series.modality for study in store.studies for series in study.series} == set(modality)
    again = run_recipe(recipe, shared_dir("data/dicom"), tmp_path / "s", workers=1)
    assert (again.num_stored, again.num_known) == (0, first.num_stored)
    assert (again.num_skipped, again.failures) == (first.num_skipped, first.failures)
