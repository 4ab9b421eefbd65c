"""The brain: lobes with their cortex and sulci, deep grey matter, brainstem, cerebellum, dura, fluid spaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from itemclip_med.phantoms.fields import Field, capsule, cover, ellipsoid, folds, smooth_min
from itemclip_med.phantoms.tissues import Mixture, Tissue

if TYPE_CHECKING:
    from collections.abc import Callable

    from itemclip_med.phantoms.canvas import Canvas

GREY_HU, WHITE_HU, CSF_HU = 37.5, 27.0, 6.0
FULL: tuple[slice, slice, slice] = (slice(None),) * 3


class Points(NamedTuple):
    """Coordinates of tissue in mm: where each voxel's tissue lay before a lesion displaced it."""

    x: Field
    y: Field
    z: Field

    def at(self, part: tuple[slice, ...] | Field) -> Points:
        """The points of a part of the canvas."""
        return Points(self.x[part], self.y[part], self.z[part])


@dataclass(frozen=True, slots=True)
class BrainShape:
    """What differs between brains.

    Attributes:
        atrophy: width of sulci and of the space under the skull, 0 young to 1 old.
        ventricles: width of the lateral ventricles relative to the usual one.
        third_mm: half width of the third ventricle.
        asymmetry: how much wider the left ventricle is, as a share.
        corner: where this brain's textures begin in the fields, mm.
        calcified: of "pineal", "choroid", "falx", "basal ganglia", what is calcified.
        contrast: grey over white matter relative to the usual difference.
        leukoaraiosis: darkening of the white matter about the ventricles, HU.
    """

    atrophy: float = 0.3
    ventricles: float = 1.0
    third_mm: float = 2.0
    asymmetry: float = 0.0
    corner: tuple[float, float, float] = (0.0, 0.0, 0.0)
    calcified: frozenset[str] = frozenset()
    contrast: float = 1.0
    leukoaraiosis: float = 0.0


@dataclass(frozen=True, slots=True)
class Fluid:
    """What lesions do to the fluid spaces.

    Attributes:
        sulcal_blood: share of blood in the subarachnoid fluid at points, or None.
        ventricular_blood: the same for the ventricles, called with the name of the part, or None.
        effacement: how much sulci are narrowed at points, 0 to 1, or None.
        squeeze: factor on the width of the left and of the right lateral ventricle.
        fourth: factor on the width of the fourth ventricle.
        blood_hu: of fresh blood in fluid.
    """

    sulcal_blood: Callable[[Field, Field, Field], Field] | None = None
    ventricular_blood: Callable[[str, Field, Field, Field], Field] | None = None
    effacement: Callable[[Field, Field, Field], Field] | None = None
    squeeze: tuple[float, float] = (1.0, 1.0)
    fourth: float = 1.0
    blood_hu: float = 62.0


def draw_brain(rng: np.random.Generator) -> BrainShape:
    """A brain as adults have it."""
    atrophy = float(rng.beta(1.4, 2.2))
    calcified = {name for name, often in (("pineal", 0.55), ("choroid", 0.45), ("falx", 0.12)) if rng.random() < often}
    if rng.random() < 0.05:
        calcified.add("basal ganglia")
    return BrainShape(
        atrophy=atrophy,
        ventricles=float(0.8 + 0.55 * atrophy + rng.normal(0, 0.1)),
        third_mm=float(1.2 + 2.4 * atrophy + rng.uniform(0, 0.6)),
        asymmetry=float(rng.normal(0.03, 0.08)),
        corner=tuple(rng.uniform(0, 192, 3).tolist()),
        calcified=frozenset(calcified),
        contrast=float(rng.uniform(0.85, 1.15)),
        leukoaraiosis=float(max(0.0, rng.normal(8 * atrophy - 2, 2.0))),
    )


def tentorium(side: Field, y: Field) -> Field:
    """Height of the tentorium in mm over (|x|, y)."""
    return 1 - np.float32(0.75) * side / (1 + side * np.float32(1 / 150)) - np.float32(0.25) * np.abs(y + 52)


