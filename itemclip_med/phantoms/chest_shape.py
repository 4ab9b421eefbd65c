"""The template chest: where skin, pleura, mediastinum, diaphragm and fissures lie.

Coordinates are millimetres: x to the patient's right, y anterior, z superior, the origin at the carina's height in the
middle. Arrays may be slabs (Z, Y, X) or points (n,).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from itemclip_med.phantoms.fields import Field, capsule, ellipsoid, smooth_min

Vector = tuple[float, float, float]

_LOW_Z, _HIGH_Z, _PER_MM = -270.0, 210.0, 2
# z, then of the pleural cavity its half width, half depth and middle y, then the same of the body without its fat.
_PROFILES = np.array([
    (150, 3, 3, -28, 64, 58, -30),
    (118, 4, 4, -28, 84, 64, -30),
    (104, 20, 16, -29, 116, 70, -30),
    (95, 36, 27, -28, 130, 74, -29),
    (82, 58, 40, -26, 138, 79, -25),
    (66, 80, 52, -22, 146, 89, -23),
    (46, 99, 63, -17, 148, 96, -21),
    (22, 112, 71, -12, 146, 100, -18),
    (0, 120, 77, -9, 145, 103, -16),
    (-30, 126, 83, -6, 146, 108, -13),
    (-60, 130, 88, -4, 148, 112, -11),
    (-100, 133, 92, -2, 150, 116, -10),
    (-140, 132, 93, -1, 149, 117, -9),
    (-180, 127, 92, 0, 145, 116, -8),
    (-220, 121, 90, 1, 142, 114, -7),
    (-270, 116, 88, 2, 140, 113, -6),
], dtype=float)[::-1]  # fmt: skip
_BOX = 0.3  # how much squarer than an ellipse a trunk is

HEART_CENTER: Vector = (-21.0, 20.0, -66.0)
HEART_SEMI: Vector = (63.0, 46.0, 44.0)  # along its axis, across it toward the right and back, and up
LOBES: tuple[str, ...] = (
    "right upper lobe", "right middle lobe", "right lower lobe", "left upper lobe", "left lower lobe",
)  # fmt: skip


class Place(NamedTuple):
    """Points of the template, each (Z, Y, X) or (n,), in mm."""

    x: Field
    y: Field
    z: Field

    def at(self, part: tuple[slice, ...] | Field) -> Place:
        """The points of a part."""
        return Place(self.x[part], self.y[part], self.z[part])


@dataclass(frozen=True, slots=True)
class ChestShape:
    """What differs between chests.

    Attributes:
        sex: "F" or "M".
        age: in years.
        fat_mm: subcutaneous fat at the flank.
        breast: size of the breasts, 0 for men's.
        gland: share of the breast that is glandular.
        kyphosis: curve of the spine relative to the usual one.
        dome_mm: z of the right dome of the diaphragm; lower with a deep breath.
        left_dome_mm: how much lower the left one is.
        lung_hu: of aerated lung in the middle; darker with a deep breath.
        gradient_hu: how much denser lung is 100 mm further back.
        heart: size of the heart relative to the usual one.
        aorta: width of the aorta relative to the usual one.
        cartilage: how calcified the rib cartilages are, 0 to 1.
        bone_hu: of vertebral marrow.
        corner: where its textures begin in the fields, mm.
        phase: "none", "venous", "arterial" or "pulmonary": where the contrast medium is.
        stomach: size of the gastric bubble relative to the usual one.
        arms_up: whether the arms lie beside the head.
        pericardium_mm: fluid about the heart.
    """

    sex: str = "M"
    age: int = 55
    fat_mm: float = 16.0
    breast: float = 0.0
    gland: float = 0.3
    kyphosis: float = 1.0
    dome_mm: float = -108.0
    left_dome_mm: float = 13.0
    lung_hu: float = -860.0
    gradient_hu: float = 40.0
    heart: float = 1.0
    aorta: float = 1.0
    cartilage: float = 0.2
    bone_hu: float = 170.0
    corner: Vector = (0.0, 0.0, 0.0)
    phase: str = "none"
    stomach: float = 1.0
    arms_up: bool = True
    pericardium_mm: float = 0.0


def draw_chest(rng: np.random.Generator) -> ChestShape:
    """A chest as adults have it."""
    sex = "F" if rng.random() < 0.48 else "M"
    age = int(np.clip(rng.normal(57, 16), 19, 92))
    breath = float(rng.beta(3.0, 1.4))  # 1 is a full breath
    fat = float(np.clip(rng.gamma(5.0, 3.0), 5, 36)) * (1.15 if sex == "F" else 0.9)
    old = (age - 20) / 70
    return ChestShape(
        sex=sex,
        age=age,
        fat_mm=fat,
        breast=float(rng.uniform(0.7, 1.35)) if sex == "F" else 0.0,
        gland=float(np.clip(rng.normal(0.6 - 0.5 * old, 0.15), 0.05, 0.9)),
        kyphosis=float(rng.normal(0.9 + 0.4 * old, 0.2)),
        dome_mm=float(-84 - 34 * breath + rng.normal(0, 4)),
        left_dome_mm=float(rng.uniform(6, 20)),
        lung_hu=float(-790 - 85 * breath - 15 * old + rng.normal(0, 8)),
        gradient_hu=float(rng.uniform(18, 60)),
        heart=float(np.clip(rng.normal(0.97, 0.045), 0.87, 1.06)),
        aorta=float(np.clip(0.86 + 0.22 * old + rng.normal(0, 0.05), 0.8, 1.25)),
        cartilage=float(np.clip(old - 0.15 + rng.normal(0, 0.2), 0, 1)),
        bone_hu=float(np.clip(255 - 130 * old + rng.normal(0, 22), 70, 300)),
        corner=tuple(rng.uniform(0, 192, 3).tolist()),
        phase=str(rng.choice(["none", "venous", "arterial", "pulmonary"], p=[0.55, 0.25, 0.1, 0.1])),
        stomach=float(rng.uniform(0.7, 1.3)),
        arms_up=bool(rng.random() < 0.93),
    )


@lru_cache(maxsize=1)
def _tables() -> np.ndarray:
    """(6, n) float32: the profiles every half millimetre, without their kinks."""
    z = np.arange(_LOW_Z, _HIGH_Z, 1 / _PER_MM)
    kernel = np.hanning(25)
    kernel /= kernel.sum()
    tables = [np.interp(z, _PROFILES[:, 0], column) for column in _PROFILES[:, 1:].T]
    return np.array(
        [np.convolve(np.pad(t, 12, mode="edge"), kernel, mode="valid") for t in tables]
    ).astype(np.float32)  # fmt: skip


def heights(z: Field) -> np.ndarray:
    """Row of the profiles' tables for each z, in its shape."""
    rows = (z - np.float32(_LOW_Z)) * np.float32(_PER_MM)
    return np.clip(rows, 0, (_HIGH_Z - _LOW_Z) * _PER_MM - 1).astype(np.int32)


