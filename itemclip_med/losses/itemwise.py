"""Item-level terms: alignment of items with what they pool (ILA, KTA) and their separation in a study (IIS)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class TextPairs:
    """How the text columns of some studies count.

    Attributes:
        labels: (B, T) float, +1 at own items, -1 at items of other studies.
        counts: (B, T) float, 1 at items and negatives, 0 at padding.
        weights: (B, T) float, ``counts`` times all that is known before there are logits.
        item_mask: (B, K) float, 1 at real items.
        own: (B, K) int64, the columns of the own items; None where all texts are another rank's.
    """

    labels: Tensor
    counts: Tensor
    weights: Tensor
    item_mask: Tensor
    own: Tensor | None

    def studies(self, part: slice) -> TextPairs:
        """The same for some of the studies."""
        rows = {name: value[part] for name, value in vars(self).items() if value is not None}
        return replace(self, **rows)


@dataclass(frozen=True)
class ItemTerms:
    """Which item-level terms are computed, and how.

    Attributes:
        weights: weights of those of ``ila, kta, iis`` that are.
        studies: the divisor of ILA and KTA.
        slots: the divisor of IIS.
        key_share: share of patch tokens that are key tokens.
        worst_positive_factor: as in :class:`~itemclip_med.losses.ItemizedCLIPLoss`.
        by_offsets: choose the worst positive as the published code does.
    """

    weights: Mapping[str, float]
    studies: Tensor
    slots: Tensor
    key_share: float
    worst_positive_factor: float
    by_offsets: bool

    def count_key_tokens(self, num_tokens: int) -> int:
        """Key tokens among P patch tokens; like the published count it truncates the float product."""
        return max(1, int(num_tokens * self.key_share))

    def __call__(
        self,
        pooled: Tensor,
        key_pooled: Tensor | None,
        unit_texts: Tensor,
        pairs: TextPairs,
        scale: Tensor,
        bias: Tensor | float,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Compute the terms of some studies.

        Args:
            pooled: (B, T, E), what the texts pooled.
            key_pooled: (B, T, E), the same on key tokens; None without KTA.
            unit_texts: (B, T, E) unit vectors.
            pairs: how the columns count.
            scale: scalar, multiplies the cosines.
            bias: scalar, is added to the logits.

        Returns:
            The unweighted terms, and ``ila_logits`` and ``kta_logits`` (B, T).
        """
        terms: dict[str, Tensor] = {}
        pooled = F.normalize(pooled, dim=-1)
        logits = {"ila_logits": scale * (pooled * unit_texts).sum(-1) + bias}
        weights = pairs.weights
        if self.worst_positive_factor > 1 and pairs.own is not None:
            if self.by_offsets:
                worst = select_worst_positive_by_offsets(logits["ila_logits"], pairs.counts, pairs.labels)
            else:
                worst = select_worst_positive(logits["ila_logits"], (pairs.labels > 0) & (pairs.counts > 0))
            weights = torch.where(worst, self.worst_positive_factor * weights, weights)
        if "ila" in self.weights:
            terms["ila"] = item_alignment_loss(logits["ila_logits"], pairs.labels, weights, self.studies)
        if key_pooled is not None:
            logits["kta_logits"] = scale * (F.normalize(key_pooled, dim=-1) * unit_texts).sum(-1) + bias
            terms["kta"] = item_alignment_loss(logits["kta_logits"], pairs.labels, weights, self.studies)
        if "iis" in self.weights and pairs.own is not None:
            own = pairs.own[:, :, None].expand(-1, -1, pooled.shape[-1])
            terms["iis"] = item_separation_loss(
                pooled.gather(1, own), unit_texts.gather(1, own), pairs.item_mask, scale, bias, self.slots
            )
        return terms, logits

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum."""
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()


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
        divisor: scalar, number of studies.

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
        scale: scalar, multiplies the cosines.
        bias: scalar, is added to the logits.
        divisor: scalar, number of studies times K.

    Returns:
        The loss, a scalar.

    Sources:
        golden/README.md 2.6.
    """
    logits = scale * (pooled @ items.transpose(1, 2)) + bias  # (B, K, K): rows pool, columns are read
    labels = 2 * torch.eye(items.shape[1], device=items.device, dtype=logits.dtype) - 1
    weights = item_mask[:, :, None] * item_mask[:, None, :]
    return -(F.logsigmoid(labels * logits) * weights).sum() / divisor
