"""The head around the brain: scalp, skull, skull base with its air spaces, orbits and face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.fields import Field, capsule, cover, ellipsoid, smooth_min
from itemclip_med.phantoms.tissues import Content, Tissue

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas

VAULT_CENTER = (0.0, -16.0, 8.0)
VAULT_SEMI = (67.0, 84.0, 69.0)


# What the skull base and face hold, painted in this order on both sides: (kind, start, end, semi-axes of an ellipsoid
# or the two radii of a rod, HU), template mm. Structures with x = 0 lie in the middle.
_BASE: tuple[tuple[str, tuple[float, float, float], tuple[float, float, float], tuple[float, ...], float], ...] = (
    ("marrow", (0, 10, -42), (0, 10, -42), (20, 20, 22), 480),  # sphenoid body
    ("marrow", (0, -7, -26), (0, -24, -66), (6, 9), 480),  # clivus
    ("marrow", (56, -37, -42), (56, -37, -42), (13, 15, 20), 750),  # mastoid process
    ("marrow", (62, -32, -40), (14, -10, -33), (11, 5), 1050),  # petrous pyramid
    ("bone", (40, -22, -37), (40, -22, -37), (9, 5, 5), 1750),  # labyrinth
    ("bone", (64, -12, -47), (64, 30, -48), (2.5, 2.5), 1000),  # zygomatic arch
    ("bone", (63, 30, -48), (45, 62, -44), (4, 5), 850),  # cheek bone
    ("bone", (54, -4, -55), (54, -4, -55), (8, 5, 9), 1000),  # head of the jaw
    ("bone", (51, 8, -78), (51, 8, -78), (4, 15, 24), 1000),  # branch of the jaw
    ("wall", (25, 42, -60), (25, 42, -60), (17, 18, 20), 700),  # of the maxillary sinus
    ("bone", (4, 66, -85), (30, 40, -85), (8, 8), 900),  # upper jaw
    ("bone", (0, 80, -20), (0, 86, -34), (4, 3), 800),  # nasal bone
    ("orbit", (29, 44, -35), (29, 44, -35), (18, 31, 17), -88),  # its fat
    ("flesh", (31, 52, -35), (12, 16, -28), (2.4, 2.2), 38),  # optic nerve
    ("flesh", (43, 56, -35), (14, 18, -30), (2.0, 1.4), 52),  # eye muscles
    ("flesh", (19, 56, -35), (14, 18, -30), (2.0, 1.4), 52),
    ("flesh", (31, 54, -24), (14, 18, -30), (2.0, 1.4), 52),
    ("flesh", (31, 54, -46), (14, 18, -30), (2.0, 1.4), 52),
    ("flesh", (31, 60, -35), (31, 60, -35), (12.2, 12.2, 12.2), 45),  # globe
    ("flesh", (31, 60, -35), (31, 60, -35), (10.6, 10.6, 10.6), 12),
    ("flesh", (31, 68.5, -35), (31, 68.5, -35), (4.8, 2.0, 4.8), 85),  # lens
    ("ethmoid", (7, 44, -32), (7, 44, -32), (6.4, 24, 11), -850),
    ("air", (7, 12, -36), (7, 12, -36), (6.3, 10, 9), -980),  # sphenoid sinus
    ("maxillary", (25, 42, -60), (25, 42, -60), (15, 16, 18), -980),
    ("air", (0, 52, -60), (0, 52, -60), (13, 32, 22), -960),  # nose
    ("septum", (0, 52, -60), (0, 52, -60), (13, 32, 22), 60),
    ("flesh", (7.5, 48, -48), (7.5, 48, -48), (3.2, 20, 4.5), 45),  # turbinates
    ("flesh", (7.5, 48, -62), (7.5, 48, -62), (3.2, 20, 4.5), 45),
    ("air", (0, 8, -78), (0, 8, -78), (15, 9, 24), -990),  # throat
    ("air", (80, -22, -44), (50, -22, -40), (4, 3), -950),  # ear canal
    ("mastoid", (57, -40, -42), (57, -40, -42), (7.5, 10.5, 14), -800),
    ("frontal", (11, 72, -6), (11, 72, -6), (11, 3.6, 10), -900),
)

# Tissue of what the table holds, by kind and HU, or by kind alone; what is not named gives no signal in MRI.
_CONTENT: dict[tuple[str, float | None], int] = {
    ("marrow", 480): Tissue.MARROW,
    ("orbit", None): Tissue.FAT,
    ("flesh", 38): Tissue.WHITE,
    ("flesh", 52): Tissue.MUSCLE,
    ("flesh", 45): Tissue.MUCOSA,
    ("flesh", 12): Tissue.VITREOUS,
    ("flesh", 85): Tissue.DURA,
    ("septum", None): Tissue.MUCOSA,
}


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
        sinus_fluid: share of a maxillary sinus that is opaque.
    """

    thickness_mm: float = 6.0
    scalp_mm: float = 6.0
    fat: float = 0.6
    frontal_sinus: float = 1.0
    pneumatization: float = 0.8
    narrowing: float = 0.12
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
        sinus_fluid=float(rng.choice([0.0, rng.uniform(0.1, 0.5)], p=[0.7, 0.3])),
    )


