"""The head around the brain: scalp, skull, skull base with its air spaces, orbits and face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.fields import Field, capsule, clouds, cover, ellipsoid, smooth_min

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas

VAULT_CENTER = (0.0, -16.0, 8.0)
VAULT_SEMI = (67.0, 84.0, 69.0)


@dataclass(frozen=True, slots=True)
class SkullShape:
    """What differs between heads outside the brain.

    Attributes:
        thickness_mm: of the parietal calvarium.
        scalp_mm: of the scalp there.
        fat: share of the scalp that is fat, 0 to 1.
        frontal_sinus: its size relative to the usual one, 0 for none.
        pneumatization: of the mastoids, 0 to 1.
        narrowing: how much narrower the front of the head is than its back.
        corner: where this head's textures begin in the fields, mm.
        sinus_fluid: share of a maxillary sinus that is opaque.
        hair_mm: height above which nothing is drawn; 0.
    """

    thickness_mm: float = 6.0
    scalp_mm: float = 6.0
    fat: float = 0.6
    frontal_sinus: float = 1.0
    pneumatization: float = 0.8
    narrowing: float = 0.12
    corner: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sinus_fluid: float = 0.0


def draw_skull(rng: np.random.Generator) -> SkullShape:
    """A skull as heads have it."""
    return SkullShape(
        thickness_mm=float(rng.uniform(4.8, 8.0)),
        scalp_mm=float(rng.uniform(4.5, 8.5)),
        fat=float(rng.uniform(0.35, 0.8)),
        frontal_sinus=float(rng.choice([0.0, 0.7, 1.0, 1.3], p=[0.1, 0.3, 0.4, 0.2])),
        pneumatization=float(rng.uniform(0.45, 1.0)),
        narrowing=float(rng.uniform(0.06, 0.18)),
        corner=tuple(rng.uniform(0, 192, 3).tolist()),
        sinus_fluid=float(rng.choice([0.0, rng.uniform(0.1, 0.5)], p=[0.7, 0.3])),
    )


def widened(x: Field, y: Field, shape: SkullShape) -> Field:
    """x as if the head were as wide in front as behind: the egg shape of a head seen from above."""
    return x * (1 + np.float32(shape.narrowing / 80) * (y + np.float32(16)))


def cavity(x: Field, y: Field, z: Field, shape: SkullShape) -> Field:
    """Signed distance in mm to the inner table of the skull, negative in the cranial cavity; arrays (Z, Y, X)."""
    wide = widened(x, y, shape)
    out = ellipsoid(wide, y, z, VAULT_CENTER, VAULT_SEMI)
    low = _first_row(z, -6.0)
    if low == 0:
        return out
    part = np.s_[:low]
    lx, ly, lz = x[part], y[part], z[part]
    side = np.abs(lx)
    sd = smooth_min(out[part], ellipsoid(wide[part], ly, lz, (0, -56, -31), (52, 40, 33)), 8)
    sd = smooth_min(sd, ellipsoid(side, ly, lz, (40, 4, -22), (21, 20, 18)), 6)
    step = np.clip((ly - np.float32(15)) * np.float32(1 / 9), 0, 1)
    step = step * step * (3 - 2 * step)
    roof = np.exp(-(((side - 27) / 13) ** 2)) * np.float32(7)  # over the orbits
    floor = -40 - 2 * step + step * (np.float32(22) + roof)
    behind = np.clip((-26 - ly) * np.float32(1 / 12), 0, 1)
    floor -= behind * np.float32(60)
    sd = np.maximum(sd, (floor - lz) * np.float32(0.9))
    sd = np.maximum(sd, -ellipsoid(lx, ly, lz, (0, 10, -42), (18, 18, 21)))
    sd = np.maximum(sd, -capsule(lx, ly, lz, (0, -7, -26), (0, -24, -66), (5, 9)))
    sd = np.maximum(sd, -petrous(side, ly, lz))
    sd = np.minimum(sd, capsule(lx, ly, lz, (0, -38, -52), (0, -44, -100), (15, 11)))
    out[part] = sd
    return out


def petrous(side: Field, y: Field, z: Field) -> Field:
    """Signed distance to the petrous pyramids; ``side`` is |x|."""
    return capsule(side, y, z, (62, -32, -40), (14, -10, -33), (11, 5))


def thickness(x: Field, y: Field, z: Field, shape: SkullShape) -> Field:
    """Thickness of the calvarium in mm: thin at the temples, thick behind and in front."""
    lateral = np.square(x * np.float32(1 / 66))
    level = np.clip(1 - np.square((z + np.float32(5)) * np.float32(1 / 55)), 0, 1)
    along = np.square((y + np.float32(16)) * np.float32(1 / 84))
    return np.float32(shape.thickness_mm) * (np.float32(0.95) + np.float32(0.3) * along - np.float32(0.42) * lateral * level)


def paint_head(canvas: Canvas, shape: SkullShape, inner: Field, swelling: Field | None = None) -> Field:
    """Paint scalp and skull over air.

    Args:
        canvas: receives the HU.
        shape: the skull.
        inner: signed distance to the inner table.
        swelling: extra thickness of the scalp in mm, where it was hit.

    Returns:
        Signed distance to the outer table, mm.
    """
    x, y, z = canvas.x, canvas.y, canvas.z
    outer = inner - thickness(x, y, z, shape)
    temples = np.exp(-np.square((y - 15) / 32) - np.square((z + 18) / 28)) * np.square(x * np.float32(1 / 66))
    scalp = np.float32(shape.scalp_mm) + np.float32(8) * np.minimum(temples, 1.2)
    if swelling is not None:
        scalp = scalp + swelling
    skin = outer - scalp
    low = _first_row(z, 0.0)
    if low:
        part = np.s_[:low]
        face = ellipsoid(x[part], y[part], z[part], (0, 34, -60), (62, 55, 58))
        nose = capsule(x[part], y[part], z[part], (0, 82, -28), (0, 98, -50), (6, 11))
        neck = ellipsoid(x[part], y[part], z[part], (0, -42, -110), (64, 62, 90))
        skin[part] = smooth_min(smooth_min(skin[part], smooth_min(face, nose, 8), 14), neck, 16)
    wobble = canvas.grain
    fat = np.float32(-95) + np.float32(12) * wobble
    canvas.hu += cover(skin, canvas.soft_mm) * (fat - canvas.hu)
    flesh = np.clip(temples * np.float32(1.6), 0, 1)
    if low:
        part = np.s_[:low]
        deep = np.clip((-8 - skin[part]) * np.float32(1 / 6), 0, 1) * np.clip((-28 - z[part]) * np.float32(1 / 8), 0, 1)
        cloudy = np.clip(wobble[part] * np.float32(0.9) + np.float32(0.75), 0, 1)
        flesh[part] = np.maximum(flesh[part], deep * cloudy)
    galea = cover(np.abs(outer - np.float32(1.2)) - np.float32(1.0 + 1.6 * (1 - shape.fat)), canvas.soft_mm)
    flesh = np.maximum(flesh * cover(skin + 3.5, canvas.soft_mm), galea * np.float32(0.8))
    if swelling is not None:
        flesh = np.maximum(flesh, np.clip(swelling * np.float32(0.4), 0, 1) * cover(skin + 2, canvas.soft_mm))
    canvas.hu += flesh * (np.float32(55) - canvas.hu)
    rind = cover(np.abs(skin + np.float32(1.0)) - np.float32(1.0), canvas.soft_mm)
    canvas.hu += rind * np.float32(0.9) * (np.float32(25) - canvas.hu)
    bone = cover(outer, canvas.soft_mm)
    middle = np.square((outer + inner) / np.maximum(inner - outer, 2.0))  # 1 at the tables, 0 halfway
    diploe = np.clip(middle * np.float32(1.25), np.float32(0.2), 1)
    density = np.float32(620) + np.float32(780) * diploe + np.float32(90) * wobble
    canvas.hu += bone * (density - canvas.hu)
    if low:
        _paint_base(canvas, shape, low, inner, outer)
    return outer


def _paint_base(canvas: Canvas, shape: SkullShape, low: int, inner: Field, outer: Field) -> None:
    """Face, orbits, air cells and dense bone of the base, in the lowest ``low`` slices."""
    part = np.s_[:low]
    x, y, z, hu = canvas.x[part], canvas.y[part], canvas.z[part], canvas.hu[part]
    side, soft = np.abs(x), canvas.soft_mm
    out = np.clip(inner[part] * np.float32(0.6), 0, 1)  # nothing of this enters the cavity
    grain = canvas.grain[part]

    def paint(distance: Field, value: Field | float, weight: float = 1.0) -> None:
        hu[...] += cover(distance, soft) * out * np.float32(weight) * (value - hu)

    # Bone: sphenoid body and clivus, petrous pyramids, mastoids, cheek bones, jaws, upper jaw.
    spongy = np.float32(480) + np.float32(160) * grain
    paint(ellipsoid(x, y, z, (0, 10, -42), (20, 20, 22)), spongy, 0.9)
    paint(capsule(x, y, z, (0, -7, -26), (0, -24, -66), (6, 9)), spongy)
    paint(ellipsoid(side, y, z, (58, -38, -42), (12, 15, 20)), np.float32(750) + np.float32(200) * grain)
    paint(petrous(side, y, z), np.float32(1050) + np.float32(250) * grain)
    paint(ellipsoid(side, y, z, (40, -22, -37), (9, 5, 5)), 1750.0)
    paint(capsule(side, y, z, (64, -12, -47), (64, 30, -48), (2.5, 2.5)), 1000.0)
    paint(capsule(side, y, z, (63, 30, -48), (45, 62, -44), (4, 5)), 850.0)
    paint(ellipsoid(side, y, z, (54, -4, -55), (8, 5, 9)), 1000.0)
    paint(ellipsoid(side, y, z, (51, 8, -78), (4, 15, 24)), 1000.0)
    paint(np.abs(ellipsoid(side, y, z, (25, 42, -60), (17, 18, 20))) - 1.2, 700.0)
    paint(capsule(side, y, z, (0, 66, -85), (30, 40, -85), (8, 8)), 900.0)
    paint(capsule(x, y, z, (0, 80, -20), (0, 86, -34), (4, 3)), 800.0)
    # Orbits: bony wall, fat, muscles, optic nerve, globe with its lens.
    orbit = ellipsoid(side, y + 0.18 * (side - 28), z, (29, 44, -35), (18, 31, 17))
    open_front = np.clip((70 - y) * np.float32(0.25), 0, 1)
    hu[...] += cover(np.abs(orbit - 1.0) - 1.3, soft) * out * open_front * (np.float32(850) - hu)
    paint(orbit, -88.0)
    paint(capsule(side, y, z, (31, 52, -35), (12, 16, -28), (2.4, 2.2)), 38.0)
    for start in ((43, 56, -35), (19, 56, -35), (31, 54, -24), (31, 54, -46)):
        paint(capsule(side, y, z, start, (14, 18, -30), (2.0, 1.4)), 52.0)
    globe = ellipsoid(side, y, z, (31, 60, -35), (12.2, 12.2, 12.2))
    paint(globe, 45.0)
    paint(globe + 1.8, 12.0)
    paint(ellipsoid(side, y, z, (31, 68.5, -35), (4.8, 2.0, 4.8)), 85.0)
    # Air: ethmoid, sphenoid, maxillary and frontal sinuses, nose, throat, ear canals, mastoid cells.
    cells = np.float32(7) * grain
    paint(ellipsoid(side, y, z, (7, 44, -32), (7, 24, 11)) + np.maximum(np.abs(cells) * 0.35 - 0.8, 0), -850.0)
    paint(ellipsoid(side, y, z, (7, 12, -36), (6.3, 10, 9)), -980.0)
    paint(np.abs(x) - 0.7 + np.maximum(np.abs(y - 44) - 26, 0) + np.maximum(np.abs(z + 34) - 12, 0), 300.0)
    maxillary = ellipsoid(side, y, z, (25, 42, -60), (15, 16, 18))
    paint(maxillary, -980.0)
    if shape.sinus_fluid:
        paint(np.maximum(maxillary, y - np.float32(28 + 32 * shape.sinus_fluid)), 25.0)
    nose = ellipsoid(x, y, z, (0, 52, -60), (13, 32, 22))
    paint(nose, -960.0)
    paint(np.maximum(np.abs(x + 0.02 * (y - 50)) - 1.3, nose), 60.0)
    for height in (-48, -62):
        paint(np.maximum(ellipsoid(side, y, z, (7.5, 48, height), (3.2, 20, 4.5)), nose), 45.0)
    paint(ellipsoid(x, y, z, (0, 8, -78), (15, 9, 24)), -990.0)
    paint(capsule(side, y, z, (80, -22, -44), (50, -22, -40), (4, 3)), -950.0)
    mastoid = ellipsoid(side, y, z, (57, -40, -42), (9, 12, 16)) + np.float32(2.5)
    airy = clouds(x, y, z, shape.corner, 7.0) if shape.pneumatization > 0 else np.float32(-9)
    hu[...] += cover(mastoid, soft) * out * np.clip(airy + np.float32(shape.pneumatization), 0, 1) * (np.float32(-800) - hu)
    if shape.frontal_sinus:
        size = shape.frontal_sinus
        frontal = ellipsoid(side, y, z, (11, 72, -6), (11 * size, 3.6, 10 * size))
        inside = np.clip(-outer[part] * np.float32(0.5), 0, 1)
        hu[...] += cover(frontal, soft) * out * inside * (np.float32(-900) - hu)


def _first_row(z: Field, level: float) -> int:
    """Number of leading slices that reach below ``level``; slices are ordered from foot to head."""
    below = z.reshape(z.shape[0], -1).min(axis=1) < level
    return int(np.max(np.flatnonzero(below))) + 1 if below.any() else 0
