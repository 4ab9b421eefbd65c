"""Sets of chest phantoms on disk: official layouts, HU, geometry, tables, defects; resumable."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json

import nibabel as nib
import numpy as np
import pydicom
import pytest

from itemclip_med.labels import CT_RATE_FINDINGS, read_ct_rate_labels, read_labels, read_rad_chestct_labels
from itemclip_med.phantoms import chest_ct_rate as ct_rate
from itemclip_med.phantoms import chest_rad as rad
from itemclip_med.phantoms.chest_ct import make_chest_ct
from itemclip_med.phantoms.chest_export import CHEST_TRUTH_BITS, ChestSet, chest_truth_bits, export_chest_ct
from itemclip_med.phantoms.defects import DEFECTS_OF, plan_defects
from itemclip_med.phantoms.findings import PhantomFinding

SEED = 21
DEFECTS = DEFECTS_OF["chest-ct"]


def digests(folder):
    """Digest of every file below a folder, by its relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Two studies as DICOM."""
    out = tmp_path_factory.mktemp("plain") / "set"
    export_chest_ct(out, ChestSet(2, seed=SEED))
    return out


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """Patients of both splits, the last with two scans, in CT-RATE's second version."""
    out = tmp_path_factory.mktemp("rated") / "set"
    export_chest_ct(out, ChestSet(3, seed=SEED, start=2, layout="ct-rate"))
    return out


# Plain.


def test_a_plain_study_is_one_series_with_the_phantoms_hu(plain):
    for index in range(2):
        made = make_chest_ct(SEED, index)
        paths = sorted((plain / "plain" / f"chest-ct-{index:05d}").rglob("*.dcm"))
        datasets = sorted(map(pydicom.dcmread, paths), key=lambda dataset: dataset.ImagePositionPatient[2])
        stack = [dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept for dataset in datasets]
        np.testing.assert_array_equal(np.stack(stack).T[::-1, ::-1], made.volume_hu)
        assert datasets[0].SyntheticData == "YES" and datasets[0].BodyPartExamined == "CHEST"
        assert datasets[0].PatientSex == made.shape.sex


def test_plain_labels_reports_and_truth_agree_with_the_phantoms(plain):
    rows = read_labels(plain / "labels.csv", "csv")
    reports = lines(plain / "reports.jsonl")
    bits = json.loads((plain / "truth" / "findings.json").read_text())["bits"]
    assert bits == CHEST_TRUTH_BITS
    for index, report in enumerate(reports):
        made = make_chest_ct(SEED, index)
        assert report["id"] == f"chest-ct-{index:05d}" and rows[report["id"]] == made.labels()
        assert report["is_normal"] == (not made.findings)
        image = nib.load(plain / "truth" / f"{report['id']}.nii.gz")
        np.testing.assert_array_equal(np.asarray(image.dataobj), chest_truth_bits(made))
        np.testing.assert_allclose(image.affine, made.affine, atol=1e-3)


def test_two_workers_write_the_same_bytes(plain, tmp_path):
    export_chest_ct(tmp_path / "set", ChestSet(2, seed=SEED), workers=2)
    assert digests(tmp_path / "set") == digests(plain)


def test_a_stopped_run_is_completed_to_the_same_bytes(plain, tmp_path):
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_chest_ct(tmp_path / "set", ChestSet(2, seed=SEED), on_study=stop)
    summary = export_chest_ct(tmp_path / "set", ChestSet(2, seed=SEED))
    assert (summary.num_made, summary.num_known) == (1, 1)
    assert digests(tmp_path / "set") == digests(plain)


def test_a_finished_set_is_left_alone(plain):
    before = digests(plain)
    summary = export_chest_ct(plain, ChestSet(2, seed=SEED))
    assert (summary.num_made, summary.num_known) == (0, 2)
    assert summary.num_files == len(list(plain.rglob("*.dcm"))) > 100
    assert digests(plain) == before


# CT-RATE.


def test_every_fourth_patient_is_validated_and_scanned_twice():
    ids = [ct_rate.scan_of(index).study_id for index in range(10)]
    assert ids == [
        "train_1_a", "train_2_a", "train_3_a", "valid_1_a", "valid_1_b",
        "train_4_a", "train_5_a", "train_6_a", "valid_2_a", "valid_2_b",
    ]  # fmt: skip
    assert ct_rate.scan_of(4).person == 3


