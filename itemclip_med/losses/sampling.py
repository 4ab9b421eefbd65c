"""Which texts a study is compared with, and which patch tokens they may look at.

A study sees T = K + B - 1 text columns: its own K item slots and one item of every other study. The columns keep the
order of the studies, so study i's own slots are columns i to i + K - 1. Across ranks B counts the studies of all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_WORD = 2**64 - 1


@dataclass(frozen=True)
class LossDraws:
    """The random choices of one loss evaluation; tests and exact repeats hand in recorded ones.

    Attributes:
        text_columns: (B, T) int64, for each study of this rank the flat item indices ``study * K + slot`` of its
            columns, ascending; ``study`` counts over all ranks, or over this one's studies with ``ranks="published"``.
        token_mask: (B, H, T, P) bool, True where a text may look at a patch token; None keeps every token.
        remote_token_masks: with ``ranks="published"``, such a mask for the texts of every other rank.
    """

    text_columns: Tensor
    token_mask: Tensor | None = None
    remote_token_masks: Mapping[int, Tensor] | None = None


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
    """Lay out the text columns of a batch in which every study meets every other.

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


def read_text_layout(text_columns: Tensor, num_slots: int, first_study: int = 0) -> TextLayout:
    """The layout of drawn columns.

    Args:
        text_columns: (B, T), as in :class:`LossDraws`.
        num_slots: K.
        first_study: number of the first row's study.
    """
    study = text_columns // num_slots
    row = torch.arange(first_study, first_study + len(text_columns), device=text_columns.device)
    return TextLayout(study=study, slot=text_columns % num_slots, is_own=study == row[:, None])


def draw_text_columns(
    item_mask: Tensor,
    *,
    generator: torch.Generator | None = None,
    rows: slice = slice(None),
    max_negatives: int | None = None,
) -> Tensor:
    """Draw one real item of every other study for each study.

    Args:
        item_mask: (B, K), above 0 where a slot holds a real item; any pattern.
        generator: source of the draws, on the mask's device or the CPU.
        rows: the studies whose columns are wanted; their columns do not depend on it.
        max_negatives: draw from that many other studies only, chosen anew for each study; None from all.

    Returns:
        (B, T) int64 flat item indices, as in :class:`LossDraws`. A study without items offers its slot 0, which the
        pair weights switch off.

    Sources:
        golden/README.md 2.1; any mask pattern instead of real items first.
    """
    num_studies, num_slots = item_mask.shape
    device = item_mask.device
    layout = make_text_layout(num_studies, num_slots, device)
    real = item_mask > 0
    counts = real.sum(dim=1)  # (B,)
    real_first = torch.sort((~real).to(torch.uint8), dim=1, stable=True).indices  # (B, K) slots, real ones in front
    on_device = generator.device if generator is not None else device
    uniform = torch.rand((num_studies, num_studies), generator=generator, device=on_device).to(device)
    # float rounding may lift u * count to count itself
    rank = (uniform * counts).long().minimum((counts - 1).clamp_min(0))  # (B, B)
    drawn = real_first[torch.arange(num_studies, device=device), rank]  # (B, B) slot of study j for row i
    slot = torch.where(layout.is_own, layout.slot, drawn.gather(1, layout.study))
    columns = layout.study * num_slots + slot
    if max_negatives is not None and max_negatives < num_studies - 1:
        order = torch.rand((num_studies, num_studies), generator=generator, device=on_device).to(device)
        order = order.gather(1, layout.study).masked_fill(layout.is_own, -1)  # own columns are always kept
        kept = order.topk(num_slots + max_negatives, dim=1, largest=False).indices.sort(dim=1).values
        columns = columns.gather(1, kept)
    return columns[rows]


@dataclass(frozen=True)
class TokenDrops:
    """Which patch tokens are hidden from which texts, drawn study by study and never kept for a whole batch.

    A study's draws depend on ``seed`` and the study's position only, so every rank draws those of its own studies and
    a batch has the same draws on any number of ranks. What is drawn are the gaps between hidden tokens (a Bernoulli
    process has geometric gaps): exact, and at a keep rate of 0.95 twenty times fewer draws than tokens.

    Attributes:
        keep_rate: probability that a token is kept, below 1.
        seed: base seed.
        device: where the draws are made.
    """

    keep_rate: float
    seed: int
    device: torch.device

    def positions(self, study: int, num_places: int) -> Tensor:
        """Hidden places of one study.

        Args:
            study: position of the study among all, from 0.
            num_places: H * T * P.

        Returns:
            Ascending int64 indices into the flat (H, T, P) places, followed by a few at ``num_places`` or beyond.
        """
        drop_rate = 1 - self.keep_rate
        mean = num_places * drop_rate
        # ten standard deviations: that too few are drawn has a probability below 1e-20
        count = min(num_places, math.ceil(mean + 10 * math.sqrt(mean * self.keep_rate) + 32))
        generator = torch.Generator(self.device).manual_seed(_mix(self.seed, study))
        gaps = torch.empty(count, dtype=torch.int64, device=self.device).geometric_(drop_rate, generator=generator)
        return gaps.cumsum(0) - 1

    def mask(self, study: int, shape: tuple[int, int, int]) -> Tensor:
        """The same as an (H, T, P) bool mask, True where a token is kept."""
        num_places = math.prod(shape)
        keep = torch.ones(num_places + 1, dtype=torch.bool, device=self.device)
        keep[self.positions(study, num_places).clamp_max(num_places)] = False
        return keep[:-1].view(shape)


def draw_token_drops(
    keep_rate: float, *, device: torch.device | None = None, generator: torch.Generator | None = None
) -> TokenDrops | None:
    """Draw the base seed of a batch's hidden patch tokens.

    Args:
        keep_rate: probability that a token is kept.
        device: where the draws are made if there is no generator.
        generator: source of the seed; the draws are made on its device.

    Returns:
        The drops, or None where ``keep_rate`` is 1 and nothing is hidden or drawn.
    """
    if keep_rate >= 1:
        return None
    on_device = generator.device if generator is not None else torch.device("cpu")
    seed = torch.randint(2**62, (), generator=generator, device=on_device).item()
    return TokenDrops(keep_rate, int(seed), on_device if generator is not None else torch.device(device or "cpu"))


def draw_token_mask(
    shape: tuple[int, int, int, int],
    keep_rate: float,
    *,
    device: torch.device | None = None,
    generator: torch.Generator | None = None,
    first_study: int = 0,
) -> Tensor | None:
    """Draw which patch tokens each text may look at, for every study, head and column on its own.

    Args:
        shape: (B, H, T, P).
        keep_rate: probability that a token is kept.
        device: where the mask is wanted.
        generator: source of the draws.
        first_study: position of the first study among those of all ranks.

    Returns:
        (B, H, T, P) bool, or None where ``keep_rate`` is 1 and nothing is masked.
    """
    drops = draw_token_drops(keep_rate, device=device, generator=generator)
    if drops is None:
        return None
    mask = torch.stack([drops.mask(first_study + study, shape[1:]) for study in range(shape[0])])
    return mask.to(device) if device is not None else mask


def _mix(seed: int, position: int) -> int:
    """A seed for one study: splitmix64, because some generators read the low bits of their seed only."""
    word = (seed + (position + 1) * 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return (word ^ (word >> 31)) >> 1
