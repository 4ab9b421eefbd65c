"""How a loader's worker processes start and end."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

from torch.utils.data import DataLoader

_GRACE_SECONDS = 60


def outlive_signals(worker: int) -> None:
    """Let the training process decide when to stop; for ``DataLoader(worker_init_fn=...)``.

    Slurm tells every process of a job to end. A worker that obeys at once takes the training process down before that
    can save. So a worker works on for a minute; in good order it is closed by its loader before.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: signal.alarm(_GRACE_SECONDS))
    signal.signal(signal.SIGALRM, lambda number, frame: os._exit(0))
    for name in ("SIGUSR1", "SIGINT"):
        signal.signal(signal.Signals[name], signal.SIG_IGN)


def close_workers(loaders: Sequence[DataLoader[Any]]) -> None:
    """End workers that stay over epochs; at the end of the interpreter torch would wait seconds for each."""
    for loader in loaders:
        if getattr(loader, "_iterator", None) is not None:
            loader._iterator = None