def cavity(at: Place, rows: np.ndarray | None = None) -> Field:
    """Signed distance in mm to the inside of the ribs, negative within; ``rows`` as :func:`heights`, (1, 1, Z)."""
    rows = heights(at.z) if rows is None else rows
    half, depth, middle = (table[rows] for table in _tables()[:3])
    return _trunk(at.x, at.y - middle, half, depth)


def skin(at: Place, shape: ChestShape, rows: np.ndarray | None = None) -> Field:
    """Signed distance in mm to the skin of trunk, neck and shoulders, without breasts; ``rows`` is (1, 1, Z)."""
    rows = heights(at.z) if rows is None else rows
    half, depth, middle = (table[rows] for table in _tables()[3:])
    fat = np.float32(shape.fat_mm)
    out = _trunk(at.x, at.y - middle, half + fat, depth + np.float32(0.85) * fat)
    if at.z.ndim == 3 and at.z.max() < 40:
        return out
    side = np.abs(at.x)
    girth = 40 + 0.5 * shape.fat_mm
    end = (215, -10, 190) if shape.arms_up else (190, -40, -40)
    arm = capsule(side, at.y, at.z, (95, -34, 88), (168, -30, 112), (girth + 4, girth))
    arm = smooth_min(arm, capsule(side, at.y, at.z, (168, -30, 112), end, (girth, girth - 8)), 20)
    return smooth_min(out, arm, 24)


def _trunk(x: Field, y: Field, half: Field, depth: Field) -> Field:
    u, v = x / half, y / depth
    u2, v2 = u * u, v * v
    q = np.sqrt(np.maximum(u2 + v2 - np.float32(_BOX) * u2 * v2, np.float32(0.01)))
    u /= half
    v /= depth
    slope = np.sqrt(u * u + v * v) + np.float32(1e-5)
    return (q - 1) * q / slope


def spine_y(z: Field, shape: ChestShape) -> Field:
    """Y of the middle of the vertebral bodies over z."""
    bend = np.square((z + np.float32(30)) * np.float32(1 / 130))
    return np.float32(-57) + np.float32(14 * shape.kyphosis) * bend


def dome(at: Place, shape: ChestShape) -> Field:
    """Z of the upper surface of the diaphragm over (x, y)."""
    right = at.x > 0
    side = np.abs(at.x)
    across = (side - np.float32(62)) * np.where(side > 62, np.float32(1 / 80), np.float32(1 / 190))
    away = np.square(across) + np.square((at.y - 8) * np.float32(1 / 98))
    out = np.float32(-58) * away - np.float32(0.62) * np.maximum(-32 - at.y, 0)
    out += np.where(right, np.float32(shape.dome_mm), np.float32(shape.dome_mm - shape.left_dome_mm))
    return out


