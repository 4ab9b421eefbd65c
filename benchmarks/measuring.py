"""What benchmarks share: tasks in processes of their own, resident sizes, rows of JSON."""

from __future__ import annotations

import ctypes
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

MIB = 2**20


def row(
    name: str, value: float, unit: str, ratio_to: str | None = None, ratio: float | None = None
) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "ratio_to": ratio_to, "ratio": ratio}


def start(script: str, **task: Any) -> dict:
    """Run ``script --run TASK`` in a process of its own, so that its peak is its own; its last line is the answer."""
    command = [sys.executable, script, "--run", json.dumps(task)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def resident() -> int:
    """Resident size now, in bytes, freed memory given back; the peak starts again from here where the system allows."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return 1024 * _status("VmRSS")
    except OSError:
        return peak()


def peak() -> int:
    """Largest resident size, in bytes."""
    try:
        return 1024 * _status("VmHWM")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _status(name: str) -> int:
    """A number of kilobytes from this process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
