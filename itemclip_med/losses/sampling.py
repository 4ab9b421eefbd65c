"""Which texts a study is compared with, which patch tokens they may look at, and what each pair weighs.

A study sees T = K + B - 1 text columns: its own K item slots and one item of every other study. The columns keep the
order of the studies, so study i's own slots are columns i to i + K - 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LossDraws:
    """The random choices of one loss evaluation; tests and exact repeats hand in recorded ones.

    Attributes:
        text_columns: (B, T) int64, for each study the flat item indices ``study * K + slot`` of its columns.
        token_mask: (B, H, T, P) bool, True where a text may look at a patch token; None keeps every token.
    """

    text_columns: Tensor
    token_mask: Tensor | None = None


@dataclass(frozen=True)
class TextLayout:
    """What every text column of every study is, whatever was drawn.

    Attributes:
        study: (B, T) int64, the study that a column's text comes from.
        slot: (B, T) int64, the own item slot of a column; meaningless where ``is_own`` is False.
        is_own: (B, T) bool, True in the K own columns.
    """

    study: Tensor
    slot: Tensor
    is_own: Tensor

    @property
    def labels(self) -> Tensor:
        """(B, T) float: +1 in own columns, -1 elsewhere."""
        return self.is_own.float() * 2 - 1


def make_text_layout(num_studies: int, num_slots: int, device: torch.device | None = None) -> TextLayout:
    """Lay out the text columns of a batch.

    Args:
        num_studies: B.
        num_slots: K, item slots per study.
        device: where the tables are made.

    Returns:
        The layout of B rows and K + B - 1 columns.
    """
    row = torch.arange(num_studies, device=device)[:, None]
    column = torch.arange(num_slots + num_studies - 1, device=device)[None, :]
    slot = column - row
    is_own = (slot >= 0) & (slot < num_slots)
    study = torch.where(is_own, row, torch.where(slot < 0, column, column - num_slots + 1))
    return TextLayout(study=study, slot=slot.clamp(0, num_slots - 1), is_own=is_own)


def draw_text_columns(item_mask: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """Draw one real item of every other study for each study.

    Args:
        item_mask: (B, K), above 0 where a slot holds a real item; any pattern.
        generator: source of the draws, on the mask's device or the CPU.

    Returns:
        (B, T) int64 flat item indices, as in :class:`LossDraws`. A study without items offers its slot 0, which the
        pair weights switch off.

    Sources:
        golden/README.md 2.1; any mask pattern instead of real items first.
    """
    num_studies, num_slots = item_mask.shape
    layout = make_text_layout(num_studies, num_slots, item_mask.device)
    real = item_mask > 0
    counts = real.sum(dim=1)  # (B,)
    real_first = torch.sort((~real).to(torch.uint8), dim=1, stable=True).indices  # (B, K) slots, real ones in front
    on_device = generator.device if generator is not None else item_mask.device
    uniform = torch.rand((num_studies, num_studies), generator=generator, device=on_device).to(item_mask.device)
    # float rounding may lift u * count to count itself
    rank = (uniform * counts).long().minimum((counts - 1).clamp_min(0))  # (B, B)
    drawn = real_first[torch.arange(num_studies, device=item_mask.device), rank]  # (B, B) slot of study j for row i
    slot = torch.where(layout.is_own, layout.slot, drawn.gather(1, layout.study))
    return layout.study * num_slots + slot


def draw_token_mask(
    shape: tuple[int, int, int, int],
    keep_rate: float,
    *,
    device: torch.device | None = None,
    generator: torch.Generator | None = None,
) -> Tensor | None:
    """Draw which patch tokens each text may look at, for every study, head and column on its own.

    Args:
        shape: (B, H, T, P).
        keep_rate: probability that a token is kept.
        device: where the mask is wanted.
        generator: source of the draws.

    Returns:
        (B, H, T, P) bool, or None where ``keep_rate`` is 1 and nothing is masked.
    """
    if keep_rate >= 1:
        return None
    on_device = generator.device if generator is not None else device
    mask = torch.empty(shape, dtype=torch.bool, device=on_device).bernoulli_(keep_rate, generator=generator)
    return mask.to(device) if device is not None else mask