def heart_frame(x: Field, y: Field, z: Field, scale: float) -> tuple[Field, Field, Field]:
    """Coordinates along the heart's axis (toward its tip), across it (right and back) and up, over its size."""
    # What grows goes left and down, so that the base stays with its vessels.
    center = (
        HEART_CENTER[0] - 26 * (scale - 1),
        HEART_CENTER[1] + 12 * (scale - 1),
        HEART_CENTER[2] - 14 * (scale - 1),
    )
    px, py, pz = (v - np.float32(c) for v, c in zip((x, y, z), center, strict=True))
    k = np.float32(1 / scale)
    rows = _HEART_AXES * k
    return tuple(px * r[0] + py * r[1] + pz * r[2] for r in rows)  # type: ignore[return-value]


def _axes() -> np.ndarray:
    along = np.array([-0.70, 0.55, -0.45])
    along /= np.linalg.norm(along)
    across = np.cross(along, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    up = np.cross(across, along)
    across = -across if across[0] < 0 else across
    return np.array([along, across, up if up[2] > 0 else -up]).astype(np.float32)


_HEART_AXES = _axes()


def heart(x: Field, y: Field, z: Field, scale: float) -> Field:
    """Signed distance in mm to the surface of the heart."""
    along, across, up = heart_frame(x, y, z, scale)
    # Blunt at its base, narrower at its tip.
    wide = 1 + np.float32(0.0025) * np.clip(along, -60, 60)
    return ellipsoid(along, across * wide, up * wide, (0, 0, 0), HEART_SEMI) * np.float32(scale)


def mediastinum(at: Place, shape: ChestShape, lines: tuple[tuple[Vector, Vector, tuple[float, float]], ...]) -> Field:
    """Signed distance in mm to what lies between the lungs, negative within.

    Args:
        at: points.
        shape: the chest.
        lines: (start, end, radii) of the large vessels that bulge into the lungs.
    """
    x, y, z = at
    lowest, highest = float(z.min()), float(z.max())

    def near(low: float, high: float) -> bool:
        return highest > low - 12 and lowest < high + 12

    out = ellipsoid(x, y - spine_y(z, shape), z, (0, 2, -40), (25, 25, 400))
    if near(-20, 148):
        out = smooth_min(out, ellipsoid(x, y, z, (-1, 0, 64), (32, 42, 84)), 10)
    if near(-176, 8):
        out = smooth_min(out, ellipsoid(x, y, z, (-3, -22, -84), (20, 27, 92)), 8)
    if near(HEART_CENTER[2] - 66 * shape.heart, HEART_CENTER[2] + 62 * shape.heart):
        out = smooth_min(out, heart(x, y, z, shape.heart) - np.float32(4.5 + shape.pericardium_mm), 7)
    for start, end, radii in lines:
        if near(min(start[2], end[2]) - radii[0], max(start[2], end[2]) + radii[0]):
            out = smooth_min(out, capsule(x, y, z, start, end, radii) - np.float32(1.5), 4)
    if near(-36, 4):  # the roots of the lungs
        out = smooth_min(out, ellipsoid(np.abs(x), y, z, (34, -8, -16), (13, 15, 20)), 10)
    # In front the lungs nearly meet.
    front = np.abs(x + 3) - np.float32(1.8) - np.clip((y - 30) * np.float32(0.10), 0, 6)
    front = np.maximum(front, np.maximum(4 - y, z - 64))
    return smooth_min(out, front, 6)


def lung_distance(
    at: Place, shape: ChestShape, inner: Field, lines: tuple[tuple[Vector, Vector, tuple[float, float]], ...]
) -> Field:
    """Signed distance in mm to the surface of the lungs at points (n,), negative within.

    Args:
        at: points.
        shape: the chest.
        inner: signed distance to the inside of the ribs there.
        lines: vessels that bulge into the lungs.
    """
    out = inner + np.float32(1.8)
    low = np.flatnonzero(at.z < shape.dome_mm + 4)
    if low.size:
        out[low] = np.maximum(out[low], (dome(at.at(low), shape) - at.z[low]) * np.float32(0.72))
    middle = np.flatnonzero((np.abs(at.x) < 96) & (out < 3))
    if middle.size:
        out[middle] = np.maximum(out[middle], -mediastinum(at.at(middle), shape, lines))
    return out


def oblique(at: Place, rough: Field | float = 0.0) -> Field:
    """Height in mm above the oblique fissure of the lung that each point is in."""
    base = np.where(at.x > 0, np.float32(-24), np.float32(-16))
    return at.z - base + np.float32(0.92) * (at.y + 8) - np.float32(0.0024) * np.square(at.y) + 3 * rough


def horizontal(at: Place, rough: Field | float = 0.0) -> Field:
    """Height in mm above the horizontal fissure, of the right lung in front of its oblique one."""
    return at.z + 22 + np.float32(0.0022) * (np.square(at.x - 70) + np.square(at.y - 20)) + 3 * rough


def lobe_numbers(at: Place, rough: Field | float = 0.0) -> np.ndarray:
    """Index into :data:`LOBES` for points in the lungs."""
    above = oblique(at, rough) > 0
    upper = horizontal(at, rough) > 0
    return np.where(at.x > 0, np.where(above, np.where(upper, 0, 1), 2), np.where(above, 3, 4))
