"""Worker processes: one thread each, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from itemclip_med.workers import num_processors, worker_pool


def thread_counts():
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((4, 4)) @ np.ones((4, 4))
    return [library["num_threads"] for library in threadpool_info()]


def remember(value):
    os.environ["ITEMCLIP_TEST_VALUE"] = value


def recall():
    return os.environ.get("ITEMCLIP_TEST_VALUE")


def test_a_worker_computes_with_one_thread():
    with worker_pool(1) as pool:
        counts = pool.submit(thread_counts).result()
    assert counts and set(counts) == {1}


def test_the_initializer_runs_in_the_worker_first():
    with worker_pool(1, remember, ("here",)) as pool:
        assert pool.submit(recall).result() == "here"
    assert recall() is None


def test_processors_are_counted():
    assert 1 <= num_processors() <= (os.cpu_count() or 1)


PARENT = """
import os, time
from itemclip_med.workers import worker_pool
if __name__ == "__main__":
    with worker_pool(1, preload=PRELOAD) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60).result()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Linux and macOS")
@pytest.mark.parametrize("preload", [(), ("json",)], ids=["spawned", "forked"])
def test_a_worker_ends_when_its_parent_is_killed(tmp_path, preload):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace("PRELOAD", repr(preload)))
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and is_running(worker):
        time.sleep(0.05)
    assert not is_running(worker)


def is_running(pid):
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


LOADED = """
import sys
from itemclip_med.workers import worker_pool

def loaded(module):
    return module in sys.modules

if __name__ == "__main__":
    with worker_pool(2, preload=("colorsys",)) as pool:
        print(pool.submit(loaded, "colorsys").result(), loaded("colorsys"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked from a server on Linux alone")
def test_workers_share_one_import_that_the_caller_does_not_make(tmp_path):
    script = tmp_path / "loaded.py"
    script.write_text(LOADED)
    assert subprocess.check_output([sys.executable, str(script)], text=True).split() == ["True", "False"]
