"""Losses and metrics of a run: console, CSV, TensorBoard, MLflow."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import nn

from itemclip_med.training.boards import Board, open_boards
from itemclip_med.training.parts import remember
from itemclip_med.training.ranks import is_main, mean_over_ranks, num_ranks
from itemclip_med.training.tables import Table

logger = logging.getLogger(__name__)

_SLOW_LOADER = 0.3  # share of the time spent waiting from which a hint is given
_SETTLED_STEPS = 200  # of a first epoch, in which caches are filled and workers start


class LossLog:
    """Write the loss terms, learning rate, scale and speed of every few steps.

    Its state (where the file ends, sums of the row at work) lies in the run's checkpoints, so that a resumed run leaves
    the same file, times apart.

    Args:
        folder: ``losses.csv`` is written here.
        interval: steps per row; a row holds means over its steps, and over all ranks. The end of an epoch closes a row.
        optimizer: its first group's learning rate is written.
        model: its ``logit_scale`` and ``logit_bias`` are written.
        tensorboard: write TensorBoard events to ``folder/tensorboard`` too.
        mlflow: tracking URI, to log to MLflow too.
    """

    def __init__(
        self,
        folder: str | Path,
        interval: int = 10,
        optimizer: torch.optim.Optimizer | None = None,
        model: nn.Module | None = None,
        tensorboard: bool = True,
        mlflow: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.table = Table(self.folder / "losses.csv")
        self.interval = interval
        self.optimizer = optimizer
        self.model: Any = model
        self.tensorboard = tensorboard
        self.mlflow = mlflow
        self._boards: list[Board] | None = None
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0
        self._clock = _Clock()
        self._hinted = False

    def attach(self, engine: Engine) -> None:
        """Listen to steps, and to the end of epochs and of the run."""
        remember(engine, "loss_log", self)
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_STARTED, self._restart_clock)
        engine.add_event_handler(Events.GET_BATCH_STARTED, lambda engine: self._clock.start_waiting())
        engine.add_event_handler(Events.GET_BATCH_COMPLETED, lambda engine: self._clock.stop_waiting())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)
        engine.add_event_handler(Events.COMPLETED, self._close)
        engine.add_event_handler(Events.TERMINATE, self._close)

    def _start(self, engine: Engine) -> None:
        if engine.state.iteration == 0 and is_main():
            self.table.cut(0)  # of a run that was stopped before its first checkpoint

    def _restart_clock(self, engine: Engine) -> None:
        self._clock.restart()  # validation between two epochs is not counted

    def _collect(self, engine: Engine) -> None:
        state: Any = engine.state
        output = state.output["pred"]
        terms = {name: value.detach() for name, value in output.items() if torch.is_tensor(value) and value.ndim == 0}
        for name, value in mean_over_ranks(terms).items():
            self._sums[name] = self._sums.get(name, 0) + value.double()
        self._count += 1
        self._clock.studies += _num_studies(state.batch)
        if engine.state.iteration % self.interval == 0:
            self._write(engine)

    def _write(self, engine: Engine) -> None:
        if not self._count:
            return
        row: dict[str, float] = {"epoch": engine.state.epoch, "iteration": engine.state.iteration}
        terms = {name: float(value) / self._count for name, value in self._sums.items()}
        row |= {name: round(value, 6) for name, value in terms.items()}
        if self.optimizer is not None:
            row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        if self.model is not None:
            row["logit_scale"] = round(float(self.model.logit_scale.detach().exp()), 4)
            bias = getattr(self.model, "logit_bias", None)
            row["logit_bias"] = 0.0 if bias is None else round(float(bias.detach()), 4)
        row |= self._clock.speed(self._count)
        if is_main():
            self.table.append(row)
            self._tell(engine, terms, row)
            if self._boards is None:
                step = engine.state.iteration - self._count
                self._boards = open_boards(self.folder, tensorboard=self.tensorboard, mlflow=self.mlflow, step=step)
            for board in self._boards:
                values = {name: value for name, value in row.items() if name not in ("epoch", "iteration")}
                board.add("train", values, engine.state.iteration)
        self._sums, self._count = {}, 0
        self._clock.restart()

    def _tell(self, engine: Engine, terms: Mapping[str, float], row: Mapping[str, float]) -> None:
        """One line on the console, and once a hint where the loader is the bottleneck."""
        state: Any = engine.state
        left = row["seconds_per_step"] * (state.epoch_length * state.max_epochs - state.iteration)
        logger.info(
            "epoch %d/%d step %d  %s  %.2f s/step  %.1f studies/s  waits for data %.0f %%  %s left",
            state.epoch,
            state.max_epochs,
            state.iteration,
            "  ".join(f"{name} {value:.4f}" for name, value in terms.items()),
            row["seconds_per_step"],
            row["studies_per_second"],
            100 * row["data_wait"],
            _duration(left),
        )
        has_settled = state.epoch > 1 or state.iteration >= _SETTLED_STEPS
        if row["data_wait"] > _SLOW_LOADER and not self._hinted and has_settled:
            self._hinted = True
            logger.warning(
                "%.0f %% of the time goes into waiting for data: raise num_workers or prefetch, or set cache where the "
                "studies fit into memory.",
                100 * row["data_wait"],
            )

    def _close(self, engine: Engine) -> None:
        for board in self._boards or []:
            board.close()
        self._boards = None

    def state_dict(self) -> dict[str, Any]:
        """Where the file ends, and the row at work."""
        return {"length": self.table.length(), "count": self._count, "sums": dict(self._sums)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Cut the file back, and go on with the row."""
        if is_main():
            self.table.cut(state["length"])
        self._count, self._sums = state["count"], dict(state["sums"])


