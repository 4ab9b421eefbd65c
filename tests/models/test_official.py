"""Importing a checkpoint of the published layout: what is written, and what is refused with which words."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile

import pytest
import torch
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.errors import ModelError
from itemclip_med.models import ItemizedCLIP, ItemizedCLIPConfig, describe_model, import_official, load_tokenizer
from itemclip_med.models.official import empty_model, official_name
from itemclip_med.models.presets import PUBLISHED, published_preset
from itemclip_med.models.weight_files import read_weight_file
from itemclip_med.transforms import ModelInput
from tests.models.official_files import write_tokenizer

CONFIG = {
    "image_size": [8, 16, 16],
    "patch_size": [4, 8, 8],
    "width": 24,
    "num_heads": 4,
    "block_levels": ["series", "study"],
    "series_names": True,
    "series_name_depth": 1,
    "embed_dim": 32,
    "pool_heads": 4,
    "context_length": 12,
    "text": {
        "source": "nobody/nothing",
        "architecture": {
            "model_type": "bert",
            "vocab_size": 40,
            "hidden_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 48,
            "max_position_embeddings": 16,
        },
    },
}
PREPROCESSING = published_preset("brain_mri").preprocessing


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"), 40)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    return ItemizedCLIP(
        ItemizedCLIPConfig.from_dict(CONFIG), tokenizer=load_tokenizer(tokenizer), pretrained_text=False
    ).eval()


@pytest.fixture
def weights(model):
    """A model's weights under their published names."""
    return {f"module.{official_name(name)}": value.clone() for name, value in model.state_dict().items()}


@pytest.fixture
def run(tmp_path, tokenizer):
    """Import a checkpoint by the command line; gives the result and the folder."""
    config = tmp_path / "tiny.json"
    config.write_text(json.dumps(CONFIG | {"preprocessing": dict(PREPROCESSING)}))

    def run(contents, *, config=config, tokenizer=tokenizer, out="models/new"):
        file = tmp_path / "epoch_3.pt"
        if contents is not None:
            torch.save(contents, file)
        command = ["checkpoint", "import", str(file), "--config", str(config), "-o", str(tmp_path / out)]
        command += ["--tokenizer", str(tokenizer)] if tokenizer else []
        return CliRunner().invoke(main, command), tmp_path / out

    return run


def refused(result, folder, pattern):
    """One line that says why, and nothing left on disk."""
    assert result.exit_code == 1, result.output
    lines = result.output.strip().splitlines()
    assert len(lines) == 1
    assert re.search(pattern, lines[0]), lines[0]
    assert not folder.exists()
    assert not folder.parent.exists() or [path for path in folder.parent.iterdir() if "part" in path.name] == []


def test_folder_holds_the_model_and_where_it_came_from(run, weights, model, tmp_path):
    result, folder = run({"epoch": 3, "name": "a run", "state_dict": weights, "optimizer": {"state": {}}})
    assert result.exit_code == 0, result.output
    assert {"model.safetensors", "config.json", "preprocessing.json", "provenance.json", "tokenizer.json"} <= {
        path.name for path in folder.iterdir()
    }
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["source_sha256"] == hashlib.sha256((tmp_path / "epoch_3.pt").read_bytes()).hexdigest()
    assert (provenance["epoch"], provenance["name"], provenance["config"]) == (3, "a run", "tiny.json")
    loaded = ItemizedCLIP.from_pretrained(folder)
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert ModelInput.from_dict(loaded.preprocessing).grid == (48, 224, 224)
    assert loaded.config.text.source == "nobody/nothing"
    assert describe_model(folder)["provenance"] == provenance


@pytest.mark.parametrize("kind", ["without module.", "weights alone", "half precision", "old position_ids"])
def test_harmless_variants_are_taken(run, weights, model, kind):
    contents = {"epoch": 3, "name": "a run", "state_dict": weights}
    if kind == "without module.":
        contents["state_dict"] = {name.removeprefix("module."): value for name, value in weights.items()}
    elif kind == "weights alone":
        contents = weights
    elif kind == "half precision":
        contents["state_dict"] = {name: value.half() for name, value in weights.items()}
    else:
        weights["module.text.transformer.embeddings.position_ids"] = torch.arange(16)[None]
    result, folder = run(contents)
    assert result.exit_code == 0, result.output
    loaded = ItemizedCLIP.from_pretrained(folder)
    assert loaded.logit_bias.dtype == torch.float32
    tolerance = 1e-3 if kind == "half precision" else 0
    assert torch.allclose(loaded.visual_proj.weight, model.visual_proj.weight, atol=tolerance)


