"""Random draws that depend on seed, epoch, position and purpose only, not on what a process drew before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from ignite.engine import Engine, Events

from itemclip_med.training.ranks import unwrapped


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from a base seed and what the draws are for.

    Args:
        parts: for example seed, epoch, position, purpose.

    Returns:
        The same number on every machine and in every process.
    """
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class HasEpoch(Protocol):
    """A data set whose draws depend on the epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Tell the data set the epoch, from 1."""


class SeedDraws:
    """Seed every random draw of a training step from (seed, epoch, step), and tell data sets the epoch.

    A resumed run therefore draws what the uninterrupted one would have drawn. Attach it before other handlers.

    Args:
        seed: base seed of the run.
        step: an :class:`ItemizedStep`, perhaps wrapped by DDP; None for none.
        datasets: data sets with ``set_epoch``.
    """

    def __init__(self, seed: int, step: Any | None = None, datasets: Sequence[HasEpoch] = ()) -> None:
        self.seed = seed
        self.step: Any = None if step is None else unwrapped(step)
        self.datasets = list(datasets)

    def attach(self, engine: Engine) -> None:
        """Listen to the starts of epochs and iterations."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start_epoch)
        engine.add_event_handler(Events.ITERATION_STARTED, self.start_iteration)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.end_epoch)

    def start_epoch(self, engine: Engine) -> None:
        """Hand the epoch to the data sets."""
        for dataset in self.datasets:
            dataset.set_epoch(engine.state.epoch)

    def start_iteration(self, engine: Engine) -> None:
        """Seed the generators: torch's own (drop-path) and the one of the loss."""
        position = engine.state.iteration
        if engine.state.epoch_length:
            position = (position - 1) % engine.state.epoch_length
        torch.manual_seed(derive_seed(self.seed, engine.state.epoch, position, "model"))
        if self.step is not None:
            self.step.set_draw_seed(derive_seed(self.seed, engine.state.epoch, position, "loss"))

    def end_epoch(self, engine: Engine) -> None:
        """Seed what validation draws, which comes next."""
        torch.manual_seed(derive_seed(self.seed, engine.state.epoch, "validation"))