def widened(x: Field, y: Field, shape: SkullShape) -> Field:
    """The x that points had if the head were as wide in front as behind: heads are egg-shaped from above."""
    return x * (1 + np.float32(shape.narrowing / 80) * (y + np.float32(16)))


def cavity(x: Field, y: Field, z: Field, shape: SkullShape) -> Field:
    """Signed distance in mm to the inner table of the skull, negative in the cranial cavity; arrays (Z, Y, X)."""
    wide = widened(x, y, shape)
    out = ellipsoid(wide, y, z, VAULT_CENTER, VAULT_SEMI)
    low = _first_row(z, 12.0)  # as far up as the cortex over the floor reaches
    if low == 0:
        return out
    deep = np.s_[: _first_row(z, -2.0)]
    side, dy, dz = np.abs(x[deep]), y[deep], z[deep]
    pits = smooth_min(out[deep], ellipsoid(wide[deep], dy, dz, (0, -56, -31), (52, 40, 33)), 8)
    out[deep] = smooth_min(pits, ellipsoid(side, dy, dz, (40, 4, -22), (21, 20, 18)), 6)
    np.maximum(out[:low], _floor(np.abs(x[:low]), y[:low], z[:low]), out=out[:low])
    bone = np.minimum(
        ellipsoid(side, dy, dz, (0, 10, -42), (18, 18, 21)), capsule(side, dy, dz, (0, -7, -26), (0, -24, -66), (5, 9))
    )
    np.minimum(bone, petrous(side, dy, dz), out=bone)
    canal = capsule(side, dy, dz, (0, -38, -52), (0, -44, -100), (15, 11))
    out[deep] = np.minimum(np.maximum(out[deep], -bone), canal)
    return out


def _floor(side: Field, y: Field, z: Field) -> Field:
    """Signed distance above the floor of the skull: high over the orbits, low behind the sphenoid ridge, then open."""
    ridge = y - np.float32(19) + np.square(side - 26) * np.float32(0.006)
    step = np.clip(ridge * np.float32(1 / 13), 0, 1)
    step *= step * (3 - 2 * step)
    roof = np.square((side - 27) * np.float32(1 / 12)) + np.square((y - 42) * np.float32(1 / 26))
    roof = np.exp(-roof) * np.float32(8)
    hollow = np.square((side - 36) * np.float32(1 / 18)) + np.square((y - 2) * np.float32(1 / 20))
    floor = np.minimum(np.float32(4) * hollow, 12) - np.float32(42)
    floor += step * (np.float32(-19) + roof - floor)
    behind = np.clip((-22 - np.float32(0.009) * side * side - y) * np.float32(1 / 12), 0, 1)
    floor -= behind * np.float32(60)
    steep = np.float32(0.8) - np.float32(2.5) * behind * (1 - behind)  # what is steep is nearer than it is deep
    floor -= z
    return np.minimum(floor * steep, (floor + 20) * np.float32(0.8))


def petrous(side: Field, y: Field, z: Field) -> Field:
    """Signed distance to the petrous pyramids; ``side`` is |x|."""
    return capsule(side, y, z, (62, -32, -40), (14, -10, -33), (11, 5))


