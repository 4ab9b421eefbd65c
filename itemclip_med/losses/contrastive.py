"""Terms on the global embedding: many positives per study (MPS), and SigLIP on whole reports as a baseline."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def multi_positive_loss(
    images: Tensor,
    items: Tensor,
    weights: Tensor,
    scale: Tensor,
    bias: Tensor | float,
    divisor: Tensor | float,
    first_study: int | None = 0,
) -> Tensor:
    """Sigmoid loss of every study's global embedding against the items of all studies (MPS).

    Args:
        images: (B, E) unit vectors.
        items: (G, K, E) unit vectors of G studies, B or more.
        weights: (B, G * K), 0 where a pair does not count.
        scale: multiplies the cosines.
        bias: is added to the logits.
        divisor: number of studies times K.
        first_study: which of the G is the first of the B; None where the items are of other studies only.

    Returns:
        The loss, a scalar.

    Sources:
        golden/README.md 2.5.
    """
    num_studies, num_slots, _ = items.shape
    logits = scale * (images @ items.flatten(0, 1).T) + bias
    labels = torch.full((len(images), num_studies), -1.0, device=images.device)
    if first_study is not None:
        labels.diagonal(first_study).fill_(1.0)
    labels = labels.repeat_interleave(num_slots, dim=1)
    return -(F.logsigmoid(labels * logits) * weights).sum() / divisor


class SigLIPLoss(nn.Module):
    """Sigmoid contrastive loss between a study's global embedding and its whole report, as a baseline.

    It is called like :class:`~itemclip_med.losses.ItemizedCLIPLoss` with the report as the only item (K = 1); patch
    tokens and pool are not used.

    Args:
        normal_check: leave out pairs of two different normal studies, whose reports say the same.

    Sources:
        Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023.
    """

    def __init__(self, normal_check: bool = False) -> None:
        super().__init__()
        self.normal_check = normal_check

    def forward(
        self,
        *,
        image_features: Tensor,
        item_features: Tensor,
        item_mask: Tensor,
        is_normal: Tensor | None = None,
        logit_scale: Tensor,
        logit_bias: Tensor | None = None,
        **unused: Any,
    ) -> dict[str, Tensor]:
        """Compute the loss.

        Args:
            image_features: (B, E), any length.
            item_features: (B, 1, E), any length.
            item_mask: (B, 1), 0 where a study has no report.
            is_normal: (B,), used with ``normal_check``.
            logit_scale: multiplies the cosines, already exponentiated.
            logit_bias: is added to the logits; None is 0.
            unused: what only the itemized loss needs.

        Returns:
            ``siglip``, detached, and ``total``, which carries the gradient.

        Raises:
            ValueError: if there is more than one text per study.
        """
        if item_features.shape[1] != 1:
            raise ValueError(
                f"SigLIPLoss compares whole reports: expected 1 text per study, got {item_features.shape[1]}. "
                "Join the items of a report first (PrepareItemBatch(whole_report=True))."
            )
        has_report = (item_mask[:, 0] > 0).float()
        weights = has_report[:, None] * has_report[None, :]
        if self.normal_check and is_normal is not None:
            normal = is_normal.reshape(-1).float()
            both = normal[:, None] * normal[None, :]
            weights = weights * (1 - both + torch.diag(both.diagonal()))
        with torch.autocast(image_features.device.type, enabled=False):
            total = multi_positive_loss(
                F.normalize(image_features.float(), dim=-1),
                F.normalize(item_features.float(), dim=-1),
                weights,
                logit_scale.float(),
                0.0 if logit_bias is None else logit_bias.float(),
                has_report.sum().clamp_min(1),
            )
        return {"siglip": total.detach(), "total": total}
