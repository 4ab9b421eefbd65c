"""The bundle on two processes: the same objective as on one, one set of files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.bundles.running import environment, make_store, read_rows, training_command


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """Fourteen phantoms with items."""
    return make_store(tmp_path_factory.mktemp("phantoms"))


def train(store: Path, folder: Path, batch_size: int, processes: int = 1) -> list[dict[str, str]]:
    """Run the bundle with MONAI's command; the rows of its losses."""
    command = training_command(store, folder, batch_size, processes)
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=500, cwd=store.parent)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return read_rows(folder / "losses.csv")


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
        assert len(read_rows(folder / "validation.csv")) == 1
        assert (folder / "exported" / "last" / "model.safetensors").is_file()
        assert len(list((folder / "checkpoints").glob("*.pt"))) == 2
        assert "earlier" not in json.loads((folder / "run.json").read_text())
    values = [(folder / "validation.csv").read_text() for folder, _ in runs.values()]
    assert values[0].splitlines()[0] == values[1].splitlines()[0]
