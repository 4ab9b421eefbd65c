"""The network that a bundle's configuration names: built from its values, or read from a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itemclip_med.models.config import ItemizedCLIPConfig
from itemclip_med.models.itemclip import ItemizedCLIP

if TYPE_CHECKING:
    import torch


def build_or_load(
    model: str | Path = "",
    config: ItemizedCLIPConfig | Mapping[str, Any] | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    *,
    device: torch.device | str = "cpu",
) -> ItemizedCLIP:
    """A network in evaluation mode.

    Args:
        model: a model folder, hub id or shipped name; empty: build the network for weights that are loaded later.
        config: of the network to build.
        preprocessing: of the network to build.
        device: where to put it.

    Raises:
        ModelError: if the model cannot be read, or nothing is given to build from.
    """
    if str(model):
        return ItemizedCLIP.from_pretrained(model, device=device)
    return ItemizedCLIP(config or {}, preprocessing, pretrained_text=False).to(device).eval()
