"""Text-conditioned retrieval: every item asks every study, and the ranks say whether the right ones answer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from itemclip_med.errors import TaskError
from itemclip_med.models import AttentionPool

_STUDIES_AT_ONCE = 16


@torch.no_grad()
def item_scores(pool: AttentionPool, image_tokens: Tensor, item_features: Tensor) -> Tensor:
    """Cosine between each item and what it pools from each study.

    Items are normalized before pooling, patch tokens are not, as in the published validation; zero-shot scores
    (``ItemizedCLIP.score``) normalize both.

    Args:
        pool: the model's attention pool.
        image_tokens: (B, P, E) of at least one study, not normalized.
        item_features: (M, E) items of all studies, without padding.

    Returns:
        (B, M).

    Sources:
        golden/README.md 7.
    """
    items = F.normalize(item_features, dim=-1)
    parts = []
    for tokens in image_tokens.split(_STUDIES_AT_ONCE):
        pooled = pool(items.expand(len(tokens), -1, -1), tokens)
        parts.append((F.normalize(pooled, dim=-1) * items).sum(-1))
    return torch.cat(parts)


def retrieval_numbers(
    scores: Tensor,
    study_of_item: Tensor,
    *,
    item_ks: Sequence[int] = (1, 10, 100),
    study_ks: Sequence[int] = (1, 10, 100),
    complete_ks: Sequence[int] = (10, 100, 1000),
) -> dict[str, float]:
    """How well studies find their items and items their study.

    Ranks count from 0, best first, over all items or all studies; equal scores keep their order.

    Args:
        scores: (B, M) from :func:`item_scores`.
        study_of_item: (M,) int64, the study that each item belongs to.
        item_ks: k of ``image_to_text@k``.
        study_ks: k of ``text_to_image@k``.
        complete_ks: k of ``image_to_text_complete@k``.

    Returns:
        ``mean_rank`` and ``worst_rank``: mean over studies of the mean and of the largest rank of their own items;
        ``image_to_text@k`` and ``image_to_text_complete@k``: share of studies with their best, with their worst item
        among the first k; ``text_to_image@k``: share of items with their study among the first k.

    Raises:
        TaskError: if a study has no item, an item no study, or a score is not finite.

    Sources:
        golden/README.md 7 (``retrieval_tcs``).
    """
    num_studies, num_items = scores.shape
    if study_of_item.shape != (num_items,) or not bool(torch.isfinite(scores).all()):
        raise TaskError(f"{tuple(study_of_item.shape)} studies of items for scores {tuple(scores.shape)}, all finite.")
    if num_items and not 0 <= int(study_of_item.min()) <= int(study_of_item.max()) < num_studies:
        raise TaskError(f"An item belongs to a study outside 0 to {num_studies - 1}.")
    empty = num_studies - len(study_of_item.unique())
    if empty or not num_studies:
        raise TaskError(f"{empty} of {num_studies} studies have no item: leave them out of retrieval.")
    columns = torch.arange(num_items, device=scores.device)
    item_ranks = _ranks(scores)[study_of_item, columns].double()  # (M,) among all items, seen from its study
    study_ranks = _ranks(scores.T)[columns, study_of_item]  # (M,) of its study, seen from the item
    own = [item_ranks[study_of_item == study] for study in range(num_studies)]
    best, worst = (torch.stack([pick(ranks) for ranks in own]) for pick in (torch.min, torch.max))
    numbers = {
        "mean_rank": torch.stack([ranks.mean() for ranks in own]).mean().item(),
        "worst_rank": worst.mean().item(),
    }
    for name, ranks, ks in (
        ("image_to_text", best, item_ks),
        ("image_to_text_complete", worst, complete_ks),
        ("text_to_image", study_ranks, study_ks),
    ):
        numbers |= {f"{name}@{k}": (ranks < k).double().mean().item() for k in ks}
    return numbers


def _ranks(scores: Tensor) -> Tensor:
    """The rank of every entry in its row, from 0, largest first."""
    return scores.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
