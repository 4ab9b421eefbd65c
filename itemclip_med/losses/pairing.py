"""Which texts count for which study, and how: own items, other studies', padding, two normal studies, other ranks."""

from __future__ import annotations

import torch
from torch import Tensor

from itemclip_med.losses.gather import GatheredItems
from itemclip_med.losses.itemwise import TextPairs
from itemclip_med.losses.sampling import read_text_layout


def pair_own(items: GatheredItems, columns: Tensor, has_items: Tensor, *, capped: bool = False) -> TextPairs:
    """How the text columns of this rank's studies count.

    Args:
        items: of the global batch.
        columns: (B, T) int, the text columns of this rank's studies.
        has_items: (G,) float, 1 at studies that count.
        capped: each study meets some of the others only; they stand for all of them.

    Returns:
        The pairs, padding and pairs of two normal studies at weight 0.
    """
    num_slots = items.items.shape[1]
    layout = read_text_layout(columns, num_slots, items.own.start)
    item_mask = items.item_mask[items.own]
    own_mask = item_mask.gather(1, layout.slot)
    counts = torch.where(layout.is_own, own_mask.abs(), has_items[layout.study])
    labels = torch.where(layout.is_own & (own_mask < 0), -1.0, layout.labels)
    both_normal = items.is_normal[items.own, None] * items.is_normal[layout.study] * ~layout.is_own
    weights = counts * has_items[items.own, None] * (1 - both_normal)
    num_negatives = columns.shape[1] - num_slots
    if capped and num_negatives:
        # the drawn negatives stand for all others, so that the expected loss does not depend on the cap
        weights = torch.where(layout.is_own, weights, weights * ((len(items.item_mask) - 1) / num_negatives))
    own = layout.is_own.float().argmax(dim=1, keepdim=True) + torch.arange(num_slots, device=columns.device)
    return TextPairs(labels, counts, weights, item_mask.clamp_min(0), own)


def pair_remote(items: GatheredItems, rank: int, columns: Tensor) -> TextPairs:
    """How another rank's text columns count, row beside row, all as negatives: the published form.

    Args:
        items: of the global batch.
        rank: the other rank.
        columns: (B, T) int, its text columns.

    Sources:
        golden/README.md 2.8.
    """
    theirs = items.of_rank(rank)
    item_mask = items.item_mask[theirs]
    layout = read_text_layout(columns, item_mask.shape[1])
    counts = torch.where(layout.is_own, item_mask.clamp_min(0).gather(1, layout.slot), 1.0)
    weights = counts * (1 - items.is_normal[items.own, None] * items.is_normal[theirs][layout.study])
    return TextPairs(-torch.ones_like(counts), counts, weights, item_mask, own=None)


def weigh_own_items(items: GatheredItems, has_items: Tensor) -> Tensor:
    """Weights of this rank's studies with every item of the global batch, (B, G * K).

    Args:
        items: of the global batch.
        has_items: (G,) float, 1 at studies that count.
    """
    both = items.is_normal[items.own, None] * items.is_normal
    both.diagonal(items.own.start).fill_(0.0)  # a normal study's own items count
    return _over_items(has_items[items.own, None] * (1 - both), items.item_mask)


def weigh_remote_items(items: GatheredItems, rank: int) -> Tensor:
    """Weights of this rank's studies with every item of another rank, (B, B * K): the published form."""
    theirs = items.of_rank(rank)
    both = items.is_normal[items.own, None] * items.is_normal[theirs]
    return _over_items(1 - both, items.item_mask[theirs])


def _over_items(pairs: Tensor, item_mask: Tensor) -> Tensor:
    """(B, G) weights of studies to (B, G * K) weights of their items, 0 at padding and hard negatives."""
    return pairs.repeat_interleave(item_mask.shape[1], dim=1) * item_mask.clamp_min(0).flatten()
