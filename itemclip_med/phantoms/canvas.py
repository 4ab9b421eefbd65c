"""What anatomy is painted on: HU at the voxels of one slab, and where each voxel lies in the template head."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.fields import Field, cover


@dataclass(frozen=True, slots=True)
class Pose:
    """How a template head lies in the scanner: ``world = rotation @ (scale * template)``.

    Attributes:
        rotation: (3, 3), head to world.
        scale: real size over template size along x, y, z.
    """

    rotation: NDArray[np.float64]
    scale: tuple[float, float, float]

    def to_template(self, world: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points (n, 3) RAS mm as template mm."""
        return (world @ self.rotation) / np.asarray(self.scale)

    def to_world(self, template: NDArray[np.float64]) -> NDArray[np.float64]:
        """Template points (n, 3) mm as world RAS mm."""
        return (template * np.asarray(self.scale)) @ self.rotation.T


@dataclass(slots=True)
class Canvas:
    """One slab of voxels, arrays (Z, Y, X).

    Attributes:
        x: template coordinates of the voxels in mm, as y and z.
        y: see x.
        z: see x.
        hu: what is painted so far.
        soft_mm: width of the ramp at a surface, about a voxel.
        to_voxel: (3, 4), template mm to fractional (z, y, x) index.
        grain: noise for marrow, fat and muscle, its features some millimetres wide.
        drift: noise whose features are some centimetres wide.
        layers: how much of a voxel each finding fills, painted over as the HU are.
        margin_mm: how far the brain's tissue may be displaced.
    """

    x: Field
    y: Field
    z: Field
    hu: Field
    soft_mm: float
    to_voxel: NDArray[np.float64]
    grain: Field
    drift: Field
    layers: dict[str, Field] = field(default_factory=dict)
    margin_mm: float = 0.0

    def box(self, low: tuple[float, ...], high: tuple[float, ...]) -> tuple[slice, slice, slice]:
        """Slices of the voxels that may lie in a template box (mm), displaced ones included."""
        corners = np.array(
            [[a, b, c, 1.0] for a in (low[0], high[0]) for b in (low[1], high[1]) for c in (low[2], high[2])]
        )
        voxels = corners @ self.to_voxel.T
        pad = self.margin_mm * np.abs(self.to_voxel[:, :3]).max(axis=1) + 1.5
        first = np.floor(voxels.min(axis=0) - pad).astype(int)
        last = np.ceil(voxels.max(axis=0) + pad).astype(int) + 1
        return tuple(
            slice(max(0, min(a, n)), max(0, min(b, n))) for a, b, n in zip(first, last, self.hu.shape, strict=True)
        )

    def blend(self, part: tuple[slice, ...], share: Field, value: Field | float) -> None:
        """Paint ``value`` over ``share`` of the voxels of ``part``; what lies beneath loses that share."""
        hu = self.hu[part]
        hu += share * (value - hu)
        for layer in self.layers.values():
            layer[part] *= 1 - share

    def paint(self, part: tuple[slice, ...], distance_mm: Field, value: Field | float) -> None:
        """Paint ``value`` where ``distance_mm`` is negative."""
        self.blend(part, cover(distance_mm, self.soft_mm), value)

    def mark(self, name: str, part: tuple[slice, ...], share: Field) -> None:
        """Add ``share`` of the voxels of ``part`` to a finding's layer."""
        layer = self.layers.setdefault(name, np.zeros_like(self.hu))
        np.maximum(layer[part], share, out=layer[part])
