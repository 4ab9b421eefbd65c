"""What lies between the lungs: heart and its chambers, great vessels, windpipe, gullet; and what enhances when."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.chest_shape import (
    HEART_CENTER,
    HEART_SEMI,
    ChestShape,
    Place,
    Vector,
    heart,
    heart_frame,
    spine_y,
)
from itemclip_med.phantoms.fields import Field, capsule, clouds, cover, ellipsoid, smooth_min

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas

Rod = tuple[Vector, Vector, tuple[float, float]]
AIR_HU, FAT_HU, WALL_HU = -990.0, -100.0, 40.0

# HU of blood in veins, pulmonary arteries, pulmonary veins and arteries, and of heart muscle and other organs.
_PHASE_KINDS = ("sv", "pa", "pv", "art", "muscle", "liver", "spleen", "node")
_PHASES = {
    "none": (42.0, 42.0, 42.0, 42.0, 48.0, 58.0, 50.0, 40.0),
    "venous": (150.0, 150.0, 155.0, 160.0, 105.0, 108.0, 118.0, 85.0),
    "arterial": (150.0, 230.0, 300.0, 330.0, 110.0, 70.0, 125.0, 70.0),
    "pulmonary": (330.0, 390.0, 240.0, 170.0, 80.0, 60.0, 65.0, 52.0),
}

# The bowed tube of the aorta: (start, end, radii); widened for old ones.
_AORTA: tuple[Rod, ...] = (
    ((2, 20, -36), (14, 30, -12), (15.5, 15.5)),
    ((14, 30, -12), (15, 28, 14), (15.5, 15.0)),
    ((15, 28, 14), (7, 19, 32), (15.0, 14.0)),
    ((7, 19, 32), (-9, 0, 37), (14.0, 13.5)),
    ((-9, 0, 37), (-23, -21, 30), (13.5, 12.5)),
    ((-23, -21, 30), (-27, -36, 10), (12.5, 12.0)),
)
_PULMONARY: tuple[Rod, ...] = (
    ((-14, 44, -34), (-22, 28, -10), (14.0, 13.5)),
    ((-22, 28, -10), (-33, -4, -1), (13.0, 10.5)),
    ((-33, -4, -1), (-44, -22, -12), (10.0, 8.0)),  # left, over its bronchus
    ((-20, 22, -11), (4, 8, -13), (11.5, 10.5)),
    ((4, 8, -13), (36, 2, -16), (10.5, 9.0)),  # right, behind the ascending aorta
)
_VEINS: tuple[Rod, ...] = (
    ((27, 20, 50), (27, 20, -34), (9.0, 10.0)),  # superior vena cava
    ((27, 20, 50), (36, 12, 92), (8.0, 7.0)),  # right brachiocephalic
    ((27, 22, 46), (-14, 36, 62), (6.5, 6.5)),  # left brachiocephalic
    ((-14, 36, 62), (-40, 18, 92), (6.5, 6.5)),
)
_PULMONARY_VEINS: tuple[Rod, ...] = (
    ((6, -6, -44), (34, 6, -30), (8.0, 5.5)),
    ((8, -16, -56), (32, -22, -60), (7.5, 5.5)),
    ((-18, -6, -42), (-38, 6, -28), (7.5, 5.5)),
    ((-18, -16, -54), (-36, -26, -56), (7.5, 5.5)),
)
_NECK_ARTERIES: tuple[Rod, ...] = (
    ((6, 20, 40), (20, 10, 80), (6.5, 5.5)),
    ((20, 10, 80), (40, 4, 120), (4.5, 4.0)),
    ((-3, 10, 44), (-18, 4, 118), (4.2, 3.8)),
    ((-14, -4, 42), (-26, -14, 88), (5.2, 4.8)),
    ((-26, -14, 88), (-60, 0, 112), (4.8, 4.0)),
)
TRACHEA: tuple[Rod, ...] = (((0, 4, 160), (1, -4, 62), (8.6, 8.6)), ((1, -4, 62), (1, -11, 4), (8.6, 8.8)))
BRONCHI: tuple[Rod, ...] = (
    ((2, -11, 5), (27, -14, -13), (7.4, 6.6)),
    ((27, -14, -13), (46, -10, -4), (5.2, 4.2)),  # right upper lobe
    ((27, -14, -13), (33, -14, -36), (5.6, 5.0)),  # intermediate
    ((33, -14, -36), (45, 6, -48), (3.8, 3.0)),  # middle lobe
    ((33, -14, -36), (39, -25, -56), (4.8, 4.2)),  # right lower lobe
    ((0, -11, 5), (-42, -17, -22), (6.4, 5.8)),
    ((-42, -17, -22), (-54, -2, -20), (4.8, 4.0)),  # left upper lobe
    ((-42, -17, -22), (-46, -29, -46), (4.8, 4.2)),  # left lower lobe
)
LOBAR_ROOTS: tuple[Vector, ...] = ((46, -10, -4), (45, 6, -48), (39, -25, -56), (-54, -2, -20), (-46, -29, -46))
VEIN_ROOTS: tuple[Vector, ...] = ((34, 6, -30), (34, 6, -30), (32, -22, -60), (-38, 6, -28), (-36, -26, -56))
# Along the surface of the heart, as shares of its axes (along, across, up).
CORONARIES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "left anterior descending artery": (
        (-0.42, -0.62, 0.68), (-0.1, -0.72, 0.7), (0.25, -0.72, 0.64), (0.55, -0.62, 0.54),
    ),
    "left circumflex artery": ((-0.45, -0.58, 0.70), (-0.55, -0.78, 0.30), (-0.45, -0.88, -0.2)),
    "right coronary artery": ((-0.30, 0.30, 0.92), (0.02, 0.72, 0.70), (0.10, 0.95, 0.26), (0.06, 0.92, -0.36)),
}  # fmt: skip


def blood_hu(shape: ChestShape) -> dict[str, float]:
    """HU of what enhances, by kind, in the chest's phase."""
    return dict(zip(_PHASE_KINDS, _PHASES[shape.phase], strict=True))


