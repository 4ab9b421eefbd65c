"""Identifiers planted in headers, private tags and names of files must not come out anywhere."""

from __future__ import annotations

import contextlib
import gzip
import re
import subprocess
import sys
import warnings

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.uid import RLELossless, generate_uid

from itemclip_med.cli.main import main
from itemclip_med.dicom.vocabulary import scanner_name
from itemclip_med.store import Store
from tests.dicom.making import write_series
from tests.preprocess.clusters import start_cluster

MARK = "QZX"
UID_ROOT = "1.2.826.0.1.3680043.77.4242."
DAY, MOMENT = "19430217", "101743.7731"
# What reading needs as it is; everything else that can hold text is planted.
KEPT = {
    "SOPClassUID", "Modality", "PhotometricInterpretation", "SpecificCharacterSet", "TransferSyntaxUID", "ImageType",
    "PatientOrientation", "RescaleType", "PresentationLUTShape", "LossyImageCompression", "BurnedInAnnotation",
    "PixelPresentation", "VolumetricProperties", "VolumeBasedCalculationTechnique", "TimezoneOffsetFromUTC",
}  # fmt: skip
TEXT = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
DATES = {"DA": DAY, "TM": MOMENT, "DT": DAY + MOMENT}
AGE = "127Y"  # the only VR of text that has no room for the mark
GROUPS = {
    0x0008, 0x0010, 0x0012, 0x0014, 0x0018, 0x0020, 0x0022, 0x0024, 0x0032, 0x0038, 0x0040, 0x0042, 0x0044, 0x0054,
    0x0088, 0x0100, 0x0400, 0x2000, 0x2050, 0x2100, 0x3006, 0x300A, 0x4000, 0x4008, 0x4010,
}  # fmt: skip


