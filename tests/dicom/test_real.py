"""Real DICOM series against ground truth made independently of this package."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import pytest

from itemclip_med.dicom import convert
from tests.conftest import REPO_DIR


def case_names():
    """Every case that lies there, by the pattern of its name; one that skips or fails where there is none."""
    named = os.environ.get("ITEMCLIP_SHARED")
    folder = (Path(named) if named else REPO_DIR.parent / "shared") / "data" / "dicom"
    return sorted(path.name for path in folder.glob("case*")) or ["case"]


@pytest.mark.real_dicom
@pytest.mark.parametrize("name", case_names())
def test_series_agree_with_the_truth(name, shared_dir, tmp_path):
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
