"""A set of phantoms on disk: official layout, valid DICOM, labels, reports and truth that agree; resumable."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import re
from concurrent.futures.process import BrokenProcessPool

import nibabel as nib
import numpy as np
import pydicom
import pytest

from itemclip_med.errors import SourceError
from itemclip_med.labels import read_cq500_reads
from itemclip_med.phantoms import export, head_ct, sets
from itemclip_med.phantoms.cq500_layout import READS_HEADER, reads_csv, reads_row
from itemclip_med.phantoms.export import TRUTH_BITS, PhantomSet, export_head_ct, truth_bits
from itemclip_med.phantoms.findings import CQ500_LABELS
from itemclip_med.phantoms.head_ct import make_head_ct
from itemclip_med.records import Item

NUM, SEED = 5, 21

# Types 1 (must have a value) and 2 (must be there) of the modules that PS3.3 A.3 makes mandatory for a CT image.
TYPE_1 = """
    SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality FrameOfReferenceUID ImageType
    SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    PixelData PixelSpacing ImageOrientationPatient ImagePositionPatient RescaleIntercept RescaleSlope RescaleType
"""
TYPE_2 = """
    PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID SeriesNumber
    AccessionNumber PositionReferenceIndicator Manufacturer InstanceNumber SliceThickness KVP AcquisitionNumber
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small set in CQ500's layout, made in this process."""
    out = tmp_path_factory.mktemp("phantoms") / "set"
    summary = export_head_ct(out, PhantomSet(NUM, seed=SEED))
    assert (summary.num_made, summary.num_known) == (NUM, 0)
    return out


@pytest.fixture(scope="module")
def phantoms():
    """The phantoms of that set."""
    return {f"CQ500-CT-{index}": make_head_ct(SEED, index) for index in range(NUM)}


@pytest.fixture(scope="module")
def small_clinical(tmp_path_factory):
    """A clinical study of few pixels, so that it is made in a moment."""
    out = tmp_path_factory.mktemp("clinical") / "set"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(head_ct._MATRIX, "clinical", 64)
        export_head_ct(out, PhantomSet(1, layout="plain", size="clinical"))
    return out


def digests(folder):
    """Digest of every file below a folder, by its relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def series_of(folder):
    """The data sets of each series below a study's folder."""
    return {sub.name: [pydicom.dcmread(path) for path in sorted(sub.iterdir())] for sub in sorted(folder.iterdir())}


def test_folders_are_those_of_cq500(made):
    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*.dcm"))
    number = r"cq500/qct00/CQ500CT(\d+) CQ500CT\1/Unknown Study/CT [\w ]+/CT\d{6}\.dcm"
    assert all(re.fullmatch(number, file) for file in files)
    assert {int(re.match(number, file)[1]) for file in files} == set(range(NUM))
    beside = {path.name for path in made.iterdir()}
    assert beside == {"cq500", "reports.jsonl", "truth", "phantoms.json"}


def test_further_studies_lie_in_further_archives():
    wanted = PhantomSet(1, start=490)
    assert wanted.study_dir(490).as_posix() == "cq500/qct19/CQ500CT490 CQ500CT490/Unknown Study"


def test_a_demo_study_is_one_series_with_the_phantoms_hu(made, phantoms):
    for study_id, phantom in phantoms.items():
        short = study_id.replace("-", "")
        (datasets,) = series_of(made / "cq500" / "qct00" / f"{short} {short}" / "Unknown Study").values()
        datasets.sort(key=lambda dataset: dataset.ImagePositionPatient[2])
        stack = [dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept for dataset in datasets]
        np.testing.assert_array_equal(np.stack(stack).T[::-1, ::-1], phantom.volume_hu)
        last = phantom.affine @ [phantom.volume_hu.shape[0] - 1, phantom.volume_hu.shape[1] - 1, 0, 1]
        np.testing.assert_allclose(datasets[0].ImagePositionPatient, last[:3] * [-1, -1, 1], atol=1e-9)
        assert datasets[0].PatientID == study_id


def test_every_file_has_what_a_ct_image_must_have(made, small_clinical):
    for path in [*made.rglob("*.dcm"), *small_clinical.rglob("*.dcm")][::7]:
        dataset = pydicom.dcmread(path)
        assert all(dataset.get(name) not in (None, "") for name in TYPE_1.split()), path
        assert all(name in dataset for name in TYPE_2.split()), path
        assert dataset.SyntheticData == "YES"
        assert dataset.pixel_array.shape == (dataset.Rows, dataset.Columns)


def test_uids_tell_studies_series_and_images_apart(made, small_clinical):
    for folder, num_studies, num_series in ((made, NUM, NUM), (small_clinical, 1, 4)):
        headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.rglob("*.dcm")]
        assert len({header.SOPInstanceUID for header in headers}) == len(headers)
        assert len({header.SeriesInstanceUID for header in headers}) == num_series
        assert len({header.StudyInstanceUID for header in headers}) == num_studies


