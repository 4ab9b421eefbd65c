"""The scanner: pose, grid, noise, streaks, head holder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from itemclip_med.phantoms.canvas import Canvas, Grid, Pose, canvas_over, rotation
from itemclip_med.phantoms.fields import Field, cover


@dataclass(frozen=True, slots=True)
class Scan:
    """How one head is scanned.

    Attributes:
        pose: of the head.
        field_mm: width of the square field of view.
        center_mm: world (x, y) of its middle.
        bottom_mm: world z of the lowest slice's lower face.
        length_mm: scanned along z.
        thin_mm: slice thickness of the thin reconstruction.
        thick_mm: of the thick one.
        noise_hu: standard deviation in 5 mm slices of the soft kernel, in the middle of the head.
        streak_hu: strength of the streaks between the petrous bones.
        holder: radius in mm of the head holder's trough, and how far its bottom lies behind the head's center.
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
    streak_hu: float
    holder: tuple[float, float]
    corner: tuple[float, float, float]

    def head_window(self, grid: Grid, swelling_mm: float = 0.0) -> tuple[slice, slice]:
        """Columns and rows of a grid outside which there is only air, for a scalp swollen by ``swelling_mm``."""
        width = 84 + swelling_mm
        corners = np.array([[a, b, c] for a in (-width, width) for b in (-132, 112) for c in (-90, 95)], float)
        world = self.pose.to_world(corners)[:, :2]
        low = np.floor((world.min(axis=0) - grid.origin_mm[:2]) / grid.spacing_mm[:2]).astype(int)
        high = np.ceil((world.max(axis=0) - grid.origin_mm[:2]) / grid.spacing_mm[:2]).astype(int) + 1
        x, y = (slice(max(0, a), min(n, b)) for a, b, n in zip(low, high, grid.shape, strict=False))
        return x, y

    def grid(self, matrix: int, thickness_mm: float) -> Grid:
        """The grid of a reconstruction with ``matrix`` squared pixels and contiguous slices."""
        pixel = self.field_mm / matrix
        num = round(self.length_mm / thickness_mm)
        first = tuple(c - pixel * (matrix - 1) / 2 for c in self.center_mm)
        return Grid((matrix, matrix, num), (pixel, pixel, thickness_mm), (*first, self.bottom_mm + thickness_mm / 2))


def draw_scan(rng: np.random.Generator) -> Scan:
    """A scan as scanners and patients have it."""
    size = rng.normal(0.945, 0.028)
    scale = np.clip(size * np.exp(rng.normal(0, 0.022, 3)), 0.87, 1.02)
    angles = np.deg2rad([rng.normal(0, 6) + rng.choice([0, -8]), rng.normal(0, 1.8), rng.normal(0, 2.0)])
    pose = Pose(rotation(angles), tuple(scale.tolist()))
    length = float(rng.uniform(148, 162))
    top = 84 * scale[2] + rng.uniform(3, 9)
    return Scan(
        pose=pose,
        field_mm=float(rng.uniform(214, 234)),
        center_mm=(float(rng.normal(0, 3)), float(rng.normal(-8 * scale[1], 3))),
        bottom_mm=float(top - length),
        length_mm=length,
        thin_mm=float(rng.choice([1.0, 1.25, 1.5, 2.0])),
        thick_mm=float(rng.choice([4.5, 5.0, 5.0, 5.5])),
        noise_hu=float(rng.uniform(2.0, 4.2)),
        streak_hu=float(rng.uniform(2.0, 9.0)),
        holder=(float(rng.uniform(112, 128)), float(rng.uniform(-9, -2))),
        corner=tuple(rng.uniform(0, 192, 3).tolist()),
    )


def make_canvas(
    scan: Scan, grid: Grid, rows: tuple[int, int], *, soft_mm: float, oversample: int, swelling_mm: float = 0.0
) -> Canvas:
    """An empty canvas over some slices of a grid.

    Args:
        scan: where the head lies.
        grid: the reconstruction.
        rows: first slice, and the one after the last.
        soft_mm: width of a surface's ramp.
        oversample: how many thinner slices stand for one.
        swelling_mm: how far the scalp may be swollen.

    Returns:
        The canvas, (rows x oversample, Y, X), cropped to the head's window.
    """
    window = scan.head_window(grid, swelling_mm)
    return canvas_over(scan.pose, grid, window, rows, scan.corner, soft_mm=soft_mm, oversample=oversample)


def add_holder(hu: Field, scan: Scan, grid: Grid, pose: Pose) -> None:
    """Paint the head holder's shell where there is air; ``hu`` is (Z, Y, X)."""
    radius, gap = scan.holder
    wx = grid.origin_mm[0] + grid.spacing_mm[0] * np.arange(grid.shape[0])
    wy = grid.origin_mm[1] + grid.spacing_mm[1] * np.arange(grid.shape[1])
    bottom = -117 * pose.scale[1] + gap - 3
    away = np.hypot(wx[None, :], (wy - bottom - radius)[:, None])
    shell = np.abs(away - radius - 2.5).astype(np.float32) - np.float32(2.2)
    pixel = grid.spacing_mm[0]
    share = cover(shell, pixel) * (wy[:, None] < bottom + 42)
    foam = np.clip((radius - away) / 3, 0, 1) * (wy[:, None] < bottom + 30)
    holder = -1000 + share * 880 + foam.astype(np.float32) * 25
    np.maximum(hu, holder[None], out=hu)


def add_streaks(hu: Field, canvas: Canvas, scan: Scan, inner: Field) -> None:
    """Dark and bright bands between the petrous bones, and the brightening under the skull."""
    base = np.square((canvas.z + 34) * np.float32(1 / 11))
    near = base.reshape(base.shape[0], -1).min(axis=1) < 4
    if near.any():
        z = np.flatnonzero(near)
        part = np.s_[z[0] : z[-1] + 1]
        x, y = canvas.x[part], canvas.y[part]
        band = np.exp(-np.square((y + 18) * np.float32(1 / 9))) - np.float32(0.55) * np.exp(
            -np.square((y + 36) * np.float32(1 / 8))
        )
        phase = np.float32(scan.corner[0])
        band += (
            np.float32(0.5)
            * np.sin(np.float32(0.62) * y + np.float32(0.05) * x + phase)
            * np.sin(np.float32(0.37) * y - np.float32(0.06) * x + 2 * phase)
        )
        inside = np.clip(-inner[part] * np.float32(0.3), 0, 1) * np.clip((56 - np.abs(x)) * np.float32(0.06), 0, 1)
        hu[part] -= np.float32(scan.streak_hu) * band * np.exp(-base[part]) * inside
    rim = np.clip(1 + inner * np.float32(1 / 7), 0, 1) * (inner < 0)
    hu += np.float32(4.5) * rim


def noise(shape: tuple[int, int, int], sigma_hu: float, rng: np.random.Generator, *, grain: float) -> Field:
    """Noise of CT: neighbors in a slice go together as the kernel makes them.

    Args:
        shape: (Z, Y, X).
        sigma_hu: its standard deviation.
        rng: draws it.
        grain: weight of a pixel's neighbors; 0 gives white noise, negative the edge-enhanced kind.

    Returns:
        Float32, zero mean.
    """
    out = rng.standard_normal(shape, dtype=np.float32)
    if grain:
        side = np.float32(grain)
        for axis in (1, 2):
            rolled = np.roll(out, 1, axis) + np.roll(out, -1, axis)
            out += side * rolled
            out *= np.float32(1 / np.sqrt(1 + 2 * grain * grain))
    out *= np.float32(sigma_hu)
    return out
