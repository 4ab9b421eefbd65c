"""Runs that are killed, or whose disk is full, and are run again: the store is that of a run left alone."""

from __future__ import annotations

import random
import re
import resource
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.phantoms.export import PhantomSet, export_head_ct
from itemclip_med.store import Store, check_store
from tests.dicom.making import write_series
from tests.store.making import contents

COMMAND = [sys.executable, "-m", "itemclip_med.cli.main"]


def start(source, store, workers, *more):
    arguments = ["preprocess", "dicom", source, store, "--recipe", "cq500", "--workers", workers, *more]
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(source, store, workers, *more):
    process = start(source, store, workers, *more)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


def num_logged(store):
    log = store.with_name(f"{store.name}.log.jsonl")
    return log.read_bytes().count(b"\n") if log.exists() else 0


def kill_after(process, store, num_studies, seconds):
    """Kill a run once it has stored some studies and a moment more has passed; False if it was done before."""
    before = num_logged(store)
    while process.poll() is None and num_logged(store) < before + num_studies:
        time.sleep(0.002)
    time.sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode == -9


def kill_and_compare(tmp_path, num_studies, num_kills, rng):
    export_head_ct(tmp_path / "phantoms", PhantomSet(num=num_studies, seed=5), workers=2)
    source, whole, killed = tmp_path / "phantoms" / "cq500", tmp_path / "whole", tmp_path / "killed"
    reports = ("--reports", tmp_path / "phantoms" / "reports.jsonl")
    finish(source, whole, 1, *reports)
    num_killed = 0
    for number in range(num_kills):
        share = num_studies // num_kills
        process = start(source, killed, rng.choice([1, 2, 3]), *reports)
        # Before the first study, between two, and within one: rarely twice at the same place.
        num_killed += kill_after(process, killed, rng.randint(number % 2, max(1, share)), rng.uniform(0, 0.5))
        if (killed / "store.json").exists():
            named = {entry.path for study in Store(killed).studies for entry in study.series}
            assert all((killed / path).is_file() for path in named)
    assert num_killed >= num_kills // 2
    finish(source, killed, 2, *reports)
    assert contents(killed) == contents(whole)
    assert check_store(killed).problems == []


def test_a_run_that_is_killed_twice_ends_with_the_same_store(tmp_path):
    kill_and_compare(tmp_path, 6, 2, random.Random(1))


@pytest.mark.long
def test_a_run_that_is_killed_ten_times_ends_with_the_same_store(tmp_path):
    kill_and_compare(tmp_path, 64, 10, random.Random(2))


def run_here(source, store, *more):
    """In this process: its libraries are loaded already."""
    arguments = ["preprocess", "dicom", source, store, "--recipe", "cq500", "--workers", 1, *more]
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def many_folders(folder, num):
    """Studies of one size, whose arrays take different room."""
    noise = np.random.default_rng(0).integers(0, 3000, (160, 144)).astype(np.uint16)
    for number in range(num):
        name, num_slices = f"CQ500CT{number}", 10 + 10 * number
        write_series(folder / name, num=num_slices, size=noise.shape, patient_id=name, PixelData=noise.tobytes())


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_full_disk_is_one_line_and_a_rerun_finishes(workers, tmp_path):
    source, whole, full = tmp_path / "in", tmp_path / "whole", tmp_path / "full"
    many_folders(source, 4)
    assert run_here(source, whole).exit_code == 0
    sizes = [(whole / study.series[0].path).stat().st_size for study in Store(whole).studies]
    limit = sizes[1]  # two arrays and the manifest fit, the others do not
    assert sizes[0] <= limit < sizes[2] and (whole / "manifest.jsonl").stat().st_size < limit
    process = subprocess.Popen(
        [*COMMAND, "preprocess", "dicom", source, full, "--recipe", "cq500", "--workers", str(workers)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    output, _ = process.communicate()
    assert process.returncode == 1
    lines = [line for line in output.splitlines() if "Error" in line]
    assert len(lines) == 1 and re.search(r"No space is left for .*what is stored so far is kept", lines[0])
    assert "Traceback" not in output
    assert 1 <= len(Store(full).studies) <= 2
    assert run_here(source, full).exit_code == 0
    assert contents(full) == contents(whole)


def test_two_folders_of_one_public_id_keep_the_first(tmp_path):
    for name, spacing in (("a/CQ500CT7", 5.0), ("b/CQ500CT7", 4.0)):
        write_series(tmp_path / "in" / name, num=10, spacing_mm=spacing, patient_id="CQ500CT7")
    for _ in range(2):  # a rerun changes nothing
        done = run_here(tmp_path / "in", tmp_path / "s")
        assert done.exit_code == 1 and "is twice in the source" in done.output
        assert check_store(tmp_path / "s").problems == []
        (study,) = Store(tmp_path / "s").studies
        assert study.series[0].spacing_mm[2] == 5.0


def test_labels_by_accession_reach_studies_of_earlier_runs(tmp_path):
    write_series(tmp_path / "in" / "a", num=10, AccessionNumber="A77")
    labels = tmp_path / "labels.csv"
    labels.write_text("study_id,ICH\nA77,1\n")
    for more in ((), ("--labels", labels)):
        assert run_here(tmp_path / "in", tmp_path / "s", "--recipe", "head_ct", *more).exit_code == 0
    (study,) = Store(tmp_path / "s").studies
    assert study.labels == {"ICH": 1}