def plant(path, number):
    """Put a mark of its own into every element of text, date and UID, and into private ones."""
    dataset = pydicom.dcmread(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag, (vr, multiplicity, _, retired, keyword) in DicomDictionary.items():
            if tag >> 16 not in GROUPS or not keyword or keyword in KEPT or retired:
                continue
            least = int(multiplicity.split("-")[0])
            if vr in TEXT:
                dataset.add_new(tag, vr, "\\".join([f"{MARK}{tag:08X}"] * least))
            elif vr == "AS":
                dataset.add_new(tag, vr, AGE)
            elif least > 1:
                continue
            elif vr in DATES:
                dataset.add_new(tag, vr, DATES[vr])
            elif vr == "UI":
                kind = {"SOPInstanceUID": f"{tag}.{number}"}.get(keyword, tag)
                dataset.add_new(tag, vr, f"{UID_ROOT}{kind}")
        block = dataset.private_block(0x0009, f"{MARK}PRIVATE", create=True)
        for offset, vr in enumerate(TEXT, start=1):
            block.add_new(offset, vr, f"{MARK}PRIV{offset}")
        for offset, vr in enumerate(("OB", "UN"), start=0x20):
            block.add_new(offset, vr, f"{MARK}BYTES{offset}".encode())
        dataset.OtherPatientIDsSequence = [pydicom.Dataset()]
        dataset.OtherPatientIDsSequence[0].PatientID = f"{MARK}nested"
        dataset.ReferencedPatientSequence = [pydicom.Dataset()]
        dataset.ReferencedPatientSequence[0].PatientName = f"{MARK}^nested"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.SourceApplicationEntityTitle = f"{MARK}AET"
        dataset.save_as(path)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A source with a whole study, one with a gap, one that cannot be used, and junk; all of them marked."""
    root = tmp_path_factory.mktemp("planted")
    source = root / "source"
    for name, options in (
        ("whole", {}),
        ("gap", {"skip": (4,)}),
        ("odd", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"}),
    ):
        paths = write_series(source / f"{MARK}_{name}^Jane" / f"{MARK}series", num=12, size=(40, 36), **options)
        for number, path in enumerate(paths):
            plant(path, number)
            if name != "whole":
                change = pydicom.dcmread(path)
                change.StudyInstanceUID = f"{UID_ROOT}{len(options)}.{name == 'gap':d}"
                change.SeriesInstanceUID = f"{change.StudyInstanceUID}.2"
                change.SOPInstanceUID = generate_uid(UID_ROOT)
                change.Modality = "CT" if name == "gap" else f"{MARK}MOD"
                change.save_as(path)
            path.rename(path.with_name(f"{MARK}{number:02d}_Doe"))
    for number, path in enumerate(write_series(source / f"{MARK}_packed^Jane", num=12, size=(40, 36))):
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path)
        plant(path, number)
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID = f"{UID_ROOT}9"
        dataset.SeriesInstanceUID = f"{UID_ROOT}9.1"
        dataset.save_as(path)
        if number == 5:  # a decoder has something to complain of
            path.write_bytes(path.read_bytes()[:-90] + MARK.encode() * 30)
    (source / f"{MARK}_notes.txt").write_text(f"{MARK} was here" * 50)
    (source / f"{MARK}_cut.dcm").write_bytes(next(source.rglob(f"{MARK}03_Doe")).read_bytes()[:900])
    return source


def run_all(source, out):
    """Every command of the road, and all it prints."""
    store = out / "store"
    recipe = ("--recipe", "head_ct", "--workers", "1")
    printed = []

    def run(status, *arguments):
        done = CliRunner().invoke(main, [str(argument) for argument in arguments])
        printed.append(done.output + (done.stderr if done.stderr_bytes else ""))
        assert done.exit_code == status, done.output
        return done.output

    run(0, "preprocess", "inspect", source)
    run(0, "preprocess", "inspect", source, "--json")
    run(1, "preprocess", "dicom", source, store, *recipe, "--check")
    run(1, "preprocess", "dicom", source, store, *recipe)
    run(1, "preprocess", "dicom", source, store, *recipe, "--json")
    run(0, "store", "ls", store)
    run(0, "store", "ls", store, "--json")
    run(0, "store", "check", store)
    (study,) = Store(store).studies
    run(0, "store", "export", store, study.study_id, "-o", out / "export")
    run(0, "zeroshot", "run", store, "--task", "cq500-10", "-o", out / "scores", "--prompt-cache", out / "cache")
    run(0, "explain", store, study.study_id, "--item", "subdural hemorrhage", "-o", out / "maps")
    return "\n".join(printed)


def marks_in(data):
    pattern = f"{MARK}|{re.escape(UID_ROOT)}|{DAY}|1943-02-17|{re.escape(MOMENT)}|{AGE}|Doe|Jane".encode()
    return set(re.findall(pattern, data))


def test_no_planted_identifier_comes_out(planted, tmp_path, caplog, capfd):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        printed = run_all(planted, tmp_path)
    captured = capfd.readouterr()
    texts = {"printed": printed, "stdout": captured.out, "stderr": captured.err, "log": caplog.text}
    # What a warning says goes to stderr of a command.
    texts["warnings"] = "\n".join(str(entry.message) for entry in said)
    found = {name: marks_in(text.encode("utf-8", "surrogateescape")) for name, text in texts.items()}
    found |= marks_in_files(tmp_path, {".b2nd", ".jsonl", ".gz", ".csv", ".png", ".id-key", ".html", ".npz"})
    assert {name: marks for name, marks in found.items() if marks} == {}


def marks_in_files(folder, suffixes):
    """The marks in the names and bytes of files, of which there must be some of each kind."""
    found = {}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= suffixes
    for path in files:
        data = path.read_bytes()
        found[path.name] = marks_in(data) | marks_in(str(path.relative_to(folder)).encode())
        if path.suffix == ".gz":
            found[path.name] |= marks_in(gzip.decompress(data))
    return found


@pytest.mark.parametrize("where", ["pool", pytest.param("cluster", marks=pytest.mark.long)])
def test_no_planted_identifier_comes_out_of_worker_processes(planted, tmp_path, where):
    """Everything that processes print is in the pipe or in the files of the cluster, whatever library wrote it."""
    if where == "cluster":
        pytest.importorskip("distributed")
    command = [sys.executable, "-m", "itemclip_med.cli.main", "preprocess", "dicom", planted, tmp_path / "store"]
    with start_cluster(tmp_path) if where == "cluster" else contextlib.nullcontext((None, None)) as (address, _):
        spread = ["--workers", "2"] if address is None else ["--scheduler", address]
        done = subprocess.run(
            [*command, "--recipe", "head_ct", *spread], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    printed = done.stdout
    assert done.returncode == 1, printed.decode()
    assert b"1 studies stored" in printed and b"cannot be decoded" in printed and b"missing" in printed
    found = {"printed": marks_in(printed)}
    found |= marks_in_files(tmp_path, {".b2nd", ".jsonl", ".id-key", ".html", ".npz"})
    with np.load(tmp_path / "store.headers.npz") as arrays:
        found |= {name: marks_in(arrays[name].tobytes()) for name in arrays.files}
    assert {name: marks for name, marks in found.items() if marks} == {}


def test_the_marks_are_really_there(planted):
    """Else the test above could not fail."""
    (path,) = planted.rglob(f"{MARK}_whole^Jane/*/{MARK}00_Doe")
    data = path.read_bytes()
    assert marks_in(data) >= {MARK.encode(), UID_ROOT.encode(), DAY.encode(), MOMENT.encode()}
    dataset = pydicom.dcmread(path)
    assert {element.VR for element in dataset if MARK in str(element.value)} >= {*TEXT, "OB", "UN"}
    assert dataset.PatientAge == AGE and AGE.encode() in marks_in(data)
    planted_keywords = {keyword_for_tag(element.tag) for element in dataset if MARK in str(element.value)}
    assert planted_keywords >= {
        "PatientName", "PatientID", "AccessionNumber", "InstitutionName", "Manufacturer", "ManufacturerModelName",
        "SeriesDescription", "ProtocolName", "ConvolutionKernel", "ContrastBolusAgent", "BodyPartExamined",
        "ReferringPhysicianName", "StudyDescription", "StationName",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("manufacturer", "model", "expected"),
    [
        ("SIEMENS", "SOMATOM Definition AS+", "Siemens SOMATOM Definition AS+"),
        ("GE MEDICAL SYSTEMS", "LightSpeed VCT", "GE LightSpeed VCT"),
        ("Philips Medical Systems", "Brilliance 64", "Philips Brilliance 64"),
        ("itemclip_med", "Phantom Scanner B", "itemclip_med phantom Phantom Scanner B"),
        ("St. Mary Hospital", "Room of Dr. Doe 12", ""),
        ("SIEMENS Doe Clinic", "Skyra Jane 1970", "Siemens Skyra"),
    ],
)
def test_scanners_are_told_in_words_of_a_closed_vocabulary(manufacturer, model, expected):
    assert scanner_name(manufacturer, model) == expected
