"""Start the image tower from a 2D vision transformer, as the published training does from an MAE ViT-B/16."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from itemclip_med.errors import ModelError
from itemclip_med.models.checkpoints import load_weights
from itemclip_med.models.encoder import HierarchicalViT
from itemclip_med.models.position import sincos_1d
from itemclip_med.models.weight_files import read_weight_file

_NESTED = ("model", "state_dict")
# timm's names are ours but for the patch embedding; what a 2D model has besides its encoder is left behind.
_LEFT_BEHIND = ("head.", "fc_norm.", "pre_logits.", "decoder", "mask_token", "classifier.", "pooler.")
_HUGGING_FACE = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^embeddings\.cls_token$", "cls_token"),
        (r"^embeddings\.position_embeddings$", "pos_embed"),
        (r"^embeddings\.mask_token$", "mask_token"),
        (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
        (r"^layernorm\.", "norm."),
        (r"^encoder\.layer\.(\d+)\.layernorm_before\.", r"blocks.\1.norm1."),
        (r"^encoder\.layer\.(\d+)\.layernorm_after\.", r"blocks.\1.norm2."),
        (r"^encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.", r"blocks.\1.attn.\2."),
        (r"^encoder\.layer\.(\d+)\.attention\.output\.dense\.", r"blocks.\1.attn.proj."),
        (r"^encoder\.layer\.(\d+)\.intermediate\.dense\.", r"blocks.\1.mlp.fc1."),
        (r"^encoder\.layer\.(\d+)\.output\.dense\.", r"blocks.\1.mlp.fc2."),
    )
)


def init_from_2d_vit(encoder: HierarchicalViT, source: str | Path | Mapping[str, Any]) -> list[str]:
    """Copy a 2D ViT's weights into an image tower of the same width and depth.

    The patch kernel is resized in-plane if needed, summed over the colors and spread over the depth. The table of
    positions is resized in-plane if needed and gets a sine-cosine code of the depth; its class-token part goes into
    the class token. Blocks and the last norm are copied. The encoder of series names and the table of series stay.

    Args:
        encoder: is changed in place.
        source: a state dict of timm's or Hugging Face's ViT or ViTMAE, or a file with one: safetensors, or what
            ``torch.save`` wrote, which is read without running code from it.

    Returns:
        Names of the weights of ``source`` that an image tower has no use for, such as a classifier's.

    Raises:
        ModelError: if the file cannot be read, or weights are missing, unexpected or of another shape.

    Sources:
        golden/README.md 6 (``init_from_2d_vit_*``); He et al., Masked Autoencoders Are Scalable Vision Learners, 2022.
    """
    if isinstance(source, Mapping):
        name, weights = "2D ViT", dict(source)
    else:
        name, weights = Path(source).name, read_weight_file(source)
    flat, left = _timm_names(weights)
    missing = sorted({"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"} - set(flat))
    if missing:
        raise ModelError(f"{name}: {', '.join(missing)} missing: expected the weights of a timm or Hugging Face ViT.")
    table, cls_position = _position_table(flat.pop("pos_embed"), encoder, name)
    flat["cls_token"] = flat["cls_token"].float() + cls_position
    flat["spatial_table"] = table
    flat["patch_embed.weight"] = _patch_kernel(flat.pop("patch_embed.proj.weight"), encoder, name)
    flat["patch_embed.bias"] = flat.pop("patch_embed.proj.bias")
    kept = {
        key: value
        for key, value in encoder.state_dict().items()
        if key == "series_table" or key.startswith(("name_encoder.", "name_proj."))
    }
    load_weights(encoder, flat | kept, name=name, hint="The 2D ViT must have the image tower's width and depth.")
    return left


def _timm_names(weights: dict[str, Any]) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors by timm's names, and the names of those that are not used."""
    for key in _NESTED:
        if isinstance(weights.get(key), Mapping):
            weights = dict(weights[key])
    flat: dict[str, Tensor] = {}
    left = []
    for key, value in weights.items():
        plain = str(key).removeprefix("vit.")
        for pattern, replacement in _HUGGING_FACE:
            if pattern.search(plain):
                plain = pattern.sub(replacement, plain)
                break
        if plain.startswith(_LEFT_BEHIND) or not isinstance(value, Tensor):
            left.append(str(key))
        else:
            flat[plain] = value
    for key in [key for key in flat if ".attn.query." in key]:
        parts = [key.replace(".query.", f".{part}.") for part in ("query", "key", "value")]
        if all(part in flat for part in parts):
            flat[key.replace(".query.", ".qkv.")] = torch.cat([flat.pop(part) for part in parts])
    return flat, left


def _patch_kernel(kernel: Tensor, encoder: HierarchicalViT, name: str) -> Tensor:
    """A 2D kernel (width, colors, h, w) as a 3D one (width, C, D, H, W)."""
    embed = encoder.patch_embed
    depth, *in_plane = embed.patch_size
    if kernel.dim() != 4 or kernel.shape[0] != embed.weight.shape[0]:
        raise ModelError(
            f"{name}: patch_embed.proj.weight is {tuple(kernel.shape)}, expected ({embed.weight.shape[0]}, colors, "
            "rows, columns): the widths must be equal."
        )
    kernel = kernel.float()
    if list(kernel.shape[2:]) != in_plane:
        kernel = F.interpolate(kernel, size=tuple(in_plane), mode="bicubic", align_corners=False)
    # The same image in all channels gives the same tokens, however many channels there are.
    kernel = kernel.sum(dim=1, keepdim=True).unsqueeze(2) / (depth * embed.in_channels)
    return kernel.repeat(1, embed.in_channels, depth, 1, 1)


def _position_table(positions: Tensor, encoder: HierarchicalViT, name: str) -> tuple[Tensor, Tensor]:
    """The table (1, d, h, w, width) from a 2D one (1, 1 + side * side, width), and the class token's part of it."""
    _, depth, rows, columns, width = encoder.spatial_table.shape
    side = round((positions.shape[1] - 1) ** 0.5) if positions.dim() == 3 else 0
    if positions.dim() != 3 or positions.shape[1] != 1 + side * side or side < 1 or positions.shape[2] != width:
        raise ModelError(
            f"{name}: pos_embed is {tuple(positions.shape)}, expected (1, 1 + side * side, {width}): a class token, "
            "then a square of patches, of the image tower's width."
        )
    positions = positions.float()
    table = positions[:, 1:].reshape(1, side, side, width)
    if (side, side) != (rows, columns):
        table = F.interpolate(
            table.permute(0, 3, 1, 2), size=(rows, columns), mode="bicubic", align_corners=False, antialias=True
        ).permute(0, 2, 3, 1)
    code = sincos_1d(torch.arange(depth), width).view(1, depth, 1, 1, width)
    return table[:, None] + code, positions[:, :1]
