"""Which patch tokens the texts of some studies may look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from itemclip_med.losses.sampling import TokenDrops


@dataclass(frozen=True)
class Visibility:
    """Which patch tokens the texts of some studies may look at.

    Attributes:
        drops: hidden tokens that are drawn study by study.
        first_study: position of the first study in these draws.
        mask: (B, 1 or H, T, P) bool, recorded draws instead.
        real: (B, P) bool, False at patch tokens of padding series.
    """

    drops: TokenDrops | None = None
    first_study: int = 0
    mask: Tensor | None = None
    real: Tensor | None = None

    def dense(self, shape: Sequence[int]) -> Tensor | None:
        """All of it as one mask that broadcasts to ``shape`` (B, H, T, P), or None."""
        mask = self.mask
        if self.drops is not None:
            batch, heads, texts, tokens = shape
            drawn = (self.drops.mask(self.first_study + i, (heads, texts, tokens)) for i in range(batch))
            mask = torch.stack(list(drawn))
        if self.real is None:
            return mask
        real = self.real[:, None, None, :]
        return real if mask is None else mask.to(real.device) & real
