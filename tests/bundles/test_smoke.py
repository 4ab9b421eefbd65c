"""The commands that the READMEs show do what they say: every bundle's road on phantoms, as a user would type it."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from itemclip_med.store import Store
from itemclip_med.zeroshot import load_task
from tests.bundles.making import BUNDLES, save_smoke_model, smoke_parser, write_random_store

EACH = pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
MAX_SECONDS = 180


def commands_of(folder: Path, heading: str) -> str:
    """The first block of commands below a heading of a bundle's README."""
    readme = (folder / "docs" / "README.md").read_text()
    section = re.split(r"^###? ", readme.partition(f"### {heading}\n")[2], flags=re.MULTILINE)[0]
    return re.search(r"```bash\n(.*?)```", section, re.DOTALL)[1]


def environment(tmp_path: Path) -> dict[str, str]:
    """This checkout, one thread a process, and the commands `python` and `itemclip-med` of this interpreter."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name, module in (("python", ""), ("itemclip-med", "-m itemclip_med.cli.main")):
        script = bin_dir / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
        script.chmod(0o755)
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}",
    }


def run(script: str, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-ec", script], cwd=cwd, env=env, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def processor_seconds() -> float:
    """Processor time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def check_evaluation(out: Path, store: Store, task) -> None:
    scores = read_table(out / "scores.csv")
    assert list(scores[0]) == ["study_id", *task.names]
    assert {row["study_id"] for row in scores} < {study.study_id for study in store.studies}
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["num_studies"] == len(scores)
    assert set(metrics["findings"]) == set(task.names)


def check_inference(out: Path, task) -> None:
    (scores,) = read_table(out / "scores.csv")
    (study,) = json.loads((out / "scores.json").read_text())["studies"]
    assert {row["name"]: pytest.approx(row["score"], abs=2e-6) for row in study["findings"]} == {
        name: float(scores[name]) for name in task.names
    }
    assert [row["score"] for row in study["findings"]] == sorted((float(scores[n]) for n in task.names), reverse=True)
    store = Store(out / "store")
    series = store.studies[0].series
    drawn = [row for row in study["findings"] if row["heatmaps"]]
    assert drawn == study["findings"][:3]
    for row in drawn:
        for path in row["heatmaps"]:
            image = nib.load(out / path)
            values = image.get_fdata()
            assert np.isfinite(values).all()
            assert values.min() >= 0
            assert any(
                image.shape == tuple(s.shape) and np.allclose(image.affine, np.array(s.affine), atol=1e-4)
                for s in series
            )


@pytest.mark.long
@EACH
def test_the_road_of_the_readme_on_phantoms_takes_three_minutes(folder, tmp_path):
    env = environment(tmp_path)
    start, before = time.monotonic(), processor_seconds()
    run(commands_of(folder, "On phantoms"), tmp_path, env)
    seconds, busy = time.monotonic() - start, processor_seconds() - before
    print(f"{folder.name}: {seconds:.0f} s, {busy:.0f} s of processor time")
    task = load_task(smoke_parser(folder)["task"])
    losses = read_table(tmp_path / "runs" / "smoke" / "losses.csv")
    assert all(np.isfinite(float(row["total"])) for row in losses)
    check_evaluation(tmp_path / "evaluation", Store(tmp_path / "store"), task)
    check_inference(tmp_path / "scores", task)
    # A busy machine makes it wait: the processor time is what two cores would need at most.
    assert min(seconds, busy) < MAX_SECONDS


@pytest.mark.long
@EACH
def test_commands_of_the_readme_fine_tune_and_publish(folder, tmp_path):
    env = environment(tmp_path) | {"B": str(folder / "configs")}
    write_random_store(tmp_path / "STORE", folder)
    model = save_smoke_model(folder, tmp_path / "MODEL")
    probe = commands_of(folder, "Fine-tune on labels").replace("'$B/train.json'", "'$B/train.json','$B/smoke.json'")
    probe = probe.strip().removesuffix("\n") + " --epochs 2"
    for mode, features in (("probe", "global"), ("full", "prompts")):
        out = f"runs/{mode}"
        command = probe.replace("--mode probe", f"--mode {mode} --features {features}")
        run(command.replace("runs/probe", out), tmp_path, env)
        assert (tmp_path / out / "exported" / "last" / "head.safetensors").is_file()
        scoring = command.replace("run training", "run evaluating").replace("runs/probe", f"scored_{mode}")
        run(scoring.replace("--model MODEL", f"--model {out}/exported/last"), tmp_path, env)
        assert len(read_table(tmp_path / f"scored_{mode}" / "scores.csv")) == 2
    short = folder.name.removesuffix("_itemclip")
    (tmp_path / "runs" / short / "exported").mkdir(parents=True)
    model.rename(tmp_path / "runs" / short / "exported" / "best")
    evaluate = commands_of(folder, "Evaluate").replace("'$B/train.json'", "'$B/train.json','$B/smoke.json'")
    evaluate = evaluate.replace("--part test", "--part val").replace("MODEL", f"runs/{short}/exported/best")
    run(evaluate, tmp_path, env)
    run(commands_of(folder, "Publish"), tmp_path, env)
    assert "mean AUC" in (tmp_path / "DEST" / "README.md").read_text()


def test_a_bundle_trains_and_scores_with_monais_command(tmp_path):
    folder = next(folder for folder in BUNDLES if folder.name == "chest_ct_itemclip")
    env = environment(tmp_path) | {"B": str(folder / "configs")}
    store = write_random_store(tmp_path / "store", folder)
    commands = commands_of(folder, "On phantoms").replace("\\\n", "").splitlines()
    for word in ("run training", "run evaluating"):
        (command,) = [line for line in commands if word in line]
        run(command + " --epochs 1" * (word == "run training"), tmp_path, env)
    check_evaluation(tmp_path / "evaluation", store, load_task("ctrate18"))


def test_inference_scores_nifti_and_draws_heatmaps(tmp_path):
    from monai.bundle import ConfigParser

    folder = next(folder for folder in BUNDLES if folder.name == "chest_ct_itemclip")
    random = np.random.default_rng(0)
    body = np.full((48, 48, 24), -1000, np.int16)
    body[8:40, 8:40] = random.integers(0, 60, (32, 32, 24))
    nib.save(nib.Nifti1Image(body, np.diag([7.0, 7.0, 8.0, 1.0])), tmp_path / "chest.nii.gz")
    parser = ConfigParser()
    parser.read_config(str(folder / "configs" / "inference.json"))
    model = save_smoke_model(folder, tmp_path / "model")
    values = {"source": str(tmp_path / "chest.nii.gz"), "output_dir": str(tmp_path / "out"), "model": str(model)}
    parser.update(values | {"device": "cpu", "amp": False})
    parser.get_parsed_content("run")
    check_inference(tmp_path / "out", load_task("ctrate18"))


def test_inference_without_weights_says_what_to_name(tmp_path):
    from itemclip_med.errors import ModelError
    from itemclip_med.predict import require_weights

    with pytest.raises(ModelError, match=r"holds no weights .* --model"):
        require_weights("", tmp_path / "models" / "model.pt")
    require_weights("some_model", tmp_path / "models" / "model.pt")
