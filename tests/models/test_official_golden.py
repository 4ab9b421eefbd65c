"""Published checkpoints: every key of the full-size models, and tiny files imported by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from itemclip_med.cli.main import main
from itemclip_med.models import ItemizedCLIP, load_tokenizer
from itemclip_med.models.official import convert_official, empty_model, official_name, official_weights
from itemclip_med.models.presets import published_preset
from itemclip_med.training import parameter_groups
from tests.golden import assert_close, golden_cases, read_case, require_golden
from tests.models.official_files import config_of, write_tokenizer

pytestmark = pytest.mark.golden

KEY_LISTS = golden_cases("checkpoint_keys_*.json")
TINY = golden_cases("tiny_official_checkpoint_*.expected.json")
TINY_FILES = golden_cases("tiny_official_checkpoint_*.pt")
PREFIX = "module."
# Which of our presets an architecture's recorded name means.
PRESETS = {
    "hlip_base_seriename_81616_itemizedclip": ("brain_mri", "head_ct"),
    "vit_base_singlescan_h2_token2744": ("chest_ct",),
}


def test_cases_are_found():
    require_golden(KEY_LISTS, TINY, TINY_FILES)
    assert [checkpoint_of(path) for path in TINY] == TINY_FILES


def checkpoint_of(path: Path) -> Path:
    return path.with_name(path.name.replace(".expected.json", ".pt"))


def group_names(model, weight_decay=0.2):
    """Published names of the parameters in each of our two groups."""
    names = {id(parameter): PREFIX + official_name(name) for name, parameter in model.named_parameters()}
    return [
        (group["weight_decay"], {names[id(parameter)] for parameter in group["params"]})
        for group in parameter_groups(model, weight_decay)
    ]


@pytest.mark.parametrize("path", KEY_LISTS, ids=lambda path: path.stem)
def test_full_size_models_have_the_published_weights(path):
    recorded = json.loads(path.read_text())
    for name in PRESETS[recorded["vision"]]:
        config = published_preset(name).config
        model = empty_model(config, load_tokenizer(context_length=config.context_length))
        state = {recorded["prefix"] + official_name(key): value for key, value in model.state_dict().items()}
        found = {key: (list(value.shape), str(value.dtype).removeprefix("torch.")) for key, value in state.items()}
        assert found == {key: (entry["shape"], entry["dtype"]) for key, entry in recorded["state_dict"].items()}
        assert len(found) == recorded["num_keys"]
        assert sum(value.numel() for value in state.values()) == recorded["num_parameters"]
        assert config.embed_dim == recorded["embed_dim"]
        assert config.init_log_scale == recorded["init_logit_scale"]
        assert config.init_bias == recorded["init_logit_bias"]
        assert config.context_length == recorded["text_context_length_in_config"]

        weights = {key: torch.empty(entry["shape"], device="meta") for key, entry in recorded["state_dict"].items()}
        weights |= {key: torch.arange(512)[None] for key in recorded["optional_keys"]}  # ignored
        file = dict.fromkeys(recorded["checkpoint_fields"]) | {"state_dict": weights}
        converted = convert_official(official_weights(file, name=path.name), model, name=path.name)
        assert sorted(converted) == sorted(model.state_dict())

        frozen = set(recorded["frozen_in_training"])
        for key, parameter in model.named_parameters():
            parameter.requires_grad_(recorded["prefix"] + official_name(key) not in frozen)
        ours = group_names(model)
        assert [weight_decay for weight_decay, _ in ours] == [
            0.2 if group["weight_decay"] == "wd" else group["weight_decay"] for group in recorded["optimizer_groups"]
        ]
        assert [names for _, names in ours] == [set(group["names"]) for group in recorded["optimizer_groups"]]
        first = 0
        for group in recorded["optimizer_groups"]:
            assert group["first_index"] == first
            first += len(group["names"])
        assert frozen.isdisjoint(ours[0][1] | ours[1][1])
        assert len(frozen | ours[0][1] | ours[1][1]) == recorded["num_keys"]


@pytest.mark.parametrize("path", TINY, ids=lambda path: path.stem)
def test_tiny_checkpoint_is_imported_and_gives_the_recorded_numbers(path, tmp_path):
    expected, _ = read_case(path)
    recorded = load_file(path.with_suffix(".safetensors"))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(config_of(expected)))
    tokenizer = write_tokenizer(tmp_path / "tokenizer", expected["text"]["vocab_size"])
    file, folder = checkpoint_of(path), tmp_path / "model"
    command = ["checkpoint", "import", str(file), "--config", str(config), "--tokenizer", str(tokenizer)]
    result = CliRunner().invoke(main, [*command, "-o", str(folder)])
    assert result.exit_code == 0, result.output

    source = torch.load(file, weights_only=True)
    provenance = json.loads((folder / "provenance.json").read_text())
    assert (provenance["epoch"], provenance["name"]) == (source["epoch"], source["name"])
    assert len(provenance["source_sha256"]) == 64
    assert len(load_file(folder / "model.safetensors")) == len(source["state_dict"])

    model = ItemizedCLIP.from_pretrained(folder)
    assert len(model.tokenizer) == expected["text"]["vocab_size"]
    with torch.no_grad():
        out = model(recorded["in.images"], recorded.get("in.series_tokens"), recorded["in.text_tokens"])
        query = out["text_features"].expand(len(out["image_tokens"]), -1, -1)
        out["pooled"] = out["pool"](query, out["image_tokens"])
    outputs = [name for name in recorded if name.startswith("out.")]
    assert outputs
    for name in outputs:
        assert_close(out[name.removeprefix("out.")], recorded[name], name)
    if "series_names" in expected:
        named = model.encode_study(recorded["in.images"], expected["series_names"])
        assert_close(named.global_, recorded["out.image_features"], "from the names themselves")
    assert recorded["in.text_tokens"].shape[1] == expected["context_length"]
    trained = {name for group in expected["optimizer_groups"] for name in group}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(PREFIX + official_name(name) in trained)
        if not parameter.requires_grad:  # chest CT trains of its text tower nothing but the norms
            assert expected["model"] == "ctrate" and name.startswith("text.encoder.") and "LayerNorm" not in name
    assert [names for _, names in group_names(model)] == [set(names) for names in expected["optimizer_groups"]]
    sizes = [len(group["params"]) for group in source["optimizer"]["param_groups"]]
    assert sizes == [len(names) for names in expected["optimizer_groups"]]
    assert bool(source["optimizer"]["state"]) == (expected["optimizer_state"] == "one AdamW step")
