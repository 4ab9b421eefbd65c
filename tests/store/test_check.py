"""What a check of a store finds, and what it leaves alone."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from dataclasses import asdict, replace

import blosc2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from itemclip_med.cli.main import main
from itemclip_med.errors import StoreError
from itemclip_med.store import Store, StoreWriter, check_store, clean_store
from tests.store.making import array, contents, fill, fill_with_items, study


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "s"
    fill_with_items(root, ["a", "bb", "ccc"])
    return root


def old_store(root):
    """A store as the first release wrote it: no checksums."""
    (root / "volumes" / "a").mkdir(parents=True)
    blosc2.asarray(array(1), urlpath=str(root / "volumes" / "a" / "0.b2nd"), mode="w", chunks=(5, 6, 7))
    entry = asdict(study("a"))
    entry["series"][0].update(path="volumes/a/0.b2nd", shape=[5, 6, 7])
    del entry["series"][0]["sha256"]
    line = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    (root / "manifest.jsonl").write_text(line)
    (root / "items.jsonl").write_text(json.dumps({"study_id": "a", "items": [], "is_normal": None}) + "\n")
    (root / "store.json").write_text(json.dumps({"version": 1}) + "\n")


def test_a_whole_store_has_no_problem(whole):
    check = check_store(whole)
    assert (check.num_studies, check.num_without_checksum, check.problems) == (3, 0, [])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found(whole, data):
    path = data.draw(st.sampled_from(sorted(path for path in whole.rglob("*") if path.is_file())))
    before = path.read_bytes()
    index = data.draw(st.integers(0, len(before) - 1))
    changed = bytearray(before)
    changed[index] ^= data.draw(st.integers(1, 255))
    try:
        path.write_bytes(changed)
        assert check_store(whole).problems
    finally:
        path.write_bytes(before)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_cut_file_is_found(whole, data):
    """But for items cut between two lines: studies without items are nothing unusual."""
    path = data.draw(st.sampled_from(sorted(path for path in whole.rglob("*") if path.is_file())))
    before = path.read_bytes()
    cut = data.draw(st.integers(0, len(before) - 1))
    assume(path.name != "items.jsonl" or before[:cut][-1:] not in (b"", b"\n"))
    try:
        path.write_bytes(before[:cut])
        assert check_store(whole).problems
    finally:
        path.write_bytes(before)


def test_one_damaged_line_does_not_hide_the_next(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    text = (root / "manifest.jsonl").read_bytes()
    (root / "manifest.jsonl").write_bytes(text.replace(b"AX_THICK", b"AX_THINK"))
    problems = "\n".join(check_store(root).problems)
    assert all(f"manifest.jsonl, line {number}: its checksum does not fit" in problems for number in (1, 2, 3))


def test_a_changed_line_is_refused_by_readers_and_writers(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    text = (root / "manifest.jsonl").read_bytes()
    (root / "manifest.jsonl").write_bytes(text.replace(b'"split":null', b'"split":"val"', 1))
    with pytest.raises(StoreError, match=r"manifest\.jsonl, line 1: its checksum does not fit"):
        _ = Store(root).studies
    with pytest.raises(StoreError, match=r"manifest\.jsonl, line 1: its checksum does not fit"):
        StoreWriter(root)


def test_an_array_that_was_changed_and_still_opens_is_found(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    other = root / "volumes" / "bb" / "0.b2nd"
    other.write_bytes((root / "volumes" / "a" / "0.b2nd").read_bytes())
    assert check_store(root).problems == [
        "Study bb, series 0: the array volumes/bb/0.b2nd was changed: delete its study and preprocess it again."
    ]


def test_a_missing_array_is_named(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    (root / "volumes" / "a" / "0.b2nd").unlink()
    assert check_store(root).problems == [
        "Study a, series 0: The array volumes/a/0.b2nd is missing: run the preprocessing again."
    ]


def test_a_chunk_that_cannot_be_decompressed_is_no_crash(tmp_path):
    store = fill(tmp_path / "s", ["a"])
    path = tmp_path / "s" / "volumes" / "a" / "0.b2nd"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="cannot be read"):
        store.read(store.study("a").series[0])


def test_a_ct_of_one_value_is_told(tmp_path):
    with StoreWriter(tmp_path / "s") as writer:
        writer.add(study("a"), [np.full((3, 3, 3), -1024, np.int16)])
    assert check_store(tmp_path / "s").problems == ["Study a, series 0: all voxels are -1024."]


def test_a_store_without_checksums_is_read_and_said_to_have_none(tmp_path):
    old_store(tmp_path)
    store = Store(tmp_path)
    assert np.array_equal(store.read(store.study("a").series[0]), array(1))
    assert list(store.reports) == ["a"]
    check = check_store(tmp_path)
    assert (check.num_without_checksum, check.problems) == (1, [])


def test_a_store_without_checksums_can_be_written_further(tmp_path):
    old_store(tmp_path)
    fill(tmp_path, ["bb"])
    store = Store(tmp_path)
    assert [entry.study_id for entry in store.studies] == ["a", "bb"]
    assert store.studies[0].series[0].sha256 == ""
    assert (
        store.studies[1].series[0].sha256
        == hashlib.sha256((tmp_path / store.studies[1].series[0].path).read_bytes()).hexdigest()
    )


def test_items_of_no_study_are_counted(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    lines = (root / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (root / "manifest.jsonl").write_bytes(b"".join(lines[1:]))
    problems = check_store(root).problems
    assert "1 entries of items.jsonl belong to no study." in problems
    assert any("1 file(s) or folder(s) that no study names" in problem for problem in problems)


def leave_behind(root):
    (root / "volumes" / "orphan").mkdir()
    (root / "volumes" / "orphan" / "0.b2nd").write_bytes(b"x")
    (root / "volumes" / "a" / ".0.b2nd.123.part").write_bytes(b"x")
    (root / ".manifest.jsonl.123.part").write_bytes(b"x")


def test_what_a_stopped_run_left_is_told_and_cleaned_on_request(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    leave_behind(root)
    problems = check_store(root).problems
    assert len(problems) == 2 and problems[0].startswith("2 unfinished file(s)")
    assert clean_store(root) == 3
    assert contents(root) == contents(whole)


def test_a_damaged_manifest_is_not_cleaned_after(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    text = (root / "manifest.jsonl").read_bytes()
    (root / "manifest.jsonl").write_bytes(text[:-1])
    with pytest.raises(StoreError, match=r"torn line.*Nothing was removed"):
        clean_store(root)
    assert (root / "volumes" / "ccc").is_dir()


def test_the_files_of_a_writer_at_work_are_no_leftovers(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    leave_behind(root)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert check_store(root).problems == ["The store is being written now: check again when that is done."]
        with pytest.raises(StoreError, match="another process"):
            clean_store(root)


def test_the_command_says_what_is_wrong_and_how_much(whole, tmp_path):
    root = shutil.copytree(whole, tmp_path / "s")
    assert CliRunner().invoke(main, ["store", "check", str(root)]).output.endswith("3 studies, 0 problems\n")
    leave_behind(root)
    done = CliRunner().invoke(main, ["store", "check", str(root), "--json"])
    assert done.exit_code == 1 and len(json.loads(done.output)["problems"]) == 2
    done = CliRunner().invoke(main, ["store", "check", str(root), "--clean"])
    assert done.exit_code == 0 and "3 leftovers removed" in done.output


def test_a_study_that_was_stored_anew_is_checked_against_its_new_line(tmp_path):
    fill(tmp_path / "s", ["a"])
    with StoreWriter(tmp_path / "s") as writer:
        writer.add(replace(study("a"), scanner="other"), [array(7)])
    assert check_store(tmp_path / "s").problems == []
