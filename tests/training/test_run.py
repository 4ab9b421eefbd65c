"""A run as a whole: it learns, leaves its traces, and goes on exactly where it stopped."""

from __future__ import annotations

import csv
import json

import pytest
import torch
from ignite.engine import Events

from itemclip_med.errors import ModelError
from itemclip_med.training import Checkpoints, Resume
from tests.training.toy_run import ToyRun


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, ToyRun(folder, epochs=4).run()


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_training_lowers_the_loss(whole_run):
    _, run = whole_run
    assert sum(run.losses[-2:]) < sum(run.losses[:2])


def test_a_resumed_run_repeats_the_uninterrupted_one(whole_run, tmp_path):
    _, whole = whole_run
    first = ToyRun(tmp_path, epochs=4)
    first.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), lambda engine: engine.terminate())
    first.run()
    second = ToyRun(tmp_path, epochs=4, resume="latest").run()
    assert second.trainer.state.epoch == 4
    assert first.losses + second.losses == pytest.approx(whole.losses, rel=1e-6)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[name], value)


def test_worker_processes_draw_the_same(whole_run, tmp_path):
    _, whole = whole_run
    assert ToyRun(tmp_path, epochs=4, num_workers=1).run().losses == pytest.approx(whole.losses, rel=1e-6)


def test_losses_are_logged_with_rate_scale_and_speed(whole_run):
    folder, _ = whole_run
    rows = read_rows(folder / "losses.csv")
    assert [int(row["iteration"]) for row in rows] == [2, 4, 6, 8]
    assert {"ila", "kta", "mps", "iis", "total", "learning_rate", "logit_scale", "seconds_per_step"} <= set(rows[0])
    assert list((folder / "tensorboard").glob("events*"))


def test_validation_is_logged_per_finding_and_undefined_ones_stay_empty(whole_run):
    folder, _ = whole_run
    rows = read_rows(folder / "validation.csv")
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0]["val_mean_auc"] == rows[0]["bleed"]
    assert rows[0]["shift"] == ""


def test_best_and_last_models_are_exported(whole_run):
    folder, run = whole_run
    best, last = (json.loads((folder / "exported" / name / "config.json").read_text()) for name in ("best", "last"))
    assert last["bias"] == pytest.approx(run.model.logit_bias.item())
    aucs = [float(row["val_mean_auc"]) for row in read_rows(folder / "validation.csv")]
    assert run.best.best == pytest.approx(max(aucs), abs=1e-5)
    assert run.best.best_epoch == aucs.index(max(aucs)) + 1
    assert best["dtype"] == "float32"


def test_run_record_holds_config_seed_and_versions(whole_run):
    folder, _ = whole_run
    record = json.loads((folder / "run.json").read_text())
    assert record["config"] == {"epochs": 4}
    assert record["seed"] == 5
    assert {"python", "torch", "monai"} <= set(record["versions"])


def test_the_best_value_survives_a_resume(tmp_path):
    first = ToyRun(tmp_path, epochs=1)
    first.best.load_state_dict({"best": 2.0, "best_epoch": 0})
    first.run()
    second = ToyRun(tmp_path, epochs=2, resume="latest").run()
    assert second.best.best == 2.0
    assert not (tmp_path / "exported" / "best").exists()


def test_a_longer_schedule_wins_over_the_checkpoint(tmp_path):
    ToyRun(tmp_path, epochs=1).run()
    longer = ToyRun(tmp_path, epochs=3, resume="latest").run()
    assert longer.schedule.t_total == 6
    assert longer.trainer.state.epoch == 3


def test_another_batch_size_keeps_its_own_epoch_length(tmp_path):
    ToyRun(tmp_path, epochs=1).run()
    smaller = ToyRun(tmp_path, epochs=2, resume="latest", batch_size=2).run()
    assert len(smaller.losses) == 5


def test_latest_without_a_checkpoint_starts_afresh(tmp_path):
    assert len(ToyRun(tmp_path, epochs=1, resume="latest").run().losses) == 2


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no checkpoint .*nothing\.pt"):
        Resume(Checkpoints(tmp_path, {}), tmp_path / "nothing.pt")
