"""Going on with an interrupted run, from the step at which it was saved last."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from itemclip_med.errors import ModelError
from itemclip_med.training.checkpoints import FORMAT, Checkpoints, find_checkpoints
from itemclip_med.training.ranks import unwrapped

logger = logging.getLogger(__name__)


class Resume:
    """Load a run's last checkpoint when the trainer starts; name it first among the trainer's handlers.

    On the CPU the run then goes on bit for bit, with as many threads as before: the sampler starts at the next step,
    logs are cut back to the checkpoint. What the configuration says now wins over what the checkpoint remembers: the
    number of epochs, the schedule's length, and the iterations of an epoch (which differ with another batch size or
    number of processes; such a run goes on at the start of the epoch).

    Args:
        checkpoints: what the run writes.
        resume_from: a checkpoint file; "latest": the newest good one in the checkpoints' folder, and a fresh start
            where there is none; "": a fresh start, refused where the folder holds checkpoints already.
        map_location: device of the loaded tensors.

    Raises:
        ModelError: if there is no such file, or a fresh start would mix two runs in one folder.
    """

    def __init__(self, checkpoints: Checkpoints, resume_from: str | Path = "latest", map_location: Any = "cpu") -> None:
        self.checkpoints = checkpoints
        self.map_location = map_location
        found = find_checkpoints(checkpoints.folder)
        self.paths: list[Path] = found if str(resume_from) == "latest" else [Path(resume_from)]
        if not str(resume_from):
            self.paths = []
            if found:
                raise ModelError(
                    f"{checkpoints.folder} holds checkpoints of another run ({found[0].name}): name another "
                    "output_dir, or set resume_from to latest to go on with it."
                )
        elif str(resume_from) != "latest" and not self.paths[0].is_file():
            raise ModelError(
                f"Cannot resume: there is no checkpoint {self.paths[0]}. Name one, or 'latest', or leave it empty."
            )

    def attach(self, engine: Engine) -> None:
        """Listen to the start of the run."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Load the newest checkpoint that can be read.

        Raises:
            ModelError: if none can be read, or it belongs to another model.
        """
        if not self.paths:
            return
        path, state = self._read()
        self._load(engine, path, state)
        self._place(engine, state)
        now: Any = engine.state
        total = now.epoch_length * now.max_epochs
        logger.info("going on behind step %d of %d (%s)", now.iteration, total, path.name)

    def _read(self) -> tuple[Path, dict[str, Any]]:
        for path in self.paths:
            try:
                state = torch.load(path, map_location=self.map_location, weights_only=True)
            except Exception as error:  # a torn archive raises many kinds of errors
                logger.warning("the checkpoint %s cannot be read (%s)", path.name, type(error).__name__)
                continue
            if isinstance(state, Mapping) and state.get("format") == FORMAT:
                return path, dict(state)
            logger.warning("the checkpoint %s is of another version", path.name)
        raise ModelError(
            f"None of {len(self.paths)} checkpoints in {self.paths[0].parent} can be read: delete them to start "
            "afresh, or copy back a good one."
        )

    def _load(self, engine: Engine, path: Path, state: Mapping[str, Any]) -> None:
        parts = self.checkpoints.load_into(engine)
        missing = [name for name in parts if name not in state]
        if missing:
            raise ModelError(
                f"The checkpoint {path} holds no {', '.join(missing)}: it was written by another configuration. Name "
                "another output_dir, or set what it was trained with."
            )
        for name, part in parts.items():
            planned = {key: getattr(part, key) for key in ("t_total", "warmup_steps") if hasattr(part, key)}
            try:
                (unwrapped(part) if isinstance(part, torch.nn.Module) else part).load_state_dict(state[name])
            except (RuntimeError, ValueError, KeyError) as error:
                raise ModelError(
                    f"The checkpoint {path} does not fit ({name}): it was written by another configuration. Name "
                    "another output_dir, or set what it was trained with."
                ) from error
            for key, value in planned.items():
                setattr(part, key, value)

    def _place(self, engine: Engine, state: Mapping[str, Any]) -> None:
        """Put the engine, the sampler and the threads where they were."""
        now: Any = engine.state
        length, saved_length = now.epoch_length, state["epoch_length"]
        now.epoch, steps = divmod(state["iteration"], saved_length)
        if length != saved_length:
            logger.info("an epoch has %d steps now, not %d: going on at the start of one", length, saved_length)
            now.iteration = now.epoch * length
            return
        now.iteration = state["iteration"]
        if torch.device(now.device).type == "cpu" and torch.get_num_threads() != state["num_threads"]:
            logger.info("%d threads, as before, so that the same sums come out", state["num_threads"])
            torch.set_num_threads(state["num_threads"])
        if steps:
            _skip_steps(engine, steps)
        elif state["epoch_is_open"]:
            engine.fire_event(Events.EPOCH_COMPLETED)


def _skip_steps(engine: Engine, steps: int) -> None:
    sampler: Any = getattr(getattr(engine, "data_loader", None), "sampler", None)
    if not hasattr(sampler, "skip_steps"):
        raise ModelError(
            f"The checkpoint lies {steps} steps into an epoch, and a {type(sampler).__name__} cannot start there: "
            "use itemclip_med.data.BlockSampler."
        )
    sampler.skip_steps(steps)
