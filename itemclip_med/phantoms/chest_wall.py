"""What is around the lungs: skin, fat, muscle, ribs, sternum, shoulder girdle, spine, breasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.chest_shape import ChestShape, spine_y
from itemclip_med.phantoms.fields import Field, capsule, cover, ellipsoid, smooth_min

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas

_RIB_STEP_MM = 25.0
# (start, end, radii, HU of marrow) of the shoulder girdle on the right, template mm.
_GIRDLE = (
    ((22, 64, 52), (70, 58, 74), (7.5, 6.0), 260.0),  # clavicle
    ((70, 58, 74), (150, 4, 106), (6.0, 7.0), 260.0),
    ((104, -82, 66), (150, -30, 92), (5.5, 7.0), 230.0),  # spine of the scapula
    ((118, -88, 52), (112, -98, -34), (4.0, 5.0), 240.0),  # its lateral border
    ((64, -102, 58), (84, -110, -26), (3.0, 3.0), 250.0),  # its medial one
    ((150, -26, 98), (158, -26, 106), (21.0, 22.0), 210.0),  # head of the humerus
    ((158, -26, 106), (205, -12, 178), (15.0, 12.0), 120.0),
)


def paint_wall(canvas: Canvas, shape: ChestShape, outside: Field, pleura: Field) -> None:
    """Paint the body over air: fat, muscle, bones; what is inside the ribs is left as fat.

    Args:
        canvas: receives the HU.
        shape: the chest.
        outside: signed distance to the skin.
        pleura: signed distance to the inside of the ribs.
    """
    surface = _with_breasts(canvas, shape, outside)
    inside = pleura < -3
    canvas.hu[inside] = -104 + 7 * canvas.grain[inside]  # fat, until organs take its place
    at = np.flatnonzero(((surface < canvas.soft_mm) & ~inside).ravel())
    x, y, z, skin, trunk, inner, grain, drift = (
        v.ravel()[at] for v in (canvas.x, canvas.y, canvas.z, surface, outside, pleura, canvas.grain, canvas.drift)
    )
    hu = np.float32(-104) + np.float32(7) * grain
    # Muscle: what is deeper than the fat, in bellies with fat between them.
    front = np.clip(y * np.float32(1 / 60), -1, 1)
    fat = np.float32(shape.fat_mm) * (np.float32(0.72) + np.float32(0.14) * front)
    depth = np.minimum(-trunk - fat, inner - np.float32(0.5))
    bellies = np.abs(drift)
    flesh = np.clip(depth * np.float32(1 / max(2.0, canvas.soft_mm)) + np.float32(0.5), 0, 1)
    lean = np.float32(1.35 - 0.02 * shape.fat_mm)
    flesh *= np.clip(np.float32(0.35) + bellies * np.float32(4) * lean, 0, 1)
    hu += flesh * (np.float32(54) + np.float32(4) * grain - hu)
    rind = cover(np.abs(skin + np.float32(1.0)) - np.float32(1.0), canvas.soft_mm)
    hu += rind * np.float32(0.85) * (np.float32(20) - hu)
    _ribs(hu, shape, (x, y, z, inner, grain), canvas.soft_mm)
    target = canvas.hu.ravel()
    target[at] += cover(skin, canvas.soft_mm) * (hu - target[at])
    _girdle(canvas, pleura)
    _sternum(canvas, shape, pleura)
    _spine(canvas, shape)


def _with_breasts(canvas: Canvas, shape: ChestShape, outside: Field) -> Field:
    """Signed distance to the skin with the breasts, in which gland is painted."""
    if not shape.breast:
        return outside
    out = outside.copy()
    k = shape.breast
    ahead = 96 + 0.85 * shape.fat_mm
    for sign in (1, -1):
        low, high = sorted((sign * 10.0, sign * 170.0))
        part = canvas.box((low, 20, -150), (high, 220, 30))
        x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
        if x.size:
            breast = ellipsoid(x, y, z, (sign * 82.0, ahead - 22, -62 - 6 * k), (58 * k**0.5, 50 * k, 62 * k**0.5))
            out[part] = smooth_min(out[part], breast, 16)
    return out


def paint_glands(canvas: Canvas, shape: ChestShape) -> None:
    """Paint the glands of the breasts into their fat."""
    if not shape.breast:
        return
    k = shape.breast
    ahead = 96 + 0.85 * shape.fat_mm
    for sign in (1, -1):
        low, high = sorted((sign * 20.0, sign * 150.0))
        part = canvas.box((low, 60, -140), (high, 220, 20))
        x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
        if not x.size:
            continue
        gland = ellipsoid(x, y, z, (sign * 84.0, ahead + 2, -64 - 6 * k), (34 * k, 22 * k, 36 * k))
        strands = np.clip(canvas.grain[part] * np.float32(0.7) + np.float32(2.2 * shape.gland - 0.6), 0, 1)
        canvas.blend(part, cover(gland, 6.0) * strands * (canvas.hu[part] < -40), 30.0)


def _ribs(hu: Field, shape: ChestShape, points: tuple[Field, ...], soft_mm: float) -> None:
    """Paint the ribs and their cartilages at points (n,)."""
    near = np.flatnonzero((points[3] > -1) & (points[3] < 12.5))
    x, y, z, inner, grain = (v[near] for v in points)
    back = y - np.float32(-72)
    side = np.abs(x)
    # Ribs fall from the spine to the front, and rise again as cartilage.
    round_ = np.arctan2(side, -(y + np.float32(6)))  # 0 behind, pi in front
    fall = np.float32(66) * np.square(np.sin(np.minimum(round_, np.float32(2.25)) * np.float32(0.62)))
    fall -= np.float32(24) * np.maximum(round_ - np.float32(2.25), 0)
    level = (z + fall + np.float32(300)) * np.float32(1 / _RIB_STEP_MM)
    number = np.floor(level)
    across = (level - number - np.float32(0.5)) * np.float32(_RIB_STEP_MM)
    tall = np.float32(5.6) + np.float32(1.4) * np.clip(round_ - 1.2, 0, 1)
    out = np.sqrt(np.square(across / tall) + np.square((inner - np.float32(5.6)) * np.float32(1 / 3.9))) - 1
    out *= np.float32(4.2)
    top = (z + fall) < np.float32(112)
    gristle = np.clip((round_ - np.float32(2.42)) * np.float32(9), 0, 1)
    share = cover(out, soft_mm) * top * (back > -60)
    share *= np.where(gristle > 0.5, z + fall > np.float32(-128), z + fall > np.float32(-205))
    shell = np.clip(1 + out * np.float32(1 / 1.7), 0, 1)
    bone = np.float32(240) + np.float32(520) * shell + np.float32(60) * grain
    soft = np.float32(100) + np.float32(420 * shape.cartilage) * shell * np.clip(grain + 0.4, 0, 1)
    value = bone + gristle * (soft - bone)
    hu[near] += share * (value - hu[near])


def _girdle(canvas: Canvas, pleura: Field) -> None:
    """Clavicles, shoulder blades and humeri, outside the ribs."""
    for start, end, radii, marrow in _GIRDLE:
        reach = max(radii) + 3
        low = [min(a, b) - reach for a, b in zip(start, end, strict=True)]
        high = [max(a, b) + reach for a, b in zip(start, end, strict=True)]
        for sign in (1, -1):
            box = (low, high) if sign > 0 else ((-high[0], *low[1:]), (-low[0], *high[1:]))
            part = canvas.box(tuple(box[0]), tuple(box[1]))
            x, y, z = canvas.x[part] * np.float32(sign), canvas.y[part], canvas.z[part]
            if x.size:
                _bone(canvas, part, np.maximum(capsule(x, y, z, start, end, radii), 12.5 - pleura[part]), marrow)
    for sign in (1, -1):  # the blade between the borders
        low, high = sorted((sign * 56.0, sign * 126.0))
        part = canvas.box((low, -122, -34), (high, -74, 66))
        x, y, z = canvas.x[part] * np.float32(sign), canvas.y[part], canvas.z[part]
        if not x.size:
            continue
        plane = np.abs(y + np.float32(101) - np.float32(0.30) * (x - 92)) - np.float32(1.4)
        edge = ellipsoid(x, np.zeros_like(x), z, (93, 0, 16), (26, 400, 46))
        out = np.maximum(np.maximum(plane, edge), np.float32(13.5) - pleura[part])
        canvas.blend(part, cover(out, max(canvas.soft_mm, 1.0)), 420.0)


def _bone(canvas: Canvas, part: tuple[slice, ...], distance: Field, marrow: float) -> None:
    """Paint a bone with its cortex."""
    shell = np.clip(1 + (distance - np.float32(0.2)) * np.float32(1 / 2.2), 0, 1)
    value = np.float32(marrow) + shell * np.float32(820 - marrow) + np.float32(40) * canvas.grain[part]
    canvas.paint(part, distance, value)


def _sternum(canvas: Canvas, shape: ChestShape, pleura: Field) -> None:
    part = canvas.box((-34, 20, -112), (34, 130, 66))
    x, z = canvas.x[part], canvas.z[part]
    if not x.size:
        return
    handle = np.float32(27) - np.abs(z - 42) * np.float32(0.25)
    wide = np.where(z > 18, handle, np.float32(15) - (z + 40) * np.float32(0.03))
    out = np.maximum(np.abs(x) - wide, np.abs(pleura[part] - np.float32(8.0)) - np.float32(5.6))
    out = np.maximum(out, np.maximum(z - 60, -100 - z))
    out = np.maximum(out, np.float32(1.2) - np.abs(z - 16))  # the joint of its handle
    shell = np.clip(1 + out * np.float32(1 / 1.8), 0, 1)
    marrow = np.float32(0.7 * shape.bone_hu) + np.float32(25) * canvas.grain[part]
    canvas.paint(part, out, marrow + np.float32(300) * shell)


def _spine(canvas: Canvas, shape: ChestShape) -> None:
    part = canvas.box((-48, -124, -290), (48, 2, 220))
    x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
    if not x.size:
        return
    y = y - spine_y(z, shape)
    side = np.abs(x)
    step = np.float32(24.5) - (z + 60) * np.float32(0.012)
    level = (z + np.float32(300)) / step
    local = (level - np.floor(level) - np.float32(0.5)) * step  # from the middle of a vertebra
    wide = np.float32(17.0) - z * np.float32(0.014)
    grain = canvas.grain[part]
    # Bodies are waisted; between them lie discs.
    waist = np.float32(1.6) * (1 - np.square(local * np.float32(1 / 10)))
    body = _oval(x, y - 1, wide, np.float32(14.5)) + waist
    disc = cover(np.float32(9.4) - np.abs(local), canvas.soft_mm)
    shell = np.clip(1 + np.maximum(body, np.abs(local) - np.float32(9.4)) * np.float32(1 / 1.8), 0, 1)
    marrow = np.float32(shape.bone_hu) + np.float32(230) * shell + np.float32(18) * grain
    canvas.paint(part, body, marrow + disc * (np.float32(85) - marrow))
    # Arch: pedicles, laminae, processes, with the canal between them.
    roots = _block(side - 12, y + 17, local - 4, (3.2, 9.0, 4.5))
    plates = _block(side, y + 23 + side * np.float32(0.35), local - 1, (15.0, 3.0, 8.0))
    spike = _block(side, y + 39, local + 1 - (y + 30) * np.float32(0.35), (2.6, 13.0, 6.5))
    wings = _block(side - 24, y + 22 + (side - 14) * np.float32(0.35), local - 4, (12.0, 4.0, 5.0))
    arch = np.minimum(np.minimum(roots, plates), np.minimum(spike, wings))
    shell = np.clip(1 + arch * np.float32(1 / 1.8), 0, 1)
    canvas.paint(part, arch, np.float32(0.9 * shape.bone_hu + 60) + np.float32(380) * shell + np.float32(20) * grain)
    # Heads of the ribs.
    heads = _block(side - 21, y + 11, local - 9, (7.0, 4.5, 4.5))
    canvas.paint(part, heads, 360.0)
    canal = _oval(x, y + 22, np.float32(8.5), np.float32(7.5))
    canvas.paint(part, canal, 14.0)
    canvas.paint(part, _oval(x, y + 22, np.float32(4.6), np.float32(3.6)), 40.0)


def _block(x: Field, y: Field, z: Field, half: tuple[float, float, float]) -> Field:
    """Signed distance in mm to a box about the origin with these half extents."""
    out = np.abs(x) - np.float32(half[0])
    np.maximum(out, np.abs(y) - np.float32(half[1]), out=out)
    return np.maximum(out, np.abs(z) - np.float32(half[2]), out=out)


def _oval(x: Field, y: Field, half: Field | np.float32, depth: Field | np.float32) -> Field:
    """Signed distance in mm to an upright oval tube."""
    u, v = x / half, y / depth
    q = np.sqrt(u * u + v * v) + np.float32(1e-4)
    return (q - 1) * np.minimum(half, depth)