def aorta_rods(shape: ChestShape) -> tuple[Rod, ...]:
    """The aorta with its descending part, which follows the spine."""
    wide = shape.aorta
    arch = tuple((start, end, (radii[0] * wide, radii[1] * wide)) for start, end, radii in _AORTA)
    levels = np.array([10.0, -40.0, -90.0, -140.0, -200.0, -260.0])
    front = spine_y(levels.astype(np.float32), shape) + 20
    across = np.array([-27.0, -27.0, -22.0, -14.0, -6.0, -3.0])
    points = [(float(a), float(b), float(c)) for a, b, c in zip(across, front, levels, strict=True)]
    points[0] = (-27.0, -36.0, 10.0)
    radius = 11.6 * wide
    return arch + tuple((a, b, (radius, radius)) for a, b in itertools.pairwise(points))


def bulging_rods(shape: ChestShape) -> tuple[Rod, ...]:
    """Vessels that shape the border of the mediastinum."""
    return (*aorta_rods(shape), *_PULMONARY[:3], *_VEINS[:2])


def rods_box(rods: tuple[Rod, ...], margin: float) -> tuple[Vector, Vector]:
    """The box that holds rods."""
    points = np.array([point for start, end, _ in rods for point in (start, end)])
    reach = max(max(radii) for _, _, radii in rods) + margin
    return tuple((points.min(axis=0) - reach).tolist()), tuple((points.max(axis=0) + reach).tolist())


def rods(at: Place, wanted: tuple[Rod, ...], blend_mm: float = 2.0) -> Field:
    """Signed distance in mm to rods, their joints rounded."""
    out: Field | None = None
    for start, end, radii in wanted:
        one = capsule(*at, start, end, radii)
        out = one if out is None else smooth_min(out, one, blend_mm)
    assert out is not None
    return out


def on_heart(shape: ChestShape, shares: tuple[float, float, float], lift_mm: float = 0.0) -> Vector:
    """The template point of the heart's surface in the direction given by shares of its semi-axes."""
    direction = np.array(shares) / np.linalg.norm(shares)
    local = direction * np.array(HEART_SEMI)
    local += direction * lift_mm
    # Solve for the point whose coordinates in the heart's frame these are.
    corners = np.vstack([np.eye(3), np.zeros((1, 3))]).astype(np.float32)
    frame = np.stack(heart_frame(*corners.T, shape.heart), axis=1).astype(np.float64)
    basis, origin = frame[:3], frame[3]
    turn = (basis - origin).T
    return tuple(np.linalg.solve(turn, local - origin).tolist())


def coronary_rods(shape: ChestShape) -> dict[str, tuple[Rod, ...]]:
    """The coronary arteries on the heart's surface."""
    out = {}
    for name, marks in CORONARIES.items():
        points = [on_heart(shape, mark, 1.0) for mark in marks]
        out[name] = tuple((a, b, (1.9, 1.5)) for a, b in itertools.pairwise(points))
    return out


