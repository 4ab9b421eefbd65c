"""The term on the global embedding: many positives per study (MPS)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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
        scale: scalar, multiplies the cosines.
        bias: scalar, is added to the logits.
        divisor: scalar, number of studies times K.
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
