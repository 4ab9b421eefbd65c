"""What a loader's worker process sets when it starts."""

from __future__ import annotations

import signal


def outlive_signals(worker: int) -> None:
    """Let the training process alone decide when to stop; for ``DataLoader(worker_init_fn=...)``.

    Slurm tells every process of a job to end. A worker that obeys takes the training process down before that can save;
    one that does not ends with it.
    """
    for name in ("SIGTERM", "SIGUSR1", "SIGINT"):
        signal.signal(signal.Signals[name], signal.SIG_IGN)