def paint_mediastinum(canvas: Canvas, shape: ChestShape) -> None:
    """Paint heart, vessels and gullet into the fat of the mediastinum; the airways come last, after the lungs."""
    hu = blood_hu(shape)
    _paint_heart(canvas, shape, hu)
    for wanted, value in (
        (_VEINS, hu["sv"]), (_PULMONARY_VEINS, hu["pv"]), (_PULMONARY, hu["pa"]), (_NECK_ARTERIES, hu["art"]),
        (aorta_rods(shape), hu["art"]),
    ):  # fmt: skip
        for rod in _groups(wanted):
            part = canvas.box(*rods_box(rod, 4))
            at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
            if at.x.size:
                canvas.paint(part, rods(at, rod, 5.0), value)
    _paint_azygos(canvas, shape, hu["sv"])
    _paint_gullet(canvas, shape)
    _paint_thyroid(canvas, shape)


def _groups(wanted: tuple[Rod, ...]) -> list[tuple[Rod, ...]]:
    """Rods a few at a time, so that their boxes stay small."""
    return [wanted[i : i + 3] for i in range(0, len(wanted), 3)]


def heart_box(shape: ChestShape, margin: float) -> tuple[Vector, Vector]:
    """The box that holds the heart."""
    reach = 70 * shape.heart + margin
    low = (HEART_CENTER[0] - reach, HEART_CENTER[1] - 0.9 * reach, HEART_CENTER[2] - 0.9 * reach)
    high = (HEART_CENTER[0] + reach, HEART_CENTER[1] + 0.9 * reach, HEART_CENTER[2] + 0.8 * reach)
    return low, high


def _paint_heart(canvas: Canvas, shape: ChestShape, hu: dict[str, float]) -> None:
    part = canvas.box(*heart_box(shape, 8))
    at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
    if not at.x.size:
        return
    surface = heart(*at, shape.heart)
    canvas.paint(part, surface, np.float32(hu["muscle"]) + np.float32(1.5) * canvas.grain[part])
    # The pericardium, seen where there is fat on both its sides.
    share = cover(np.abs(surface - np.float32(4.0)) - np.float32(0.7), canvas.soft_mm) * np.float32(0.7)
    canvas.blend(part, share * (canvas.hu[part] < -50), 15.0)
    along, across, up = heart_frame(*at, shape.heart)
    chambers = (
        ("pv", (14, -13, 0), (34, 20, 20)),  # left ventricle
        ("sv", (10, 18, 8), (36, 14, 24)),  # right ventricle
        ("sv", (-32, 24, 2), (20, 17, 26)),  # right atrium
        ("pv", (-40, -6, -2), (19, 25, 20)),  # left atrium
    )
    for kind, center, semi in chambers:
        distance = ellipsoid(along, across, up, center, semi) * np.float32(shape.heart)
        blood = hu[kind] if kind != "sv" or shape.phase != "pulmonary" else hu["pa"] - 30
        canvas.blend(part, cover(distance, canvas.soft_mm) * cover(surface + 2.5, canvas.soft_mm), blood)
    if shape.phase == "none":
        return
    # Papillary muscles, where blood is bright enough to show them.
    for center in ((18, -20, 4), (20, -8, -8)):
        distance = ellipsoid(along, across, up, center, (9, 3.6, 3.6)) * np.float32(shape.heart)
        canvas.paint(part, distance, hu["muscle"])


def paint_coronaries(canvas: Canvas, shape: ChestShape) -> None:
    """Paint the coronary arteries in the fat of their grooves."""
    value = blood_hu(shape)["art"]
    for wanted in coronary_rods(shape).values():
        part = canvas.box(*rods_box(wanted, 6))
        at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
        if not at.x.size:
            continue
        distance = rods(at, wanted)
        canvas.blend(part, cover(distance - 2.2, canvas.soft_mm) * np.float32(0.75), FAT_HU)
        canvas.blend(part, cover(distance, canvas.soft_mm) * np.float32(min(1.0, 3.4 / canvas.soft_mm)), value)


