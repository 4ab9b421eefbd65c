"""Checkpoints in the middle of an epoch: written whole or not at all, the last good ones kept."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from itemclip_med.errors import ItemClipError
from itemclip_med.store.files import PART, disk_error, sync_folder
from itemclip_med.training.optimizing import is_stepping
from itemclip_med.training.parts import HasState, remembered
from itemclip_med.training.ranks import is_main, unwrapped

logger = logging.getLogger(__name__)

_PATTERN = "step_*.pt"
FORMAT = 1


def find_checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, that of the latest step first."""
    return sorted(Path(folder).glob(_PATTERN), key=lambda path: path.name, reverse=True)


class Checkpoints:
    """Write all that a run needs to go on exactly: weights, optimizer, schedule, scaler, step, and what handlers know.

    A checkpoint lies behind an optimizer step, never between accumulated batches. One is written at the end of every
    epoch, after its validation, and every ``every_steps`` steps or ``every_seconds`` seconds in between. Name it last
    among the trainer's handlers, so that those before have done their work.

    Args:
        folder: gets ``step_<number>.pt``.
        parts: name to object with ``state_dict``: the model, optimizer, schedule, the best value so far.
        evaluator: the engine that validates; its handlers' states are saved too.
        every_steps: batches from one checkpoint to the next; 0: at the ends of epochs only.
        every_seconds: write one also when the last is older than this; 0: never.
        keep: newest checkpoints that are kept.

    Raises:
        ValueError: if ``keep`` is below 1, or an interval negative.
    """

    def __init__(
        self,
        folder: str | Path,
        parts: Mapping[str, HasState],
        evaluator: Engine | None = None,
        *,
        every_steps: int = 0,
        every_seconds: float = 0.0,
        keep: int = 2,
    ) -> None:
        if keep < 1 or every_steps < 0 or every_seconds < 0:
            raise ValueError(
                f"Checkpoints: keep {keep}, every_steps {every_steps}, every_seconds {every_seconds}; expected at "
                "least 1, and nothing negative."
            )
        self.folder = Path(folder)
        self.parts = dict(parts)
        self.evaluator = evaluator
        self.every_steps = every_steps
        self.every_seconds = every_seconds
        self.keep = keep
        self.suspended = False  # while a run is being stopped: what must be saved is saved
        self._last_step = 0
        self._last_time = time.monotonic()

    def attach(self, engine: Engine) -> None:
        """Listen to the start, to steps and to the ends of epochs."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._maybe_save)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save_epoch)

    def load_into(self, engine: Engine) -> dict[str, HasState]:
        """What a checkpoint of this run holds, by name."""
        found = self.parts | remembered(engine, self.evaluator)
        scaler: HasState | None = getattr(engine, "scaler", None)
        if scaler is not None:
            found["scaler"] = scaler
        return found

    def save(self, engine: Engine, *, epoch_is_open: bool = False) -> Path:
        """Write a checkpoint of the step that the engine has just made; only the main process writes.

        Args:
            engine: the trainer.
            epoch_is_open: the last step of an epoch is done, but not its validation.

        Returns:
            Its path.

        Raises:
            ItemClipError: if the disk does not take it; earlier checkpoints stay.
        """
        path = self.folder / f"step_{engine.state.iteration:09d}.pt"
        if is_main():
            state: dict[str, Any] = {
                "format": FORMAT,
                "iteration": engine.state.iteration,
                "epoch_length": engine.state.epoch_length,
                "epoch_is_open": epoch_is_open,
                "num_threads": torch.get_num_threads(),
            }
            for name, part in self.load_into(engine).items():
                state[name] = (unwrapped(part) if isinstance(part, torch.nn.Module) else part).state_dict()
            _write(path, state)
            for old in find_checkpoints(self.folder)[self.keep :]:
                old.unlink(missing_ok=True)
        self._last_step, self._last_time = engine.state.iteration, time.monotonic()
        return path

    def _start(self, engine: Engine) -> None:
        if is_main():
            for torn in self.folder.glob(f".*{PART}"):
                torn.unlink(missing_ok=True)
        self.suspended = False
        self._last_step, self._last_time = engine.state.iteration, time.monotonic()

    def _maybe_save(self, engine: Engine) -> None:
        if not is_main() or not is_stepping(engine):
            return
        late = self.every_seconds and time.monotonic() - self._last_time >= self.every_seconds
        if late or (self.every_steps and engine.state.iteration - self._last_step >= self.every_steps):
            self.save(engine, epoch_is_open=ends_epoch(engine))

    def _save_epoch(self, engine: Engine) -> None:
        if not self.suspended:
            self.save(engine)


def ends_epoch(engine: Engine) -> bool:
    """Whether the engine's last iteration is the last one of its epoch."""
    length = engine.state.epoch_length
    return length is not None and length > 0 and engine.state.iteration % length == 0


def _write(path: Path, state: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(path.parent, error) from error
    except RuntimeError as error:  # torch's archive writer, where the disk takes only a part
        raise ItemClipError(
            f"The checkpoint {path.name} could not be written: earlier ones are kept. Make room in {path.parent} and "
            "run the same command again."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
