"""Real DICOM series against ground truth made independently of this package."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from itemclip_med.dicom import convert, load_series
from itemclip_med.dicom.decoding import decode
from itemclip_med.dicom.discover import group_series
from itemclip_med.dicom.headers import parse_file
from tests.conftest import REPO_DIR


def case_names():
    """Every case that lies there, by the pattern of its name; one that skips or fails where there is none."""
    named = os.environ.get("ITEMCLIP_SHARED")
    folder = (Path(named) if named else REPO_DIR.parent / "shared") / "data" / "dicom"
    return sorted(path.name for path in folder.glob("case*")) or ["case"]


@pytest.mark.real_dicom
@pytest.mark.parametrize("name", case_names())
def test_series_agree_with_the_truth(name, shared_dir, tmp_path, caplog):
    folder = shared_dir("data/dicom")
    spec = importlib.util.spec_from_file_location("compare", folder / "compare.py")
    compare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compare)
    case = json.loads((folder / "expected.json").read_text())["cases"][name]
    book = convert(folder / name, tmp_path / "out")
    assert book["files_found"] == book["files_used"] + sum(book["files_skipped"].values())
    wrong = []
    for series in case["series"]:
        uid = series["series_instance_uid"]
        entries = [entry for entry in book["series"] if entry["series_uid"] == uid]
        good, why = compare.check(series, entries, tmp_path / "out")
        if not good:
            wrong.append(f"{series.get('series_description')}: {why}")
    assert wrong == []
    said = f"{json.dumps(book)} {sorted(path.name for path in (tmp_path / 'out').iterdir())} {caplog.text}"
    assert [word for word in identifying_words(folder / name) if word in said] == []


def identifying_words(folder):
    """What headers say of people and places, as far as it is long enough to be no accident."""
    tags = ["PatientName", "PatientID", "PatientBirthDate", "StudyDate", "InstitutionName", "OperatorsName"]
    words = set()
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(path, force=True, stop_before_pixels=True, specific_tags=tags)
            words |= {str(dataset.get(tag, "")) for tag in tags}
    return sorted(word for word in words if len(word) >= 6 and not word.isdigit())


@pytest.mark.real_dicom
def test_the_precision_of_a_real_codestream_is_believed_before_the_header(shared_dir):
    syntaxes = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90")  # JPEG-LS, JPEG 2000
    found = {}
    for path in sorted(shared_dir("data/dicom").glob("case*/*")):
        for file in parse_file(path)[:1] if path.is_file() and len(found) < len(syntaxes) else []:
            if file.pixels and file.pixels.format.syntax in syntaxes and file.reason is None:
                found.setdefault(file.pixels.format.syntax, file)
    for file in found.values():
        values = decode(file)
        file.pixels.format = replace(file.pixels.format, allocated=16, stored=8, high_bit=7)
        assert np.array_equal(decode(file), values)
        assert np.abs(values.astype(int)).max() > 255  # more than the header now says


@pytest.mark.real_dicom
def test_a_real_object_is_as_good_in_any_order_of_its_frames(shared_dir):
    objects = [parse_file(path) for path in sorted(shared_dir("data/dicom").glob("case*/*")) if path.is_file()]
    frames = next((slices for slices in objects if len(slices) > 1 and slices[0].reason is None), None)
    if frames is None:
        pytest.skip("no multi-frame object there")
    volumes = [load_series(series).array for series in group_series(frames)]
    turned = [load_series(series).array for series in group_series(frames[::-1])]
    assert all(np.array_equal(one, other) for one, other in zip(volumes, turned, strict=True))
