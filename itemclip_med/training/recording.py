"""What a run leaves behind: losses and metrics as CSV, console and TensorBoard, and a record of how it was made."""

from __future__ import annotations

import csv
import importlib.metadata
import inspect
import json
import logging
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import nn

from itemclip_med.training.ranks import is_main, mean_over_ranks

logger = logging.getLogger(__name__)

_PACKAGES = ("itemclip-med", "monai", "torch", "numpy", "transformers", "tokenizers", "pytorch-ignite", "safetensors")


class _Table:
    """A CSV file that grows row by row; a resumed run goes on in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Mapping[str, Any]) -> None:
        """Append one row; the first row's names are the header. Names that come later are left out."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists() or self.path.stat().st_size == 0
        if is_new:
            names = list(row)
        else:
            with self.path.open(newline="") as file:
                names = next(csv.reader(file))
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore", restval="")
            if is_new:
                writer.writeheader()
            writer.writerow(row)


def _open_tensorboard(folder: Path | None) -> Any | None:
    """A summary writer, or None where no folder is wanted."""
    if folder is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(log_dir=str(folder))


class LossLog:
    """Write the loss terms, learning rate, scale and speed of every few steps.

    Args:
        folder: ``losses.csv`` is written here.
        interval: steps per row; a row holds means over its steps, and over all ranks. The end of an epoch closes a row.
        optimizer: its first group's learning rate is written.
        model: its ``logit_scale`` and ``logit_bias`` are written.
        tensorboard: write TensorBoard events to ``folder/tensorboard`` too.
    """

    def __init__(
        self,
        folder: str | Path,
        interval: int = 10,
        optimizer: torch.optim.Optimizer | None = None,
        model: nn.Module | None = None,
        tensorboard: bool = True,
    ) -> None:
        self.table = _Table(Path(folder) / "losses.csv")
        self.interval = interval
        self.optimizer = optimizer
        self.model = model
        self.tensorboard_dir = Path(folder) / "tensorboard" if tensorboard else None
        self._writer: Any | None = None
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0
        self._since = 0.0

    def attach(self, engine: Engine) -> None:
        """Listen to steps, and to the end of epochs and of the run."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_STARTED, self._restart_clock)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)
        engine.add_event_handler(Events.COMPLETED, self._close)

    def _start(self, engine: Engine) -> None:
        self._writer = _open_tensorboard(self.tensorboard_dir) if is_main() else None

    def _restart_clock(self, engine: Engine) -> None:
        self._since = time.perf_counter()  # validation between two epochs is not counted

    def _collect(self, engine: Engine) -> None:
        for name, value in engine.state.output["pred"].items():
            if torch.is_tensor(value) and value.ndim == 0:
                self._sums[name] = self._sums.get(name, 0) + value.detach()
        self._count += 1
        if engine.state.iteration % self.interval == 0:
            self._write(engine)

    def _write(self, engine: Engine) -> None:
        if not self._count:
            return
        row: dict[str, float] = {"epoch": engine.state.epoch, "iteration": engine.state.iteration}
        terms = {name: float(value) / self._count for name, value in mean_over_ranks(self._sums).items()}
        row |= {name: round(value, 6) for name, value in terms.items()}
        if self.optimizer is not None:
            row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        if self.model is not None:
            row["logit_scale"] = round(float(self.model.logit_scale.detach().exp()), 4)
            bias = getattr(self.model, "logit_bias", None)
            row["logit_bias"] = 0.0 if bias is None else round(float(bias.detach()), 4)
        row["seconds_per_step"] = round((time.perf_counter() - self._since) / self._count, 4)
        if is_main():
            self.table.append(row)
            shown = "  ".join(f"{name} {value:.4f}" for name, value in terms.items())
            place = f"epoch {row['epoch']}/{engine.state.max_epochs} step {row['iteration']}"
            logger.info("%s  %s  %.2f s/step", place, shown, row["seconds_per_step"])
        if self._writer is not None:
            for name, value in row.items():
                if name not in ("epoch", "iteration"):
                    self._writer.add_scalar(f"train/{name}", value, engine.state.iteration)
        self._sums, self._count = {}, 0
        self._restart_clock(engine)

    def _close(self, engine: Engine) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class MetricLog:
    """Write an evaluator's metrics after every validation, and the AUC of each finding.

    Args:
        folder: ``validation.csv`` is written here.
        tensorboard: write TensorBoard events to ``folder/tensorboard`` too.
    """

    def __init__(self, folder: str | Path, tensorboard: bool = True) -> None:
        self.table = _Table(Path(folder) / "validation.csv")
        self.tensorboard_dir = Path(folder) / "tensorboard" if tensorboard else None

    def attach(self, engine: Engine) -> None:
        """Listen to the end of a validation."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write one row."""
        if not is_main():
            return
        values: dict[str, float | None] = {name: float(value) for name, value in engine.state.metrics.items()}
        for details in engine.state.metric_details.values():
            if isinstance(details, Mapping):
                values |= details
        rounded = {name: "" if value is None else round(value, 5) for name, value in values.items()}
        self.table.append({"epoch": engine.state.epoch} | rounded)
        shown = "  ".join(
            f"{name} {'undefined' if value is None else f'{value:.4f}'}" for name, value in values.items()
        )
        logger.info("epoch %d validation  %s", engine.state.epoch, shown)
        writer = _open_tensorboard(self.tensorboard_dir)
        if writer is not None:
            for name, value in values.items():
                if value is not None:
                    writer.add_scalar(f"val/{name}", value, engine.state.epoch)
            writer.close()


