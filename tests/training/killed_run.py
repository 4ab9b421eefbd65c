"""Runs the toy training in processes that end themselves with SIGKILL: ``python -m tests.training.killed_run TASKS``.

TASKS is a JSON list; each has a ``folder``; ``die_at``, for each process that runs in it after the other the event at
which it dies (0: it lives); ``signal_at``, in the same way for SIGTERM; ``options`` of ToyRun. Events below 1 are
shares of those of the first task. Prints a JSON list: for each task its statuses, and the events of its last process.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch.utils.tensorboard  # noqa: F401 - once, not in every process
from ignite.engine import Events
from monai.engines.utils import IterationEvents

from tests.training.toy_run import ToyRun

_EVENTS = (
    Events.STARTED,
    Events.EPOCH_STARTED,
    Events.ITERATION_STARTED,
    IterationEvents.FORWARD_COMPLETED,
    Events.ITERATION_COMPLETED,
    Events.EPOCH_COMPLETED,
)


def main(tasks: list[dict[str, Any]]) -> None:
    found: list[dict[str, Any]] = []
    for task in tasks:
        folder, options = Path(task["folder"]), task.get("options", {})
        folder.mkdir(parents=True, exist_ok=True)
        deaths = task.get("die_at", [0])
        statuses = []
        for die_at, signal_at in zip(deaths, task.get("signal_at", [0] * len(deaths)), strict=True):
            die_at, signal_at = (int(at * found[0]["events"]) if 0 < at < 1 else at for at in (die_at, signal_at))
            child = os.fork()  # before any computation, so that no thread is lost
            if not child:
                run_one(folder, die_at, signal_at, options)
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        found.append({"statuses": statuses, "events": int((folder / "events").read_text())})
    print(json.dumps(found))


def run_one(folder: Path, die_at: int, signal_at: int, options: dict[str, Any]) -> None:
    logging.basicConfig(filename=folder / "log", level=logging.INFO, force=True)
    run = ToyRun(folder, resume="latest", **options)
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if seen == signal_at:
            os.kill(os.getpid(), signal.SIGTERM)

    for engine in (run.trainer, run.evaluator):
        for event in _EVENTS:
            engine.add_event_handler(event, count)
    flush = os.fsync

    def flush_and_count(file: Any) -> None:
        count()  # dies with a checkpoint half done
        flush(file)

    os.fsync = flush_and_count
    run.run()
    (folder / "events").write_text(str(seen))
    (folder / "weights").write_bytes(b"".join(value.numpy().tobytes() for value in run.model.state_dict().values()))
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
