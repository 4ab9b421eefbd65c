"""`predict` with a copied bundle: its weights, as a model folder or as MONAI's models/model.pt; none of its code."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
import torch
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.errors import ModelError
from itemclip_med.models import ItemizedCLIP
from itemclip_med.predict.asked import from_bundle
from itemclip_med.predict.bundles import find_weights, load_model
from itemclip_med.resources import bundles_dir
from itemclip_med.training.publish import copy_bundle
from itemclip_med.volumes import write_nifti
from tests.bundles.making import save_smoke_model
from tests.explain.making import head

SOURCE = bundles_dir() / "head_ct_itemclip"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_smoke_model(SOURCE, tmp_path_factory.mktemp("model") / "mine")


@pytest.fixture
def copied(model, tmp_path):
    copy_bundle(SOURCE, tmp_path / "copied", model=model)
    return tmp_path / "copied"


def without_model_folder(folder):
    """What MONAI's zoo keeps of a bundle."""
    for path in folder.iterdir():
        if path.is_file() and path.name not in ("LICENSE", "README.md"):
            path.unlink()
    return folder


def change_inference(folder, **changes):
    path = folder / "configs" / "inference.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def predict(*arguments):
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


@pytest.mark.parametrize("keep", ["model folder", "models/model.pt"])
def test_a_copied_bundle_predicts_with_its_own_weights(copied, model, tmp_path, keep):
    if keep == "models/model.pt":
        without_model_folder(copied)
    write_nifti(head((48, 64, 30)), torch.diag(torch.tensor([-3.0, -2, 5, 1])).numpy(), tmp_path / "head.nii.gz")
    scores = {}
    for name, chosen in {"bundle": ["--bundle", copied], "model": ["--model", model]}.items():
        done = predict(tmp_path / "head.nii.gz", *chosen, "-o", tmp_path / name, "--format", "nifti")
        assert done.exit_code == 0, done.output
        values = json.loads((tmp_path / name / "scores.json").read_text())
        scores[name] = {entry["name"]: entry["score"] for entry in values["findings"]}
    assert scores["bundle"] == scores["model"]
    assert json.loads((tmp_path / "bundle" / "scores.json").read_text())["model"] == "copied"


def test_monais_weights_are_those_of_the_model(copied, model):
    found, expected = load_model(without_model_folder(copied)), ItemizedCLIP.from_pretrained(model)
    assert found.preprocessing == expected.preprocessing
    assert not found.training
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in expected.state_dict().items())


def test_expressions_of_the_shipped_configuration_are_known(copied, model):
    entries = json.loads((without_model_folder(copied) / "configs" / "inference.json").read_text())
    shipped = json.loads((SOURCE / "configs" / "inference.json").read_text())["model_config"]
    kept = {name: shipped[name] for name in ("image_size", "in_channels")}
    assert all(value.startswith("$") for value in kept.values())
    change_inference(copied, model_config=entries["model_config"] | kept)
    assert load_model(copied).config == ItemizedCLIP.from_pretrained(model).config


def test_other_expressions_are_not_run(copied, tmp_path):
    entries = json.loads((without_model_folder(copied) / "configs" / "inference.json").read_text())
    run = f"$open({str(tmp_path / 'ran')!r}, 'w').close() or 48"
    for name in ("model_config", "model_input"):
        change_inference(copied, **{name: entries[name] | {"std": run, "width": run}})
        with pytest.raises(ModelError, match="expressions of bundles are not run"):
            load_model(copied)
    assert not (tmp_path / "ran").exists()


def test_pickled_objects_are_refused(copied, tmp_path):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    (without_model_folder(copied) / "models" / "model.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError, match=r"model\.pt"):
        load_model(copied)
    assert not (tmp_path / "ran").exists()


def test_a_recipe_of_the_bundles_own_is_not_taken(copied):
    change_inference(copied, recipe="configs/evil.yaml")
    with pytest.raises(ModelError, match="name one with --recipe"):
        from_bundle(str(copied))


def test_a_copy_without_weights_asks_for_a_model(tmp_path):
    shutil.copytree(SOURCE, tmp_path / "head_ct_itemclip")
    assert find_weights(tmp_path / "head_ct_itemclip") == ""
    with pytest.raises(ModelError, match="without weights"):
        from_bundle(str(tmp_path / "head_ct_itemclip"))


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000])
def test_a_damaged_configuration_is_told(copied, text):
    (copied / "configs" / "inference.json").write_text(text)
    with pytest.raises(ModelError, match="no JSON object"):
        from_bundle(str(copied))


def test_weights_of_another_network_are_told(copied):
    entries = json.loads((without_model_folder(copied) / "configs" / "inference.json").read_text())
    change_inference(copied, model_config=entries["model_config"] | {"embed_dim": 32})
    with pytest.raises(ModelError, match="from the same copy of the bundle"):
        load_model(copied)
