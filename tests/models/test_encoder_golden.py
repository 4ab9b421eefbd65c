"""The study encoder against the published method's recorded numbers, forward."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from itemclip_med.models import ItemizedCLIPConfig
from itemclip_med.models.encoder import HierarchicalViT
from tests.conftest import REPO_DIR


def case_names():
    named = os.environ.get("ITEMCLIP_SHARED")
    folder = (Path(named) if named else REPO_DIR.parent / "shared") / "golden"
    paths = sorted(folder.glob("encoder_study_*.json"))
    return [path.stem for path in paths if not json.loads(path.read_text()).get("use_series_names")] or ["case"]


def build(case, arrays):
    depth = case["depth"]
    levels = ["study" if index in case["study_attn_indexes"] else "series" for index in range(depth)]
    config = ItemizedCLIPConfig(
        image_size=tuple(case["img_size"]),
        patch_size=tuple(case["patch_size"]),
        in_channels=1,
        width=case["embed_dim"],
        num_heads=case["num_heads"],
        block_levels=tuple(levels),
        series_names=False,
        max_series=case["max_num_series"],
        drop_path=0.0,
        embed_dim=case["embed_dim"],
    )
    encoder = HierarchicalViT(config)
    weights = {
        name[2:].replace("patch_embed.proj.", "patch_embed."): value
        for name, value in arrays.items()
        if name.startswith("w.")
    }
    shape = encoder.patch_embed.weight.shape
    weights["patch_embed.weight"] = weights["patch_embed.weight"].reshape(shape)
    missing, unexpected = encoder.load_state_dict(weights, strict=False)
    assert [name for name in missing if not name.endswith("_table")] == []
    assert [name for name in unexpected if not name.endswith("posemb")] == []
    return encoder


@pytest.mark.golden
@pytest.mark.parametrize("name", case_names())
def test_tokens_are_the_published_ones(name, shared_dir):
    folder = shared_dir("golden")
    case = json.loads((folder / f"{name}.json").read_text())
    arrays = load_file(folder / f"{name}.safetensors")
    encoder = build(case, arrays)
    encoded = encoder(arrays["in.images"], series_positions=arrays.get("in.series_positions"))
    torch.testing.assert_close(encoded[:, 0], arrays["out.global"], atol=2e-5, rtol=2e-4)
    torch.testing.assert_close(encoded[:, 1:], arrays["out.local"], atol=2e-5, rtol=2e-4)
