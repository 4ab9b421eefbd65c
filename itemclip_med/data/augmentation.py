"""Random changes of a study's volumes in training: the same for all its series, never across left and right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """What may change.

    Attributes:
        max_shift: voxels (D, H, W) of the model's grid by which a study is moved at most; what enters is padding.
        max_offset: stored values (HU for CT) added at most, one draw per study.

    Raises:
        ValueError: if a value is negative.
    """

    max_shift: tuple[int, int, int] = (1, 8, 8)
    max_offset: float = 3.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_shift", tuple(int(value) for value in self.max_shift))
        if len(self.max_shift) != 3 or min(*self.max_shift, self.max_offset) < 0:
            raise ValueError(
                f"Augmentation: max_shift {self.max_shift}, max_offset {self.max_offset}; expected three numbers and "
                "one, none negative."
            )

    def __call__(self, volumes: Sequence[Tensor], pad_value: float, random: np.random.Generator) -> list[Tensor]:
        """Change the volumes (D, H, W) of one study together; their type stays."""
        shift = [int(random.integers(-limit, limit + 1)) for limit in self.max_shift]
        offset = round(float(random.uniform(-self.max_offset, self.max_offset)))
        return [_shifted(volume, shift, pad_value) + offset for volume in volumes]


def _shifted(volume: Tensor, shift: Sequence[int], pad_value: float) -> Tensor:
    moved = torch.full_like(volume, pad_value)
    target, source = [], []
    for size, step in zip(volume.shape, shift, strict=True):
        step = max(-size, min(size, step))
        target.append(slice(max(step, 0), size + min(step, 0)))
        source.append(slice(max(-step, 0), size - max(step, 0)))
    moved[tuple(target)] = volume[tuple(source)]
    return moved
