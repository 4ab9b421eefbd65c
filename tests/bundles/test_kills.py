"""The bundle under MONAI's own command: killed, told to stop, fed with voxels that are no numbers."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.bundles.running import environment, make_store, read_rows, start_forked, training_command

TIMES = ("seconds_per_step", "studies_per_second", "data_wait")
NUM_KILLS = 10
SETTINGS = {"epochs": 6, "checkpoint_steps": 1, "num_workers": 1, "model_config__drop_path": 0.2, "val_interval": 2}

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return make_store(tmp_path_factory.mktemp("phantoms"))


def start(command: list[str], folder: Path) -> subprocess.Popen:
    """Start a command as the leader of its own group, so that all of its processes can be killed at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment(), cwd=folder, start_new_session=True
        )


def count_rows(folder: Path) -> int:
    path = folder / "losses.csv"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_after(processes: list[multiprocessing.Process], folder: Path, rows: int, seconds: float) -> None:
    """SIGKILL to all processes and what they started, when so many new rows were written and so much time went by."""
    before = count_rows(folder)
    while count_rows(folder) < before + rows:
        assert all(process.is_alive() for process in processes)
        before = min(before, count_rows(folder))  # cut back
        time.sleep(0.02)
    time.sleep(seconds)
    for process in processes:
        assert process.is_alive()
        os.killpg(process.pid, signal.SIGKILL)
    for process in processes:
        process.join()


def finish(processes: list[multiprocessing.Process]) -> list[int]:
    for process in processes:
        process.join(900)
    return [process.exitcode for process in processes]


def without_times(path: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name not in TIMES} for row in read_rows(path)]


@pytest.mark.parametrize("processes", [1, 2])
def test_ten_kills_leave_the_model_and_curves_of_the_uninterrupted_run(store, tmp_path, processes):
    runs = {name: tmp_path / name for name in ("whole", "killed")}
    commands = {
        name: training_command(store, folder / "run", 2 // processes, processes, **SETTINGS)
        for name, folder in runs.items()
    }
    assert finish(start_forked(commands["whole"], runs["whole"], processes)) == [0] * processes
    draw = random.Random(processes)
    for _ in range(NUM_KILLS):
        running = start_forked(commands["killed"], runs["killed"], processes)
        kill_after(running, runs["killed"] / "run", draw.choice([1, 1, 2, 3]), draw.uniform(0, 0.6))
    assert finish(start_forked(commands["killed"], runs["killed"], processes)) == [0] * processes
    whole, killed = (folder / "run" for folder in runs.values())
    for name in ("losses.csv", "validation.csv"):
        assert without_times(killed / name) == without_times(whole / name)
    for name in ("last", "best"):
        weights = Path("exported") / name / "model.safetensors"
        assert (killed / weights).read_bytes() == (whole / weights).read_bytes()


def test_sigterm_saves_and_ends_with_status_0(store, tmp_path):
    command = training_command(store, tmp_path / "run", 2, **SETTINGS)
    process = start(command, tmp_path)
    while process.poll() is None and count_rows(tmp_path / "run") < 4:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    log = (tmp_path / "log").read_text()
    assert "SIGTERM: step" in log
    assert "Traceback" not in log
    steps = len(read_rows(tmp_path / "run" / "losses.csv"))
    assert f"step_{steps:09d}.pt" in [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()]


def test_a_loss_that_is_no_number_ends_in_one_line(store, tmp_path):
    settings = SETTINGS | {"learning_rate": 1e30, "max_grad_norm": 1e30}
    process = start(training_command(store, tmp_path / "run", 2, **settings), tmp_path)
    assert process.wait(300) == 1
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert log.count("is no finite number") + log.count("are no finite numbers") == 1
    assert "Studies of the batch: CQ500" in log.splitlines()[-1]