def callosum(y: Field, z: Field) -> Field:
    """Signed distance to the outline of the corpus callosum and what lies beneath, in the midline plane."""
    py, pz = (y + np.float32(4)) * np.float32(1 / 38), (z - np.float32(2)) * np.float32(1 / 27)
    return (np.sqrt(py * py + pz * pz) - 1) * np.float32(31)


def paint_brain(canvas: Canvas, shape: BrainShape, points: Points, surface: Field, inner: Field, fluid: Fluid) -> None:
    """Paint everything inside the skull that is no collection of blood.

    Args:
        canvas: receives the HU, and the layers "SAH" and "IVH".
        shape: the brain.
        points: displaced coordinates of the canvas's voxels.
        surface: signed distance to the inner table at the displaced points, mm.
        inner: the same at the voxels themselves; nothing is painted outside.
        fluid: what lesions do to the fluid spaces.
    """
    canvas.blend(FULL, cover(inner, canvas.soft_mm), CSF_HU, Tissue.CSF)
    inside = np.flatnonzero((inner < canvas.soft_mm).ravel())
    if not inside.size:
        return
    flat = Points(*(values.ravel()[inside] for values in points))
    drift = canvas.drift.ravel()[inside]
    hu, blood, tissue = _cerebrum(shape, flat, surface.ravel()[inside], drift, fluid, canvas.soft_mm)
    share = cover(inner.ravel()[inside], canvas.soft_mm)
    canvas.stroke_at(inside, [(share, hu, tissue)])
    if blood is not None:
        layer = np.zeros_like(canvas.hu)
        layer.ravel()[inside] = blood * share
        canvas.layers["SAH"] = layer
    _cerebellum(canvas, shape, points, surface)
    _brainstem(canvas, shape, points, surface, fluid)
    _deep_grey(canvas, shape, points)
    _ventricles(canvas, shape, points, fluid)
    _dura(canvas, shape, points, surface, inner)


def _cerebrum(
    shape: BrainShape, at: Points, surface: Field, drift: Field, fluid: Fluid, soft_mm: float
) -> tuple[Field, Field | None, Mixture]:
    """HU of fluid and cerebrum at points (n,), the share of blood in the fluid if there is any, and the tissues."""
    x, y, z = at
    side = np.abs(x)
    gap = np.float32(0.5 + 2.0 * shape.atrophy) + np.float32(0.5 + 0.5 * shape.atrophy) * drift
    depth = -surface - np.maximum(gap, 0.2)
    # The fissure between the hemispheres, above the callosum and the skull base.
    over = np.maximum(callosum(y, z), np.float32(-30)) * np.float32(-1)
    fissure = np.float32(0.9 + 1.0 * shape.atrophy) + np.clip((y - 20) * np.float32(0.02), 0, 0.8)
    between = np.maximum(side - fissure, over)
    below = z - tentorium(side, y) - 1.5 + 2 * np.maximum(y + 22, 0)
    carved = _cisterns(side, y, z, shape.atrophy)
    depth = np.minimum(np.minimum(depth, between), np.minimum(below, carved))
    # Sulci: sheets from the surface inward, as deep as they are, with the cortex around them.
    reach = np.float32(13) + np.float32(4) * drift
    norm = np.sqrt(
        np.square(x * np.float32(1 / 64))
        + np.square((y + 16) * np.float32(1 / 82))
        + np.square((z - 6) * np.float32(1 / 68))
    )
    pull = np.power(np.maximum(norm, 0.25), np.float32(-0.6))
    apart = x * pull + np.where(x > 0, np.float32(53), np.float32(0))  # the hemispheres fold each in its own way
    sheet = np.abs(folds(apart, (y + 16) * pull, (z - 6) * pull, shape.corner))
    past = np.maximum(depth - reach, 0)
    sheet = np.sqrt(sheet * sheet + past * past)
    half = np.float32(0.85 + 1.45 * shape.atrophy) * (
        np.float32(1.15) - np.float32(0.65) * np.clip(depth / reach, 0, 1)
    )
    if fluid.effacement is not None:
        flat = fluid.effacement(x, y, z)
        half = half * (1 - flat) - np.float32(0.7) * flat
        depth = depth + flat * np.maximum(gap, 0)
    bleeding = None
    if fluid.sulcal_blood is not None:
        bleeding = fluid.sulcal_blood(x, y, z)
        half = np.maximum(half, np.float32(1.6) * bleeding)  # blood holds a sulcus open
    lateral = _sylvian(side, y, z, shape.atrophy, drift)
    if bleeding is not None:
        lateral -= np.float32(0.8) * bleeding
    distance = np.minimum(np.minimum(depth, sheet - half), lateral)
    tissue = cover(-distance, soft_mm)
    ribbon = np.clip((np.float32(3.1) - distance) * np.float32(1 / max(1.2, 0.7 * soft_mm)) + np.float32(0.5), 0, 1)
    white = np.float32(WHITE_HU) + np.float32(0.8) * drift
    if shape.leukoaraiosis:
        near = ellipsoid(side, y, z, (16, -6, 18), (14, 46, 12))
        white -= np.float32(shape.leukoaraiosis) * np.clip(1 - near * np.float32(1 / 9), 0, 1)
    hu = white + ribbon * (np.float32(WHITE_HU + (GREY_HU - WHITE_HU) * shape.contrast) - white)
    fluid_hu: Field | np.float32 = np.float32(CSF_HU)
    blood = None
    if bleeding is not None:
        blood = bleeding * (1 - tissue)
        fluid_hu = CSF_HU + bleeding * np.float32(fluid.blood_hu - CSF_HU)

    def mixture() -> tuple[tuple[int, Field], ...]:
        cortex = tissue * ribbon
        return (Tissue.GREY, cortex), (Tissue.WHITE, tissue - cortex), (Tissue.CSF, 1 - tissue)

    return fluid_hu + tissue * (hu - fluid_hu), blood, mixture


