"""Bundles in processes of their own, with the demo's small setting on phantoms."""

from __future__ import annotations

import csv
import multiprocessing
import os
import runpy
import socket
import sys
from pathlib import Path

from itemclip_med.predict import DemoSettings
from itemclip_med.predict.demo import make_stores
from itemclip_med.resources import bundles_dir

CONFIGS = bundles_dir() / "head_ct_itemclip" / "configs"


def make_store(folder: Path, num: int = 14) -> Path:
    """A store of head CT phantoms with items."""
    return make_stores(folder, DemoSettings(num_train=num, num_test=1, workers=1), say=lambda line: None)["train"]


def training_command(store: Path, folder: Path, batch_size: int, processes: int = 1, **settings: object) -> list[str]:
    """MONAI's command that trains the bundle; ``settings`` are ids of the configuration, ``__`` for ``::``."""
    overlays = ["train.json", "demo.json"] + (["multi_gpu_train.json"] if processes > 1 else [])
    configs = "[" + ",".join(f"'{CONFIGS / name}'" for name in overlays) + "]"
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher = [*launcher, "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", "-m"]
    values = {"val_share": 0.2, "log_interval": 1, "tensorboard": False, "warmup_steps": 1, "epochs": 2} | settings
    return [
        *launcher, "monai.bundle", "run", "training",
        "--meta_file", f"['{CONFIGS / 'metadata.json'}','{CONFIGS / 'demo_metadata.json'}']",
        "--logging_file", str(CONFIGS / "logging.conf"), "--config_file", configs,
        "--store", str(store), "--output_dir", str(folder), "--batch_size", str(batch_size),
        *(part for name, value in values.items() for part in (f"--{name.replace('__', '::')}", str(value))),
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """One thread a process, and this checkout."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file that is whole."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def start_forked(command: list[str], folder: Path, processes: int = 1) -> list[multiprocessing.Process]:
    """Start a :func:`training_command` in forks of a process that has imported everything, each with its own group.

    Several processes get what torchrun would tell them.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.bundles.imported"])
    arguments = command[command.index("monai.bundle") + 1 :]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(processes):
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port} if processes > 1 else {}
        told = {"MASTER_ADDR": "127.0.0.1"} | {name: str(value) for name, value in told.items()}
        started.append(context.Process(target=_run, args=(arguments, folder, told)))
        started[-1].start()
    return started


def _run(arguments: list[str], folder: Path, told: dict[str, str]) -> None:
    import torch

    os.setsid()
    os.environ.update(told)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    with open("log", "ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    torch.set_num_threads(1)
    sys.argv = ["monai.bundle", *arguments]
    runpy.run_module("monai.bundle", run_name="__main__")
