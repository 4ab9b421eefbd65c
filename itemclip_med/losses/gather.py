"""Item embeddings of all ranks, with gradient. Patch tokens stay where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class GatheredItems:
    """Items of the global batch: the studies of rank 0, then those of rank 1, and so on.

    Attributes:
        items: (G, K, E) item embeddings of all G studies; a gradient travels back to the rank an item comes from.
        item_mask: (G, K) float, 1 at real items.
        is_normal: (G,) float.
        counts: studies of every rank.
        rank: this rank.
    """

    items: Tensor
    item_mask: Tensor
    is_normal: Tensor
    counts: tuple[int, ...]
    rank: int

    @property
    def own(self) -> slice:
        """Where this rank's studies stand."""
        return self.of_rank(self.rank)

    def of_rank(self, rank: int) -> slice:
        """Where a rank's studies stand."""
        first = sum(self.counts[:rank])
        return slice(first, first + self.counts[rank])

    def of_one_rank(self) -> GatheredItems:
        """This rank's items only, as if there were no others."""
        own = self.own
        return GatheredItems(self.items[own], self.item_mask[own], self.is_normal[own], (self.counts[self.rank],), 0)


def count_ranks() -> int:
    """Ranks of the default process group, 1 without one."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@torch.compiler.disable
def gather_items(items: Tensor, item_mask: Tensor, is_normal: Tensor) -> GatheredItems:
    """Bring together the items of all ranks; every rank must call it, and its backward too.

    Args:
        items: (B, K, E); B and K may differ between ranks, E may not.
        item_mask: (B, K) float.
        is_normal: (B,) float.

    Returns:
        The items of the global batch, K the most slots of any rank; what is filled up is padding.
    """
    num_ranks = count_ranks()
    if num_ranks == 1:
        return GatheredItems(items, item_mask, is_normal, (len(items),), 0)
    sizes = torch.tensor(items.shape[:2], device=items.device)
    all_sizes = torch.stack(_all_gather(sizes)).tolist()
    counts = tuple(count for count, _ in all_sizes)
    missing = max(slots for _, slots in all_sizes) - items.shape[1]
    items = _GatherStudies.apply(F.pad(items, (0, 0, 0, missing)), counts)
    flags = torch.cat([F.pad(item_mask, (0, missing)), is_normal[:, None]], dim=1)
    flags = _gather_rows(flags, counts)
    return GatheredItems(items, flags[:, :-1], flags[:, -1], counts, dist.get_rank())


@torch.compiler.disable
def gather_rows(x: Tensor, counts: tuple[int, ...]) -> Tensor:
    """Rows of all ranks, without gradient.

    Args:
        x: (B, …), as many rows as ``counts`` says of this rank.
        counts: rows of every rank.
    """
    return x if len(counts) == 1 else _gather_rows(x, counts)


class _GatherStudies(torch.autograd.Function):
    """Rows of all ranks; backward sums what all ranks ask of this rank's rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, counts: tuple[int, ...]) -> Tensor:
        ctx.counts = counts
        return _gather_rows(x, counts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.contiguous().clone()
        dist.all_reduce(gradient)
        first = sum(ctx.counts[: dist.get_rank()])
        return gradient[first : first + ctx.counts[dist.get_rank()]], None


def _gather_rows(x: Tensor, counts: tuple[int, ...]) -> Tensor:
    """Rows of all ranks, which may bring different numbers of them."""
    filled = torch.cat([x, x.new_zeros((max(counts) - len(x), *x.shape[1:]))])
    return torch.cat([rows[:count] for rows, count in zip(_all_gather(filled), counts, strict=True)])


def _all_gather(x: Tensor) -> list[Tensor]:
    parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, x.contiguous())
    return parts
