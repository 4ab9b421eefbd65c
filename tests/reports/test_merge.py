"""Items join a store by study id, and what has no partner is told on both sides."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.records import Series, Study
from itemclip_med.store import Store, StoreWriter

AFFINE = tuple(tuple(float(value) for value in row) for row in np.eye(4))


@pytest.fixture
def store(tmp_path):
    with StoreWriter(tmp_path / "s") as writer:
        for name in ("train_1_a_1", "train_2_a_1", "c"):
            entry = Series("AX", "", (1, 1, 1), (1.0, 1.0, 1.0), AFFINE, "CT", "int16")
            writer.add(Study(name, (entry,)), [np.zeros((4, 4, 4), dtype=np.int16)])
    return tmp_path / "s"


def merge(store, tmp_path, ids, *options):
    lines = [{"id": name, "items": [{"text": f"Cyst {name}", "status": "present"}], "is_normal": False} for name in ids]
    (tmp_path / "i.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return CliRunner().invoke(main, ["reports", "merge", str(tmp_path / "i.jsonl"), str(store), *options])


def test_items_join_and_both_sides_without_a_partner_are_counted(store, tmp_path):
    done = merge(store, tmp_path, ["train_1_a_1.nii.gz", "c", "other"])
    assert done.exit_code == 0, done.output
    assert "2 reports joined, 1 reports without a study, 1 of 3 studies without items" in done.output
    assert "other" not in done.output  # ids of reports may be those of patients
    assert sorted(Store(store).reports) == ["c", "train_1_a_1"]


def test_ids_without_a_partner_are_written_on_request(store, tmp_path):
    merge(store, tmp_path, ["c", 'a,"b', "=1+1"], "--unmatched", str(tmp_path / "u.csv"))
    assert (tmp_path / "u.csv").read_text().splitlines() == [
        "without_partner,id", 'report,"a,""b"', "report,'=1+1", "study,train_1_a_1", "study,train_2_a_1"
    ]  # fmt: skip


def test_a_report_of_a_study_goes_to_all_its_volumes(store, tmp_path):
    done = merge(store, tmp_path, ["train_1_a", "train_3_a"])
    assert "1 reports joined, 1 reports without a study" in done.output
    assert sorted(Store(store).reports) == ["train_1_a_1"]


def test_a_second_merge_adds_and_replaces(store, tmp_path):
    merge(store, tmp_path, ["c"])
    done = merge(store, tmp_path, ["c", "train_2_a_1"])
    assert "1 of 3 studies without items" in done.output


def test_no_match_at_all_is_an_error(store, tmp_path):
    done = merge(store, tmp_path, ["x"])
    assert done.exit_code == 1
    assert "None of the 1 reports" in done.output
