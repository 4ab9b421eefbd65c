"""The bundle on two processes: the same objective as on one, one set of files."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from itemclip_med.predict import DemoSettings
from itemclip_med.predict.demo import make_stores
from itemclip_med.resources import bundles_dir

CONFIGS = bundles_dir() / "head_ct_itemclip" / "configs"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """Fourteen phantoms with items."""
    out = tmp_path_factory.mktemp("phantoms")
    settings = DemoSettings(num_train=14, num_test=1, workers=1)
    return make_stores(out, settings, say=lambda line: None)["train"]


def train(store: Path, folder: Path, batch_size: int, processes: int = 1, epochs: int = 2) -> list[dict[str, str]]:
    """Run the bundle with MONAI's command; the rows of its losses."""
    overlays = ["train.json", "demo.json"] + (["multi_gpu_train.json"] if processes > 1 else [])
    configs = "[" + ",".join(f"'{CONFIGS / name}'" for name in overlays) + "]"
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher = [*launcher, "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", "-m"]
    command = [
        *launcher, "monai.bundle", "run", "training",
        "--meta_file", f"['{CONFIGS / 'metadata.json'}','{CONFIGS / 'demo_metadata.json'}']",
        "--logging_file", str(CONFIGS / "logging.conf"), "--config_file", configs,
        "--store", str(store), "--output_dir", str(folder), "--epochs", str(epochs), "--batch_size", str(batch_size),
        "--val_share", "0.2", "--log_interval", "1", "--tensorboard", "False", "--warmup_steps", "1",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=500, cwd=store.parent)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    with (folder / "losses.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def runs(store, tmp_path_factory) -> dict[int, tuple[Path, list[dict[str, str]]]]:
    """Number of processes to folder and rows; both see four studies a step."""
    folders = {processes: tmp_path_factory.mktemp(f"run{processes}") for processes in (1, 2)}
    return {
        processes: (folder, train(store, folder, 4 // processes, processes)) for processes, folder in folders.items()
    }


def test_two_processes_have_the_loss_of_one(runs):
    one, two = runs[1][1], runs[2][1]
    assert [row["iteration"] for row in one] == [row["iteration"] for row in two]
    for term in ("ila", "kta", "mps", "iis", "total"):
        assert float(two[0][term]) == pytest.approx(float(one[0][term]), rel=1e-4)
        assert float(two[-1][term]) == pytest.approx(float(one[-1][term]), rel=2e-2)


def test_two_processes_validate_on_all_studies_and_write_once(runs):
    for folder, _ in runs.values():
        with (folder / "validation.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 1
        assert (folder / "exported" / "last" / "model.safetensors").is_file()
        assert len(list((folder / "checkpoints").glob("*.pt"))) == 2
        assert "earlier" not in json.loads((folder / "run.json").read_text())
    values = [(folder / "validation.csv").read_text() for folder, _ in runs.values()]
    assert values[0].splitlines()[0] == values[1].splitlines()[0]
