"""Studies of unequal numbers of series and items into one batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def collate_studies(
    samples: Sequence[Mapping[str, Any]], tokenizer: Callable[[list[str]], Mapping[str, Tensor]] | None = None
) -> dict[str, Any]:
    """Put samples of :class:`StudyDataset` together.

    Args:
        samples: B of them.
        tokenizer: turns B * K texts into ``input_ids`` and ``attention_mask``; None leaves texts as they are.

    Returns:
        ``image`` (B, N, C, D, H, W) float32, missing series 0; ``series_mask`` (B, N) bool; ``series`` B lists of
        names; ``study_id``, ``labels``, ``acquisition`` B each; and where there are items: ``items`` B lists of K
        texts, hard negatives behind the items and "" behind them, ``item_mask`` (B, K) float32, 1 at items, -1 at hard
        negatives, 0 at nothing, ``is_normal`` (B,) bool, ``text`` for a tokenizer.
    """
    num_series = max(len(sample["image"]) for sample in samples)
    first = samples[0]["image"]
    image = first.new_zeros((len(samples), num_series, *first.shape[1:]))
    mask = torch.zeros((len(samples), num_series), dtype=torch.bool)
    for index, sample in enumerate(samples):
        count = len(sample["image"])
        image[index, :count] = sample["image"]
        mask[index, :count] = True
    batch: dict[str, Any] = {
        "image": image,
        "series_mask": mask,
        **{name: [sample[name] for sample in samples] for name in ("series", "study_id", "labels", "acquisition")},
    }
    num_items = max(sample["num_items"] for sample in samples)
    if num_items:
        both = [(list(sample["items"]), list(sample.get("denied", ()))) for sample in samples]
        items = [[*own, *denied, *[""] * (num_items - len(own) - len(denied))] for own, denied in both]
        batch["items"] = items
        batch["item_mask"] = torch.tensor(
            [([1.0] * len(own) + [-1.0] * len(denied) + [0.0] * num_items)[:num_items] for own, denied in both]
        )
        batch["is_normal"] = torch.tensor([sample["is_normal"] for sample in samples])
        if tokenizer is not None:
            batch["text"] = dict(tokenizer([text for texts in items for text in texts]))
    return batch
