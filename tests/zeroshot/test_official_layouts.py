"""From a download to a report in every official layout: phantoms, `preprocess dataset`, `zeroshot run`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.models import ItemizedCLIP
from itemclip_med.transforms import ModelInput

# Kind and layout of the phantoms, part of them that is the download, recipe, label file there, tasks.
LAYOUTS = [
    ("chest-ct", "ct-rate", "", "ct_rate", "dataset/multi_abnormality_labels/train_predicted_labels.csv",
     ["ctrate16", "ctrate18"]),
    ("chest-ct", "rad-chestct", "rad-chestct", "rad_chestct", "rad-chestct",
     ["radchest14", "radchest15", "radchest16-std", "radchest16-ext"]),
    ("head-ct", "rsna", "rsna", "rsna_ich", "rsna/stage_2_train.csv", ["rsna5", "rsna6"]),
    ("head-ct", "cq500", "cq500", "cq500", "cq500/reads.csv", ["cq500-10", "cq500-11"]),
    ("brain-mri", "pub-brain-5", "pub_brain_5", "pub_brain_5", "pub_brain_5/pub_brain_5.csv", ["pubbrain5"]),
]  # fmt: skip


def run(*arguments):
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The shipped model, and its weights with the input of MR: what they score does not matter here."""
    shipped = ItemizedCLIP.from_pretrained("head_ct_phantom")
    grid = tuple(shipped.preprocessing["grid"])
    shipped.preprocessing = ModelInput("MR", grid, {}, percentiles=(0.5, 99.5), depth="auto").to_dict()
    return {"ct": "head_ct_phantom", "mri": shipped.save_pretrained(tmp_path_factory.mktemp("model") / "mr")}


@pytest.mark.long
@pytest.mark.e2e
@pytest.mark.parametrize(("kind", "layout", "part", "recipe", "labels", "tasks"), LAYOUTS, ids=lambda each: str(each))
def test_a_download_ends_as_a_report(tmp_path, models, kind, layout, part, recipe, labels, tasks):
    phantoms, store = tmp_path / "phantoms", tmp_path / "store"
    run("phantom", "make", kind, phantoms, "--num", 8, "--seed", 3, "--layout", layout, "--workers", 1)
    run("preprocess", "dataset", phantoms / part, store, "--recipe", recipe, "--workers", 1)
    for task in tasks:
        out = tmp_path / task
        text = run(
            "zeroshot", "run", store, "--task", task, "--model", models[kind.split("-")[-1]], "--labels",
            phantoms / labels, "-o", out, "--embeddings", tmp_path / "embeddings", "--bootstraps", 100,
            "--published-quirks",
        )  # fmt: skip
        result = json.loads((out / "metrics.json").read_text())
        assert result["task"] == task
        assert result["num_studies"] >= 5
        assert any(numbers["auc"] is not None for numbers in result["findings"].values())
        assert f"Protocol {task}:" in text
        page = (out / "report.html").read_text()
        assert "data:image/png;base64," in page and "<svg" in page
        assert "src='http" not in page and "<script" not in page
