"""Tasks come back in order, from one process, a pool, or a Dask cluster that loses a worker."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from itemclip_med.errors import ItemClipError, MissingPackageError
from itemclip_med.preprocess import run_recipe
from itemclip_med.preprocess.scheduling import run_tasks
from tests.dicom.making import write_series
from tests.preprocess.clusters import free_port, start_cluster
from tests.store.making import contents

needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="distributed is not installed")


class Doubler:
    """Doubles numbers; says which process did it."""

    def __init__(self, wait_s: float = 0.0) -> None:
        self.wait_s = wait_s

    def __call__(self, number: int) -> tuple[int, int]:
        if number < 0:
            raise ValueError("negative")
        time.sleep(self.wait_s)
        return 2 * number, os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_tasks(workers):
    results = list(run_tasks(iter(range(9)), Doubler, (), workers=workers))
    assert [value for value, _ in results] == list(range(0, 18, 2))
    assert (os.getpid() in {pid for _, pid in results}) == (workers == 1)


def test_tasks_are_taken_as_workers_become_free():
    taken = []

    def tasks() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    results = run_tasks(tasks(), Doubler, (), workers=2)
    next(results)
    assert len(taken) < 12
    results.close()


def test_an_error_of_a_task_ends_the_run():
    with pytest.raises(ValueError, match="negative"):
        list(run_tasks([1, -1, 2], Doubler, (), workers=2))


class Secret:
    """Shows nothing of itself, like a key."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Secret()"


class Teller:
    """Tells the secret it was made with."""

    def __init__(self, secret: Secret) -> None:
        self.secret = secret

    def __call__(self, number: int) -> int:
        return self.secret.value


@needs_dask
def test_workers_that_stay_take_arguments_that_only_look_alike_for_others(cluster):
    address, _ = cluster
    told = [list(run_tasks(range(4), Teller, (Secret(value),), scheduler=address)) for value in (1, 2)]
    assert told == [[1] * 4, [2] * 4]


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingPackageError, match=r"itemclip-med\[dask\]"):
        list(run_tasks([1], Doubler, (), scheduler="tcp://127.0.0.1:1"))


@needs_dask
def test_an_address_without_a_scheduler_is_named(monkeypatch):
    monkeypatch.setattr("itemclip_med.preprocess.scheduling._CONNECT_SECONDS", 1)
    with pytest.raises(ItemClipError, match="No Dask scheduler answers at"):
        list(run_tasks([1], Doubler, (), scheduler=f"tcp://127.0.0.1:{free_port()}"))


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A scheduler and two workers of one thread on loopback."""
    with start_cluster(tmp_path) as started:
        yield started


@needs_dask
def test_a_cluster_does_the_work_and_survives_the_loss_of_a_worker(cluster):
    address, workers = cluster
    results = run_tasks(range(30), Doubler, (0.1,), scheduler=address)
    done = [next(results) for _ in range(5)]
    os.kill(workers[0].pid, signal.SIGKILL)
    done += list(results)
    assert [value for value, _ in done] == list(range(0, 60, 2))
    assert {pid for _, pid in done} >= {worker.pid for worker in workers}


@pytest.mark.long
@needs_dask
def test_a_store_of_a_cluster_that_loses_a_worker_is_that_of_one_process(cluster, tmp_path):
    address, workers = cluster
    for number in range(12):
        write_series(tmp_path / "in" / f"s{number}", num=12, size=(64, 64), study_uid=f"1.2.{number}")
    key = tmp_path / "key"
    run_recipe("head_ct", tmp_path / "in", tmp_path / "alone", workers=1, id_key=key)
    killer = threading.Thread(target=_kill_once_stored, args=(workers[0].pid, tmp_path / "spread.log.jsonl"))
    killer.start()
    summary = run_recipe("head_ct", tmp_path / "in", tmp_path / "spread", scheduler=address, id_key=key)
    killer.join()
    assert (summary.num_stored, summary.num_failed) == (12, 0)
    assert contents(tmp_path / "spread") == contents(tmp_path / "alone")
    assert workers[0].poll() == -signal.SIGKILL


def _kill_once_stored(pid: int, log: Path) -> None:
    while not (log.exists() and log.read_bytes().count(b"\n") >= 2):
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
