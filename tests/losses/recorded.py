"""The loss that a recorded case was computed with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from itemclip_med.losses import ItemizedCLIPLoss


def loss_of(settings: Mapping[str, Any], **switches: Any) -> ItemizedCLIPLoss:
    """A loss with the hyper-parameters of a recorded case, and further switches of its own."""
    return ItemizedCLIPLoss(
        ila=settings["ila_weight"],
        kta=settings["kta_weight"],
        mps=settings["mps_weight"],
        iis=settings["iis_weight"],
        keep_rate=settings["ila_keep_prob"],
        key_share=settings["key_token_fraction"],
        worst_positive_factor=settings["worst_positive_factor"],
        normal_check=settings["use_normal_check"],
        **switches,
    )
