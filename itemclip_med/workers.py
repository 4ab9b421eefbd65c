"""Worker processes: one thread each, gone when their parent is."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def num_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_thread() -> threadpool_limits:
    """Let linear algebra run on one thread, from now on or inside a ``with``.

    Products split over threads are summed in another order: where bytes must be the same on any machine, one is needed.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def worker_pool(
    workers: int, initializer: Callable[..., object] | None = None, initargs: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """A pool of spawned processes that share the machine without fighting over it.

    Spawned, not forked: whoever calls this may have started threads. Each worker computes with one thread (workers
    whose linear algebra runs on every processor wait for each other: measured, three times slower with two workers on
    two cores), and ends when its parent is killed, which the executor alone does not see to.

    Args:
        workers: processes.
        initializer: called in each process first, a module's function.
        initargs: its arguments.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _start_worker, (initializer, initargs))


def _start_worker(initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))  # for libraries that are loaded later
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if initializer is not None:
        initializer(*initargs)
    one_thread()  # for those that the initializer has loaded


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