def paint_pericardial_fluid(canvas: Canvas, shape: ChestShape) -> None:
    """Paint fluid about the heart, most of it behind and below, and mark it."""
    part = canvas.box(*heart_box(shape, shape.pericardium_mm + 8))
    at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
    if not at.x.size:
        return
    surface = heart(*at, shape.heart)
    low = np.clip((np.float32(30) - at.y - np.float32(0.7) * (at.z + 66)) * np.float32(1 / 70), 0, 1)
    thick = np.float32(shape.pericardium_mm) * (np.float32(0.4) + np.float32(0.6) * low)
    share = cover(np.maximum(surface - 1.0 - thick, 1.0 - surface), canvas.soft_mm)
    share *= np.clip((np.float32(-26) - at.z) * np.float32(1 / 14), 0, 1)  # not about the great vessels
    canvas.blend(part, share, 14.0)
    canvas.mark("Pericardial effusion", part, share)


def _paint_azygos(canvas: Canvas, shape: ChestShape, value: float) -> None:
    levels = np.array([18.0, -40.0, -110.0, -180.0])
    front = spine_y(levels.astype(np.float32), shape) + 19
    points = [(6.0, float(b), float(c)) for b, c in zip(front, levels, strict=True)]
    wanted: tuple[Rod, ...] = tuple((a, b, (3.6, 3.2)) for a, b in itertools.pairwise(points))
    wanted += ((points[0], (22, -16, 20), (4.0, 4.2)), ((22, -16, 20), (27, 10, 14), (4.2, 4.5)))
    for rod in _groups(wanted):
        part = canvas.box(*rods_box(rod, 4))
        at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
        if at.x.size:
            canvas.paint(part, rods(at, rod), value)


def gullet_rods(shape: ChestShape) -> tuple[Rod, ...]:
    """The esophagus from the neck to the hiatus."""
    levels = np.array([150.0, 40.0, 0.0, -50.0, -100.0, -138.0])
    front = spine_y(levels.astype(np.float32), shape) + np.array([24, 27, 28, 27, 29, 36])
    across = (-3, -4, -5, -6, -9, -18)
    points = [(float(a), float(b), float(c)) for a, b, c in zip(across, front, levels, strict=True)]
    points[0] = (-3.0, -12.0, 150.0)
    return tuple((a, b, (6.2, 6.2)) for a, b in itertools.pairwise(points))


def _paint_gullet(canvas: Canvas, shape: ChestShape) -> None:
    wanted = gullet_rods(shape)
    part = canvas.box(*rods_box(wanted, 3))
    at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
    if not at.x.size:
        return
    distance = rods(at, wanted)
    canvas.paint(part, distance, 42.0)
    inner = distance + np.float32(4.2)
    some = np.clip(canvas.drift[part] * np.float32(1.2) - np.float32(0.4), 0, 1)
    canvas.blend(part, cover(inner, canvas.soft_mm) * some * np.float32(0.8), -700.0)  # swallowed air


def _paint_thyroid(canvas: Canvas, shape: ChestShape) -> None:
    value = 105.0 if shape.phase == "none" else 160.0
    for sign in (1, -1):
        low, high = sorted((sign * 6.0, sign * 34.0))
        part = canvas.box((low, -22, 90), (high, 26, 170))
        at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
        if at.x.size:
            canvas.paint(part, ellipsoid(*at, (sign * 19.0, 2, 132), (8.5, 13, 27)), value)


def paint_airways(canvas: Canvas, shape: ChestShape) -> None:
    """Paint windpipe and central bronchi: walls, then air."""
    for wanted, wall in ((TRACHEA, 1.6), *((group, 1.2) for group in _groups(BRONCHI))):
        part = canvas.box(*rods_box(wanted, 5))
        at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
        if not at.x.size:
            continue
        if wanted is TRACHEA:  # flat behind
            at = Place(at.x, at.y + np.float32(0.06) * np.abs(at.x), at.z)
        distance = rods(at, wanted, 3.0)
        canvas.paint(part, distance - np.float32(wall), WALL_HU)
        canvas.paint(part, distance, AIR_HU)


def aortic_wall(canvas: Canvas, shape: ChestShape) -> list[tuple[tuple[slice, ...], Field, Field]]:
    """(part, signed distance to the aorta's surface, texture) of the boxes along the aorta."""
    out = []
    for group in _groups(aorta_rods(shape)):
        part = canvas.box(*rods_box(group, 5))
        at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
        if at.x.size:
            flat = [v.ravel() for v in at]
            texture = clouds(*flat, shape.corner, 13.0).reshape(at.x.shape)
            out.append((part, rods(at, group, 5.0), texture))
    return out
