"""The image tower against the published method's recorded numbers: tables, names, tokens, every block's output."""

from __future__ import annotations

import json
import re

import pytest
import torch

from itemclip_med.models import ItemizedCLIPConfig
from itemclip_med.models.encoder import HierarchicalViT
from itemclip_med.models.official import official_name
from itemclip_med.models.position import series_table, spatial_table
from itemclip_med.models.series_names import NAME_LENGTH, encode_series_name, name_tokens
from tests.golden import assert_close, block_levels, golden_cases, read_case, require_golden

pytestmark = pytest.mark.golden

STUDY_CASES = golden_cases("encoder_study_*.json")
SCAN_CASES = golden_cases("encoder_scan_*.json")
TABLES = golden_cases("position_embeddings.json")
NAMES = golden_cases("series_name_tokens.json")


def test_cases_are_found():
    require_golden(STUDY_CASES, SCAN_CASES, TABLES, NAMES)


def build(case, tensors):
    names = case.get("use_series_names", False)
    config = ItemizedCLIPConfig(
        image_size=tuple(case["img_size"]),
        patch_size=tuple(case["patch_size"]),
        width=case["embed_dim"],
        num_heads=case["num_heads"],
        block_levels=tuple(block_levels(case)),
        mlp_ratio=case["mlp_ratio"],
        series_names=names,
        series_name_depth=case["series_name_encoder"]["depth"] if names else 1,
        max_series=case.get("max_num_series") or case["max_num_scans"],
        embed_dim=case["embed_dim"],
        pool_heads=1,
    )
    encoder = HierarchicalViT(config).eval()
    weights = {
        f"visual.trunk.{name[2:]}".replace("sequential_posemb", "series_posemb"): value
        for name, value in tensors.items()
        if name.startswith("w.")
    }
    ours = {official_name(f"visual.{name}"): name for name in encoder.state_dict()}
    assert sorted(ours) == sorted(weights)
    encoder.load_state_dict({ours[name]: value for name, value in weights.items()})
    assert all(block.norm1.eps == case["layer_norm_eps"] for block in encoder.blocks)
    return encoder


def as_study(sequence, batch):
    """Groups of a class token and patches, as one group per study: slow and obvious."""
    studies = []
    for groups in sequence.chunk(batch):
        studies.append(torch.cat([groups[:, :1].mean(dim=0)] + [group[1:] for group in groups]))
    return torch.stack(studies)


@pytest.mark.parametrize("path", STUDY_CASES + SCAN_CASES, ids=lambda path: path.stem)
def test_tokens_and_every_block_are_the_published_ones(path):
    case, tensors = read_case(path)
    encoder = build(case, tensors)
    images = tensors["in.images"]
    assert list(images.shape) == [case["B"], case["N"], 1, *case.get("input_size", case["img_size"])]
    if "grid" in case:
        assert tuple(encoder.spatial_table.shape[1:4]) == tuple(case["grid"])
    positions = next((tensors[name] for name in tensors if re.fullmatch(r"in\.\w*positions", name)), None)
    assert case.get("series_positions") in (
        None,
        "linear interpolation",
        [] if positions is None else positions.tolist(),
    )
    assert (case.get("series_positions") == "linear interpolation") == (
        case["N"] > (case.get("max_num_series") or case["N"]) and not case.get("use_series_names")
    )
    seen = {}
    encoder.blocks[0].register_forward_pre_hook(lambda _, args: seen.update(tokens_in=args[0]))
    for index, block in enumerate(encoder.blocks):
        block.register_forward_hook(lambda _, __, out, name=f"block{index}": seen.update({name: out}))
    encoded = encoder(images, tensors.get("in.series_tokens"), series_positions=positions)
    assert_close(encoded[:, 0], tensors["out.global"], "global")
    assert_close(encoded[:, 1:], tensors["out.local"], "local")
    for name in [name for name in tensors if name.startswith("act.")]:
        recorded, found = tensors[name], seen[name.removeprefix("act.")]
        if name == "act.tokens_in" and recorded.shape != found.shape:  # recorded before the first change of level
            recorded = as_study(recorded, case["B"])
        assert_close(found, recorded, name)


@pytest.mark.parametrize(
    "path", [p for p in STUDY_CASES if json.loads(p.read_text()).get("use_series_names")], ids=lambda path: path.stem
)
def test_series_names_are_encoded_as_published(path):
    case, tensors = read_case(path)
    encoder = build(case, tensors)
    tokens = name_tokens(case["series_names"], case["N"])
    assert torch.equal(tokens, tensors["in.series_tokens"])
    assert_close(encoder.name_encoder.position_table, tensors["const.series_pos_table"], "position table")
    hidden = encoder.name_encoder(tokens)
    assert_close(hidden, tensors["out.series_name_hidden"], "hidden")
    assert_close(encoder.name_proj(hidden), tensors["out.series_embedding"], "embedding")
    expected = case["series_name_encoder"]
    layer = encoder.name_encoder.layers[0]
    assert expected["dim"] == encoder.name_encoder.width
    assert expected["depth"] == len(encoder.name_encoder.layers)
    assert expected["heads"] * expected["head_dim"] == layer.qkv.out_features // 3
    assert expected["heads"] == layer.num_heads
    assert expected["mlp_dim"] == layer.fc1.out_features
    assert expected["char_embedding"] == list(encoder.name_encoder.embed.weight.shape)
    assert expected["position_channels"] == encoder.name_encoder.position_table.shape[1]


@pytest.mark.parametrize("path", NAMES, ids=lambda path: path.stem)
def test_names_become_the_published_tokens(path):
    for entry in json.loads(path.read_text()):
        assert len(entry["name"]) == entry["length"]
        assert encode_series_name(entry["name"]) == entry["tokens"], entry["name"]
        assert len(entry["tokens"]) == NAME_LENGTH


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_position_tables_are_the_published_ones(path):
    recorded = json.loads(path.read_text())
    entries = {name: value for name, value in recorded.items() if not name.endswith("_shape")}
    assert entries
    for name, entry in entries.items():
        size = [int(number) for number in re.search(r"_(\d+(?:x\d+)*)$", name)[1].split("x")]
        table = series_table(*size)[0] if len(size) == 2 else spatial_table(tuple(size[:3]), size[3])
        shape = entry.get("shape") or recorded.get(f"{name}_shape") or size
        assert list(table.shape) == shape, name
        values = torch.tensor(entry["values"])
        found = table.flatten()[torch.tensor(entry["flat_indices"])] if "flat_indices" in entry else table.flatten()
        assert_close(found, values, name)
        exact = table.double()
        sums = {"sum": exact.sum(), "sum_abs": exact.abs().sum(), "sum_sq": exact.square().sum()}
        for key in sums.keys() & entry.keys():
            assert sums[key].item() == pytest.approx(entry[key], rel=1e-6), (name, key)
