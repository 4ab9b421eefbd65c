"""Where the studies of a run are worked on: in this process, in a pool beside it, or on a Dask cluster."""

from __future__ import annotations

import contextlib
import hashlib
import math
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from itemclip_med.errors import ItemClipError, MissingPackageError
from itemclip_med.workers import num_processors, one_thread, worker_pool

Work = Callable[..., Callable[[Any], Any]]

_AHEAD = 4  # tasks handed out beyond the number of workers: results wait in order, and memory stays bounded
_CONNECT_SECONDS = 20
_RECOUNT_SECONDS = 5.0
_RETRIES = 3  # of a task whose Dask worker went away

_held: dict[str, Callable[[Any], Any]] = {}


def run_tasks(
    tasks: Iterable[Any],
    make_work: Work,
    args: tuple[Any, ...],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    preload: Sequence[str] = (),
) -> Iterator[Any]:
    """Results of ``make_work(*args)(task)``, in the order of the tasks.

    The function is made once in each process. A few tasks more than there are workers are under way at any time.

    Args:
        tasks: one a study; consumed as workers become free.
        make_work: a class or function of a module, so that other processes find it.
        args: its arguments, picklable.
        workers: processes; the number of cores by default; 1 works in this process.
        scheduler: address of a Dask scheduler instead, such as ``tcp://10.0.0.1:8786``; it and its workers need this
            package in the same version, and the workers see source and store under the same paths.
        preload: modules that ``make_work`` loads, so that the workers of a pool share one import of them.

    Raises:
        MissingPackageError: if ``distributed`` is not installed.
        ItemClipError: if the scheduler does not answer, has no workers or workers of another version.
    """
    workers = workers or num_processors()
    if scheduler is None and workers <= 1:
        work = make_work(*args)
        yield from (work(task) for task in tasks)
        return
    # Of all that the arguments hold, not of how they look: an id key shows in no repr, and a cluster's workers outlive
    # a run.
    key = f"{make_work.__module__}.{make_work.__qualname__}:{hashlib.sha256(pickle.dumps(args)).hexdigest()}"
    pending: deque[Future[Any]] = deque()
    with _open(workers, scheduler, (make_work.__module__, *preload)) as (executor, count_workers):
        try:
            for task in tasks:
                pending.append(executor.submit(_call, key, make_work, args, task))
                while len(pending) >= count_workers() + _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BaseException:
            for future in pending:
                future.cancel()
            raise


def _call(key: str, make_work: Work, args: tuple[Any, ...], task: Any) -> Any:
    """Inside a worker: make the function on the first task, then use it."""
    if key not in _held:
        work = make_work(*args)
        one_thread()  # for libraries that the line above has loaded
        _held.clear()
        _held[key] = work
    return _held[key](task)


@contextlib.contextmanager
def _open(workers: int, scheduler: str | None, preload: Sequence[str]) -> Iterator[tuple[Executor, Callable[[], int]]]:
    if scheduler is None:
        with worker_pool(workers, preload=preload) as pool:
            try:
                yield pool, lambda: workers
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingPackageError("distributed", extra="dask", purpose="--scheduler") from error
    try:
        client = Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ItemClipError(
            f"No Dask scheduler answers at {scheduler}: start one with `dask scheduler` and give the address it prints."
        ) from error
    with client:
        count_workers = _counter(client)
        if not count_workers():
            raise ItemClipError(f"The Dask scheduler {scheduler} has no workers: start some with `dask worker`.")
        _check_versions(client, scheduler)
        # pure=False: a study is worked on again when asked again, even if Dask remembers a result.
        with client.get_executor(pure=False, retries=_RETRIES) as executor:
            yield executor, count_workers


def _counter(client: Any) -> Callable[[], int]:
    """How many threads a cluster's workers have, asked again from time to time: they come and go."""
    number, asked = 0, -math.inf

    def count() -> int:
        nonlocal number, asked
        if time.monotonic() - asked > _RECOUNT_SECONDS:
            number, asked = sum(client.nthreads().values()), time.monotonic()
        return number

    return count


def _check_versions(client: Any, scheduler: str) -> None:
    from itemclip_med import __version__

    others = {version for version in client.run(_version).values() if version != __version__}
    if others:
        raise ItemClipError(
            f"Workers of {scheduler} have itemclip_med {', '.join(sorted(others))}, here it is {__version__}: install "
            "the same version everywhere."
        )


def _version() -> str:
    try:
        from itemclip_med import __version__
    except ImportError:
        return "not installed"
    return __version__
