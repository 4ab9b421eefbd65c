"""The image tower started from a 2D ViT: recorded numbers, both families of names, and what is refused."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from itemclip_med.errors import ModelError
from itemclip_med.models import ItemizedCLIPConfig, init_from_2d_vit
from itemclip_med.models.encoder import HierarchicalViT
from itemclip_med.models.official import official_name
from tests.golden import assert_close, golden_cases, read_case, require_golden

CASES = golden_cases("init_from_2d_vit_*.json")


def make_encoder(width=24, depth=2, **changes):
    settings = {
        "image_size": (8, 32, 32),
        "patch_size": (4, 8, 8),
        "width": width,
        "num_heads": 2,
        "block_levels": ("series",) * (depth - 1) + ("study",),
        "max_series": 5,
        "embed_dim": width,
        "pool_heads": 1,
    }
    return HierarchicalViT(ItemizedCLIPConfig(**settings | changes)).eval()


def timm_weights(width=24, depth=2, patch=8, side=4, seed=1):
    """A state dict as timm's VisionTransformer saves it, with a classifier."""
    torch.manual_seed(seed)
    donor = make_encoder(width, depth).state_dict()
    weights = {name: torch.randn_like(value) for name, value in donor.items() if name.startswith(("blocks.", "norm."))}
    return weights | {
        "cls_token": torch.randn(1, 1, width),
        "pos_embed": torch.randn(1, 1 + side * side, width),
        "patch_embed.proj.weight": torch.randn(width, 3, patch, patch),
        "patch_embed.proj.bias": torch.randn(width),
        "head.weight": torch.randn(10, width),
        "head.bias": torch.randn(10),
    }


@pytest.mark.golden
def test_cases_are_found():
    require_golden(CASES)


@pytest.mark.golden
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_tower_starts_with_the_recorded_weights(path):
    case, tensors = read_case(path)
    series = tensors.get("out.series_posemb")
    encoder = make_encoder(
        case["embed_dim"],
        image_size=tuple(case["img_size"]),
        patch_size=tuple(case["patch_size"]),
        max_series=1 if series is None else series.shape[1],
    )
    assert tuple(encoder.spatial_table.shape[1:4]) == tuple(case["grid"])
    source = timm_weights(case["embed_dim"])
    recorded = {name.removeprefix("in."): value for name, value in tensors.items() if name.startswith("in.")}
    assert recorded["patch_embed.proj.weight"].shape[-1] == case["source_patch"]
    assert recorded["pos_embed"].shape[1] == 1 + case["source_grid"] ** 2
    init_from_2d_vit(encoder, source | recorded)
    found = {official_name(f"visual.{name}"): value for name, value in encoder.state_dict().items()}
    outputs = [name for name in tensors if name.startswith("out.")]
    assert outputs
    for name in outputs:
        assert_close(found[f"visual.trunk.{name.removeprefix('out.')}"], tensors[name], name)
    for name, value in source.items():
        if name.startswith("blocks."):
            assert torch.equal(encoder.state_dict()[name], value), name


@pytest.mark.parametrize("kind", ["ViTModel", "ViTMAEForPreTraining"])
def test_hugging_face_models_give_the_same_blocks(kind, tmp_path):
    import transformers

    config_class = transformers.ViTConfig if kind == "ViTModel" else transformers.ViTMAEConfig
    settings = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 96}
    if kind != "ViTModel":
        settings |= {"decoder_hidden_size": 24, "decoder_num_hidden_layers": 1, "decoder_intermediate_size": 24}
        settings |= {"decoder_num_attention_heads": 2}
    torch.manual_seed(0)
    theirs = getattr(transformers, kind)(config_class(image_size=32, patch_size=8, **settings)).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    theirs.save_pretrained(tmp_path)
    encoder = make_encoder()
    left = init_from_2d_vit(encoder, tmp_path / "model.safetensors")
    assert all(name.startswith(("pooler.", "decoder")) or "mask_token" in name for name in left)
    tower = getattr(theirs, "vit", theirs)
    layers = getattr(tower, "layers", None) or tower.encoder.layer
    x = torch.randn(2, 17, 24)
    expected = x
    for layer in layers:
        expected = layer(expected)
        expected = expected[0] if isinstance(expected, tuple) else expected
    found = encoder.blocks[1](encoder.blocks[0](x))
    assert_close(found, expected.detach(), "blocks", 1e-4)
    assert torch.equal(encoder.norm.weight, tower.layernorm.weight)


@pytest.mark.parametrize("nested", [None, "model", "state_dict"])
def test_file_of_torch_is_read_without_code(nested, tmp_path):
    weights = timm_weights()
    torch.save({nested: weights, "epoch": 3} if nested else weights, tmp_path / "mae.pth")
    save_file(weights, str(tmp_path / "mae.safetensors"))
    first, second = make_encoder(), make_encoder()
    left = init_from_2d_vit(first, tmp_path / "mae.pth")
    init_from_2d_vit(second, tmp_path / "mae.safetensors")
    assert [name for name in left if name != "epoch"] == ["head.weight", "head.bias"]
    for name, value in load_file(tmp_path / "mae.safetensors").items():
        if name.startswith("blocks."):
            assert torch.equal(first.state_dict()[name], value)
            assert torch.equal(second.state_dict()[name], value)


def test_channels_share_the_kernel_so_that_equal_ones_give_one_channels_tokens():
    weights = timm_weights()
    one, three = make_encoder(), make_encoder(in_channels=3)
    init_from_2d_vit(one, weights)
    init_from_2d_vit(three, weights)
    image = torch.randn(1, 1, 1, 8, 32, 32)
    assert_close(three(image.expand(-1, -1, 3, -1, -1, -1)), one(image).detach(), "tokens")


def test_name_encoder_stays_as_it_is():
    encoder = make_encoder(series_names=True)
    before = encoder.name_encoder.embed.weight.clone()
    init_from_2d_vit(encoder, timm_weights())
    assert torch.equal(encoder.name_encoder.embed.weight, before)


def change(name, value=None):
    weights = timm_weights()
    if value is None:
        del weights[name]
    else:
        weights[name] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "pattern"),
    [
        ({"a": torch.zeros(1)}, r"cls_token, patch_embed\.proj\.bias, patch_embed\.proj\.weight, pos_embed missing"),
        (change("blocks.1.mlp.fc1.bias"), r"1 missing \(blocks\.1\.mlp\.fc1\.bias\).*width and depth"),
        (change("blocks.1.attn.qkv.weight", torch.zeros(3)), r"blocks\.1\.attn\.qkv\.weight is \(3,\)"),
        (change("blocks.7.norm1.bias", torch.zeros(24)), r"1 unexpected \(blocks\.7\.norm1\.bias\)"),
        (change("pos_embed", torch.zeros(1, 16, 24)), r"pos_embed is \(1, 16, 24\), expected"),
        (change("patch_embed.proj.weight", torch.zeros(12, 3, 8, 8)), r"widths must be equal"),
        (timm_weights(width=48), r"pos_embed is \(1, 17, 48\)"),
        (timm_weights(depth=3), r"unexpected"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_change_nothing(weights, pattern):
    encoder = make_encoder()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    with pytest.raises(ModelError, match=pattern):
        init_from_2d_vit(encoder, weights)
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_pickled_model_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(ModelError, match=r"model\.pth holds a pickled torch\.nn"):
        init_from_2d_vit(make_encoder(), tmp_path / "model.pth")
