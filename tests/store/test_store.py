"""What a store keeps through interruption, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itemclip_med.errors import StoreError
from itemclip_med.records import Item, Report
from itemclip_med.store import Store, StoreWriter, write_items
from tests.store.making import array, fill, study


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


def oblique():
    angle = np.deg2rad(12)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.5, 0.75, 3.0])
    affine[:3, 3] = [-40, 7.5, 1200.25]
    return affine


def test_an_export_has_its_place_in_both_forms_of_nifti(tmp_path):
    affine = oblique()
    entry = replace(study("a").series[0], affine=tuple(map(tuple, affine.tolist())))
    with StoreWriter(tmp_path / "s") as writer:
        writer.add(replace(study("a"), series=(entry,)), [array(1)])
    (path,) = Store(tmp_path / "s").export("a", tmp_path / "out")
    image = nib.load(path)
    assert np.array_equal(np.asarray(image.dataobj), array(1))
    for found, code in (image.get_sform(coded=True), image.get_qform(coded=True)):
        assert code == 1 and found == pytest.approx(affine, abs=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_the_name_of_a_series_cannot_lead_an_export_out_of_its_folder(tmp_path):
    with StoreWriter(tmp_path / "s") as writer:
        entry = replace(study("a").series[0], name="../../x")
        writer.add(replace(study("a"), series=(entry,)), [array(1)])
    (path,) = Store(tmp_path / "s").export("a", tmp_path / "out")
    assert path.parent == tmp_path / "out" and path.is_file()


def test_fewer_series_than_before_leave_no_old_array(tmp_path):
    with StoreWriter(tmp_path / "s") as writer:
        writer.add(replace(study("a"), series=study("a").series * 2), [array(1), array(2)])
        writer.add(study("a"), [array(3)])
    assert [path.name for path in (tmp_path / "s" / "volumes" / "a").iterdir()] == ["0.b2nd"]
    assert Store(tmp_path / "s").check() == []


def test_equal_arrays_give_equal_files(tmp_path):
    for name in ("s", "t"):
        fill(tmp_path / name, ["a"])
    one, other = (tmp_path / name / "volumes" / "a" / "0.b2nd" for name in ("s", "t"))
    assert one.read_bytes() == other.read_bytes()


def test_numbers_that_json_lacks_are_refused(tmp_path):
    entry = replace(study("a").series[0], spacing_mm=(1.0, 1.0, float("nan")))
    with StoreWriter(tmp_path / "s") as writer, pytest.raises(StoreError, match="Expected finite numbers"):
        writer.add(replace(study("a"), series=(entry,)), [array()])


def test_a_writer_leaves_what_did_not_change_alone(tmp_path):
    fill(tmp_path / "s", ["a", "b"])
    before = (tmp_path / "s" / "manifest.jsonl").stat()
    with StoreWriter(tmp_path / "s") as writer:
        writer.update(Store(tmp_path / "s").study("a"))
    after = (tmp_path / "s" / "manifest.jsonl").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_an_update_replaces_the_line_and_nothing_else(tmp_path):
    store = fill(tmp_path / "s", ["a", "b"])
    with StoreWriter(tmp_path / "s") as writer:
        writer.update(replace(store.study("a"), labels={"ICH": 1}))
    store = Store(tmp_path / "s")
    assert store.study("a").labels == {"ICH": 1} and store.study("b").labels == {}
    assert len((tmp_path / "s" / "manifest.jsonl").read_text().splitlines()) == 2
    assert store.check() == []