class MetricLog:
    """Write an evaluator's metrics after every validation, and the AUC of each finding.

    Args:
        folder: ``validation.csv`` is written here.
        tensorboard: write TensorBoard events to ``folder/tensorboard`` too.
        mlflow: tracking URI, to log to MLflow too.
    """

    def __init__(self, folder: str | Path, tensorboard: bool = True, mlflow: str | None = None) -> None:
        self.folder = Path(folder)
        self.table = Table(self.folder / "validation.csv")
        self.tensorboard = tensorboard
        self.mlflow = mlflow

    def attach(self, engine: Engine) -> None:
        """Listen to the end of a validation."""
        remember(engine, "metric_log", self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write one row."""
        if not is_main():
            return
        state: Any = engine.state
        values: dict[str, float | None] = {name: float(value) for name, value in state.metrics.items()}
        for details in state.metric_details.values():
            if isinstance(details, Mapping):
                values |= details
        rounded = {name: "" if value is None else round(value, 5) for name, value in values.items()}
        self.table.append({"epoch": engine.state.epoch} | rounded)
        shown = "  ".join(
            f"{name} {'undefined' if value is None else f'{value:.4f}'}" for name, value in values.items()
        )
        logger.info("epoch %d validation  %s", engine.state.epoch, shown)
        for board in open_boards(self.folder, tensorboard=self.tensorboard, mlflow=self.mlflow):
            board.add("val", {name: value for name, value in values.items() if value is not None}, engine.state.epoch)
            board.close()

    def state_dict(self) -> dict[str, Any]:
        """Where the file ends."""
        return {"length": self.table.length()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Cut the file back."""
        if is_main():
            self.table.cut(state["length"])


class _Clock:
    """Time of a row's steps, and how much of it went into waiting for batches."""

    def __init__(self) -> None:
        self.restart()
        self._asked = time.perf_counter()

    def restart(self) -> None:
        """Begin a new row."""
        self._since, self._waited, self.studies = time.perf_counter(), 0.0, 0

    def start_waiting(self) -> None:
        """The loader was asked for a batch."""
        self._asked = time.perf_counter()

    def stop_waiting(self) -> None:
        """The batch is here."""
        self._waited += time.perf_counter() - max(self._asked, self._since)

    def speed(self, steps: int) -> dict[str, float]:
        """What a row says of its steps' time."""
        seconds = max(time.perf_counter() - self._since, 1e-9)
        return {
            "seconds_per_step": round(seconds / steps, 4),
            "studies_per_second": round(self.studies * num_ranks() / seconds, 2),
            "data_wait": round(min(1.0, self._waited / seconds), 3),
        }


def _num_studies(batch: Any) -> int:
    return len(batch["study_id"]) if isinstance(batch, Mapping) and "study_id" in batch else 0


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
