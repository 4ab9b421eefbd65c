"""Full disks, torn tails and other writers: what was stored stays, and a later run ends where it would have."""

from __future__ import annotations

import errno
import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itemclip_med.errors import StoreError
from itemclip_med.records import Item, Report, Series, Study
from itemclip_med.store import Store, StoreWriter, write_items
from itemclip_med.store import files as store_files
from itemclip_med.store.files import whole_length
from itemclip_med.store.manifest import from_line, study_from_dict, study_to_line
from tests.store.making import array, contents, fill, fill_with_items, study

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
TEXT = st.text(max_size=12)
SERIES = st.builds(
    Series,
    name=TEXT,
    path=TEXT,
    shape=st.tuples(*[st.integers(0, 2**40)] * 3),
    spacing_mm=st.tuples(*[FINITE] * 3),
    affine=st.tuples(*[st.tuples(*[FINITE] * 4)] * 4),
    modality=st.sampled_from(["CT", "MR"]),
    dtype=st.sampled_from(["int16", "uint8"]),
    sop_uids=st.lists(TEXT, max_size=3).map(tuple),
    warnings=st.lists(TEXT, max_size=2).map(tuple),
    sha256=st.sampled_from(["", "0" * 64]),
)
STUDIES = st.builds(
    Study,
    study_id=TEXT,
    series=st.lists(SERIES, max_size=3).map(tuple),
    patient_id=st.none() | TEXT,
    scanner=st.none() | TEXT,
    labels=st.dictionaries(TEXT, st.sampled_from([0, 1, None]), max_size=3),
    source_digest=TEXT,
)


@settings(deadline=None)
@given(entry=STUDIES)
def test_a_line_gives_back_its_study(entry):
    line = study_to_line(entry)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    values = from_line(line, "here")
    assert study_from_dict(values) == entry
    assert study_to_line(study_from_dict(values)) == line


@settings(deadline=None)
@given(entry=STUDIES, data=st.data())
def test_a_changed_line_is_no_study(entry, data):
    line = bytearray(study_to_line(entry))
    line[data.draw(st.integers(0, len(line) - 2))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StoreError):
        study_from_dict(from_line(bytes(line), "here"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "s"
    fill_with_items(root, ["a", "bb", "ccc"])
    return root


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_manifest_cut_anywhere_keeps_its_whole_lines_and_is_completed(whole, data, tmp_path_factory):
    text = (whole / "manifest.jsonl").read_bytes()
    cut = data.draw(st.integers(0, len(text)))
    root = tmp_path_factory.mktemp("cut") / "s"
    shutil.copytree(whole, root)
    (root / "manifest.jsonl").write_bytes(text[:cut])
    kept = ["a", "bb", "ccc"][: text[:cut].count(b"\n")]
    assert [entry.study_id for entry in Store(root).studies] == kept
    with StoreWriter(root) as writer:
        assert writer.study_ids == set(kept)
        for study_id in {"a", "bb", "ccc"} - writer.study_ids:
            writer.add(study(study_id), [array(len(study_id))])
    assert contents(root) == contents(whole)


@given(blocks=st.lists(st.sampled_from([b"\n", b"x", b"y" * 70_000]), max_size=6))
@settings(max_examples=30, deadline=None)
def test_the_whole_part_of_a_file_ends_at_its_last_newline(blocks, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "torn"
    data = b"".join(blocks)
    path.write_bytes(data)
    assert whole_length(path) == data.rfind(b"\n") + 1


class FullDisk:
    """An ``os`` whose disk is full from the given write on; the writes are counted by their fsync."""

    def __init__(self, writes_left):
        self.writes_left = writes_left

    def __getattr__(self, name):
        return getattr(os, name)

    def fsync(self, descriptor):
        self.writes_left -= 1
        if self.writes_left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)


# A new store of three studies flushes, in this order: store.json, then per study its array, two folders and its line,
# then the manifest (out of order here, so it is rewritten) and its folder.
@pytest.mark.parametrize(
    ("writes_left", "kept"), [(0, []), (1, []), (4, []), (5, ["bb"]), (8, ["bb"]), (13, ["a", "bb", "ccc"])]
)
def test_a_full_disk_is_one_error_and_costs_nothing_that_was_stored(writes_left, kept, whole, tmp_path, monkeypatch):
    root = tmp_path / "s"
    with monkeypatch.context() as patch:
        patch.setattr(store_files, "os", FullDisk(writes_left))
        with pytest.raises(StoreError, match=r"No space is left for .*what is stored so far is kept"):
            fill(root, ["bb", "a", "ccc"])
    if kept:
        assert [entry.study_id for entry in Store(root).studies] == kept
    fill(root, ["a", "bb", "ccc"])
    write_items(root, [Report(name, (Item("No bleed", "absent", "ICH"),), True) for name in ("a", "bb", "ccc")])
    assert contents(root) == contents(whole)


def test_half_a_line_is_taken_back(tmp_path, monkeypatch):
    store = fill(tmp_path / "s", ["a"])
    with StoreWriter(tmp_path / "s") as writer:
        before = (tmp_path / "s" / "manifest.jsonl").read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(store_files, "os", FullDisk(0))
            with pytest.raises(StoreError, match="No space is left"):
                writer.commit(study("bb"))
        assert (tmp_path / "s" / "manifest.jsonl").read_bytes() == before
        writer.add(study("ccc"), [array(3)])
    assert [entry.study_id for entry in Store(store.root).studies] == ["a", "ccc"]
    assert Store(store.root).check() == []


def test_items_survive_a_full_disk(whole, tmp_path, monkeypatch):
    root = shutil.copytree(whole, tmp_path / "s")
    monkeypatch.setattr(store_files, "os", FullDisk(0))
    with pytest.raises(StoreError, match="No space is left"):
        write_items(root, [Report("a", (Item("other"),), False)])
    assert contents(root) == contents(whole)


def test_an_export_to_a_full_disk_is_one_error_and_leaves_no_half_file(whole, tmp_path, monkeypatch):
    import nibabel as nib

    def save(image, path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(nib, "save", save)
    with pytest.raises(StoreError, match="No space is left"):
        Store(whole).export("a", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_store_that_cannot_be_written_is_one_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        StoreWriter(tmp_path / "file" / "s")


def test_a_folder_in_which_a_writer_was_stopped_at_once_is_a_new_store(whole, tmp_path):
    root = tmp_path / "s"
    root.mkdir()
    (root / ".lock").touch()
    (root / ".store.json.77.part").write_bytes(b"{")
    fill_with_items(root, ["a", "bb", "ccc"])
    assert contents(root) == contents(whole)


def test_a_lock_whose_file_went_with_its_writer_is_taken_anew(tmp_path, monkeypatch):
    first = StoreWriter(tmp_path / "s")
    flock, calls = store_files.fcntl.flock, []

    def wait_for_first(file, mode):
        if not calls:
            calls.append(mode)
            first.close()  # between opening the lock's file and locking it
        flock(file, mode)

    monkeypatch.setattr(store_files.fcntl, "flock", wait_for_first)
    with StoreWriter(tmp_path / "s"), pytest.raises(StoreError, match="another process"):
        StoreWriter(tmp_path / "s")
