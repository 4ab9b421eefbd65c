"""Excel sheets, and volumes that share a report."""

from __future__ import annotations

import datetime
import sys

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.errors import FormatError, MissingPackageError
from itemclip_med.reports import itemize_file, read_rows
from tests.reports.helpers import read_jsonl


def write_sheet(path, *rows):
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_a_sheet_is_read(tmp_path):
    day = datetime.datetime(2020, 3, 1)
    path = write_sheet(
        tmp_path / "r.xlsx", ["id", "report", "seen", None], [7, "Renal cyst.", day], [8.0, None], [], ["x", "No mass."]
    )
    rows = list(read_rows(path))
    assert [(row.study_id, row.text, row.where) for row in rows] == [
        ("7", "Renal cyst.", "r.xlsx, row 2"), ("8", "", "r.xlsx, row 3"), ("x", "No mass.", "r.xlsx, row 5")
    ]  # fmt: skip
    assert rows[0].fields == {"seen": "2020-03-01T00:00:00"}


def test_columns_of_a_sheet_are_named(tmp_path):
    path = write_sheet(tmp_path / "r.xlsx", ["nr", "body"], [1, "Renal cyst."])
    with pytest.raises(FormatError, match=r"r\.xlsx, row 1: no column of ids; found nr, body"):
        list(read_rows(path))
    assert next(read_rows(path, id_column="nr", text_column="body")).text == "Renal cyst."


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no zip", b"hello"])
def test_what_is_no_workbook_is_refused(tmp_path, data):
    (tmp_path / "r.xlsx").write_bytes(data)
    with pytest.raises(FormatError, match=r"r\.xlsx cannot be read as an Excel workbook"):
        itemize_file(tmp_path / "r.xlsx", tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("out*"))


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = write_sheet(tmp_path / "r.xlsx", ["id", "report"])
    monkeypatch.setattr("itemclip_med.reports.excel.MAX_UNPACKED_BYTES", 10)
    with pytest.raises(FormatError, match="unpacks to"):
        list(read_rows(path))


def test_an_empty_sheet_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"r\.xlsx is empty"):
        list(read_rows(write_sheet(tmp_path / "r.xlsx")))


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    path = write_sheet(tmp_path / "r.xlsx", ["id", "report"])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'itemclip-med\[excel\]'"):
        list(read_rows(path))


VOLUMES = (
    "VolumeName,Findings_EN,Impressions_EN\n"
    "train_1_a_1.nii.gz,Renal cyst.,Renal cyst.\n"
    "train_1_a_2.nii.gz,Renal cyst.,Renal cyst.\n"
    "train_1_b_1.nii.gz,No stones. Renal cyst.,Renal cyst.\n"
    "train_1_b_2.nii.gz,Another text.,\n"
)


def test_volumes_keep_a_line_each(tmp_path):
    (tmp_path / "r.csv").write_text(VOLUMES)
    itemize_file(tmp_path / "r.csv", tmp_path / "o.jsonl")
    assert [row["id"] for row in read_jsonl(tmp_path / "o.jsonl")] == [
        "train_1_a_1.nii.gz", "train_1_a_2.nii.gz", "train_1_b_1.nii.gz", "train_1_b_2.nii.gz"
    ]  # fmt: skip


def test_volumes_of_a_study_become_one_line(tmp_path):
    (tmp_path / "r.csv").write_text(VOLUMES)
    done = CliRunner().invoke(
        main, ["reports", "itemize", str(tmp_path / "r.csv"), "-o", str(tmp_path / "o.jsonl"), "--per-study"]
    )
    assert [row["id"] for row in read_jsonl(tmp_path / "o.jsonl")] == ["train_1_a", "train_1_b"]
    assert "1 rows are further volumes" in done.output
    assert "r.csv, row 5: failed: another report than r.csv, row 4" in done.output
    assert done.exit_code == 1


def test_other_ids_stay(tmp_path):
    (tmp_path / "r.csv").write_text("id,report\nA-17,Renal cyst.\n")
    itemize_file(tmp_path / "r.csv", tmp_path / "o.jsonl", per_study=True)
    assert read_jsonl(tmp_path / "o.jsonl")[0]["id"] == "A-17"


def test_a_quote_that_never_closes_is_told_with_what_it_swallows(tmp_path):
    (tmp_path / "r.csv").write_text('id,report\n1,"Renal\ncyst."\n2,"No stones.\n3,Mass.\n4,Cyst.\n')
    summary = itemize_file(tmp_path / "r.csv", tmp_path / "o.jsonl")
    assert [row["id"] for row in read_jsonl(tmp_path / "o.jsonl")] == ["1"]
    [(where, problem)] = summary.failed
    assert where == "r.csv, row 3"
    assert "a quote opens here and never closes; 2 lines behind it are not read" in problem


@pytest.mark.parametrize("end", ["\n", ""])
def test_the_last_record_may_span_lines(tmp_path, end):
    (tmp_path / "r.csv").write_text(f'id,report\n1,"Renal ""simple""\ncyst."{end}')
    assert [row.text for row in read_rows(tmp_path / "r.csv")] == ['Renal "simple"\ncyst.']


def test_a_text_file_of_two_bytes_a_letter_is_read(tmp_path):
    (tmp_path / "a.txt").write_text("Cyst in the liver.", encoding="utf-16")
    assert [row.text for row in read_rows(tmp_path)] == ["Cyst in the liver."]