def test_second_version_holds_hu_under_the_true_geometry(rated):
    made = make_chest_ct(SEED, 2)
    image = nib.load(rated / "dataset/train_fixed/train_3/train_3_a/train_3_a_1.nii.gz")
    stored = np.asarray(image.dataobj)
    assert image.get_data_dtype() == np.int16 and image.dataobj.slope == 1 and image.dataobj.inter == 0
    assert nib.aff2axcodes(image.affine) == ("L", "P", "S")
    voxel = (30, 50, 20)
    at = np.linalg.inv(made.affine) @ image.affine @ [*voxel, 1]
    i, j, k = np.rint(at[:3]).astype(int)
    assert stored[voxel] == made.volume_hu[i, j, k]
    np.testing.assert_array_equal(stored[::-1, ::-1], made.volume_hu)


def test_first_version_needs_the_intercept_of_its_table():
    series = make_chest_ct(SEED, 0, findings=[]).reconstruct("thick")
    content = ct_rate.volume_file(series, 1, -8192, series.volume_hu)
    image = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    np.testing.assert_array_equal(np.asarray(image.dataobj)[::-1, ::-1] - 8192, series.volume_hu)
    assert image.header.get_zooms() == (1, 1, 1)


def test_scanners_store_with_one_of_two_intercepts():
    class Made:
        seed = 3

        def __init__(self, index):
            self.index = index

    assert {ct_rate.intercept_of(Made(index)) for index in range(30)} == {-1024, -8192}


def test_tables_repeat_a_study_for_each_of_its_volumes(rated):
    top = rated / "dataset"
    for split, long in (("train", "train"), ("valid", "validation")):
        metadata = table(top / "metadata" / f"{long}_metadata.csv")
        labels = read_ct_rate_labels(top / "multi_abnormality_labels" / f"{split}_predicted_labels.csv")
        reports = table(top / "radiology_text_reports" / f"{long}_reports.csv")
        names = [row["VolumeName"] for row in metadata]
        assert names == [row["VolumeName"] for row in reports] == [f"{name}.nii.gz" for name in labels]
        files = sorted(path.name for path in (top / f"{split}_fixed").rglob("*.nii.gz"))
        assert files == sorted(names)
        assert all(row["Findings_EN"] for row in reports)
        assert (top / "metadata" / f"no_chest_{split}.txt").is_file()


def test_metadata_tell_the_geometry_of_the_volume(rated):
    row = table(rated / "dataset/metadata/train_metadata.csv")[0]
    zooms = nib.load(rated / f"dataset/train_fixed/train_3/train_3_a/{row['VolumeName']}").header.get_zooms()
    assert json.loads(row["XYSpacing"]) == pytest.approx(zooms[:2], abs=1e-4)
    assert float(row["ZSpacing"]) == pytest.approx(zooms[2]) and row["RescaleSlope"] == "1"


@pytest.mark.labels
def test_tables_have_the_official_columns(shared_dir):
    folder = shared_dir("data/labels")
    for name, columns in (
        ("ct_rate_valid_labels.csv", ct_rate.LABEL_COLUMNS),
        ("ct_rate_valid_metadata.csv", ct_rate.METADATA_COLUMNS),
        ("rad_chestct_summary.csv", rad.SUMMARY_COLUMNS),
    ):
        with (folder / name).open(encoding="utf-8-sig", newline="") as file:
            assert tuple(next(csv.reader(file))) == columns


# Rad-ChestCT.


def test_an_archive_runs_to_the_feet_the_back_and_the_left(tmp_path):
    volume = np.arange(24, dtype=np.int16).reshape(2, 3, 4) * 100
    (tmp_path / "trn00001.npz").write_bytes(rad.volume_file(volume))
    with np.load(tmp_path / "trn00001.npz", allow_pickle=False) as archive:
        stored = archive["ct"]
    assert stored.shape == (4, 3, 2) and stored.dtype == np.int16
    assert stored[0, 0, 0] == min(volume[-1, -1, -1], 1000) and stored[-1, -1, -1] == volume[0, 0, 0]
    assert stored.max() == 1000


