"""Random changes of a study in training: the same for all its series, and of its words where they name a side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_SIDE = re.compile(r"\b(left|right)", re.IGNORECASE)  # also the beginning of left-sided, rightward
_OTHER_SIDE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Change:
    """What happens to one study in one epoch.

    Attributes:
        shift: voxels (D, H, W) by which it is moved; what enters is padding.
        offset: stored values (HU for CT) added.
        mirrored: left and right change places, in the volumes and in the words.
        gain: stored values are multiplied by it.
        noise: standard deviation of what is added to every voxel, in stored values.
        noise_seed: of that; volumes of one study differ.
    """

    shift: tuple[int, int, int]
    offset: int
    mirrored: bool
    gain: float = 1.0
    noise: float = 0.0
    noise_seed: int = 0

    def volumes(self, volumes: Sequence[Tensor], pad_value: float) -> list[Tensor]:
        """Change the volumes (D, H, W) of the study; left and right lie along W. Their type stays."""
        changed = []
        for number, volume in enumerate(volumes):
            moved = _shifted(volume.flip(-1) if self.mirrored else volume, self.shift, pad_value)
            if self.gain != 1 or self.noise:
                moved = self._rescaled(moved, number)
            else:
                moved = moved.add_(self.offset) if self.offset else moved
            changed.append(moved)
        return changed

    def _rescaled(self, volume: Tensor, number: int) -> Tensor:
        """Gain, offset and noise, rounded and cut to the volume's type."""
        values = volume.float().mul_(self.gain).add_(self.offset)
        if self.noise:
            generator = torch.Generator().manual_seed(self.noise_seed + number)
            values += self.noise * torch.randn(values.shape, generator=generator)
        if volume.dtype.is_floating_point:
            return values.to(volume.dtype)
        limits = torch.iinfo(volume.dtype)
        return values.round_().clamp_(limits.min, limits.max).to(volume.dtype)

    def text(self, text: str) -> str:
        """Change an item of the study."""
        return swap_sides(text) if self.mirrored else text


@dataclass(frozen=True)
class Augmentation:
    """What may change.

    Attributes:
        max_shift: voxels (D, H, W) of the model's grid by which a study is moved at most.
        max_offset: stored values (HU for CT) added at most, one draw per study.
        mirror: probability that left and right change places, in the volumes and in the words of the items. For heads,
            whose sides look alike; not for the chest, whose heart has a side.
        random_crop: crops, and padding, lie at random places, for models whose ``fit`` is "crop"; in the middle else.
        max_gain: stored values are multiplied by 1 plus or minus this at most, for MR.
        max_noise: largest standard deviation of noise, in stored values; one draw per study, up to this.

    Raises:
        ValueError: if a value is negative, ``mirror`` above 1, or ``max_gain`` 1 or more.
    """

    max_shift: tuple[int, int, int] = (1, 8, 8)
    max_offset: float = 3.0
    mirror: float = 0.0
    random_crop: bool = False
    max_gain: float = 0.0
    max_noise: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_shift", tuple(int(value) for value in self.max_shift))
        if len(self.max_shift) != 3 or min(*self.max_shift, self.max_offset) < 0 or not 0 <= self.mirror <= 1:
            raise ValueError(
                f"Augmentation: max_shift {self.max_shift}, max_offset {self.max_offset}, mirror {self.mirror}; "
                "expected three numbers and one, none negative, and a probability."
            )
        if not 0 <= self.max_gain < 1 or self.max_noise < 0:
            raise ValueError(
                f"Augmentation: max_gain {self.max_gain}, max_noise {self.max_noise}; expected from 0 to below 1, and "
                "nothing negative."
            )

    def draw(self, random: np.random.Generator) -> Change:
        """Decide for one study."""
        d, h, w = (int(random.integers(-limit, limit + 1)) for limit in self.max_shift)
        offset = round(float(random.uniform(-self.max_offset, self.max_offset)))
        mirrored = bool(random.random() < self.mirror)
        # behind the others, so that these draw the same with and without
        gain = 1 + float(random.uniform(-self.max_gain, self.max_gain)) if self.max_gain else 1.0
        noise = float(random.uniform(0, self.max_noise)) if self.max_noise else 0.0
        seed = int(random.integers(2**62)) if noise else 0
        return Change((d, h, w), offset, mirrored, gain, noise, seed)


def swap_sides(text: str) -> str:
    """Say the other side wherever a text says left or right, in whatever case: "Left-sided" to "Right-sided"."""

    def other(match: re.Match[str]) -> str:
        word = match.group(0)
        swapped = _OTHER_SIDE[word.lower()]
        if word.isupper():
            return swapped.upper()
        return swapped.capitalize() if word[0].isupper() else swapped

    return _SIDE.sub(other, text)


def _shifted(volume: Tensor, shift: Sequence[int], pad_value: float) -> Tensor:
    moved = torch.full_like(volume, pad_value)
    target, source = [], []
    for size, step in zip(volume.shape, shift, strict=True):
        step = max(-size, min(size, step))
        target.append(slice(max(step, 0), size + min(step, 0)))
        source.append(slice(max(-step, 0), size - max(step, 0)))
    moved[tuple(target)] = volume[tuple(source)]
    return moved
