"""What anatomy is painted on: HU at the voxels of one slab, and where each voxel lies in the template body."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.fields import Field, cover, texture
from itemclip_med.phantoms.tissues import Content


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the voxels of a reconstruction lie.

    Attributes:
        shape: voxels along x, y, z.
        spacing_mm: between their centers along x, y, z.
        origin_mm: world RAS of the first voxel's center.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4), voxel index (x, y, z) to world RAS mm."""
        out = np.diag([*self.spacing_mm, 1.0])
        out[:3, 3] = self.origin_mm
        return out


@dataclass(frozen=True, slots=True)
class Pose:
    """How a template body lies in the scanner: ``world = rotation @ (scale * template)``.

    Attributes:
        rotation: (3, 3), body to world.
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
        margin_mm: how far tissue may be displaced.
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

    def blend(self, part: tuple[slice, ...], share: Field, value: Field | float, tissue: Content = None) -> None:
        """Paint ``value`` over ``share`` of the voxels of ``part``; what lies beneath loses that share.

        Args:
            part: of the canvas.
            share: of its voxels.
            value: HU.
            tissue: what it is made of, for canvases that keep tissues instead of HU; this one does not look at it.
        """
        hu = self.hu[part]
        hu += share * (value - hu)
        for layer in self.layers.values():
            layer[part] *= 1 - share

    def paint(self, part: tuple[slice, ...], distance_mm: Field, value: Field | float, tissue: Content = None) -> None:
        """Paint ``value`` where ``distance_mm`` is negative."""
        self.blend(part, cover(distance_mm, self.soft_mm), value, tissue)

    def stroke_at(self, index: NDArray[np.intp], strokes: Iterable[tuple[Field, Field | float, Content]]) -> None:
        """Paint (share, HU, tissue) one over the other on the voxels at flat indices, before there are any layers."""
        target = self.hu.reshape(-1)
        hu = target[index]
        for share, value, _ in strokes:
            hu += share * (value - hu)
        target[index] = hu

    def blend_at(self, index: NDArray[np.intp], share: Field, value: Field | float) -> None:
        """Paint ``value`` over ``share`` of the voxels at flat indices (V,), as :meth:`blend` does of a part."""
        hu = self.hu.reshape(-1)
        hu[index] += share * (value - hu[index])
        for layer in self.layers.values():
            layer.reshape(-1)[index] *= 1 - share

    def mark_at(self, name: str, index: NDArray[np.intp], share: Field) -> None:
        """Add ``share`` of the voxels at flat indices (V,) to a finding's layer."""
        layer = self.layers.setdefault(name, np.zeros_like(self.hu)).reshape(-1)
        layer[index] = np.maximum(layer[index], share)

    def mark(self, name: str, part: tuple[slice, ...], share: Field) -> None:
        """Add ``share`` of the voxels of ``part`` to a finding's layer."""
        layer = self.layers.setdefault(name, np.zeros_like(self.hu))
        np.maximum(layer[part], share, out=layer[part])


def canvas_over(
    pose: Pose,
    grid: Grid,
    window: tuple[slice, slice],
    rows: tuple[int, int],
    corner: tuple[float, float, float],
    *,
    soft_mm: float,
    oversample: int,
) -> Canvas:
    """An empty canvas over some slices of a grid.

    Args:
        pose: how the body lies.
        grid: the reconstruction.
        window: columns and lines of the grid to cover.
        rows: first slice, and the one after the last.
        corner: where its textures begin.
        soft_mm: width of a surface's ramp.
        oversample: how many thinner slices stand for one.

    Returns:
        The canvas, (rows x oversample, Y, X), cropped to the window, filled with air.
    """
    dx, dy, dz = grid.spacing_mm
    step = dz / oversample
    low = grid.origin_mm[2] - dz / 2 + rows[0] * dz + step / 2
    columns, lines = window
    wx = grid.origin_mm[0] + dx * np.arange(columns.start, columns.stop)
    wy = grid.origin_mm[1] + dy * np.arange(lines.start, lines.stop)
    wz = low + step * np.arange((rows[1] - rows[0]) * oversample)
    turn = pose.rotation / np.asarray(pose.scale)  # world to template: p @ turn
    coordinates = [
        (turn[2, i] * wz[:, None, None]).astype(np.float32)
        + ((turn[1, i] * wy)[:, None] + (turn[0, i] * wx)[None, :]).astype(np.float32)
        for i in range(3)
    ]
    to_world = pose.rotation * np.asarray(pose.scale)  # template to world: to_world @ p
    spacing, first = np.array([dx, dy, step]), np.array([wx[0], wy[0], low])
    index = np.column_stack([to_world / spacing[:, None], -first / spacing])[::-1]
    hu = np.full((wz.size, wy.size, wx.size), -1000, np.float32)
    grain, drift = (texture((wz, wy, wx), corner, feature_mm) for feature_mm in (9.0, 30.0))
    return Canvas(*coordinates, hu=hu, soft_mm=soft_mm, to_voxel=index, grain=grain, drift=drift)


def rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pitch about x, roll about y, yaw about z: (3,) radians to a (3, 3) matrix."""
    (a, b, c), out = angles, np.eye(3)
    for axis, angle in ((0, a), (1, b), (2, c)):
        turn, (i, j) = np.eye(3), [k for k in range(3) if k != axis]
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        out = turn @ out
    return out