def _cisterns(side: Field, y: Field, z: Field, atrophy: float) -> Field:
    """Signed distance to the fluid at the base of the brain (negative inside), into which brainstem and vessels go."""
    wide = 0.8 * atrophy
    out = ellipsoid(side, y, z, (0, -14, -24), (17 + wide, 25, 13))
    out = np.minimum(out, ellipsoid(side, y, z, (0, -24, -12), (18.5 + wide, 16.5, 11)))
    out = np.minimum(out, ellipsoid(side, y, z, (0, -38, -3), (10, 5.5, 8)))
    out = np.minimum(out, capsule(side, y, z, (8, 3, -17), (38, 8, -13), (2.4 + wide, 2.2 + wide)))
    return np.minimum(out, capsule(side, y, z, (0, -36, 4), (0, -22, 12), (2.2, 1.2)))


def _sylvian(side: Field, y: Field, z: Field, atrophy: float, drift: Field) -> Field:
    """Signed distance to the Sylvian fissure and the fluid over the insula, negative inside."""
    slope = (z + 4 + np.float32(0.5) * (y - 5)) * np.float32(0.89) + np.float32(3.5) * drift
    width = np.float32(0.6 + 1.3 * atrophy) + np.clip((y + 8) * np.float32(0.07), 0, 1.6) + np.float32(0.5) * drift
    stem = np.maximum(np.abs(slope) - width, np.maximum(np.abs(y + 8 + 4 * drift) - 29, 38 - side))
    curve = (
        side - np.float32(40.5) + np.float32(0.011) * np.square(y - 1) + np.float32(0.008) * np.square(z) + 2 * drift
    )
    sheet = np.abs(curve) - np.float32(0.5 + 1.0 * atrophy) - np.clip((y + 4) * np.float32(0.05), -0.5, 0.9)
    sheet = np.maximum(sheet, np.maximum(np.abs(y - 1 - 3 * drift) - 20, np.abs(z - 2) - 14))
    return smooth_min(stem, sheet, 3)


def _stem_mixture() -> tuple[tuple[int, float], ...]:
    return (Tissue.WHITE, 0.7), (Tissue.GREY, 0.3)


_MEDULLA = ((0, -32, -44), (0, -40, -92), (8.5, 6))