class ScoreTable:
    """Write what an evaluator scored: ``scores.csv``, one row a study and one cosine a finding.

    Args:
        folder: where the file goes.
        names: names of the findings, in the order of the scores' columns.
    """

    def __init__(self, folder: str | Path, names: Sequence[str]) -> None:
        self.path = Path(folder) / "scores.csv"
        self.names = list(names)
        self._rows: list[list[Any]] = []

    def attach(self, engine: Engine) -> None:
        """Listen to the batches and to the end."""
        engine.add_event_handler(Events.EPOCH_STARTED, lambda engine: self._rows.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)

    def _collect(self, engine: Engine) -> None:
        scores = engine.state.output["pred"].float().cpu().tolist()
        for study_id, row in zip(engine.state.batch["study_id"], scores, strict=True):
            self._rows.append([study_id, *(f"{score:.6f}" for score in row)])

    def _write(self, engine: Engine) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["study_id", *self.names])
            writer.writerows(self._rows)
        logger.info("%d studies scored for %d findings: %s", len(self._rows), len(self.names), self.path)


def find_running_config() -> dict[str, Any] | None:
    """The configuration of the MONAI bundle that is being built, macros resolved, or None outside of one.

    MONAI hands components no reference to the parser that builds them, so it is looked for among the callers.
    """
    from monai.bundle import ConfigParser

    frame = inspect.currentframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, ConfigParser):
            return caller.get()
        frame = frame.f_back
    return None


class RunRecord:
    """Write ``run.json``: the resolved configuration, seeds, package versions and what the run was trained on.

    Args:
        folder: where the record goes.
        seed: of the run.
        stores: stores that were read; path, digest, number of studies and recipe digests are written.
        config: the configuration; by default that of the bundle being built.
    """

    def __init__(
        self,
        folder: str | Path,
        seed: int | None = None,
        stores: Sequence[Any] = (),
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(folder) / "run.json"
        self.seed = seed
        self.stores = list(stores)
        found = config if config is not None else find_running_config()
        # as text at once: the parser may go on changing its own dictionaries
        self.config = json.loads(json.dumps(found, default=str)) if found is not None else None

    def attach(self, engine: Engine) -> None:
        """Listen to the start of the run."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the record; an earlier one of the same folder is kept under ``earlier``."""
        if not is_main():
            return
        record: dict[str, Any] = {
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "command": sys.argv,
            "seed": self.seed,
            "first_epoch": engine.state.epoch + 1,
            "max_epochs": engine.state.max_epochs,
            "versions": package_versions(),
            "threads": torch.get_num_threads(),
            "device": str(engine.state.device),
            "stores": [_describe_store(store) for store in self.stores],
            "config": self.config,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            earlier = json.loads(self.path.read_text())
            record["earlier"] = [*earlier.pop("earlier", []), earlier]
        self.path.write_text(json.dumps(record, indent=1))


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a run's numbers."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _describe_store(store: Any) -> dict[str, Any]:
    """What identifies a store's contents."""
    studies = list(store.studies)
    return {
        "path": str(getattr(store, "root", "")),
        "digest": store.digest(),
        "num_studies": len(studies),
        "recipe_digests": sorted({study.recipe_digest for study in studies}),
    }