def test_table_of_scans_is_known_by_its_other_name(tmp_path, tokenizer):
    config = CONFIG | {"series_names": False, "max_series": 3, "block_levels": ["slice", "study"]}
    source = ItemizedCLIP(
        ItemizedCLIPConfig.from_dict(config), tokenizer=load_tokenizer(tokenizer), pretrained_text=False
    )
    names = {name: official_name(name).replace("series_posemb", "sequential_posemb") for name in source.state_dict()}
    assert "visual.trunk.sequential_posemb" in names.values()
    torch.save({"state_dict": {names[k]: v for k, v in source.state_dict().items()}}, tmp_path / "scan.pt")
    (tmp_path / "scan.json").write_text(json.dumps(config))
    made = import_official(tmp_path / "scan.pt", tmp_path / "scan.json", tmp_path / "new", tokenizer=tokenizer)
    assert not made.has_preprocessing and not (tmp_path / "new" / "preprocessing.json").exists()
    assert made.num_tensors == len(names) and made.epoch is None


def test_safetensors_file_is_imported_too(tmp_path, tokenizer, weights):
    from safetensors.torch import save_file

    save_file(weights, str(tmp_path / "weights.safetensors"))
    (tmp_path / "tiny.json").write_text(json.dumps(CONFIG))
    made = import_official(
        tmp_path / "weights.safetensors", tmp_path / "tiny.json", tmp_path / "new", tokenizer=tokenizer
    )
    assert made.num_tensors == len(weights)


def test_config_without_preprocessing_says_so(run, weights, tmp_path):
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(CONFIG))
    result, _ = run({"state_dict": weights}, config=bare)
    assert result.exit_code == 0
    assert "preprocessing.json" in result.output


def test_wrong_shape_is_named(run, weights):
    weights["module.visual.head.proj.weight"] = torch.zeros(32, 25)
    refused(
        *run({"state_dict": weights}),
        r"1 of another shape \(visual\.head\.proj\.weight is \(32, 25\), expected \(32, 24\)\)",
    )


def test_missing_and_unexpected_weights_are_named(run, weights):
    del weights["module.logit_bias"]
    weights["module.visual.trunk.blocks.2.norm1.weight"] = torch.zeros(24)
    refused(
        *run({"state_dict": weights}),
        r"1 missing \(logit_bias\); 1 unexpected \(visual\.trunk\.blocks\.2\.norm1\.weight\).*--config",
    )


def test_weights_of_other_types_are_refused(run, weights):
    weights["module.logit_bias"] = torch.tensor(3)
    refused(*run({"state_dict": weights}), r"module\.logit_bias is int64, expected a tensor of floating-point")


def test_weight_that_is_no_tensor_is_refused(run, weights):
    weights["module.logit_bias"] = 3.0
    refused(*run({"state_dict": weights}), r"module\.logit_bias is float, expected a tensor")


def test_weight_that_is_not_finite_is_refused(run, weights):
    weights["module.logit_bias"] = torch.tensor(float("nan"))
    refused(*run({"state_dict": weights}), r"logit_bias is not finite")


def test_weight_that_stands_there_twice_is_refused(run, weights):
    weights["logit_bias"] = weights["module.logit_bias"]
    refused(*run({"state_dict": weights}), r"logit_bias stands there twice")


class Trap:
    """Unpickling it would make a file."""

    path = ""

    def __reduce__(self):
        return (open, (Trap.path, "w"))


def test_pickled_code_is_refused_and_never_run(run, weights, tmp_path):
    Trap.path = str(tmp_path / "trap")
    result, folder = run({"state_dict": weights, "extra": Trap()})
    refused(result, folder, r"pickled \S*open.*any code.*torch\.save\(\{'state_dict': model\.state_dict\(\)\}")
    assert not (tmp_path / "trap").exists()


def test_pickled_module_is_refused_with_the_safe_way(run, tmp_path):
    result, folder = run({"state_dict": torch.nn.Linear(2, 2)})
    refused(result, folder, r"holds a pickled torch\.nn\.modules\.linear\.Linear.*torch\.save\(")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "epoch_3.pt", _use_new_zipfile_serialization=False)
    refused(*run(None), r"holds a pickled torch\.nn\.modules\.linear\.Linear")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_truncated_file_is_refused(run, weights, tmp_path, share):
    file = tmp_path / "epoch_3.pt"
    torch.save({"state_dict": weights}, file)
    contents = file.read_bytes()
    file.write_bytes(contents[: int(share * len(contents))])
    refused(*run(None), r"epoch_3\.pt is truncated: its archive has no end after [\d,]+ bytes\. Get it again")


@pytest.mark.parametrize("contents", [b"", b"<html>not found</html>", b"\x80\x02garbage", b"version https://git-lfs"])
def test_file_that_is_no_checkpoint_is_refused(run, tmp_path, contents):
    (tmp_path / "epoch_3.pt").write_bytes(contents)
    refused(*run(None), r"no PyTorch or safetensors file, or a truncated one")


