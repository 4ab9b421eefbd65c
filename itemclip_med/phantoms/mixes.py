"""Which findings come together, and how often: the usual mix of head CT phantoms, and harder ones to test with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

MixName = Literal["usual", "hard", "compositional", "normal-heavy"]
Scenario = tuple[float, tuple[str, ...], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Mix:
    """What a set of phantoms is made of.

    Attributes:
        normal_share: share of normal studies.
        scenarios: what happened, how often among abnormal studies; what it always brings, and what with some
            probability.
        faint: whether lesions are small and of little contrast.
    """

    normal_share: float
    scenarios: tuple[Scenario, ...]
    faint: bool = False

    def draw_names(self, rng: np.random.Generator) -> tuple[str, ...]:
        """The lesions of one study; effects on the midline follow from their size. Empty for a normal study."""
        if rng.random() < self.normal_share:
            return ()
        weights = np.array([weight for weight, _, _ in self.scenarios])
        _, always, sometimes = self.scenarios[int(rng.choice(len(self.scenarios), p=weights / weights.sum()))]
        return always + tuple(name for name, often in sometimes.items() if rng.random() < often)


_USUAL: tuple[Scenario, ...] = (
    (0.210, ("EDH",), {"Fracture": 0.6, "SAH": 0.15, "IPH": 0.12}),
    (0.170, ("SDH",), {"SAH": 0.22, "IPH": 0.15, "Fracture": 0.15}),
    (0.200, ("IPH",), {"IVH": 0.4}),
    (0.090, ("SAH",), {"IVH": 0.4, "IPH": 0.1}),
    (0.105, ("SAH",), {"Fracture": 0.25, "SDH": 0.15}),
    (0.115, ("ChronicBleed",), {"SDH": 0.15}),
    (0.100, ("IVH",), {"SAH": 0.2}),
    (0.040, ("IPH", "SAH"), {"Fracture": 0.3}),
    (0.030, ("Fracture",), {}),
)
_HARD: tuple[Scenario, ...] = (
    (0.18, ("IPH",), {"IVH": 0.1}),
    (0.18, ("IPH", "SAH"), {}),
    (0.14, ("SAH",), {}),
    (0.18, ("SDH",), {"SAH": 0.3}),
    (0.14, ("EDH",), {"Fracture": 0.5}),
    (0.12, ("Fracture",), {}),
    (0.06, ("IVH",), {}),
)
_COMPOSITIONAL: tuple[Scenario, ...] = ((0.5, ("EDH",), {}), (0.5, ("SDH",), {}))

MIXES: dict[MixName, Mix] = {
    "usual": Mix(0.26, _USUAL),
    "hard": Mix(0.26, _HARD, faint=True),
    "compositional": Mix(0.0, _COMPOSITIONAL),
    "normal-heavy": Mix(0.9, _USUAL),
}


def find_mix(name: str) -> Mix:
    """A mix by its name.

    Raises:
        ValueError: if there is none; names those there are.
    """
    if name not in MIXES:
        raise ValueError(f"unknown mix {name!r}; expected one of {', '.join(MIXES)}")
    return MIXES[name]
