"""The scanner over a chest: pose, field of view, slices, noise, table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from itemclip_med.phantoms.canvas import Grid, Pose, rotation
from itemclip_med.phantoms.chest_shape import ChestShape
from itemclip_med.phantoms.fields import Field, cover


@dataclass(frozen=True, slots=True)
class ChestScan:
    """How one chest is scanned.

    Attributes:
        pose: of the chest.
        field_mm: width of the square field of view.
        center_mm: world (x, y) of its middle.
        bottom_mm: world z of the lowest slice's lower face.
        length_mm: scanned along z.
        thin_mm: slice thickness of thin reconstructions.
        thick_mm: of thick ones.
        noise_hu: standard deviation in 5 mm slices of the soft kernel.
        table_mm: world y of the table's top.
        corner: where its textures begin.
    """

    pose: Pose
    field_mm: float
    center_mm: tuple[float, float]
    bottom_mm: float
    length_mm: float
    thin_mm: float
    thick_mm: float
    noise_hu: float
    table_mm: float
    corner: tuple[float, float, float]

    def grid(self, matrix: int, thickness_mm: float) -> Grid:
        """The grid of a reconstruction with ``matrix`` squared pixels and contiguous slices."""
        pixel = self.field_mm / matrix
        num = round(self.length_mm / thickness_mm)
        first = tuple(c - pixel * (matrix - 1) / 2 for c in self.center_mm)
        return Grid((matrix, matrix, num), (pixel, pixel, thickness_mm), (*first, self.bottom_mm + thickness_mm / 2))


def draw_scan(rng: np.random.Generator, shape: ChestShape) -> ChestScan:
    """A scan as scanners and patients have it."""
    tall = rng.normal(1.0 if shape.sex == "M" else 0.925, 0.035)
    scale = np.clip(tall * np.exp(rng.normal(0, 0.025, 3)), 0.82, 1.12)
    angles = np.deg2rad([rng.normal(0, 1.5), rng.normal(0, 1.2), rng.normal(0, 2.5)])
    pose = Pose(rotation(angles), tuple(scale.tolist()))
    half = (159 + shape.fat_mm) * scale[0]
    field = float(np.clip(2 * half * rng.uniform(0.98, 1.12), 300, 500))
    top = float((112 + rng.uniform(8, 32)) * scale[2])
    bottom = float((shape.dome_mm - rng.uniform(84, 112)) * scale[2])
    back = (133 + 0.85 * shape.fat_mm) * scale[1]
    return ChestScan(
        pose=pose,
        field_mm=field,
        center_mm=(float(rng.normal(0, 4)), float(rng.normal(-14 * scale[1], 5))),
        bottom_mm=bottom,
        length_mm=top - bottom,
        thin_mm=float(rng.choice([1.0, 1.0, 1.25, 1.5])),
        thick_mm=float(rng.choice([4.0, 5.0, 5.0, 5.0])),
        noise_hu=float(rng.uniform(6.0, 12.0) * (1 + 0.012 * (shape.fat_mm - 12))),
        table_mm=float(-back - 22 * scale[1] - rng.uniform(0, 8)),
        corner=tuple(rng.uniform(0, 192, 3).tolist()),
    )


def add_table(hu: Field, scan: ChestScan, grid: Grid) -> None:
    """Paint the shell of the table where there is air; ``hu`` is (Z, Y, X)."""
    wx = grid.origin_mm[0] + grid.spacing_mm[0] * np.arange(grid.shape[0])
    wy = grid.origin_mm[1] + grid.spacing_mm[1] * np.arange(grid.shape[1])
    radius = 420.0
    away = np.hypot(wx[None, :], (wy - scan.table_mm - radius)[:, None]) - radius
    pixel = grid.spacing_mm[0]
    near = np.abs(wx)[None, :] < 225
    upper = cover((np.abs(away - 1.5) - 1.5).astype(np.float32), pixel)
    lower = cover((np.abs(away - 24) - 1.5).astype(np.float32), pixel)
    foam = ((away > 3) & (away < 24)).astype(np.float32)
    low_half = (wy < scan.table_mm + 60)[:, None]
    table = -1000 + (np.maximum(upper, lower) * 620 + foam * 45) * near * low_half
    np.maximum(hu, table[None].astype(np.float32), out=hu)
