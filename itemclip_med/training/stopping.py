"""Ending a run in good order: on a signal, with everything saved, or because its numbers make no sense."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from itemclip_med.training.checkpoints import Checkpoints, ends_epoch
from itemclip_med.training.numbers import stop_for_numbers
from itemclip_med.training.optimizing import is_stepping
from itemclip_med.training.ranks import num_ranks

logger = logging.getLogger(__name__)


class StopOnSignal:
    """Save and end the run with status 0 when it is told to go, as Slurm does before it takes a machine away.

    The step at work is finished; during validation the run ends after the batch at work, and validates anew when it
    goes on. All ranks agree on the step. Name it before the checkpoints among the trainer's handlers.

    Args:
        checkpoints: what saves.
        signals: names of the signals.
    """

    def __init__(self, checkpoints: Checkpoints, signals: Sequence[str] = ("SIGTERM", "SIGUSR1")) -> None:
        self.checkpoints = checkpoints
        self.signals = [signal.Signals[name] for name in signals]
        self.received: str | None = None
        self._group: Any | None = None
        self._trainer: Engine | None = None

    def attach(self, engine: Engine) -> None:
        """Listen to steps of training and of validation."""
        self._trainer = engine
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._after_step)
        if self.checkpoints.evaluator is not None:
            self.checkpoints.evaluator.add_event_handler(Events.ITERATION_COMPLETED, self._in_validation)

    def _start(self, engine: Engine) -> None:
        self.received = None
        with contextlib.suppress(ValueError):  # not in the main thread: somebody else handles signals
            for number in self.signals:
                signal.signal(number, self._note)
        if num_ranks() > 1 and self._group is None:
            self._group = dist.new_group(backend="gloo")  # on the CPU, so that no accelerator is waited for

    def _note(self, number: int, frame: Any) -> None:
        self.received = signal.Signals(number).name

    def _anybody_received(self) -> bool:
        if num_ranks() == 1:
            return self.received is not None
        flag = torch.tensor(int(self.received is not None))
        dist.all_reduce(flag, op=dist.ReduceOp.MAX, group=self._group)
        return bool(flag)

    def _after_step(self, engine: Engine) -> None:
        if is_stepping(engine) and self._anybody_received():
            self._stop(engine, epoch_is_open=ends_epoch(engine))

    def _in_validation(self, evaluator: Engine) -> None:
        if self.received is not None and self._trainer is not None and not self.checkpoints.suspended:
            self._stop(self._trainer, epoch_is_open=True)
            evaluator.terminate(skip_completed=True)

    def _stop(self, engine: Engine, *, epoch_is_open: bool) -> None:
        path = self.checkpoints.save(engine, epoch_is_open=epoch_is_open)
        self.checkpoints.suspended = True
        logger.info(
            "%s: step %d is saved (%s); the same command goes on from here",
            self.received or "a signal to another rank",
            engine.state.iteration,
            path.name,
        )
        engine.terminate(skip_completed=True)


class StopOnNaN:
    """End the run before a loss that is no number reaches the weights.

    The error names the terms and the studies of the batch. Weights, checkpoints and exported models stay those of the
    last good step.
    """

    def attach(self, engine: Engine) -> None:
        """Listen to losses."""
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Look at the loss.

        Raises:
            ItemClipError: if it is NaN or infinite.
        """
        output: Any = engine.state.output
        if not bool(torch.isfinite(output["loss"])):
            stop_for_numbers(engine, "the loss is no finite number")