def thickness(x: Field, y: Field, z: Field, shape: SkullShape) -> Field:
    """Thickness of the calvarium in mm: thin at the temples, thick behind and in front."""
    lateral = np.square(x * np.float32(1 / 66))
    level = np.clip(1 - np.square((z + np.float32(5)) * np.float32(1 / 55)), 0, 1)
    along = np.square((y + np.float32(16)) * np.float32(1 / 84))
    out = np.float32(0.95) + np.float32(0.3) * along - np.float32(0.42) * lateral * level
    base = np.clip((-8 - z) * np.float32(1 / 10), 0, 1) * np.clip((y + 25) * np.float32(1 / 20), 0, 1)
    return np.float32(shape.thickness_mm) * out * (1 - np.float32(0.55) * base)


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
    low = _first_row(canvas.z, 0.0)
    outer = inner - thickness(canvas.x, canvas.y, canvas.z, shape)
    reach = np.float32(24) if swelling is None else np.float32(36)
    shell = (inner > -1.5) & (inner < reach)
    shell[:low] = (inner[:low] > -1.5) & (inner[:low] < 75)
    at = np.flatnonzero(shell.ravel())
    num_low = int(np.searchsorted(at, low * inner[0].size))
    strokes = _shell(
        shape,
        tuple(v.ravel()[at] for v in (canvas.x, canvas.y, canvas.z, inner, outer, canvas.grain, canvas.drift)),
        None if swelling is None else swelling.ravel()[at],
        num_low,
        canvas.soft_mm,
    )
    canvas.stroke_at(at, strokes)
    if low:
        _paint_base(canvas, shape, inner, outer)
    return outer


def _shell(
    shape: SkullShape, values: tuple[Field, ...], swelling: Field | None, num_low: int, soft_mm: float
) -> list[tuple[Field, Field | float, Content]]:
    """Strokes of scalp, calvarium and the flesh of face and neck on points (n,), of which ``num_low`` first are low."""
    x, y, z, inner, outer, grain, drift = values
    temples = np.exp(-np.square((y - 20) * np.float32(1 / 30)) - np.square((z + 12) * np.float32(1 / 34)))
    temples *= np.minimum(np.square(x * np.float32(1 / 58)), 1)
    skin = outer - np.float32(shape.scalp_mm) - np.float32(5) * temples
    if swelling is not None:
        skin -= swelling
    flesh = np.clip(temples * np.float32(1.6), 0, 1)
    if num_low:
        part = np.s_[:num_low]
        lx, ly, lz = x[part], y[part], z[part]
        side = np.abs(lx)
        face = ellipsoid(lx, ly, lz, (0, 32, -60), (66, 56, 60))
        nose = capsule(lx, ly, lz, (0, 82, -28), (0, 98, -50), (6, 11))
        neck = ellipsoid(lx, ly, lz, (0, -42, -95), (70, 64, 76))
        out = smooth_min(smooth_min(skin[part], smooth_min(face, nose, 8), 14), neck, 18)
        out = smooth_min(out, ellipsoid(side, ly, lz, (52, -22, -58), (24, 34, 34)), 14)
        ear = ellipsoid(side - np.float32(0.30) * (-ly - 22), ly, lz, (76, -30, -32), (3.5, 14, 27))
        skin[part] = smooth_min(out, ear, 3)
        deep = np.clip((-8 - skin[part]) * np.float32(1 / 6), 0, 1) * np.clip((-28 - lz) * np.float32(1 / 8), 0, 1)
        bellies = np.abs(drift[part] + np.float32(0.15) * grain[part])  # muscles, and the fat between them
        deep *= np.clip((bellies - np.float32(0.10)) * np.float32(7), 0.1, 1)
        np.maximum(flesh[part], deep, out=flesh[part])
    strokes: list[tuple[Field, Field | float, Content]] = [
        (cover(skin, soft_mm), np.float32(-95) + np.float32(12) * grain, Tissue.FAT)
    ]
    galea = cover(np.abs(outer - np.float32(1.2)) - np.float32(1.0 + 1.6 * (1 - shape.fat)), soft_mm)
    flesh = np.maximum(flesh * cover(skin + 3.5, soft_mm), galea * np.float32(0.8))
    if swelling is not None:
        flesh = np.maximum(flesh, np.clip(swelling * np.float32(0.4), 0, 1) * cover(skin + 2, soft_mm))
    strokes.append((flesh, np.float32(55), Tissue.MUSCLE))
    rind = cover(np.abs(skin + np.float32(1.0)) - np.float32(1.0), soft_mm)
    strokes.append((rind * np.float32(0.9), np.float32(25), Tissue.SKIN))
    middle = np.square((outer + inner) / np.maximum(inner - outer, 2.0))  # 1 at the tables, 0 halfway
    diploe = np.clip(middle * np.float32(1.25), np.float32(0.2), 1)
    bone = np.float32(700) + np.float32(950) * diploe + np.float32(90) * grain

    def mixture() -> tuple[tuple[int, Field], ...]:
        return ((Tissue.MARROW, np.clip(np.float32(1.15) - middle * np.float32(1.5), 0, 0.9)),)  # the rest is bone

    strokes.append((cover(outer, soft_mm), bone, mixture))
    return strokes


