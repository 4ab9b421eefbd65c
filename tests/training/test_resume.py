"""A run that is killed, wherever, goes on as if nothing had happened."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ignite.engine import Events

from itemclip_med.errors import ItemClipError, ModelError
from itemclip_med.training import Checkpoints, Resume, find_checkpoints
from tests.training.toy_run import ToyRun

OPTIONS = {"epochs": 4, "every_steps": 1, "batch_size": 2}
TIMES = ("seconds_per_step", "studies_per_second", "data_wait")


def run_tasks(tasks: list[dict]) -> list[dict]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.training.killed_run", json.dumps(tasks)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)]


PRECISIONS = ("bfloat16", "float16")  # autocast; with float16 a loss scaler that skips steps, shrinks and grows
SHORT = {"epochs": 2, "batch_size": 4}
LATE_EVENTS = range(15, 23)  # of 2 epochs of 2 steps: the end of the first, its validation, the start of the second


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, tuple[Path, dict]]:
    """Name to folder and what was found, all in one process that forks."""
    folder = tmp_path_factory.mktemp("runs")
    draw = random.Random(7)
    tasks = {
        "whole": {"options": OPTIONS},
        "killed twice": {"options": OPTIONS, "die_at": [draw.uniform(0.25, 0.5), draw.uniform(0.25, 0.5), 0]},
        **{f"whole {name}": {"options": OPTIONS | {"precision": name}} for name in PRECISIONS},
        **{
            f"killed {name}": {"options": OPTIONS | {"precision": name}, "die_at": [0.2, draw.uniform(0.25, 0.5), 0]}
            for name in PRECISIONS
        },
        "told to stop": {"options": OPTIONS, "die_at": [0, 0, 0], "signal_at": [0.3, 0.4, 0]},
        "short": {"options": SHORT},
        **{f"event {event}": {"options": SHORT, "die_at": [0, 0], "signal_at": [event, 0]} for event in LATE_EVENTS},
    }
    found = run_tasks([task | {"folder": str(folder / name)} for name, task in tasks.items()])
    return {name: (folder / name, result) for name, result in zip(tasks, found, strict=True)}


def assert_same_run(folder: Path, other: Path) -> None:
    assert (folder / "weights").read_bytes() == (other / "weights").read_bytes()
    for name in ("losses.csv", "validation.csv"):
        assert read_rows(folder / name) == read_rows(other / name)


def test_two_kills_leave_the_weights_and_curves_of_the_uninterrupted_run(runs):
    folder, found = runs["killed twice"]
    assert found["statuses"] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert_same_run(folder, runs["whole"][0])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_two_kills_change_nothing_under_autocast(runs, precision):
    folder, found = runs[f"killed {precision}"]
    assert found["statuses"] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert_same_run(folder, runs[f"whole {precision}"][0])
    assert (folder / "weights").read_bytes() != (runs["whole"][0] / "weights").read_bytes()


def test_the_loss_scaler_goes_on_where_it_was(tmp_path):
    def scales(folder: Path, stop_after: int = 10**6) -> list[float]:
        run = ToyRun(folder, **OPTIONS, precision="float16", resume="latest")
        found = []

        def note(engine):
            found.append(engine.scaler.get_scale())
            if len(found) == stop_after:
                engine.terminate()

        run.trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
        run.run()
        return found

    whole = scales(tmp_path / "whole")
    assert whole[0] < 2.0**30  # a step was skipped
    assert any(after > before for before, after in itertools.pairwise(whole))  # and the scale grew again
    assert scales(tmp_path / "stopped", stop_after=7) + scales(tmp_path / "stopped") == whole


@pytest.mark.long
@pytest.mark.parametrize("changes", [{}, {"accumulation_steps": 2}, {"every_steps": 3, "num_workers": 1}])
def test_ten_kills_leave_the_weights_and_curves_of_the_uninterrupted_run(tmp_path, changes):
    draws = {f"kills {seed}": random.Random(seed) for seed in range(4)}
    tasks = [{"folder": str(tmp_path / "whole"), "options": OPTIONS | changes}] + [
        {
            "folder": str(tmp_path / name),
            "options": OPTIONS | changes,
            "die_at": [*(draw.uniform(0.01, 0.3) for _ in range(10)), 0],
        }
        for name, draw in draws.items()
    ]
    for name, found in zip(draws, run_tasks(tasks)[1:], strict=True):
        assert found["statuses"].count(-signal.SIGKILL) >= 3
        assert found["statuses"][-1] == 0
        assert_same_run(tmp_path / name, tmp_path / "whole")


def test_a_signal_saves_and_ends_with_status_0(runs):
    folder, found = runs["told to stop"]
    assert found["statuses"] == [0, 0, 0]
    assert (folder / "log").read_text().count("SIGTERM: step") == 2
    assert_same_run(folder, runs["whole"][0])


@pytest.mark.parametrize("event", LATE_EVENTS)
def test_a_signal_around_a_validation_changes_nothing(runs, event):
    folder, found = runs[f"event {event}"]
    assert found["statuses"] == [0, 0]
    assert (folder / "log").read_text().count("SIGTERM: step") == 1
    assert_same_run(folder, runs["short"][0])


def test_a_torn_checkpoint_is_passed_over(tmp_path):
    whole = ToyRun(tmp_path / "whole", epochs=2).run()
    first = ToyRun(tmp_path / "torn", epochs=2, every_steps=1)
    first.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), lambda engine: engine.terminate())
    first.run()
    newest = find_checkpoints(tmp_path / "torn" / "checkpoints")[0]
    newest.write_bytes(newest.read_bytes()[:1000])
    second = ToyRun(tmp_path / "torn", epochs=2, resume="latest").run()
    assert second.losses == whole.losses[-len(second.losses) :]
    for name, value in whole.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[name], value)


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    run = ToyRun(tmp_path, epochs=3, every_steps=1).run()
    assert [path.name for path in find_checkpoints(tmp_path / "checkpoints")] == [
        f"step_{step:09d}.pt" for step in (run.trainer.state.iteration, run.trainer.state.iteration - 1)
    ]


def test_no_checkpoint_lies_between_accumulated_batches(tmp_path):
    ToyRun(tmp_path, epochs=1, every_steps=1, batch_size=2, accumulation_steps=2).run()
    steps = [int(path.stem[5:]) for path in find_checkpoints(tmp_path / "checkpoints")]
    assert steps == [5, 4]


def test_a_finished_run_trains_no_more(tmp_path):
    ToyRun(tmp_path, epochs=1).run()
    again = ToyRun(tmp_path, epochs=1, resume="latest").run()
    assert again.losses == []
    assert len(read_rows(tmp_path / "validation.csv")) == 1


def test_a_second_run_does_not_start_in_the_folder_of_a_first(tmp_path):
    ToyRun(tmp_path, epochs=1).run()
    with pytest.raises(ModelError, match="checkpoints of another run"):
        ToyRun(tmp_path, epochs=1)


def test_checkpoints_that_cannot_be_read_are_counted(tmp_path):
    (tmp_path / "step_000000001.pt").write_bytes(b"nothing")
    run = ToyRun(tmp_path / "run", epochs=1)
    with pytest.raises(ModelError, match="None of 1 checkpoints"):
        Resume(Checkpoints(tmp_path, {}))(run.trainer)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    ToyRun(tmp_path, epochs=1).run()
    other = ToyRun(tmp_path, epochs=1, resume="latest")
    other.checkpoints.parts["model"] = torch.nn.Linear(2, 2)
    with pytest.raises(ModelError, match=r"does not fit \(model\)"):
        other.run()


def test_a_loss_that_is_no_number_ends_the_run_and_names_the_studies(tmp_path):
    run = ToyRun(tmp_path, epochs=2)
    run.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=1), lambda engine: run.spoil(study=3))
    with pytest.raises(ItemClipError, match=r"no finite number \(ila nan.*Studies of the batch: .*Nothing was overwr"):
        run.run()
    assert all(bool(torch.isfinite(value).all()) for value in run.model.parameters())
    assert [path.name for path in find_checkpoints(tmp_path / "checkpoints")] == ["step_000000002.pt"]


def test_gradients_that_are_no_numbers_end_the_run(tmp_path):
    run = ToyRun(tmp_path, epochs=1)
    run.model.patches.weight.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(ItemClipError, match=r"Step 1 .*the gradients are no finite numbers"):
        run.run()
    assert all(bool(torch.isfinite(value).all()) for value in run.model.parameters())


def test_a_loss_scaler_does_not_skip_such_steps_for_ever(tmp_path):
    run = ToyRun(tmp_path, epochs=20, precision="float16")
    run.model.patches.weight.register_hook(lambda gradient: gradient * float("nan"))
    before = [value.clone() for value in run.model.parameters()]
    with pytest.raises(ItemClipError, match="the gradients are no finite numbers"):
        run.run()
    assert run.trainer.scaler.get_scale() < 1
    assert all(torch.equal(value, old) for value, old in zip(run.model.parameters(), before, strict=True))


def test_bfloat16_needs_no_loss_scaler(tmp_path):
    run = ToyRun(tmp_path, epochs=1, precision="bfloat16", scaled=True)
    run.model.patches.weight.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(ItemClipError, match=r"Step 1 .*the gradients are no finite numbers"):
        run.run()
    assert not run.trainer.scaler.is_enabled()


@pytest.mark.parametrize("setting", [{"keep": 0}, {"every_steps": -1}, {"every_seconds": -1.0}])
def test_intervals_that_make_no_sense_are_refused(tmp_path, setting):
    with pytest.raises(ValueError, match="Checkpoints: keep"):
        Checkpoints(tmp_path, {}, **setting)
