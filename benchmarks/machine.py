"""What a benchmark ran on: ``python benchmarks/machine.py [--json]``; put its table beside the numbers.

Processors that this process may use, memory, system, versions of what the speed depends on, and the commit.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from itemclip_med import __version__
from itemclip_med.workers import num_processors

PACKAGES = (
    "torch", "monai", "numpy", "scipy", "transformers", "pydicom", "pylibjpeg", "SimpleITK", "nibabel", "blosc2",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    facts = machine_facts()
    if parser.parse_args().json:
        print(json.dumps(facts, indent=1))
        return
    print("| | |\n|---|---|")
    for name, value in facts.items():
        print(f"| {name} | {value} |")


def machine_facts() -> dict[str, str]:
    """Name to value of what the numbers of a benchmark depend on."""
    import torch

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {
        "processors": f"{num_processors()} x {_processor()}, {torch.get_num_threads()} threads in PyTorch",
        "GPU": ", ".join(names) or "none",
        "memory": f"{_memory_gib():.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "itemclip_med": " ".join([__version__, *_commit()]),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    """The processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_gib() -> float:
    """Memory of the machine; not a number where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemTotal:")) / 2**20
    except (OSError, StopIteration):
        return float("nan")


def _commit() -> list[str]:
    """The commit of the checkout, and whether it was changed; nothing outside one."""
    folder = Path(__file__).resolve().parent
    try:
        words = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=10"]
        return [subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()]
    except (OSError, subprocess.CalledProcessError):
        return []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
