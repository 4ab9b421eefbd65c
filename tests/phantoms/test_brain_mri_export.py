"""A set of brain MRI phantoms on disk: valid DICOM in true places, Pub-Brain-5's files, labels, reports, truth."""

from __future__ import annotations

import csv
import hashlib
import json

import nibabel as nib
import numpy as np
import pydicom
import pytest

from itemclip_med.labels import read_pub_brain_5
from itemclip_med.phantoms.brain_mri import make_brain_mri
from itemclip_med.phantoms.dicom_writing import MR_IMAGE_STORAGE
from itemclip_med.phantoms.mri_export import MRI_TRUTH_BITS, BrainMriSet, export_brain_mri
from itemclip_med.phantoms.mri_findings import MRI_LABELS
from itemclip_med.phantoms.mri_series import slices_of
from itemclip_med.phantoms.pub_brain_5_layout import make_source_study, source_of
from itemclip_med.records import Item

NUM, SEED = 3, 21

# Types 1 and 2 of the modules that PS3.3 A.4 makes mandatory for an MR image.
TYPE_1 = """
    SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality FrameOfReferenceUID ImageType
    SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    PixelData PixelSpacing ImageOrientationPatient ImagePositionPatient ScanningSequence SequenceVariant
"""
TYPE_2 = """
    PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID SeriesNumber
    AccessionNumber PositionReferenceIndicator Manufacturer InstanceNumber SliceThickness ScanOptions
    MRAcquisitionType EchoTime EchoTrainLength RepetitionTime
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small set in the plain layout, made in this process."""
    out = tmp_path_factory.mktemp("phantoms") / "set"
    export_brain_mri(out, BrainMriSet(NUM, seed=SEED))
    return out


@pytest.fixture(scope="module")
def phantoms():
    """The phantoms of that set."""
    return {f"brain-mri-{index:05d}": make_brain_mri(SEED, index) for index in range(NUM)}


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """One study of each source in the layout of Pub-Brain-5, in sets of one."""
    found = {}
    for index in range(60):
        found.setdefault(source_of(SEED, index).source, index)
    assert len(found) == 5
    out = tmp_path_factory.mktemp("public")
    for source, index in found.items():
        export_brain_mri(out / source, BrainMriSet(1, seed=SEED, start=index, layout="pub-brain-5"))
    return {source: (out / source, index) for source, index in found.items()}


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def study_of(folder):
    """The data sets of each series of a study, in the order of their numbers."""
    return [[pydicom.dcmread(path) for path in sorted(sub.iterdir())] for sub in sorted(folder.iterdir())]