def test_labels_have_84_abnormalities_and_read_back_as_ct_rates(tmp_path):
    assert len(rad.ABNORMALITIES) == len(set(rad.ABNORMALITIES)) == 84
    findings = [
        PhantomFinding("Lung nodule", "left", "left upper lobe", (14.0,), params={"lobes": ["left upper lobe"]}),
        PhantomFinding("Medical material", "left", params={"kind": "pacemaker", "also": []}),
        PhantomFinding("Coronary artery wall calcification", "midline"),
    ]
    columns = rad.positives(findings)
    assert {"nodule*left_upper", "nodulegr1cm*left_upper", "pacemaker_or_defib*heart", "calcification*heart"} <= columns
    path = tmp_path / "imgtest_Abnormality_and_Location_Labels.csv"
    path.write_bytes(rad.labels_csv([("tst00001", sorted(columns)), ("tst00002", [])]))
    read = read_rad_chestct_labels(path)
    assert {name for name, value in read["tst00001"].items() if value} == {
        "Lung nodule", "Medical material", "Calcification", "Coronary artery wall calcification",
        "Arterial wall calcification",
    }  # fmt: skip
    assert not any(read["tst00002"].values())


def test_a_rad_chestct_set_is_isotropic_and_labelled(tmp_path):
    export_chest_ct(tmp_path / "set", ChestSet(1, seed=SEED, layout="rad-chestct"))
    folder = tmp_path / "set" / "rad-chestct"
    made = make_chest_ct(SEED, 0)
    with np.load(folder / "trn00001.npz", allow_pickle=False) as archive:
        assert abs(archive["ct"]).max() <= 1000
        shape = archive["ct"].shape
    (row,) = table(folder / "CT_Scan_Metadata_Complete_35747.csv")
    series = made.reconstruct("isotropic")
    assert shape == series.volume_hu.shape[::-1]
    assert np.allclose(np.diag(series.affine)[:3], float(row["final_spacing"]), rtol=1e-4)
    labels = read_labels(folder, "rad_chestct")["trn00001"]
    expected = made.labels()
    same = [name for name in CT_RATE_FINDINGS if "calcification" not in name and name in labels]
    assert {name: labels[name] for name in same} == {name: expected[name] for name in same}


# Defects.


def test_each_defect_falls_on_a_study_of_its_own():
    defects = DEFECTS_OF["ct-rate"]
    planned = plan_defects(defects, "ct-rate", range(10, 20), 3)
    assert sorted(planned.values()) == sorted(defects) and set(planned) <= set(range(10, 20))


def test_defects_are_planted_and_written_down(tmp_path):
    out = tmp_path / "set"
    export_chest_ct(out, ChestSet(6, seed=SEED, layout="ct-rate", defects=DEFECTS))
    planted = {name: study for study, name in json.loads((out / "truth" / "defects.json").read_text()).items()}
    rows = [
        row["VolumeName"]
        for path in (out / "dataset" / "multi_abnormality_labels").iterdir()
        for row in table(path)
    ]  # fmt: skip
    files = {path.name: path for path in (out / "dataset").rglob("*.nii.gz")}
    first = {name: f"{study}_1.nii.gz" for name, study in planted.items()}
    assert rows.count(first["duplicate-rows"]) == 2
    assert first["unlabeled-volume"] in files and first["unlabeled-volume"] not in rows
    assert first["missing-volume"] in rows and first["missing-volume"] not in files
    with pytest.raises((EOFError, OSError)):
        gzip.decompress(files[first["corrupt-file"]].read_bytes())
    shifted = np.asarray(nib.load(files[first["hu-twice"]]).dataobj)
    assert np.percentile(shifted, 5) < -1900
    made = {ct_rate.scan_of(index).study_id: index for index in range(6)}
    index = made[planted["flipped-axis"]]
    whole = make_chest_ct(SEED, index, person=ct_rate.scan_of(index).person).volume_hu
    np.testing.assert_array_equal(np.asarray(nib.load(files[first["flipped-axis"]]).dataobj)[:, ::-1], whole)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num": 0}, "expected num >= 1"),
        ({"num": 1, "layout": "rsna"}, "expected plain, ct-rate"),
        ({"num": 1, "size": "huge"}, "demo or clinical"),
        ({"num": 3, "defects": ("blur",)}, "unknown defects blur; expected hu-twice"),
        ({"num": 3, "defects": ("old-version",)}, "unknown defects old-version"),
        ({"num": 1, "defects": DEFECTS}, "6 defects need as many studies"),
    ],
)
def test_impossible_sets_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ChestSet(**values)
