"""What the bundles share is written once and carried to each."""

from __future__ import annotations

import json

import pytest

from tests.bundles.making import BUNDLES
from tools import share_bundle_parts
from tools.share_bundle_parts import entries_of, shared_text, wanted_files


def test_bundles_hold_what_the_first_shares():
    wanted = wanted_files()
    assert {path.parts[-3] for path in wanted if path.name == "train.json"} == {folder.name for folder in BUNDLES}
    different = [str(path) for path, text in wanted.items() if path.read_text() != text]
    assert different == [], "run tools/share_bundle_parts.py"


def test_own_entries_stay_and_new_shared_ones_arrive():
    source = '{\n  "a": 1,\n  "new": {\n    "x": 2\n  },\n\n  "b": 3\n}\n'
    own = '{\n  "a": 7,\n\n  "b": 9\n}\n'
    text = shared_text(source, own, ("a",), {})
    assert json.loads(text) == {"a": 7, "new": {"x": 2}, "b": 3}
    assert list(entries_of(text)) == ["a", "new", "b"]


def test_check_names_the_file_that_differs(tmp_path, monkeypatch, capsys):
    for path, text in wanted_files().items():
        copy = tmp_path / "bundles" / path.relative_to(share_bundle_parts.BUNDLES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    bundles = tmp_path / "bundles"
    monkeypatch.setattr(share_bundle_parts, "BUNDLES", bundles)
    monkeypatch.setattr(share_bundle_parts.wanted_files, "__defaults__", (bundles,))
    monkeypatch.setattr("sys.argv", ["share_bundle_parts.py", "--check"])
    assert share_bundle_parts.main() == 0
    changed = tmp_path / "bundles" / "chest_ct_itemclip" / "configs" / "evaluate.json"
    changed.write_text("{}")
    assert share_bundle_parts.main() == 1
    assert "chest_ct_itemclip/configs/evaluate.json differs" in capsys.readouterr().out


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
def test_the_published_hyper_parameters_are_the_defaults(folder):
    values = json.loads((folder / "configs" / "train.json").read_text())
    chest = folder.name == "chest_ct_itemclip"
    loss = values["loss_def"]
    found = {
        "global batch on 8 GPUs": 8 * values["batch_size"] * values["accumulation_steps"],
        "optimizer": (values["learning_rate"], values["weight_decay"], values["betas"], values["warmup_steps"]),
        "epochs": values["epochs"],
        "items": values["num_items"],
        "weights": tuple(loss[name] for name in ("ila", "iis", "kta", "mps")),
        "masks": (loss["keep_rate"], loss["key_share"], loss["worst_positive_factor"], loss["normal_check"]),
        "sizes": (values["model_input"]["grid"], values["model_config"]["patch_size"]),
        "text": values["model_config"]["context_length"],
        "augmentation": [
            values[name] for name in ("random_crop", "max_shift", "max_offset", "mirror", "max_gain", "max_noise")
        ],
        "acquisitions": (values["series"], values["model_input"]["max_series"]),
    }
    assert found == {
        "global batch on 8 GPUs": 512 if chest else 256,
        "optimizer": (1e-4, 0.5, [0.9, 0.98], 100) if chest else (1.75e-4, 0.2, [0.9, 0.98], 2000),
        "epochs": 80 if chest else 24,
        "items": 10 if chest else 7,
        "weights": (1.0, 1.0, 1.0, 0.1 if chest else 0.01),
        "masks": (0.95, 0.05, 1.0, True) if chest else (0.9, 0.05, 1.5, True),
        "sizes": ([112, 336, 336], [8, 24, 24]) if chest else ([48, 224, 224], [8, 16, 16]),
        "text": 256,
        "augmentation": [chest, [0, 0, 0], 0, 0.0, 0.0, 0.0],
        "acquisitions": ("random", 1) if chest else ("first", 10),
    }