def test_every_pixel_is_the_phantoms_at_its_place(made, phantoms):
    """Found through world coordinates, oblique planes and all orientations included."""
    seen = set()
    for study_id, phantom in phantoms.items():
        for datasets, one in zip(study_of(made / "plain" / study_id), phantom.series, strict=True):
            seen.add(one.plan.orientation)
            back = np.linalg.inv(one.affine)
            for dataset in datasets[:: max(1, len(datasets) // 4)]:
                position, (dr, dc) = np.array(dataset.ImagePositionPatient, float), map(float, dataset.PixelSpacing)
                along, down = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
                rows, columns = np.mgrid[: dataset.Rows, : dataset.Columns]
                lps = position + columns[..., None] * dc * along + rows[..., None] * dr * down
                index = (lps * [-1, -1, 1]) @ back[:3, :3].T + back[:3, 3]
                assert np.abs(index - index.round()).max() < 1e-3
                expected = one.volume[tuple(np.moveaxis(index.round().astype(int), -1, 0))]
                np.testing.assert_array_equal(dataset.pixel_array, expected)
    assert len(seen) >= 2


def test_slices_are_shown_as_radiologists_look_at_them(phantoms):
    for one in phantoms["brain-mri-00000"].series:
        _, planes = slices_of(one.volume, one.affine, one.plan, backward=False)
        row, column = np.array(planes[0].row), np.array(planes[0].column)
        if one.plan.orientation == "sagittal":
            assert row[1] > 0.9 and column[2] < -0.9  # columns run to the back, rows to the feet
        else:
            assert row[0] > 0.9  # columns run to the patient's left
            assert column[1] > 0.9 if one.plan.orientation == "axial" else column[2] < -0.9


def test_every_file_has_what_an_mr_image_must_have(made):
    before = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        for path in [*made.rglob("*.dcm")][::9]:
            dataset = pydicom.dcmread(path)
            assert all(dataset.get(name) not in (None, "") for name in TYPE_1.split()), path
            assert all(name in dataset for name in TYPE_2.split()), path
            assert dataset.SOPClassUID == dataset.file_meta.MediaStorageSOPClassUID == MR_IMAGE_STORAGE
            assert dataset.SyntheticData == "YES" and "KVP" not in dataset
            assert dataset.pixel_array.max() < 2**dataset.BitsStored
    finally:
        pydicom.config.settings.reading_validation_mode = before


def test_sequences_are_told_by_their_elements(made, phantoms):
    for study_id, phantom in phantoms.items():
        for (first, *_), one in zip(study_of(made / "plain" / study_id), phantom.series, strict=True):
            kind = one.plan.kind
            assert ("InversionTime" in first) == (kind == "FLAIR")
            assert ("ContrastBolusAgent" in first) == (kind == "T1C")
            assert first.get("DiffusionBValue") == (1000.0 if kind == "DWI" else None)
            assert (first.ImageType[2] == "ADC") == (kind == "ADC")
            assert float(first.EchoTime) == pytest.approx(one.plan.sequence.te_ms, rel=1e-3)


def test_uids_tell_studies_series_and_images_apart(made, phantoms):
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in made.rglob("*.dcm")]
    assert len({header.SOPInstanceUID for header in headers}) == len(headers)
    assert len({header.SeriesInstanceUID for header in headers}) == sum(len(one.series) for one in phantoms.values())
    assert len({header.StudyInstanceUID for header in headers}) == NUM


def test_labels_reports_and_truth_agree(made, phantoms):
    with (made / "labels.csv").open() as file:
        rows = {row.pop("study_id"): {name: int(value) for name, value in row.items()} for row in csv.DictReader(file)}
    assert rows == {study_id: phantom.labels() for study_id, phantom in phantoms.items()}
    assert list(next(iter(rows.values()))) == list(MRI_LABELS)
    for report in lines(made / "reports.jsonl"):
        items = [Item.from_dict(item) for item in report["items"]]
        names = {finding.name for finding in phantoms[report["id"]].findings}
        assert names == {item.finding for item in items if item.status in ("present", "uncertain") and item.finding}
        assert report["is_normal"] == (not names)
    for study_id, phantom in phantoms.items():
        image = nib.load(made / "truth" / f"{study_id}.nii.gz")
        bits = np.asarray(image.dataobj)
        np.testing.assert_allclose(image.affine, phantom.affine, atol=1e-3)
        for name, bit in MRI_TRUTH_BITS.items():
            np.testing.assert_array_equal(bits >> bit & 1, phantom.masks.get(name, np.zeros(bits.shape, bool)))


def test_two_workers_write_the_same_bytes(made, tmp_path):
    export_brain_mri(tmp_path / "set", BrainMriSet(NUM, seed=SEED), workers=2)
    assert digests(tmp_path / "set") == digests(made)


def test_a_stopped_run_is_completed_to_the_same_bytes(made, tmp_path):
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_brain_mri(tmp_path / "set", BrainMriSet(NUM, seed=SEED), on_study=stop)
    summary = export_brain_mri(tmp_path / "set", BrainMriSet(NUM, seed=SEED))
    assert (summary.num_made, summary.num_known) == (NUM - 1, 1)
    assert digests(tmp_path / "set") == digests(made)


def test_each_source_of_pub_brain_5_has_its_own_files(public):
    shown = {
        source: sorted(path.relative_to(out / "pub_brain_5" / source_of(SEED, index).study_id).as_posix()
                       for path in (out / "pub_brain_5").rglob("*.nii.gz"))
        for source, (out, index) in public.items()
    }  # fmt: skip
    assert shown["open_bhb"] == ["T1w/nifti/T1w.nii.gz"]
    assert [name.rsplit("-", 1)[1] for name in shown["brats23"]] == [
        "seg.nii.gz", "t1c.nii.gz", "t1n.nii.gz", "t2f.nii.gz", "t2w.nii.gz",
    ]  # fmt: skip
    assert [name.rsplit("_", 1)[1] for name in shown["stroke"]] == [
        "adc.nii.gz", "dwi.nii.gz", "flair.nii.gz", "t1.nii.gz",
    ]  # fmt: skip
    assert shown["ucsf_mets"] == [f"{name}/nifti/{name}.nii.gz" for name in ("FLAIR", "T1post", "T1pre")]
    assert all(name.split("/")[1] == "nifti" for name in shown["nyu_mets"])


def test_the_list_of_pub_brain_5_reads_back_as_the_phantoms_labels(public):
    for out, index in public.values():
        study = source_of(SEED, index)
        (labels,) = read_pub_brain_5(out / "pub_brain_5" / "pub_brain_5.csv").items()
        phantom = make_source_study(SEED, index, "demo")
        assert labels[0] == study.study_id
        assert labels[1] == {name: phantom.labels()[name] for name in labels[1]}
        assert labels[1][study.label] == 1


def test_diffusion_of_the_stroke_source_is_one_file_of_two_volumes(public):
    out, _ = public["stroke"]
    image = nib.load(next(out.rglob("*_dwi.nii.gz")))
    plain, weighted = np.moveaxis(np.asarray(image.dataobj).astype(float), -1, 0)
    truth = np.asarray(nib.load(next((out / "truth").glob("*.nii.gz"))).dataobj)
    stroke = (truth >> MRI_TRUTH_BITS["Stroke"] & 1).astype(bool)
    brain = weighted > np.percentile(weighted, 80)
    contrast = [np.median(volume[stroke]) / np.median(volume[brain]) for volume in (plain, weighted)]
    assert contrast[1] > contrast[0]
    assert np.median(weighted[brain]) < 0.8 * np.median(plain[brain])  # one gain for both


def test_brats_has_one_grid_and_no_skull(public):
    out, _ = public["brats23"]
    images = [nib.load(path) for path in sorted((out / "pub_brain_5").rglob("*.nii.gz"))]
    assert len({image.shape for image in images}) == 1
    for image in images:
        np.testing.assert_allclose(image.affine, images[0].affine)
        outside = np.asarray(image.dataobj)[:3]
        assert not outside.any()


def test_ids_of_pub_brain_5_are_all_different():
    ids = [source_of(SEED, index).study_id for index in range(2000)]
    assert len(set(ids)) == 2000


@pytest.mark.parametrize("values", [{"layout": "cq500"}, {"size": "huge"}])
def test_unknown_layouts_and_sizes_are_refused(values):
    with pytest.raises(ValueError, match="expected plain or pub-brain-5, demo or clinical"):
        BrainMriSet(1, **values)


@pytest.mark.parametrize("values", [{"num": 0}, {"num": 1, "seed": -1}, {"num": 1, "start": -1}])
def test_impossible_counts_are_refused(values):
    with pytest.raises(ValueError, match="expected num >= 1"):
        BrainMriSet(**values)
