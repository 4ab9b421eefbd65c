"""A second run opens no file that it knows; a cache that cannot be trusted is made anew, and holds nothing to hide."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.dicom import scan, scan_source
from itemclip_med.preprocess import run_recipe
from itemclip_med.preprocess.scan_cache import ScanCache, default_cache_path
from itemclip_med.store import Store
from tests.dicom.making import write_series
from tests.store.making import contents

NUM_READS = 27 + 3  # every file once, and those that say DICOM without a study uid a second time, further


@pytest.fixture
def source(tmp_path):
    """Two studies that are wanted, one that is not, files without a study uid, and junk."""
    for name in ("a", "b"):
        write_series(tmp_path / "in" / name, num=10)
    write_series(tmp_path / "in" / "mr", num=3, modality="MR")
    write_series(tmp_path / "in" / "none", num=3, without=["StudyInstanceUID"])
    (tmp_path / "in" / "notes.txt").write_text("nothing" * 99)
    return tmp_path / "in"


@pytest.fixture
def opened(monkeypatch):
    """The files whose first bytes are read."""
    names = []
    true = scan._read_head

    def read_head(path, size):
        names.append(os.path.basename(path))
        return true(path, size)

    monkeypatch.setattr(scan, "_read_head", read_head)
    return names


def described(found):
    return [(study.names, study.digest, study.relative_dir, bool(study.token)) for study in found.studies]


def scan_with(path, source, key=b"k" * 32, recipe="r"):
    cache = ScanCache(path, key, recipe)
    found = scan_source(source, cache)
    cache.save()
    return found, cache


def test_a_second_scan_opens_nothing_and_finds_the_same(source, tmp_path, opened):
    plain = scan_source(source)
    first, _ = scan_with(tmp_path / "c", source)
    assert len(opened) == 2 * NUM_READS
    opened.clear()
    second, cache = scan_with(tmp_path / "c", source)
    assert opened == [] and cache.note == ""
    assert described(plain) == described(first) == described(second)
    assert (plain.num_files, plain.skipped) == (second.num_files, second.skipped)


@pytest.mark.parametrize("change", ["new", "longer", "touched", "moved"])
def test_files_that_are_new_or_changed_are_opened_and_join_their_studies(source, tmp_path, opened, change):
    scan_with(tmp_path / "c", source)
    opened.clear()
    path = sorted((source / "a").iterdir())[3]
    if change == "new":
        shutil.copy(path, source / "a" / "copy")
    elif change == "longer":
        path.write_bytes(path.read_bytes() + b"\0\0")
    elif change == "touched":
        os.utime(path, (1, 1))
    else:
        path.rename(source / "a" / "moved")
    found, _ = scan_with(tmp_path / "c", source)
    assert len(opened) == 1
    assert described(found) == described(scan_source(source))


def test_files_that_are_gone_are_forgotten(source, tmp_path):
    scan_with(tmp_path / "c", source)
    size = (tmp_path / "c").stat().st_size
    shutil.rmtree(source / "b")
    scan_with(tmp_path / "c", source)
    assert (tmp_path / "c").stat().st_size == size - 10 * 32


def test_a_cache_that_has_nothing_new_is_not_written_again(source, tmp_path):
    scan_with(tmp_path / "c", source)
    before = (tmp_path / "c").stat().st_mtime_ns
    scan_with(tmp_path / "c", source)
    assert (tmp_path / "c").stat().st_mtime_ns == before


def test_another_key_or_release_makes_it_anew(source, tmp_path, monkeypatch, opened):
    scan_with(tmp_path / "c", source)
    opened.clear()
    _, cache = scan_with(tmp_path / "c", source, key=b"x" * 32)
    assert len(opened) == NUM_READS and "another release or key" in cache.note
    monkeypatch.setattr("itemclip_med.preprocess.scan_cache.__version__", "0")
    opened.clear()
    _, cache = scan_with(tmp_path / "c", source, key=b"x" * 32)
    assert len(opened) == NUM_READS and "another release or key" in cache.note


def test_a_damaged_cache_is_ignored_with_a_word(source, tmp_path):
    wanted = described(scan_with(tmp_path / "c", source)[0])
    whole = (tmp_path / "c").read_bytes()
    rng = np.random.default_rng(0)
    variants = [b"", b"junk", whole[:-1], whole[: len(whole) // 2], whole + whole]
    for _ in range(60):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        variants.append(bytes(data))
    num_said = 0
    for data in variants:
        (tmp_path / "c").write_bytes(data)
        found, cache = scan_with(tmp_path / "c", source)
        assert described(found) == wanted
        num_said += "damaged" in cache.note or "another" in cache.note
    assert num_said > 40  # the others hit what no reader looks at


def test_objects_are_never_unpickled(source, tmp_path):
    values = {name: np.zeros(0, np.uint64) for name in ("about", "keys", "checks", "skipped")}
    with (tmp_path / "c").open("wb") as file:
        np.savez(file, tokens=np.array([{"a": 1}], dtype=object), **values)
    _, cache = scan_with(tmp_path / "c", source)
    assert "damaged" in cache.note


def run(source, store, *more):
    arguments = ["preprocess", "dicom", source, store, "--recipe", "head_ct", "--workers", 1, "--no-page", *more]
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def counted(summary):
    return summary.num_skipped, summary.series_left_out, summary.files_skipped, summary.files_found


def test_a_study_without_a_wanted_series_is_not_read_again_but_counted(source, tmp_path, monkeypatch):
    shutil.rmtree(source / "none")
    first = run_recipe("head_ct", source, tmp_path / "s", workers=1)
    assert (first.num_stored, first.num_skipped, first.series_left_out["modality MR"]) == (2, 1, 1)
    monkeypatch.setattr("itemclip_med.preprocess.sources.read_study", None)  # would raise
    second = run_recipe("head_ct", source, tmp_path / "s", workers=1)
    assert (second.num_stored, second.num_known, second.num_failed) == (0, 2, 0)
    assert counted(second) == counted(first)


def test_a_failed_study_is_tried_again(tmp_path):
    write_series(tmp_path / "in" / "gap", num=12, skip=(4,))
    for _ in range(2):
        assert run_recipe("head_ct", tmp_path / "in", tmp_path / "s", workers=1).num_failed == 1


def test_another_recipe_asks_skipped_studies_again(source, tmp_path):
    shutil.rmtree(source / "none")
    run_recipe("head_ct", source, tmp_path / "s", workers=1)
    summary = run_recipe("generic_brain_mri", source, tmp_path / "s", workers=1)
    assert (summary.num_skipped, summary.series_left_out) == (1, {"fewer than 12 slices": 1})


def test_the_cache_lies_beside_the_store_and_changes_nothing_in_it(source, tmp_path):
    for store in ("s", "t"):
        run(source, tmp_path / store, "--id-key", tmp_path / "key")
    run(source, tmp_path / "s", "--id-key", tmp_path / "key")
    assert default_cache_path(tmp_path / "s") == tmp_path / "s.headers.npz"
    assert (tmp_path / "s.headers.npz").is_file()
    assert contents(tmp_path / "s") == contents(tmp_path / "t")
    assert len(Store(tmp_path / "s").studies) == 2


def test_a_check_writes_no_cache(source, tmp_path):
    run(source, tmp_path / "s", "--check")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_cache_that_cannot_be_written_is_told_and_costs_nothing(source, tmp_path):
    (tmp_path / "s.headers.npz").mkdir()
    _, output = run(source, tmp_path / "s")
    assert "2 studies stored" in output
    assert "s.headers.npz could not be written" in output


def test_files_in_an_archive_are_known_too(tmp_path, opened):
    write_series(tmp_path / "slices", num=3)
    (tmp_path / "in").mkdir()
    shutil.make_archive(str(tmp_path / "in" / "export"), "zip", tmp_path / "slices")
    scan_with(tmp_path / "c", tmp_path / "in")
    opened.clear()
    found, _ = scan_with(tmp_path / "c", tmp_path / "in")
    assert opened == ["export.zip"]
    assert all(path.is_file() for path in found.studies[0].files)


def test_a_folder_and_an_archive_of_one_name_keep_their_own_files(tmp_path):
    write_series(tmp_path / "in" / "export", num=3, study_uid="1.2")
    write_series(tmp_path / "other", num=3, study_uid="1.2")
    shutil.make_archive(str(tmp_path / "in" / "export"), "zip", tmp_path / "other")
    found = scan_source(tmp_path / "in")
    (study,) = found.studies
    assert len({path.read_bytes() for path in study.files}) == len(study.names) == 6
