"""Worker processes: one thread each, gone when their parent is."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

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
    workers: int,
    initializer: Callable[..., object] | None = None,
    initargs: tuple[Any, ...] = (),
    *,
    preload: Sequence[str] = (),
) -> ProcessPoolExecutor:
    """A pool of processes that share the machine without fighting over it.

    Never forked from the caller, who may have started threads. Each worker computes with one thread (workers whose
    linear algebra runs on every processor wait for each other: measured, three times slower with two workers on two
    cores), and ends when its parent is killed, which the executor alone does not see to.

    Args:
        workers: processes.
        initializer: called in each process first, a module's function.
        initargs: its arguments.
        preload: modules to import once for all workers, where the system can (Linux): one process imports them and the
            workers are forked from it. It is started at once, beside whatever the caller does next.
    """
    if preload and sys.platform == "linux":
        return ProcessPoolExecutor(workers, _forkserver(preload), _start_worker, (initializer, initargs))
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _start_worker, (initializer, initargs))


def _forkserver(preload: Sequence[str]) -> BaseContext:
    """Workers from one process that has imported what they need, with one thread as they will have.

    A process has one such server; the modules of the first call are those that it knows.
    """
    from multiprocessing.forkserver import ensure_running

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return context


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
