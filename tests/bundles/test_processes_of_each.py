"""Every bundle on two processes: the first step has the loss of one process with the whole batch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bundles.making import BUNDLES, write_random_store
from tests.bundles.running import environment, read_rows

TERMS = ("ila", "kta", "mps", "iis", "total")


def train(folder, store, out, processes):
    """One epoch of the smoke setting, four studies a step; the rows of its losses."""
    names = ["train.json", "smoke.json"] + (["multi_gpu_train.json"] if processes > 1 else [])
    files = ",".join(f"'{folder / 'configs' / name}'" for name in names)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    command = [
        sys.executable, *launcher, "-m", "monai.bundle", "run", "training", "--config_file", f"[{files}]",
        "--store", str(store.root), "--output_dir", str(out), "--epochs", "1", "--log_interval", "1",
        "--batch_size", str(4 // processes),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=500, cwd=out.parent)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return read_rows(out / "losses.csv")


@pytest.mark.long
@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
def test_two_processes_start_with_the_loss_of_one(folder, tmp_path):
    store = write_random_store(tmp_path / "store", folder, ("train",) * 8 + ("val", "val"))
    one, two = (train(folder, store, tmp_path / f"run{count}", count) for count in (1, 2))
    assert len(one) == len(two) == 2
    for term in TERMS:
        assert float(two[0][term]) == pytest.approx(float(one[0][term]), rel=1e-4)
        assert float(two[1][term]) == pytest.approx(float(one[1][term]), rel=2e-2)
