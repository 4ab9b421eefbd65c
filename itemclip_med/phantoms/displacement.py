"""Mass effect: where tissue came from when a lesion pushed it, and what became narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from itemclip_med.phantoms.brain import Points
from itemclip_med.phantoms.fields import Field
from itemclip_med.phantoms.lesions import Collection
from itemclip_med.phantoms.skull import VAULT_CENTER

SEPTUM = (0.0, 12.0, 12.0)  # template mm; the shift of the midline is measured here
_HALF_WIDTH = 64.0


class Ball(Protocol):
    """What takes up space in the brain: a clot, a tumor."""

    @property
    def center(self) -> tuple[float, float, float]:
        """Its center, template mm."""

    @property
    def radius_mm(self) -> float:
        """Radius of a ball of its volume."""


@dataclass(frozen=True, slots=True)
class Displacement:
    """How lesions displace the brain.

    Attributes:
        clots: lesions within the brain.
        collections: lesions upon it.
        shift_mm: displacement of the septum, template mm, positive to the patient's right.
        effect: how much sulci near the lesions are narrowed, 0 to 1.
    """

    clots: tuple[Ball, ...] = ()
    collections: tuple[Collection, ...] = ()
    shift_mm: float = 0.0
    effect: float = 0.0

    @property
    def is_none(self) -> bool:
        """Whether nothing is displaced."""
        return not self.clots and not self.collections and not self.shift_mm

    @property
    def reach_mm(self) -> float:
        """The farthest that tissue may be displaced."""
        pushes = [clot.radius_mm for clot in self.clots] + [one.thickness_mm for one in self.collections]
        return 0.0 if self.is_none else max([*pushes, 0.0]) + abs(self.shift_mm)

    def sources(self, x: Field, y: Field, z: Field, inner: Field) -> Points:
        """Where the tissue now at some points lay before.

        Args:
            x: coordinates in mm, as y and z.
            y: see x.
            z: see x.
            inner: signed distance to the inner table there.

        Returns:
            The undisplaced points.
        """
        ux, uy, uz, free = self._local(x, y, z, inner)
        ux += np.float32(self._amplitude()) * _sway(x, y, z) * free
        return Points(x - ux, y - uy, z - uz)

    def effacement(self, x: Field, y: Field, z: Field) -> Field:
        """How much the sulci are narrowed at undisplaced points, 0 to 1."""
        out = np.zeros_like(x)
        for center, radius in self._centers():
            away = sum(np.square(v - np.float32(c)) for v, c in zip((x, y, z), center, strict=True))
            np.maximum(out, np.exp(away * np.float32(-1 / radius**2)), out=out)
        if self.shift_mm:  # the whole hemisphere is under pressure
            pressed = np.clip(0.5 - x * np.float32(np.sign(self.shift_mm) / 24), 0, 1)
            np.maximum(out, pressed * np.float32(min(1.0, abs(self.shift_mm) / 10)), out=out)
        out *= np.float32(self.effect)
        for one in self.collections:  # right under a collection nothing is left of the fluid
            np.maximum(out, np.clip(one.height(x, y, z) * np.float32(1 / 4), 0, 0.85), out=out)
        return out

    def _centers(self) -> Sequence[tuple[tuple[float, ...], float]]:
        from itemclip_med.phantoms.lesions import vault_point

        near = [(clot.center, 22 + clot.radius_mm) for clot in self.clots]
        return near + [
            (vault_point(*one.place, one.sign), 55.0 if one.name != "EDH" else 40.0)
            for one in self.collections
            if not one.falcine
        ]

    def _local(self, x: Field, y: Field, z: Field, inner: Field) -> tuple[Field, Field, Field, Field]:
        """Displacement by the lesions' own volume, and how free tissue is to follow the midline as well.

        It goes outward about a clot and inward under a collection, on whose surface the brain stays.
        """
        ux, uy, uz = (np.zeros_like(x) for _ in range(3))
        free = np.ones_like(x)
        depth = np.maximum(-inner, 0)
        for clot in self.clots:
            radius = np.float32(clot.radius_mm)
            px, py, pz = (v - np.float32(c) for v, c in zip((x, y, z), clot.center, strict=True))
            away = np.sqrt(px * px + py * py + pz * pz) + np.float32(1e-3)
            before = np.cbrt(np.maximum(away**3 - np.float32(0.9) * radius**3, (0.25 * away) ** 3))
            # Nothing crosses the skull, and the midline only as far as the shift says.
            give = (1 - before / away) * np.minimum(depth * np.float32(1 / 14), 1)
            if abs(clot.center[0]) > 6:
                give *= np.clip(x * np.float32(np.sign(clot.center[0]) / 12), 0, 1)
            ux += give * px
            uy += give * py
            uz += give * pz
        for one in self.collections:
            if one.falcine:
                continue
            height = one.height(x, y, z)
            np.minimum(free, np.clip((depth - height) * np.float32(1 / 22), 0, 1), out=free)
            fall = height * np.clip(1 - (depth - height) * np.float32(1 / 42), 0, 1)
            px, py, pz = (np.float32(c) - v for v, c in zip((x, y, z), VAULT_CENTER, strict=True))
            fall /= np.sqrt(px * px + py * py + pz * pz) + np.float32(4)
            ux += fall * px
            uy += fall * py
            uz += fall * pz
        return ux, uy, uz, free

    def _amplitude(self) -> float:
        """The sway for which the septum ends up at ``shift_mm``."""
        at = [np.array([v], np.float32) for v in (self.shift_mm, SEPTUM[1], SEPTUM[2])]
        own = float(self._local(*at, np.array([-55.0], np.float32))[0][0])
        return (self.shift_mm - own) / float(_sway(*at)[0])


def _sway(x: Field, y: Field, z: Field) -> Field:
    """How far each place follows the midline: most in the middle, not at the skull, little where dura holds it."""
    across = np.maximum(1 - np.square(x * np.float32(1 / _HALF_WIDTH)), 0)
    along = np.exp(-np.square((y + 2) * np.float32(1 / 52)))
    up = np.where(
        z > 12, np.exp(-np.square((z - 12) * np.float32(1 / 38))), np.exp(-np.square((z - 12) * np.float32(1 / 30)))
    )
    return across * along * up
