"""What a model file or folder is, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from itemclip_med.models.checkpoints import find_model, load_pretrained, read_json
from itemclip_med.models.official import PROVENANCE_FILE, describe_official


def describe_model(name: str | Path) -> dict[str, Any]:
    """Say what a model takes, how large it is, how studies are prepared for it and where it came from.

    Args:
        name: a model folder, a shipped model's name, a hub id, or a checkpoint file of the published training code.

    Returns:
        Plain values; for a checkpoint file those of :func:`~itemclip_med.models.official.describe_official`.

    Raises:
        ModelError: if it is none of them, or damaged.
    """
    if Path(name).is_file():
        return describe_official(name)
    folder = find_model(name)
    model = load_pretrained(folder)
    config = model.config
    values = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "image_size": list(config.image_size),
        "patch_size": list(config.patch_size),
        "in_channels": config.in_channels,
        "width": config.width,
        "block_levels": list(config.block_levels),
        "embed_dim": config.embed_dim,
        "preprocessing": model.preprocessing or {},
    }
    if (folder / PROVENANCE_FILE).is_file():
        values["provenance"] = read_json(folder / PROVENANCE_FILE)
    return values