def test_a_clinical_study_has_thick_thin_bone_and_localizer(small_clinical):
    series = series_of(small_clinical / "plain" / "head-ct-00000")
    by_number = {int(datasets[0].SeriesNumber): datasets for datasets in series.values()}
    localizer, thick, thin, bone = (by_number[number] for number in (1, 2, 3, 4))
    assert [dataset.ImageType[2] for dataset in localizer] == ["LOCALIZER"] * 2
    assert len(thick) < len(thin) == len(bone)
    assert thick[0].SliceThickness > thin[0].SliceThickness
    assert thin[0].ConvolutionKernel == thick[0].ConvolutionKernel != bone[0].ConvolutionKernel
    assert len({datasets[0].FrameOfReferenceUID for datasets in by_number.values()}) == 1


@pytest.mark.long
def test_a_clinical_study_of_full_size(tmp_path):
    export_head_ct(tmp_path / "set", PhantomSet(1, size="clinical"))
    shapes = {pydicom.dcmread(path).pixel_array.shape for path in (tmp_path / "set").rglob("CT000001.dcm")}
    assert (512, 512) in shapes


def test_a_localizer_shows_the_head_upright(small_clinical):
    series = series_of(small_clinical / "plain" / "head-ct-00000")
    side, front = next(data for data in series.values() if data[0].ImageType[2] == "LOCALIZER")
    for dataset in (side, front):
        image = dataset.pixel_array
        assert image[0].mean() < image[len(image) // 2].mean()  # above the vertex there is air
    assert list(side.ImageOrientationPatient) == [0, 1, 0, 0, 0, -1]
    assert list(front.ImageOrientationPatient) == [1, 0, 0, 0, 0, -1]


def test_reads_read_back_are_the_phantoms_labels(made, phantoms):
    reads = read_cq500_reads(made / "cq500" / "reads.csv")
    assert reads == {study_id: phantom.labels() for study_id, phantom in phantoms.items()}


@pytest.mark.labels
def test_reads_have_the_official_columns(shared_dir, made):
    official = (shared_dir("data/labels") / "cq500_reads.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert (made / "cq500" / "reads.csv").read_text().splitlines()[0].split(",") == official.split(",")


def test_readers_disagree_a_little_and_never_outvote_the_truth(tmp_path):
    rng = np.random.default_rng(0)
    truth = {f"CQ500-CT-{n}": dict(zip(CQ500_LABELS, rng.integers(0, 2, 14).tolist(), strict=True)) for n in range(400)}
    rows = [reads_row(n, labels, rng) for n, labels in enumerate(truth.values())]
    path = tmp_path / "reads.csv"
    path.write_text(reads_csv(rows))
    assert read_cq500_reads(path) == truth
    deviating = np.mean(
        [
            row[READS_HEADER.index(f"{reader}:{name}")] != str(labels[name])
            for row, labels in zip(rows, truth.values(), strict=True)
            for reader in ("R1", "R2", "R3")
            for name in CQ500_LABELS
        ]
    )
    assert 0.005 < deviating < 0.05


def test_reports_and_their_items_match_the_findings(made, phantoms):
    reports = lines(made / "reports.jsonl")
    assert [report["id"] for report in reports] == list(phantoms)
    for report in reports:
        items = [Item.from_dict(item) for item in report["items"]]
        positive = {item.finding for item in items if item.status in ("present", "uncertain")}
        names = {finding.name for finding in phantoms[report["id"]].findings}
        assert names <= positive
        assert report["is_normal"] == (not names) == (not positive)


def test_truth_masks_are_the_phantoms_masks(made, phantoms):
    stored = json.loads((made / "truth" / "findings.json").read_text())
    assert stored["bits"] == TRUTH_BITS
    for study_id, phantom in phantoms.items():
        image = nib.load(made / "truth" / f"{study_id}.nii.gz")
        bits = np.asarray(image.dataobj)
        assert bits.dtype == np.uint16
        np.testing.assert_allclose(image.affine, phantom.affine, atol=1e-4)  # NIfTI's 32 bits
        for name, bit in stored["bits"].items():
            expected = phantom.masks.get(name, np.zeros(bits.shape, bool))
            np.testing.assert_array_equal(bits >> bit & 1, expected)


def test_truth_lists_the_parameters_of_each_finding(made, phantoms):
    for line in lines(made / "truth" / "studies.jsonl"):
        phantom = phantoms[line["id"]]
        assert [one["name"] for one in line["findings"]] == [finding.name for finding in phantom.findings]
        assert set(line["volume_ml"]) == set(phantom.masks)


def test_overlapping_masks_keep_their_bits():
    phantom = make_head_ct(2, 0, findings=["SDH", "MassEffect", "MidlineShift"])
    bits = truth_bits(phantom)
    both = phantom.masks["MassEffect"] & phantom.masks["MidlineShift"]
    assert both.any()
    assert (bits[both] == (1 << TRUTH_BITS["MassEffect"] | 1 << TRUTH_BITS["MidlineShift"])).all()


def test_two_workers_write_the_same_bytes(made, tmp_path):
    export_head_ct(tmp_path / "set", PhantomSet(NUM, seed=SEED), workers=2)
    assert digests(tmp_path / "set") == digests(made)


def test_a_stopped_run_is_completed_to_the_same_bytes(made, tmp_path):
    def stop(done):
        if done == 3:
            raise KeyboardInterrupt

    out, told = tmp_path / "set", []
    with pytest.raises(KeyboardInterrupt):
        export_head_ct(out, PhantomSet(NUM, seed=SEED), on_study=stop)
    assert not json.loads((out / "phantoms.json").read_text())["complete"]
    summary = export_head_ct(out, PhantomSet(NUM, seed=SEED), on_study=told.append)
    assert (summary.num_made, summary.num_known) == (NUM - 3, 3)
    assert told == [1, 2]
    assert digests(out) == digests(made)


def test_a_finished_set_is_left_alone(made):
    before = digests(made)
    summary = export_head_ct(made, PhantomSet(NUM, seed=SEED))
    assert (summary.num_made, summary.num_known) == (0, NUM)
    assert summary.num_files == len(list(made.rglob("*.dcm")))
    assert digests(made) == before


def test_a_later_start_goes_on_where_an_earlier_set_ended(made, tmp_path):
    export_head_ct(tmp_path / "set", PhantomSet(1, seed=SEED, start=NUM - 1))
    later = digests(tmp_path / "set" / "cq500" / "qct00")
    assert later == {path: digest for path, digest in digests(made / "cq500" / "qct00").items() if path in later}
    (report,) = lines(tmp_path / "set" / "reports.jsonl")
    assert report == lines(made / "reports.jsonl")[-1]


def test_the_plain_layout_has_a_folder_a_study_and_one_label_table(tmp_path):
    export_head_ct(tmp_path / "set", PhantomSet(2, seed=SEED, layout="plain"))
    assert sorted(path.name for path in (tmp_path / "set" / "plain").iterdir()) == ["head-ct-00000", "head-ct-00001"]
    with (tmp_path / "set" / "labels.csv").open() as file:
        rows = {row.pop("study_id"): {name: int(value) for name, value in row.items()} for row in csv.DictReader(file)}
    assert rows == {f"head-ct-{index:05d}": make_head_ct(SEED, index).labels() for index in range(2)}
    assert [report["id"] for report in lines(tmp_path / "set" / "reports.jsonl")] == list(rows)
    path = next((tmp_path / "set" / "plain" / "head-ct-00001").rglob("*.dcm"))
    assert pydicom.dcmread(path).AccessionNumber == "head-ct-00001"


def test_other_seeds_make_other_studies(made, tmp_path):
    export_head_ct(tmp_path / "set", PhantomSet(1, seed=SEED + 1))
    assert not set(digests(tmp_path / "set" / "cq500").values()) & set(digests(made / "cq500").values())


def test_a_folder_with_other_things_is_refused_and_untouched(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(SourceError, match="is not empty and holds no phantoms: name a new folder"):
        export_head_ct(tmp_path, PhantomSet(1))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "set").write_text("x")
    with pytest.raises(SourceError, match="is a file: name a new folder"):
        export_head_ct(tmp_path / "set", PhantomSet(1))


@pytest.mark.parametrize("other", [{"seed": 1}, {"num": NUM + 1}, {"layout": "plain"}, {"start": 3}])
def test_a_set_with_other_settings_is_refused(made, other):
    wanted = PhantomSet(**({"num": NUM, "seed": SEED} | other))
    with pytest.raises(SourceError, match=f"holds other phantoms .*{next(iter(other))}.*name a new folder"):
        export_head_ct(made, wanted)


def test_a_full_disk_is_said_in_one_line(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export, "write_study", fail)
    with pytest.raises(SourceError, match=r"cannot be written \(No space left on device\).*run the same command again"):
        export_head_ct(tmp_path / "set", PhantomSet(1))


def test_a_killed_worker_is_said_in_one_line(tmp_path, monkeypatch):
    def fail(*_):
        raise BrokenProcessPool

    monkeypatch.setattr(sets, "_make_all", fail)
    with pytest.raises(SourceError, match=r"ended from outside.*with fewer workers"):
        export_head_ct(tmp_path / "set", PhantomSet(1))


@pytest.mark.parametrize("values", [{"num": 0}, {"num": 1, "seed": -1}, {"num": 1, "start": -1}])
def test_impossible_counts_are_refused(values):
    with pytest.raises(ValueError, match="expected num >= 1"):
        PhantomSet(**values)


@pytest.mark.parametrize("values", [{"layout": "ct-rate"}, {"size": "huge"}])
def test_unknown_layouts_and_sizes_are_refused(values):
    with pytest.raises(ValueError, match="expected cq500 or plain or rsna, demo or clinical"):
        PhantomSet(1, **values)


def test_no_worker_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 1 worker"):
        export_head_ct(tmp_path / "set", PhantomSet(1), workers=0)