def _cerebellum(canvas: Canvas, shape: BrainShape, points: Points, surface: Field) -> None:
    """Cerebellum with its leaves, under the tentorium."""
    part = canvas.box((-60, -108, -74), (60, -14, 6))
    x, y, z = points.at(part)
    if not x.size:
        return
    side = np.abs(x)
    gap = surface[part] + np.float32(1.0 + 1.5 * shape.atrophy)
    out = ellipsoid(side, y, z, (0, -62, -38), (58, 44, 32))
    out = smooth_min(out, ellipsoid(side, y, z, (9, -58, -54), (11, 14, 14)), 6)  # down to the tonsils
    out = np.minimum(out, capsule(side, y, z, (11, -32, -33), (28, -52, -36), (8, 9)))  # its peduncles
    out = np.maximum(out, np.maximum(gap, z - tentorium(side, y) + 1.2))
    out = np.maximum(out, -ellipsoid(side, y, z, (0, -92, -50), (4.5, 14, 22)))  # between the hemispheres
    out = np.maximum(out, -ellipsoid(side, y, z, (0, -78, -66), (15, 22, 10)))  # cisterna magna
    out = np.maximum(out, np.minimum(2.4 - capsule(side, y, z, *_MEDULLA), np.float32(-40) - z))
    leaf = np.abs(np.sin(out * np.float32(0.9) + np.float32(0.35) * y)) * np.float32(3.0)
    core = cover(ellipsoid(side, y, z, (16, -56, -35), (16, 13, 10)), 5.0)

    def mixture() -> tuple[tuple[int, Field], ...]:
        white = np.maximum(np.clip(leaf * np.float32(0.22), 0, 0.5), core)
        return (Tissue.GREY, 1 - white), (Tissue.WHITE, white)

    canvas.paint(part, out, np.float32(GREY_HU - 1.0) - leaf - core * np.float32(5.0), mixture)


def _brainstem(canvas: Canvas, shape: BrainShape, points: Points, surface: Field, fluid: Fluid) -> None:
    """Midbrain, pons, medulla, hypothalamus, basilar artery and fourth ventricle."""
    part = canvas.box((-22, -58, -92), (22, 12, 6))
    x, y, z = points.at(part)
    if not x.size:
        return
    side = np.abs(x)
    stem = smooth_min(
        ellipsoid(side, y, z, (6.5, -19, -11), (8.5, 8.5, 10)), ellipsoid(side, y, z, (0, -27, -9), (12, 9, 9)), 3
    )
    stem = smooth_min(stem, ellipsoid(side, y, z, (0, -23.5, -29), (15.5, 13, 13)), 4)
    stem = smooth_min(stem, capsule(side, y, z, *_MEDULLA), 5)
    stem = np.minimum(stem, ellipsoid(side, y, z, (0, -1, -11), (7, 9, 4)))
    canvas.paint(part, np.maximum(stem, surface[part] + np.float32(1.0 + 1.5 * shape.atrophy)), 31.5, _stem_mixture)
    canvas.paint(part, ellipsoid(side, y, z, (5, -34.5, -5), (4.5, 3.5, 6)), 33.0, Tissue.DEEP)
    canvas.paint(part, capsule(x, y, z, (1, -9.2, -20), (0, -11, -40), (1.7, 1.7)), 44.0, Tissue.ARTERY)
    width = fluid.fourth * (1 + 0.35 * shape.atrophy)
    fourth = ellipsoid(side, y, z, (0, -43, -31), (7.5 * width, 5.2 * width, 9))
    fourth = smooth_min(fourth, capsule(side, y, z, (0, -31, -10), (0, -38, -24), (0.9, 1.8)), 2)
    _fill(canvas, part, fourth, Points(x, y, z), "fourth ventricle", fluid)


