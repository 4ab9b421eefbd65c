"""Item-level terms: alignment of items with what they pool (ILA, KTA) and their separation in a study (IIS)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def select_worst_positive(logits: Tensor, positive: Tensor) -> Tensor:
    """Mark each study's real own item with the lowest logit.

    Args:
        logits: (B, T).
        positive: (B, T) bool, True at real own items.

    Returns:
        (B, T) bool with at most one True a row; none where a study has no real item.
    """
    masked = logits.detach().masked_fill(~positive, torch.inf)
    chosen = torch.zeros_like(positive).scatter_(1, masked.argmin(dim=1, keepdim=True), True)
    return chosen & positive


def select_worst_positive_by_offsets(logits: Tensor, weights: Tensor, labels: Tensor) -> Tensor:
    """The published choice by offsets of 10, which can hit a padding or a negative column.

    Args:
        logits: (B, T).
        weights: (B, T), 1 at real items and negatives, 0 at padding.
        labels: (B, T), +1 at own columns, -1 elsewhere.

    Returns:
        (B, T) bool with one True a row.

    Sources:
        golden/README.md 2.3.
    """
    lowest = (logits.detach() - 10 * weights - 10 * labels).argmin(dim=1, keepdim=True)
    return torch.zeros_like(logits, dtype=torch.bool).scatter_(1, lowest, True)


def item_alignment_loss(logits: Tensor, labels: Tensor, weights: Tensor, divisor: Tensor | float) -> Tensor:
    """Sigmoid loss of texts against what they pool from a study's patch tokens (ILA; KTA on key tokens).

    Args:
        logits: (B, T) scaled and biased cosines.
        labels: (B, T), +1 at own items, -1 at items of other studies.
        weights: (B, T), 0 where a pair does not count.
        divisor: number of studies.

    Returns:
        The loss, a scalar.

    Sources:
        golden/README.md 2.3, 2.4.
    """
    return -(F.logsigmoid(labels * logits) * weights).sum() / divisor


def item_separation_loss(
    pooled: Tensor, items: Tensor, item_mask: Tensor, scale: Tensor, bias: Tensor | float, divisor: Tensor | float
) -> Tensor:
    """Keep apart what the items of one study pool (IIS).

    Args:
        pooled: (B, K, E) unit vectors, what each own item pooled.
        items: (B, K, E) unit vectors, the own items.
        item_mask: (B, K), 1 at real items.
        scale: multiplies the cosines.
        bias: is added to the logits.
        divisor: number of studies times K.

    Returns:
        The loss, a scalar.

    Sources:
        golden/README.md 2.6.
    """
    logits = scale * (pooled @ items.transpose(1, 2)) + bias  # (B, K, K): rows pool, columns are read
    labels = 2 * torch.eye(items.shape[1], device=items.device, dtype=logits.dtype) - 1
    weights = item_mask[:, :, None] * item_mask[:, None, :]
    return -(F.logsigmoid(labels * logits) * weights).sum() / divisor
