"""What a run writes while it trains."""

from __future__ import annotations

import importlib.util
import logging
import re
import sys
import time
from types import SimpleNamespace

import pytest
import torch
from ignite.engine import Engine

from itemclip_med.errors import ItemClipError, MissingPackageError, ModelError
from itemclip_med.training import LossLog, Progress
from itemclip_med.training.boards import open_boards
from itemclip_med.training.recording import changed_settings, git_revision
from itemclip_med.training.starting import _one_line
from itemclip_med.training.tables import Table


class Slow:
    """Batches of four studies that take their time."""

    batch_size = 4

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __len__(self) -> int:
        return 3

    def __iter__(self):
        for _ in range(3):
            time.sleep(self.seconds)
            yield {"study_id": list("abcd")}


def run(folder, loader: Slow, step_seconds: float, epochs: int = 1, handlers=()) -> Engine:
    engine = Engine(lambda engine, batch: time.sleep(step_seconds) or {"pred": {"total": torch.tensor(2.0)}})
    engine.data_loader = loader
    for handler in (LossLog(folder, interval=3, tensorboard=False), *handlers):
        handler.attach(engine)
    engine.run(loader, max_epochs=epochs)
    return engine


def test_waiting_for_data_is_told_apart_from_computing(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    run(tmp_path / "slow", Slow(0.05), 0.005, epochs=2)
    run(tmp_path / "fast", Slow(0.0), 0.05)
    shares = [
        float((tmp_path / name / "losses.csv").read_text().splitlines()[1].split(",")[-1]) for name in ("slow", "fast")
    ]
    assert shares[0] > 0.7
    assert shares[1] < 0.3
    assert len(re.findall(r"of the time goes into waiting", caplog.text)) == 1
    assert re.search(r"step 3 .*studies/s  waits for data \d+ %  \d+ s left", caplog.text)


def test_studies_a_second_are_counted(tmp_path):
    run(tmp_path, Slow(0.0), 0.1)
    speed = float((tmp_path / "losses.csv").read_text().splitlines()[1].split(",")[-2])
    assert 1 < speed < 41


def test_a_bar_counts_studies(tmp_path, capsys):
    run(tmp_path, Slow(0.0), 0.0, handlers=[Progress(shown=True)])
    assert "12/12" in capsys.readouterr().err


def test_no_bar_without_a_terminal(tmp_path, capsys):
    run(tmp_path, Slow(0.0), 0.0, handlers=[Progress()])
    assert "12/12" not in capsys.readouterr().err


def test_a_bar_hides_no_error(tmp_path):
    engine = Engine(lambda engine, batch: 1 / 0)
    engine.data_loader = Slow(0)
    Progress(shown=True).attach(engine)
    with pytest.raises(ZeroDivisionError):
        engine.run(Slow(0))


def test_a_table_is_cut_back_to_where_it_was(tmp_path):
    table = Table(tmp_path / "t.csv")
    table.append({"a": 1})
    length = table.length()
    table.append({"a": 2})
    table.cut(length)
    table.append({"a": 3, "b": 4})
    assert table.path.read_text().split() == ["a", "1", "3"]


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is not None, reason="MLflow is installed")
def test_mlflow_that_is_not_installed_is_named(tmp_path):
    with pytest.raises(MissingPackageError, match=r"Logging to MLflow needs .*itemclip-med\[mlflow\]"):
        open_boards(tmp_path, tensorboard=False, mlflow="sqlite:///x.db")


def test_changed_settings_are_listed():
    before = {"learning_rate": 0.1, "epochs": 2, "network": {"a": 1}, "old": 1}
    after = {"learning_rate": 0.2, "epochs": 2, "network": {"a": 2}, "new": 1}
    assert changed_settings(before, after) == ["learning_rate 0.1 -> 0.2"]
    assert changed_settings(None, after) == []


def test_the_revision_is_a_commit_or_none():
    assert git_revision() is None or re.fullmatch(r"[0-9a-f]{40}\+?", git_revision())


def wrapped(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("Failed to instantiate …") from inner
    except RuntimeError as outer:
        return outer


def test_our_errors_are_one_line_however_they_are_wrapped(capsys):
    error = wrapped(ModelError("Lower it."))
    _one_line(type(error), error, error.__traceback__)
    assert capsys.readouterr().err == "Error: Lower it.\n"


def test_other_errors_keep_their_traceback(capsys):
    error = wrapped(KeyError("x"))
    _one_line(type(error), error, error.__traceback__)
    assert "Traceback" in capsys.readouterr().err


def test_a_bundle_starts_seeded_and_with_sums_in_one_order(monkeypatch):
    from itemclip_med.training import start_run

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = torch.are_deterministic_algorithms_enabled()
    try:
        draws = []
        for _ in range(2):
            start_run(7)
            draws.append(torch.rand(3))
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.equal(*draws)
        assert sys.excepthook is _one_line
    finally:
        torch.use_deterministic_algorithms(before)


def test_the_error_of_spoiled_numbers_needs_no_terms():
    from itemclip_med.training.numbers import stop_for_numbers

    engine = SimpleNamespace(
        state=SimpleNamespace(output={}, batch=[1], iteration=3, epoch=1), logger=logging.getLogger("x")
    )
    with pytest.raises(ItemClipError, match=r"Step 3 \(epoch 1\): odd \(no terms\)"):
        stop_for_numbers(engine, "odd")