def _deep_grey(canvas: Canvas, shape: BrainShape, points: Points) -> None:
    """Caudate, lentiform nucleus and thalamus on both sides, with the internal capsule between them."""
    contrast = shape.contrast
    for sign in (-1, 1):
        part = canvas.box(*_sided(sign, (0, -45, -14), (40, 32, 36)))
        x, y, z = points.at(part)
        x = x * np.float32(sign)
        canvas.paint(part, ellipsoid(x, y, z, (17, -4, 6), (20, 30, 19)), WHITE_HU - 0.5, Tissue.WHITE)
        caudate = smooth_min(
            ellipsoid(x, y, z, (13.5, 13, 9), (6, 10, 10)), capsule(x, y, z, (16, 4, 19), (23, -24, 23), (4, 2.5)), 3
        )
        canvas.paint(part, caudate, WHITE_HU + 10.5 * contrast, Tissue.DEEP)
        turned = x + np.float32(0.30) * (y - 2)
        lens = ellipsoid(turned, y, z, (25.5, 2, 1), (5.6, 17, 10.5))
        canvas.paint(part, lens, WHITE_HU + 10.5 * contrast, Tissue.DEEP)
        pallidum = ellipsoid(turned, y, z, (18.6, -2, 0), (4.3, 9.5, 6.5))
        canvas.paint(part, pallidum, WHITE_HU + 8.0 * contrast, Tissue.PALLIDUM)
        if "basal ganglia" in shape.calcified:
            canvas.paint(part, ellipsoid(turned, y, z, (18.2, 0, 0), (2.0, 5, 2.5)), 110.0)
        thalamus = ellipsoid(x + np.float32(0.25) * (y + 18), y, z, (11, -18, 7.5), (8.6, 14, 9))
        canvas.paint(part, thalamus, WHITE_HU + 8.5 * contrast, Tissue.DEEP)


# The right lateral ventricle: boxes, and in each the rods (start, end, radii at both, flattening of z), template mm.
_LATERAL = (
    (
        ((0, -44, -6), (30, 42, 38)),
        (
            ((13.5, 33, 3), (7.3, 14, 8), (2.6, 4.2), 0.72),  # frontal horn; the bodies are taller than wide
            ((7.3, 14, 8), (8.2, -4, 17), (4.2, 4.4), 0.72),
            ((8.2, -4, 17), (13, -22, 21), (4.4, 4.6), 0.72),
            ((13, -22, 21), (21, -36, 16), (4.6, 5.6), 0.72),
        ),
    ),
    (
        ((10, -80, -8), (38, -26, 28)),
        (
            ((21, -36, 16), (25, -44, 5), (5.4, 6.6), 1.0),  # atrium
            ((25, -45, 5), (20, -70, 2), (6.0, 1.8), 1.0),  # occipital horn
        ),
    ),
    (
        ((22, -50, -26), (42, 0, 8)),
        (
            ((27, -42, 2), (34, -28, -11), (4.0, 2.2), 1.0),  # temporal horn
            ((34, -28, -11), (31, -8, -19), (2.0, 1.3), 1.0),
        ),
    ),
)


def _rods(at: Points, rods: tuple, width: float) -> Field:
    """Signed distance in mm to rods whose bores are scaled by ``width``, their joints rounded."""
    out: Field | None = None
    for start, end, radii, flat in rods:
        low, high = ((*point[:2], point[2] * flat) for point in (start, end))
        z = at.z if flat == 1 else at.z * np.float32(flat)
        rod = capsule(at.x, at.y, z, low, high, (radii[0] * width, radii[1] * width))
        out = rod if out is None else smooth_min(out, rod, 3)
    return np.maximum(out, np.float32(0.9) - at.x)  # the septum stays


def _ventricles(canvas: Canvas, shape: BrainShape, points: Points, fluid: Fluid) -> None:
    """Lateral and third ventricles with choroid plexus and pineal gland."""
    for sign, name, squeeze in (
        (-1, "left lateral ventricle", fluid.squeeze[0]),
        (1, "right lateral ventricle", fluid.squeeze[1]),
    ):
        width = shape.ventricles * squeeze * (1 - sign * 0.5 * shape.asymmetry)
        for box, rods in _LATERAL:
            part = canvas.box(*_sided(sign, *box))
            at = points.at(part)
            if at.x.size:
                mirrored = Points(at.x * np.float32(sign), at.y, at.z)
                _fill(canvas, part, _rods(mirrored, rods, width), at, name, fluid)
        small = canvas.box(*_sided(sign, (12, -54, -4), (34, -34, 22)))
        near = points.at(small)
        plexus = ellipsoid(near.x * np.float32(sign), near.y, near.z, (23, -42, 7), (2.6, 4.2, 3.6))
        canvas.paint(small, plexus, 130.0 if "choroid" in shape.calcified else 36.0, Tissue.PLEXUS)
    part = canvas.box((-8, -32, -16), (8, 12, 16))
    at = points.at(part)
    half = shape.third_mm * min(1.0, sum(fluid.squeeze) / 2) + 0.6
    third = ellipsoid(*at, (0, -9, 0), (half, 17, 13))
    _fill(canvas, part, third, at, "third ventricle", fluid)
    part = canvas.box((-8, -42, -8), (8, -26, 8))
    at = points.at(part)
    pineal = ellipsoid(*at, (0, -33.5, 1), (2.6, 3.2, 2.6))
    canvas.paint(part, pineal, 160.0 if "pineal" in shape.calcified else 38.0, Tissue.PLEXUS)


