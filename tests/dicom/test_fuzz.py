"""Damaged files neither crash, hang nor swallow memory, and each is accounted for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import REPO_DIR

MAX_SECONDS = 10  # for one damaged file among three whole ones
MAX_GROWN_MIB = 1024  # of memory, whatever sizes a header claims


def fuzz(seed, num, *sources):
    """Read damaged files in a process of its own, so that a crash of a decoder is a failure and no end of the tests."""
    command = [sys.executable, "-m", "tests.dicom.fuzzing", str(seed), str(num), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO_DIR, timeout=MAX_SECONDS * num)
    assert done.returncode == 0, f"exit {done.returncode} after {done.stderr[-2000:]}"
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["num"] == num
    assert result["wrong"] == []
    assert result["slowest_s"] < MAX_SECONDS
    assert result["grown_mib"] < MAX_GROWN_MIB


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_files_that_were_made(seed):
    fuzz(seed, 30)


@pytest.mark.real_dicom
def test_damaged_real_files(shared_dir):
    fuzz(3, 30, shared_dir("data/dicom"))


@pytest.mark.long
@pytest.mark.real_dicom
@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_damaged_files(seed, shared_dir):
    fuzz(100 + seed, 250, shared_dir("data/dicom"))
