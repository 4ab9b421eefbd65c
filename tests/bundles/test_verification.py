"""MONAI's own verification and the zoo's rules, for every bundle and for its copy with weights; no network."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigWorkflow, load, verify_metadata, verify_net_in_out

from itemclip_med.models import ItemizedCLIP
from itemclip_med.training.publish import LARGE_FILE_BYTES, copy_bundle
from tests.bundles.making import BUNDLES, save_smoke_model, smoke_parser, write_random_store

SCHEMA = Path(os.environ.get("ITEMCLIP_MONAI_SCHEMA", Path(__file__).with_name("metadata_schema.json")))
EACH = pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """From a bundle to its copy with the weights of an untrained smoke model; made once each."""
    made = {}

    def make(folder):
        if folder not in made:
            out = tmp_path_factory.mktemp(folder.name)
            model = save_smoke_model(folder, out / "model")
            copy_bundle(folder, out / folder.name, model=model)
            made[folder] = out / folder.name
        return made[folder]

    return make


@pytest.fixture(autouse=True)
def plain_logging():
    """MONAI's workflows set up logging anew; put it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def check_metadata(path, tmp_path):
    schema = tmp_path / "schema.json"
    shutil.copy(SCHEMA, schema)
    verify_metadata(meta_file=str(path), filepath=str(schema))


@EACH
def test_metadata_fits_the_schema(folder, tmp_path):
    check_metadata(folder / "configs" / "metadata.json", tmp_path)


def test_a_wrong_entry_of_metadata_is_found(tmp_path):
    values = json.loads((BUNDLES[0] / "configs" / "metadata.json").read_text())
    values["network_data_format"]["inputs"]["image"]["num_channels"] = "one"
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match="Failed validating"):
        check_metadata(path, tmp_path)


@EACH
def test_metadata_tells_the_inputs_and_outputs_of_the_recipe(folder):
    metadata = json.loads((folder / "configs" / "metadata.json").read_text())
    train = json.loads((folder / "configs" / "train.json").read_text())
    image = metadata["network_data_format"]["inputs"]["image"]
    assert image["spatial_shape"] == train["model_input"]["grid"]
    assert image["modality"] == train["model_input"]["modality"]
    assert ("series" in metadata["network_data_format"]["inputs"]) == train["model_config"]["series_names"]
    assert metadata["network_data_format"]["outputs"]["pred"]["num_channels"] == train["model_config"]["embed_dim"]
    names = smoke_parser(folder).get_parsed_content("task_def").names
    channels = metadata["post_processed_outputs"]["pred"]["channel_def"]
    assert list(channels.values()) == [f"cosine of {name}" for name in names]
    assert metadata["post_processed_outputs"]["pred"]["num_channels"] == len(names)


@pytest.mark.long
@EACH
@pytest.mark.parametrize("config", ["train.json", "inference.json"])
def test_the_network_at_full_size_takes_and_gives_what_the_metadata_say(folder, config):
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(folder / "configs" / "metadata.json"),
        config_file=str(folder / "configs" / config),
        device="cpu",
        **{"model_config::text": "small"},  # the named text encoder is a download; the image tower is as configured
    )


@EACH
@pytest.mark.parametrize("config", ["train.json", "inference.json"])
def test_a_published_network_takes_and_gives_what_its_metadata_say(folder, config, published):
    configs = published(folder) / "configs"
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(configs / "metadata.json"),
        config_file=str(configs / config),
        device="cpu",
    )


@EACH
def test_a_wrong_number_of_channels_is_found(folder, published, tmp_path):
    configs = published(folder) / "configs"
    values = json.loads((configs / "metadata.json").read_text())
    values["network_data_format"]["outputs"]["pred"]["num_channels"] += 1
    (tmp_path / "metadata.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match="output channel number"):
        verify_net_in_out(
            net_id="network_def",
            meta_file=str(tmp_path / "metadata.json"),
            config_file=str(configs / "inference.json"),
            device="cpu",
        )


@EACH
def test_properties_of_training_and_inference_are_there(folder, published, tmp_path):
    store = write_random_store(tmp_path / "store", folder)
    options = {"meta_file": str(folder / "configs" / "metadata.json"), "logging_file": False, "amp": False}
    training = ConfigWorkflow(
        config_file=[str(folder / "configs" / name) for name in ("train.json", "smoke.json")],
        workflow_type="train",
        store=str(store.root),
        output_dir=str(tmp_path / "run"),
        initialize=[],  # seeds and hooks of a process of its own
        **options,
    )
    training.initialize()
    assert training.check_properties() == []
    inference = ConfigWorkflow(
        config_file=str(folder / "configs" / "inference.json"),
        workflow_type="infer",
        source=str(store.root),
        model=str(published(folder)),
        output_dir=str(tmp_path / "out"),
        **options,
    )
    inference.initialize()
    assert inference.check_properties() == []


@EACH
def test_a_copy_with_weights_keeps_the_zoos_rules(folder, published, tmp_path):
    copy = published(folder)
    for name in ("LICENSE", "configs/metadata.json", "configs/inference.json", "configs/train.json", "models/model.pt"):
        assert (copy / name).is_file()
    check_metadata(copy / "configs" / "metadata.json", tmp_path)
    assert folder.name == folder.name.lower()
    assert [path for path in copy.rglob("*") if path.is_file() and path.stat().st_size > LARGE_FILE_BYTES] == []
    texts = [path for path in copy.rglob("*") if path.suffix in (".json", ".md", ".txt", ".conf")]
    assert [path for path in texts if str(Path.home()) in path.read_text() or "/tmp/" in path.read_text()] == []


@EACH
def test_monai_loads_a_copy_from_another_folder(folder, published, tmp_path, monkeypatch):
    copy = published(folder)
    monkeypatch.chdir(tmp_path)
    loaded = load(copy.name, bundle_dir=str(copy.parent), workflow_type="inference", device="cpu")
    expected = ItemizedCLIP.from_pretrained(copy).state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())
