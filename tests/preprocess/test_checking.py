"""What a check says of downloads that are half done, mixed up or of another release; small files, no phantoms."""

from __future__ import annotations

import csv
import json
import zipfile

import nibabel as nib
import numpy as np
import pytest
import yaml

from itemclip_med.labels import CT_RATE_FINDINGS
from itemclip_med.preprocess import check_dataset, run_recipe
from itemclip_med.preprocess.source_tables import read_label_tables
from itemclip_med.resources import recipes_dir
from itemclip_med.store import Store
from tests.formats.making import write_npz_file

NAMES = [f"{split}_{number}_a_1" for split, number in (("train", 1), ("train", 2), ("valid", 1))]
SHAPE = (40, 40, 24)
METADATA = ["VolumeName", "Manufacturer", "ManufacturerModelName", "RescaleIntercept", "RescaleSlope", "XYSpacing",
            "ZSpacing"]  # fmt: skip


def body(seed):
    """A body of soft tissue in air, in HU."""
    rng = np.random.default_rng(seed)
    values = rng.normal(-1000, 15, SHAPE)
    values[8:32, 10:30, 2:22] = rng.normal(40, 20, (24, 20, 20))
    return np.rint(values).clip(-1024, 3071).astype(np.int16)


def write_volume(path, values, spacing=(5.0, 5.0, 5.0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    nib.save(nib.Nifti1Image(values, affine, dtype=np.int16), path)
    return path


def place_of(top, name, version=2):
    split, patient, scan, _ = name.split("_")
    folder = f"{split}{'_fixed' if version == 2 else ''}"
    return top / folder / f"{split}_{patient}" / f"{split}_{patient}_{scan}" / f"{name}.nii.gz"


def write_table(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def labels_of(top, split="train"):
    return top / "multi_abnormality_labels" / f"{split}_predicted_labels.csv"


@pytest.fixture
def ct_rate(tmp_path):
    """Three volumes in CT-RATE's second version with all tables."""
    top = tmp_path / "CT-RATE" / "dataset"
    for seed, name in enumerate(NAMES):
        write_volume(place_of(top, name), body(seed))
    for split, long in (("train", "train"), ("valid", "validation")):
        names = [f"{name}.nii.gz" for name in NAMES if name.startswith(split)]
        write_table(labels_of(top, split), ["VolumeName", *CT_RATE_FINDINGS], [[name, *[0] * 17, 1] for name in names])
        rows = [[name, "Siemens", "Sensation", -1024, 1, "[5.0, 5.0]", 5] for name in names]
        write_table(top / "metadata" / f"{long}_metadata.csv", METADATA, rows)
        write_table(
            top / "radiology_text_reports" / f"{long}_reports.csv",
            ["VolumeName", "ClinicalInformation_EN", "Technique_EN", "Findings_EN", "Impressions_EN"],
            [[name, "Not given.", "Not given.", "Septa are thickened.", "Not given."] for name in names],
        )
    return top


def check(source, recipe="ct_rate", **options):
    report = check_dataset(recipe, source, workers=1, show_progress=False, **options)
    return report, {(oddity.kind, oddity.study_id or oddity.file) for oddity in report.oddities}


def test_a_whole_download_has_nothing_odd(ct_rate):
    report, found = check(ct_rate)
    assert found == set() and report.num_looked == 3
    assert report.notes == ["CT-RATE has 50188 studies in full, 3 are here (train 2 of 47149, val 1 of 3039)"]


def test_what_a_stopped_download_leaves_is_named(ct_rate):
    place_of(ct_rate, NAMES[0]).rename(place_of(ct_rate, NAMES[0]).with_suffix(".gz.incomplete"))
    place_of(ct_rate, NAMES[2]).write_bytes(b"")
    report, found = check(ct_rate)
    assert found == {
        ("unfinished-file", f"train_fixed/train_1/train_1_a/{NAMES[0]}.nii.gz.incomplete"),
        ("unfinished-file", "in the source"),  # a file of no bytes
        ("missing-study", NAMES[0]),
    }
    assert "valid_predicted_labels.csv: none of its 1 studies is here" in report.notes


def test_a_pointer_instead_of_a_file_is_no_volume(ct_rate):
    place_of(ct_rate, NAMES[0]).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    report, found = check(ct_rate)
    assert found == {("unreadable-file", NAMES[0])} and "no gzip" in report.oddities[0].text


@pytest.mark.parametrize("part", [0.3, 0.7, 0.999])
def test_a_file_that_is_cut_off_is_found_without_reading_voxels(ct_rate, part):
    path = place_of(ct_rate, NAMES[0])
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    report, found = check(ct_rate, look=0)
    assert found == {("unreadable-file", NAMES[0])} and report.num_looked == 0
    assert report.oddities[0].file == f"train_fixed/train_1/train_1_a/{NAMES[0]}.nii.gz"


def test_a_renamed_column_is_named_with_its_table(ct_rate):
    path = labels_of(ct_rate)
    path.write_text(path.read_text().replace("Emphysema", "Emphysema_"))
    report, found = check(ct_rate)
    assert found == {("missing-column", path.name)}
    assert "'Emphysema'" in report.oddities[0].text


def test_a_table_of_another_release_is_told(ct_rate):
    path = labels_of(ct_rate, "valid")
    write_table(path, ["VolumeName", *CT_RATE_FINDINGS], [["valid_900_a_1.nii.gz", *[0] * 18]])
    report, found = check(ct_rate)
    assert found == {("unlabeled-study", NAMES[2])}
    assert f"{path.name}: none of its 1 studies is here" in report.notes


def test_rows_are_named_by_line(ct_rate):
    path = labels_of(ct_rate)
    rows = list(csv.reader(path.open()))
    write_table(path, rows[0], [
        rows[1], rows[1], rows[2], [rows[2][0], *[1] * 18], ["someone.nii.gz", *[0] * 18], ["too", "short"],
    ])  # fmt: skip
    report, _ = check(ct_rate)
    told = {(oddity.kind, oddity.line) for oddity in report.oddities if oddity.file == path.name}
    assert told == {("duplicate-row", 3), ("conflicting-row", 5), ("bad-row", 6), ("bad-row", 7)}


def test_a_cell_that_is_no_label_costs_its_row_only(ct_rate):
    path = labels_of(ct_rate)
    path.write_text(path.read_text().replace(f"{NAMES[1]}.nii.gz,0,", f"{NAMES[1]}.nii.gz,7,"))
    problems = []
    (labels,) = read_label_tables([path], "ct_rate", "VolumeName", lambda name: name, problems).values()
    assert set(labels) == {NAMES[0]} and [(problem.kind, problem.line) for problem in problems] == [("bad-row", 3)]
    summary = run_recipe("ct_rate", ct_rate, ct_rate.parent / "s", workers=1, show_progress=False)
    assert summary.num_labeled == 2 and summary.rows_not_used == {f"{path.name}: bad-row": 1}
    assert summary.unmatched_ids["studies without labels"] == [NAMES[1]]


def test_rows_that_contradict_each_other_are_both_left_out(ct_rate):
    path = labels_of(ct_rate)
    rows = list(csv.reader(path.open()))
    write_table(path, rows[0], [rows[1], [rows[1][0], *[1] * 18], rows[2]])
    run_recipe("ct_rate", ct_rate, ct_rate.parent / "s", workers=1, show_progress=False)
    store = Store(ct_rate.parent / "s")
    assert not store.study(NAMES[0]).labels and store.study(NAMES[1]).labels


def test_a_file_of_the_first_version_in_the_seconds_folder_is_found_by_header_alone(ct_rate):
    values = (body(0).astype(int) + 1024).astype(np.int16)
    write_volume(place_of(ct_rate, NAMES[0]), values, (1, 1, 1))
    for look in (0, 3):
        _, found = check(ct_rate, look=look)
        assert found == {("other-version", NAMES[0])}
    summary = run_recipe("ct_rate", ct_rate, ct_rate.parent / "s", workers=1, show_progress=False)
    assert (summary.num_stored, summary.num_failed) == (2, 1)
    assert "above Hounsfield units: an intercept was not applied" in next(iter(summary.failures))


def test_a_file_of_the_first_version_without_its_row_is_no_volume(ct_rate):
    place_of(ct_rate, NAMES[0]).unlink()
    write_volume(place_of(ct_rate, NAMES[0], 1), body(0), (1, 1, 1))
    path = ct_rate / "metadata" / "train_metadata.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:1] + path.read_text().splitlines()[2:]) + "\n")
    _, found = check(ct_rate)
    assert found == {("no-metadata", NAMES[0])}
    summary = run_recipe("ct_rate", ct_rate, ct_rate.parent / "s", workers=1, show_progress=False)
    assert summary.num_failed == 1 and "has no row that tells its intercept" in next(iter(summary.failures))


def test_a_volume_in_both_versions_lies_there_twice(ct_rate):
    write_volume(place_of(ct_rate, NAMES[0], 1), (body(0).astype(int) + 1024).astype(np.int16), (1, 1, 1))
    _, found = check(ct_rate)
    assert found == {("repeated-study", NAMES[0])}


@pytest.mark.parametrize("spacing", [(5, 5, 200), (0.001, 0.001, 5)])
def test_impossible_spacing_is_named_and_refused(ct_rate, spacing):
    write_volume(place_of(ct_rate, NAMES[0]), body(0), spacing)
    _, found = check(ct_rate)
    assert found == {("impossible-geometry", NAMES[0])}
    summary = run_recipe("ct_rate", ct_rate, ct_rate.parent / "s", workers=1, show_progress=False)
    assert (summary.num_stored, summary.num_failed) == (2, 1)


def test_heads_and_known_broken_volumes_are_left_out_and_counted(ct_rate):
    (ct_rate / "metadata" / "no_chest_train.txt").write_text(f"{NAMES[0]}.nii.gz\n")
    write_volume(place_of(ct_rate, "train_1267_a_4"), body(9))
    report, found = check(ct_rate)
    assert found == set() and report.num_studies == 2
    assert "1 files are left out (excluded: listed in no_chest_train.txt)" in report.notes
    summary = run_recipe("ct_rate", ct_rate, ct_rate.parent / "s", workers=1, show_progress=False)
    assert {study.study_id for study in Store(ct_rate.parent / "s").studies} == set(NAMES[1:])
    assert sum("excluded" in reason for reason in summary.files_skipped) == 2


def test_two_volumes_of_one_content_are_told(ct_rate):
    write_volume(place_of(ct_rate, NAMES[1]), body(0))
    _, found = check(ct_rate)
    assert {kind for kind, _ in found} == {"repeated-content"}


def test_without_tables_a_check_says_which_are_missing(tmp_path):
    for seed, name in enumerate(NAMES):
        write_volume(place_of(tmp_path / "top", name), body(seed))
    _, found = check(tmp_path / "top")
    assert found == {("missing-table", "labels"), ("missing-table", "reports"), ("missing-table", "metadata")}


def test_pickles_in_an_archive_are_never_loaded(tmp_path):
    top = tmp_path / "rad"
    write_npz_file(top / "trn00001.npz", body(0))
    np.savez(top / "trn00002.npz", ct=np.array([{"a": 1}], dtype=object))
    _, found = check(top, "rad_chestct")
    assert ("pickled-array", "trn00002") in found and ("unreadable-file", "trn00001") not in found
    summary = run_recipe("rad_chestct", top, tmp_path / "s", workers=1, show_progress=False)
    assert (summary.num_stored, summary.num_failed) == (1, 1)
    with zipfile.ZipFile(top / "trn00002.npz") as archive:
        assert archive.namelist() == ["ct.npy"]


def test_names_of_files_stay_out_of_a_check_of_ones_own_data(tmp_path):
    values = yaml.safe_load((recipes_dir() / "generic_chest_ct.yaml").read_text())
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({**values, "name": "own"}))
    write_volume(tmp_path / "in" / "Doe_Jane.nii.gz", body(0))
    cut = write_volume(tmp_path / "in" / "Roe_Jim.nii.gz", body(1))
    cut.write_bytes(cut.read_bytes()[:2000])
    report, _ = check(tmp_path / "in", path, kind="nifti")
    assert [oddity.kind for oddity in report.oddities] == ["unreadable-file"]
    assert "Roe" not in json.dumps(report.to_dict()) and "Roe" not in "\n".join(report.lines())


def test_rows_of_ones_own_data_are_found_by_folder_and_never_named(tmp_path):
    values = yaml.safe_load((recipes_dir() / "generic_chest_ct.yaml").read_text())
    path = tmp_path / "own.yaml"
    labels = {"reader": "csv", "default": ["labels.csv"], "id_column": "study_id"}
    path.write_text(yaml.safe_dump({**values, "labels": labels, "files": {"modality": "CT", "study": "folder"}}))
    for seed, name in enumerate(("Doe", "Roe")):
        write_volume(tmp_path / "in" / name / "ct.nii.gz", body(seed))
    write_table(tmp_path / "in" / "labels.csv", ["study_id", "Cough"], [["Doe", 1], ["Roe", 0]])
    assert not check(tmp_path / "in", path, kind="nifti")[0].oddities
    write_table(tmp_path / "in" / "labels.csv", ["study_id", "Cough"], [["Doe", 1], ["Poe", 0]])
    report, _ = check(tmp_path / "in", path, kind="nifti")
    assert [oddity.kind for oddity in report.oddities] == ["unlabeled-study", "missing-study"]
    assert "Poe" not in json.dumps(report.to_dict())
