"""What a store keeps through interruption, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itemclip_med.errors import StoreError
from itemclip_med.records import Item, Report, Series, Study
from itemclip_med.store import Store, StoreWriter, write_items

AFFINE = tuple(tuple(float(value) for value in row) for row in np.eye(4))


def study(study_id, **changes):
    series = Series("AX_THICK", "", (1, 1, 1), (1.0, 1.0, 1.0), AFFINE, "CT", "int16")
    return Study(study_id, (series,), source_digest=f"digest of {study_id}", **changes)


def array(seed=0):
    return np.random.default_rng(seed).integers(-1000, 1000, (5, 6, 7), dtype=np.int16)


def fill(root, ids):
    with StoreWriter(root) as writer:
        for study_id in ids:
            writer.add(study(study_id), [array(len(study_id))])
    return Store(root)


def test_arrays_come_back_whole_and_in_boxes(tmp_path):
    store = fill(tmp_path / "s", ["a"])
    series = store.study("a").series[0]
    assert np.array_equal(store.read(series), array(1))
    assert np.array_equal(store.read(series, np.s_[1:3, 2:4, 5:7]), array(1)[1:3, 2:4, 5:7])
    assert store.check() == []


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(["a", "bb", "ccc", "dddd"]), stop=st.integers(0, 4))
def test_the_manifest_is_the_same_whatever_the_order_and_interruptions(order, stop, tmp_path_factory):
    root = tmp_path_factory.mktemp("s") / "s"
    fill(root, order[:stop])
    fill(root, order[stop:])
    other = tmp_path_factory.mktemp("t") / "t"
    fill(other, sorted(order))
    assert (root / "manifest.jsonl").read_bytes() == (other / "manifest.jsonl").read_bytes()
    assert Store(root).digest() == Store(other).digest()


def test_a_torn_last_line_is_dropped(tmp_path):
    fill(tmp_path / "s", ["a", "b"])
    with (tmp_path / "s" / "manifest.jsonl").open("a") as file:
        file.write('{"study_id": "torn')
    assert [entry.study_id for entry in Store(tmp_path / "s").studies] == ["a", "b"]
    fill(tmp_path / "s", ["c"])
    assert len(Store(tmp_path / "s")) == 3


def test_another_broken_line_is_named(tmp_path):
    fill(tmp_path / "s", ["a"])
    (tmp_path / "s" / "manifest.jsonl").write_text("junk\n")
    with pytest.raises(StoreError, match=r"manifest\.jsonl, line 1: not JSON"):
        _ = Store(tmp_path / "s").studies


def test_a_second_writer_is_refused(tmp_path):
    with StoreWriter(tmp_path / "s"), pytest.raises(StoreError, match="another process"):
        StoreWriter(tmp_path / "s")
    StoreWriter(tmp_path / "s").close()


def test_a_store_of_another_version_is_refused(tmp_path):
    fill(tmp_path / "s", ["a"])
    (tmp_path / "s" / "store.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(StoreError, match="version 99, this release reads version 1"):
        Store(tmp_path / "s")
    with pytest.raises(StoreError, match="version 99"):
        StoreWriter(tmp_path / "s")


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="no store"):
        StoreWriter(tmp_path)
    with pytest.raises(StoreError, match="no store"):
        Store(tmp_path)


def test_a_missing_or_damaged_array_is_a_problem_not_a_crash(tmp_path):
    store = fill(tmp_path / "s", ["a", "bb"])
    path = tmp_path / "s" / store.study("a").series[0].path
    path.write_bytes(path.read_bytes()[:40])
    (tmp_path / "s" / store.study("bb").series[0].path).unlink()
    assert len(store.check()) == 2


def test_study_ids_cannot_leave_the_store(tmp_path):
    store = fill(tmp_path / "s", ["../../outside", ".."])
    assert store.check() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


def test_an_unknown_study_is_answered_with_some_that_are_there(tmp_path):
    with pytest.raises(StoreError, match=r"Study x is not in the store of 1 studies \(a"):
        fill(tmp_path / "s", ["a"]).study("x")


def test_items_are_kept_beside_and_replaced_by_study(tmp_path):
    fill(tmp_path / "s", ["a"])
    write_items(tmp_path / "s", [Report("a", (Item("one"),), False)])
    write_items(tmp_path / "s", [Report("a", (Item("two", "absent", "SDH"),), True)])
    assert Store(tmp_path / "s").reports == {"a": Report("a", (Item("two", "absent", "SDH"),), True)}


def test_exports_lie_where_the_volume_lies(tmp_path):
    import nibabel as nib

    store = fill(tmp_path / "s", ["a"])
    (path,) = store.export("a", tmp_path / "out")
    assert np.array_equal(np.asarray(nib.load(path).dataobj), array(1))