@pytest.mark.parametrize(
    ("contents", "pattern"),
    [
        ([1, 2], r"holds a list, expected a dictionary"),
        ({"epoch": 3, "optimizer": {}}, r"has no state_dict \(it holds epoch, optimizer\)"),
        ({"state_dict": {}}, r"has no state_dict"),
    ],
)
def test_file_without_weights_is_refused(run, contents, pattern):
    refused(*run(contents), pattern)


def test_archives_of_others_are_refused(run, tmp_path):
    file = tmp_path / "epoch_3.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hello.txt", "hello")
    refused(*run(None), r"not one of torch\.save")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\0" * 2**23)
    refused(*run(None), r"is compressed")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.pt: no such file"):
        read_weight_file(tmp_path / "gone.pt")


def test_missing_tokenizer_names_the_option(run, weights, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refused(*run({"state_dict": weights}, tokenizer=None), r"nobody/nothing cannot be loaded.*--tokenizer")
    (tmp_path / "empty").mkdir()
    refused(*run({"state_dict": weights}, tokenizer=tmp_path / "empty"), r"empty cannot be loaded.*--tokenizer")


def test_tokenizer_larger_than_the_text_tower_is_refused(run, weights, tmp_path):
    large = write_tokenizer(tmp_path / "large", 41)
    refused(*run({"state_dict": weights}, tokenizer=large), r"vocabulary of 40, its tokenizer has 41")


def test_tokenizer_of_another_text_encoder_is_refused(run, weights, tmp_path):
    small = write_tokenizer(tmp_path / "other", 39)
    refused(*run({"state_dict": weights}, tokenizer=small), r"Tokenizer other has 39 entries, the text tower 40")


def test_vocabulary_alone_is_a_tokenizer(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "edema"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    ids = load_tokenizer(tmp_path, 8)(["Edema of"])["input_ids"]
    assert ids.tolist() == [[2, 5, 1, 3]]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (None, r"no such file, and no published model \(brain_mri, chest_ct, head_ct\)"),
        ("{", r"is not JSON"),
        (json.dumps(CONFIG | {"depth": 3}), r"unknown fields depth"),
        (json.dumps(CONFIG | {"preprocessing": 3}), r"preprocessing is 3, expected an object"),
    ],
)
def test_config_that_cannot_be_used_is_refused(run, weights, tmp_path, text, pattern):
    config = tmp_path / "other.json"
    if text is not None:
        config.write_text(text)
    refused(*run({"state_dict": weights}, config=config), pattern)


def test_folder_with_contents_is_left_alone(run, weights, tmp_path):
    kept = tmp_path / "models" / "new" / "kept.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("kept")
    result, folder = run({"state_dict": weights})
    assert result.exit_code == 1 and "exists and is not empty" in result.output
    assert [path.name for path in folder.iterdir()] == ["kept.txt"]


def test_empty_folder_is_filled(run, weights, tmp_path):
    (tmp_path / "models" / "new").mkdir(parents=True)
    result, folder = run({"state_dict": weights})
    assert result.exit_code == 0
    assert (folder / "model.safetensors").is_file()


def test_folder_that_cannot_be_made_is_named(run, weights, tmp_path):
    (tmp_path / "models").write_text("a file")
    result, _ = run({"state_dict": weights})
    assert result.exit_code == 1
    assert "Folder new cannot be made" in result.output


def test_failed_write_leaves_nothing(run, weights, monkeypatch):
    def fail(self, folder, dtype="float32"):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ItemizedCLIP, "save_pretrained", fail)
    refused(*run({"state_dict": weights}), r"cannot be written: No space left on device")


def test_info_says_what_a_checkpoint_file_holds(run, weights, tmp_path):
    run({"epoch": 3, "name": "a run", "state_dict": weights})
    result = CliRunner().invoke(main, ["checkpoint", "info", str(tmp_path / "epoch_3.pt"), "--json"])
    values = json.loads(result.output)
    assert (values["epoch"], values["name"], values["num_tensors"]) == (3, "a run", len(weights))
    assert values["num_parameters"] == sum(value.numel() for value in weights.values())
    assert values["fits"] == []


def test_info_recognizes_the_published_models(monkeypatch, tmp_path):
    config = published_preset("chest_ct").config
    model = empty_model(config, load_tokenizer(context_length=77))
    contents = {"state_dict": {official_name(name): value for name, value in model.state_dict().items()}}
    (tmp_path / "big.pt").write_bytes(b"")
    monkeypatch.setattr("itemclip_med.models.official.read_weight_file", lambda path: contents)
    assert describe_model(tmp_path / "big.pt")["fits"] == ["chest_ct"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_prepare_studies_for_their_model(name):
    preset = published_preset(name)
    contract = ModelInput.from_dict(preset.preprocessing)
    assert contract.grid == preset.config.image_size
    assert contract.num_channels == preset.config.in_channels


def test_unknown_preset_is_refused():
    with pytest.raises(ModelError, match="No published model is called liver; there are brain_mri, chest_ct, head_ct"):
        published_preset("liver")