def _paint_base(canvas: Canvas, shape: SkullShape, inner: Field, outer: Field) -> None:
    """Face, orbits, air cells and dense bone of the base, each within its own box."""
    for name, start, end, size, value in _BASE:
        low = [min(a, b) - r - 3 for a, b, r in zip(start, end, _extent(size), strict=True)]
        high = [max(a, b) + r + 3 for a, b, r in zip(start, end, _extent(size), strict=True)]
        for sign in (1, -1) if high[0] > 0 and (start[0] or end[0]) else (1,):
            box = (low, high) if sign > 0 else ((-high[0], *low[1:]), (-low[0], *high[1:]))
            part = canvas.box(tuple(box[0]), tuple(box[1]))
            x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
            if not x.size:
                continue
            x = x * np.float32(sign)
            distance = ellipsoid(x, y, z, start, size) if len(size) == 3 else capsule(x, y, z, start, end, size)
            share = cover(distance, canvas.soft_mm) * np.clip(inner[part] * np.float32(0.6), 0, 1)
            grain = canvas.grain[part]
            target: Field | float = value
            tissue: Content = _CONTENT.get((name, value), _CONTENT.get((name, None), Tissue.VOID))
            if name == "marrow":
                target = np.float32(value) + np.float32(150) * grain
            elif name == "orbit":
                wall = cover(np.abs(distance - 1.0) - 1.3, canvas.soft_mm) * np.clip(inner[part], 0, 1)
                canvas.blend(part, wall * np.clip((70 - y) * np.float32(0.25), 0, 1), np.float32(850), Tissue.VOID)
            elif name == "wall":
                share = cover(np.abs(distance) - 1.2, canvas.soft_mm) * np.clip(inner[part] * np.float32(0.6), 0, 1)
            elif name == "ethmoid":
                share *= np.clip(np.float32(1.5) - np.abs(grain), 0.35, 1)
            elif name == "maxillary" and sign > 0 and shape.sinus_fluid:
                level = cover(y - np.float32(28 + 32 * shape.sinus_fluid), canvas.soft_mm)
                target = np.float32(value) + level * np.float32(25 - value)
                tissue = partial(_fluid, level)
            elif name == "mastoid":
                share *= np.clip(grain + np.float32(shape.pneumatization), 0, 1)
            elif name == "frontal":
                if not shape.frontal_sinus:
                    continue
                k = shape.frontal_sinus
                size_ = (size[0] * k, size[1], size[2] * k)
                share = cover(ellipsoid(x, y, z, start, size_), canvas.soft_mm) * np.clip(
                    -outer[part] * np.float32(0.5), 0, 1
                )
                share *= np.clip(inner[part] - np.float32(0.5), 0, 1)
            elif name == "septum":
                share = cover(np.maximum(np.abs(x + 0.02 * (y - 50)) - 1.2, distance), canvas.soft_mm)
            canvas.blend(part, share, target, tissue)


def _fluid(level: Field) -> tuple[tuple[int, Field], ...]:
    """Secretions below a level, air above."""
    return ((Tissue.VITREOUS, level),)


def _extent(size: tuple[float, ...]) -> tuple[float, float, float]:
    """How far a body with these semi-axes, or a rod with these radii, reaches from its middle or axis."""
    return size if len(size) == 3 else (max(size),) * 3  # type: ignore[return-value]


def _first_row(z: Field, level: float) -> int:
    """Number of leading slices that reach below ``level``; slices are ordered from foot to head."""
    if not z.size:
        return 0
    below = z.reshape(z.shape[0], -1).min(axis=1) < level
    return int(np.max(np.flatnonzero(below))) + 1 if below.any() else 0