def _fill(canvas: Canvas, part: tuple[slice, ...], distance: Field, at: Points, name: str, fluid: Fluid) -> None:
    """Paint a ventricle with fluid, or with what blood is in it."""
    share = cover(distance, canvas.soft_mm)
    if fluid.ventricular_blood is None:
        canvas.blend(part, share, CSF_HU, Tissue.CSF)
        return
    blood = fluid.ventricular_blood(name, *at)
    canvas.blend(part, share, CSF_HU + blood * np.float32(fluid.blood_hu - CSF_HU))
    canvas.mark("IVH", part, share * blood)


def _dura(canvas: Canvas, shape: BrainShape, points: Points, surface: Field, inner: Field) -> None:
    """Falx, tentorium and venous sinuses."""
    part = canvas.box((-14, -110, -30), (14, 80, 85))
    x, y, z = points.at(part)
    side, within = np.abs(x), surface[part]
    hole = np.float32(8) + np.clip((y + 10) * np.float32(0.12), -4, 8) - callosum(y, z)
    falx = np.maximum(np.maximum(side - np.float32(0.75), hole), np.maximum(tentorium(side, y) - z, -12 - z))
    value = np.float32(48)
    if "falx" in shape.calcified:
        spot = cover(ellipsoid(x, y, z, (0, 42, 40), (3, 10, 6)), canvas.soft_mm)
        value = value + spot * np.float32(160)
    share = cover(falx, max(1.6, canvas.soft_mm * 0.8)) * cover(inner[part], canvas.soft_mm)
    canvas.blend(part, share, value, Tissue.DURA)
    sinus = np.maximum(side + 0.7 * -within - np.float32(4.2), within)
    behind = np.clip((10 - y + 0.6 * z) * np.float32(1 / 40), 0, 1) * (z > -14)
    canvas.blend(part, cover(sinus, canvas.soft_mm) * behind * cover(inner[part], canvas.soft_mm), 52.0, Tissue.VEIN)
    part = canvas.box((-64, -108, -46), (64, -18, 8))
    x, y, z = points.at(part)
    side, within = np.abs(x), surface[part]
    height = z - tentorium(side, y)
    notch = np.float32(1) - np.sqrt(np.square(side * np.float32(1 / 21)) + np.square((y + 22) * np.float32(1 / 25)))
    sheet = np.maximum(np.abs(height) * np.float32(0.8) - np.float32(0.7), notch * 20)
    share = cover(sheet, max(1.6, canvas.soft_mm * 0.8)) * cover(inner[part], canvas.soft_mm) * np.float32(0.9)
    canvas.blend(part, share, 47.0, Tissue.DURA)
    transverse = np.maximum(np.abs(height) - within * np.float32(-0.5) - 1.0, np.maximum(-within - 6.0, within))
    transverse = np.maximum(np.sqrt(np.square(height) + np.square(within + 2.5)) - np.float32(4.0), y + 55)
    canvas.blend(part, cover(transverse, canvas.soft_mm) * cover(inner[part], canvas.soft_mm), 51.0, Tissue.VEIN)


def _sided(sign: int, low: tuple[float, float, float], high: tuple[float, float, float]) -> tuple[tuple, tuple]:
    """A template box of the right side, mirrored for ``sign`` -1."""
    if sign > 0:
        return low, high
    return (-high[0], low[1], low[2]), (-low[0], high[1], high[2])
