"""Going on with an interrupted run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine
from monai.handlers import CheckpointLoader

from itemclip_med.errors import ModelError


class Resume(CheckpointLoader):
    """Load a run's weights, optimizer, schedule and epoch before the trainer starts.

    What the configuration says now wins over what the checkpoint remembers: the number of epochs, the schedule's
    length, and the iterations of an epoch (which differ with another batch size or number of processes).

    Args:
        load_path: a checkpoint file; or "latest": the newest ``*.pt`` in ``folder``, and a fresh start where there is
            none.
        load_dict: name in the checkpoint to object with ``load_state_dict``.
        folder: where "latest" looks.
        map_location: device of the loaded tensors.

    Raises:
        ModelError: if there is no such file.
    """

    def __init__(
        self,
        load_path: str | Path,
        load_dict: Mapping[str, Any],
        folder: str | Path | None = None,
        map_location: Any = "cpu",
    ) -> None:
        path = Path(load_path)
        self.fresh = False
        if str(load_path) == "latest":
            found = sorted(Path(folder or ".").glob("*.pt"), key=lambda file: file.stat().st_mtime)
            self.fresh = not found
            path = found[-1] if found else path
        elif not path.is_file():
            raise ModelError(f"Cannot resume: there is no checkpoint {path}. Name one, or 'latest', or leave it empty.")
        super().__init__(load_path=str(path), load_dict=dict(load_dict), map_location=map_location)

    def attach(self, engine: Engine) -> None:
        """Listen to the start of the run, unless there is nothing to resume."""
        if not self.fresh:
            super().attach(engine)

    def __call__(self, engine: Engine) -> None:
        """Load, then restore what the configuration decides."""
        schedules = [part for part in self.load_dict.values() if hasattr(part, "t_total")]
        planned = [(schedule.t_total, schedule.warmup_steps) for schedule in schedules]
        epoch_length = engine.state.epoch_length
        super().__call__(engine)
        for schedule, (t_total, warmup_steps) in zip(schedules, planned, strict=True):
            schedule.t_total, schedule.warmup_steps = t_total, warmup_steps
        if epoch_length and engine.state.epoch_length != epoch_length:
            engine.state.epoch_length = epoch_length
            engine.state.iteration = engine.state.epoch * epoch_length
