"""A Dask cluster on loopback: a scheduler and two workers of one thread, what they print kept in files."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def start_cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """Its address and its workers; ``folder`` gets ``printed0``, ``printed1`` and ``printed2``."""
    from distributed import Client

    address = f"tcp://127.0.0.1:{free_port()}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    dask = [sys.executable, "-m", "dask"]
    port = address.rsplit(":", 1)[1]
    commands = [
        ["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"],
        *(["worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"] for _ in range(2)),
    ]
    with contextlib.ExitStack() as stack:
        processes = []
        for number, arguments in enumerate(commands):
            printed = stack.enter_context((folder / f"printed{number}").open("wb"))
            process = subprocess.Popen(
                [*dask, *arguments], cwd=folder, env=environment, stdout=printed, stderr=subprocess.STDOUT
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, processes[1:]
