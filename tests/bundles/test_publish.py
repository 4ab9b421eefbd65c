"""A bundle's copy with weights: what the command writes, what it says of the model, what it leaves to do."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
import yaml
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.models import ItemizedCLIP
from itemclip_med.training import publish
from tests.bundles.making import BUNDLES, save_smoke_model

FOLDER = next(folder for folder in BUNDLES if folder.name == "brain_mri_itemclip")
METRICS = {
    "task": "pubbrain5",
    "num_studies": 40,
    "mean": {"auc": 0.8125},
    "findings": {
        "Normal": {"num_positive": 10, "num_negative": 30, "auc": 0.8125, "auc_ci": [0.7, 0.9]},
        "Glioma": {"num_positive": 0, "num_negative": 40, "auc": None, "auc_ci": None},
    },
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_smoke_model(FOLDER, tmp_path_factory.mktemp("models") / "model")


def run(*arguments):
    return CliRunner().invoke(main, ["bundle", "copy", FOLDER.name, *map(str, arguments)])


def test_the_copy_says_what_the_model_is_and_can(model, tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    dest = tmp_path / "out"
    result = run(
        dest, "--model", model, "--metrics", tmp_path / "metrics.json", "--trained-on", "phantoms of seed 1",
        "--license", "cc-by-nc-sa-4.0", "--weights-url", "https://example.org/model.pt",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Still to do" not in result.output
    card = (dest / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "cc-by-nc-sa-4.0"
    assert "phantoms of seed 1" in card
    assert "| Normal | 10 | 30 | 0.812 | 0.700 to 0.900 |" in card
    assert "| Glioma | 0 | 40 | undefined |  |" in card
    assert "A heatmap shows where the model looked" in card
    assert (dest / "docs" / "data_license.txt").read_text().strip() in card
    readme = (dest / "docs" / "README.md").read_text()
    assert "mean AUC 0.812" in readme
    assert "No weights" not in " ".join(readme.split())
    assert "Not a medical device.**" in " ".join(readme.split())
    metadata = json.loads((dest / "configs" / "metadata.json").read_text())
    assert metadata["eval_metrics"] == {"pubbrain5_mean_auc": 0.8125}
    assert metadata["data_source"] == "phantoms of seed 1"
    (large,) = yaml.safe_load((dest / "large_files.yml").read_text())["large_files"]
    assert large["hash_val"] == hashlib.sha256((dest / large["path"]).read_bytes()).hexdigest()


def test_both_forms_of_the_weights_are_the_models(model, tmp_path):
    assert run(tmp_path / "out", "--model", model).exit_code == 0
    expected = ItemizedCLIP.from_pretrained(model).state_dict()
    pickled = torch.load(tmp_path / "out" / "models" / "model.pt", weights_only=True)
    loaded = ItemizedCLIP.from_pretrained(tmp_path / "out").state_dict()
    assert all(
        torch.equal(value, pickled[name]) and torch.equal(value, loaded[name]) for name, value in expected.items()
    )


def test_what_is_not_known_is_left_to_do(model, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "LARGE_FILE_BYTES", 1000)
    output = run(tmp_path / "out", "--model", model).output
    for words in ("the zoo takes 25", "what the model was trained on", "No results are given"):
        assert words in output
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Not stated by whoever made this copy." in card
    assert yaml.safe_load(card.split("---")[1])["license_link"] == "docs/data_license.txt"


def test_words_about_weights_need_weights(tmp_path):
    result = run(tmp_path / "out", "--trained-on", "phantoms")
    assert result.exit_code == 2
    assert "give --model too" in result.output


def test_a_model_that_is_not_there_leaves_nothing_behind(tmp_path):
    result = run(tmp_path / "out", "--model", tmp_path / "nothing")
    assert result.exit_code == 2
    assert "no such folder" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"task": "x"}'])
def test_a_file_that_is_no_metrics_is_refused(tmp_path, text, model):
    (tmp_path / "metrics.json").write_text(text)
    result = run(tmp_path / "out", "--model", model, "--metrics", tmp_path / "metrics.json")
    assert result.exit_code == 1
    assert "metrics.json of an evaluation" in result.output
