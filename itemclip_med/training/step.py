"""Everything of one training step that has parameters, in one module, so that DDP can wrap it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class ItemizedStep(nn.Module):
    """Image tower, text tower, pooling and loss in one forward.

    Args:
        model: an :class:`itemclip_med.models.ItemizedCLIP`.
        loss: an :class:`itemclip_med.losses.ItemizedCLIPLoss`, or another loss called in the same way.
    """

    def __init__(self, model: nn.Module, loss: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self._draw_seed: int | None = None

    def set_draw_seed(self, seed: int | None) -> None:
        """Set the seed of the next forward's draws; None draws from torch's global generator."""
        self._draw_seed = seed

    def forward(
        self,
        image: Tensor,
        *,
        text: Mapping[str, Tensor],
        item_mask: Tensor,
        is_normal: Tensor | None = None,
        series: Sequence[Sequence[str]] | None = None,
        series_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compute the loss of one batch.

        Args:
            image: (B, N, C, D, H, W).
            text: ``input_ids`` and ``attention_mask``, (B * K, T) each, study by study.
            item_mask: (B, K), 1 at real items.
            is_normal: (B,), 1 at normal studies.
            series: names of the series, B lists of up to N.
            series_mask: (B, N) bool, False at padding series.

        Returns:
            The loss's dict; ``total`` carries the gradient.
        """
        encoded = self.model(image, series=series, series_mask=series_mask, text=dict(text), item_mask=item_mask)
        generator = None
        if self._draw_seed is not None:
            generator = torch.Generator(device=image.device).manual_seed(self._draw_seed)
        num_studies, num_slots = item_mask.shape
        return self.loss(
            image_tokens=encoded["image_tokens"],
            image_features=encoded["image_features"],
            item_features=encoded["text_features"].view(num_studies, num_slots, -1),
            item_mask=item_mask,
            is_normal=is_normal,
            pool=encoded["pool"],
            logit_scale=encoded["logit_scale"],
            logit_bias=encoded.get("logit_bias"),
            token_mask=encoded.get("token_mask"),
            generator=generator,
        )


class PickTotal:
    """The bundle's loss: ``total`` of what :class:`ItemizedStep` returned, as MONAI's trainer wants a scalar."""

    def __call__(self, pred: Mapping[str, Tensor], target: Any = None) -> Tensor:
        """Pick the term that carries the gradient."""
        return pred["total"]
