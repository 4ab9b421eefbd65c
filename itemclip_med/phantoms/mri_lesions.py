"""Shapes of lesions in brain MRI and the tissues they bring: tumors, infarcts, hematomas, white matter, cysts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from itemclip_med.phantoms.brain import Points
from itemclip_med.phantoms.fields import Field, clouds, cover, ellipsoid, smooth_min
from itemclip_med.phantoms.mri_canvas import TissueCanvas
from itemclip_med.phantoms.tissues import Tissue

Vector = tuple[float, float, float]
Lobes = tuple[tuple[Vector, Vector], ...]
_GREYS = (Tissue.GREY, Tissue.DEEP, Tissue.PALLIDUM)


class Lesion(Protocol):
    """What can be painted into a brain."""

    def paint(self, canvas: TissueCanvas, points: Points, inner: Field) -> None:
        """Paint it and mark it.

        Args:
            canvas: receives it.
            points: undisplaced coordinates of the canvas's voxels, template mm.
            inner: signed distance to the inner table there, mm.
        """


@dataclass(frozen=True, slots=True)
class Push:
    """A ball that displaces the brain.

    Attributes:
        center: template mm.
        radius_mm: of the ball.
    """

    center: Vector
    radius_mm: float


def _distance(canvas: TissueCanvas, part: tuple[slice, ...], lobes: Lobes) -> Field:
    x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
    out = ellipsoid(x, y, z, *lobes[0])
    for center, semi in lobes[1:]:
        out = smooth_min(out, ellipsoid(x, y, z, center, semi), 4)
    return out


def _box(canvas: TissueCanvas, lobes: Lobes, margin_mm: float) -> tuple[slice, slice, slice]:
    centers = np.array([center for center, _ in lobes])
    reach = max(max(semi) for _, semi in lobes) + margin_mm
    return canvas.box(tuple(centers.min(axis=0) - reach), tuple(centers.max(axis=0) + reach))


@dataclass(frozen=True, slots=True)
class Edema:
    """Vasogenic edema: it spreads in white matter and spares the cortex.

    Attributes:
        substance: its column.
        reach_mm: how far it spreads from the lesion.
    """

    substance: int
    reach_mm: float

    def paint(self, canvas: TissueCanvas, part: tuple[slice, ...], distance: Field, corner: Vector, side: int) -> None:
        """Stain the white matter about a lesion of known ``distance``, on its own side of the midline."""
        x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
        fingers = np.float32(1.0) + np.float32(0.45) * clouds(x, y, z, corner, 26.0)
        reach = np.float32(self.reach_mm) * np.maximum(fingers, 0.15)
        share = np.clip(np.float32(1.4) - distance * np.float32(1.4) / reach, 0, np.float32(0.95))
        if side:
            share *= np.clip(x * np.float32(side / 4) + np.float32(0.5), 0, 1)
        canvas.stain(part, share, (Tissue.WHITE,), self.substance)
        canvas.stain(part, share * np.float32(0.25), (Tissue.DEEP,), self.substance)


@dataclass(frozen=True, slots=True)
class Mass:
    """A mass within the brain: solid, or a rind about a core; or, without one, an infiltrated region.

    Attributes:
        name: of the finding whose mask it belongs to.
        lobes: (center, semi-axes) of the ellipsoids it is made of, template mm.
        corner: where its texture begins, mm.
        ragged_mm: how irregular its surface is.
        rind: column of its solid part.
        core: column of what lies inside, or None.
        rind_mm: thickness of the rind; None for a solid mass.
        edema: about it, or None.
        infiltrates: whether it takes the place of tissue alone, so that sulci run through it.
        rim: column of a thin outer rim, or None.
    """

    name: str
    lobes: Lobes
    corner: Vector
    ragged_mm: float
    rind: int
    core: int | None = None
    rind_mm: float | None = None
    edema: Edema | None = None
    infiltrates: bool = False
    rim: int | None = None

    def paint(self, canvas: TissueCanvas, points: Points, inner: Field) -> None:
        """Paint edema, rind and core."""
        del points
        reach = 1.6 * self.edema.reach_mm if self.edema else 0.0
        part = _box(canvas, self.lobes, reach + 4 + 2 * self.ragged_mm)
        x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
        if not x.size:
            return
        distance = _distance(canvas, part, self.lobes)
        texture = clouds(x, y, z, self.corner, 15.0)
        distance += np.float32(self.ragged_mm) * texture
        side = 0 if abs(self.lobes[0][0][0]) < 8 else int(np.sign(self.lobes[0][0][0]))
        if self.edema is not None:
            self.edema.paint(canvas, part, distance, self.corner, side)
        within = cover(inner[part] + 1.0, canvas.soft_mm)
        if self.infiltrates:
            share = np.clip(np.float32(0.5) - distance * np.float32(1 / 4.5), 0, 0.95) * within
            turned = canvas.stain(part, share, (Tissue.WHITE, *_GREYS), self.rind)
            canvas.mark(self.name, part, turned)
            return
        share = cover(distance, canvas.soft_mm) * within
        canvas.blend(part, share, 0.0, self.rim if self.rim is not None else self.rind)
        if self.rim is not None:
            canvas.blend(part, cover(distance + np.float32(1.6), canvas.soft_mm) * within, 0.0, self.rind)
        if self.core is not None and self.rind_mm is not None:
            rind = np.float32(self.rind_mm) * np.maximum(np.float32(1) + np.float32(0.4) * texture, 0.35)
            canvas.blend(part, cover(distance + rind, canvas.soft_mm) * within, 0.0, self.core)
        canvas.mark(self.name, part, share)


@dataclass(frozen=True, slots=True)
class DuralMass:
    """A mass upon the dura that dents the brain, with a cleft of fluid around it and a tail along the dura.

    Attributes:
        lobes: (center, semi-axes), template mm.
        corner: where its texture begins, mm.
        substance: its column.
        side: +1 on the patient's right, -1 on the left.
        on_falx: whether it sits on the falx.
        edema: in the brain beneath, or None.
    """

    lobes: Lobes
    corner: Vector
    substance: int
    side: int
    on_falx: bool = False
    edema: Edema | None = None

    def paint(self, canvas: TissueCanvas, points: Points, inner: Field) -> None:
        """Paint edema, cleft, mass and tail."""
        del points
        reach = 1.6 * self.edema.reach_mm if self.edema else 0.0
        (center, semi), *_ = self.lobes
        part = _box(canvas, self.lobes, max(reach, 0.9 * max(semi)) + 4)
        x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
        if not x.size:
            return
        distance = _distance(canvas, part, self.lobes)
        distance += np.float32(0.5) * clouds(x, y, z, self.corner, 14.0)
        wall = inner[part] + np.float32(0.5)  # it stays within the skull, and on its side of the falx
        if self.on_falx:
            wall = np.maximum(wall, np.float32(0.9) - x * np.float32(self.side))
        if self.edema is not None:
            self.edema.paint(canvas, part, distance, self.corner, self.side)
        within = cover(wall, canvas.soft_mm)
        cleft = cover(distance - np.float32(1.4), canvas.soft_mm) * cover(wall + 3, canvas.soft_mm)
        canvas.blend(part, cleft * np.float32(0.7), 0.0, Tissue.CSF)
        share = cover(distance, canvas.soft_mm) * within
        canvas.blend(part, share, 0.0, self.substance)
        sheet = np.abs(x * np.float32(self.side) - 1.4) if self.on_falx else np.abs(inner[part] + np.float32(1.2))
        away = np.sqrt(sum(np.square(v - np.float32(c)) for v, c in zip((x, y, z), center, strict=True)))
        tail = np.maximum(sheet - np.float32(0.9), away - np.float32(1.75 * max(semi)))
        canvas.blend(part, cover(tail, canvas.soft_mm) * np.float32(0.6) * (1 - share), 0.0, self.substance)
        canvas.mark("Meningioma", part, share)


@dataclass(frozen=True, slots=True)
class Territory:
    """What an artery feeds: a cone from deep in the brain to the cortex, cut where a neighbor's land begins.

    Attributes:
        apex: template mm, on the lesion's side.
        axis: unit vector.
        half_deg: half its opening.
        medial_mm: |x| below which it ends, or None.
        lateral_mm: |x| beyond which it ends, or None.
        heights_mm: z between which it lies.
        lobes: of a small deep infarct, instead of the cone.
    """

    apex: Vector = (0.0, 0.0, 0.0)
    axis: Vector = (1.0, 0.0, 0.0)
    half_deg: float = 30.0
    medial_mm: float | None = None
    lateral_mm: float | None = None
    heights_mm: tuple[float, float] = (-30.0, 90.0)
    lobes: Lobes = ()

    def distance(self, at: Points) -> Field:
        """Signed distance to its border, roughly in mm, negative inside."""
        if self.lobes:
            return ellipsoid(at.x, at.y, at.z, *self.lobes[0])
        px, py, pz = (v - np.float32(c) for v, c in zip(at, self.apex, strict=True))
        away = np.sqrt(px * px + py * py + pz * pz) + np.float32(1e-3)
        along = sum(p * np.float32(a) for p, a in zip((px, py, pz), self.axis, strict=True))
        angle = np.arccos(np.clip(along / away, -1, 1)) - np.float32(np.deg2rad(self.half_deg))
        out = angle * np.minimum(away, 60)
        side = np.abs(at.x)
        if self.medial_mm is not None:
            out = np.maximum(out, np.float32(self.medial_mm) - side)
        if self.lateral_mm is not None:
            out = np.maximum(out, side - np.float32(self.lateral_mm))
        low, high = self.heights_mm
        out = np.maximum(out, np.maximum(np.float32(low) - at.z, at.z - np.float32(high)))
        return np.maximum(out, np.float32(0.5) - at.x * np.float32(np.sign(self.apex[0])))


@dataclass(frozen=True, slots=True)
class Infarct:
    """Dead or dying tissue of a territory.

    Attributes:
        name: "Stroke" or "ChronicInfarct".
        territory: where.
        corner: where its texture begins, mm.
        grey: column that grey matter turns into; of an old infarct its gliotic border.
        white: the same of white matter.
        cavity: whether its middle has become fluid.
    """

    name: str
    territory: Territory
    corner: Vector
    grey: int
    white: int
    cavity: bool = False

    def paint(self, canvas: TissueCanvas, points: Points, inner: Field) -> None:
        """Stain the territory's tissue."""
        del inner
        part = canvas.box((-72, -108, -75), (72, 75, 80))
        if self.territory.lobes:
            part = _box(canvas, self.territory.lobes, 6)
        at = points.at(part)
        if not at.x.size:
            return
        distance = self.territory.distance(at)
        near = np.flatnonzero((distance < 12).ravel())
        if not near.size:
            return
        rough = np.zeros(distance.size, np.float32)
        flat = Points(*(v.ravel()[near] for v in at))
        small = bool(self.territory.lobes)
        rough[near] = clouds(*flat, self.corner, 8.0 if small else 20.0)
        distance = distance + np.float32(0.8 if small else 4.0) * rough.reshape(distance.shape)
        share = np.clip(np.float32(0.5) - distance * np.float32(1 / (2.0 if small else 3.5)), 0, 0.97)
        if self.cavity:
            hollow = np.clip((np.float32(-1.5 if small else -3.0) - distance) * np.float32(1 / 3), 0, 0.92)
            gone = canvas.stain(part, hollow, (*_GREYS, Tissue.WHITE), Tissue.CSF)
        turned = canvas.stain(part, share, _GREYS, self.grey)
        turned += canvas.stain(part, share, (Tissue.WHITE,), self.white)
        if self.cavity:
            turned += gone
        canvas.mark(self.name, part, turned)


@dataclass(frozen=True, slots=True)
class WhiteMatterLesions:
    """White matter disease: caps, bands along the ventricles, and spots in the deep white matter.

    Attributes:
        substance: its column.
        band_mm: width of the bands.
        spots: threshold of the spots in standard deviations; 9 for none.
        corner: where its textures begin, mm.
        width: of the ventricles, relative to the usual one.
        name: of the finding whose mask it belongs to; "" for none.
    """

    substance: int
    band_mm: float
    spots: float
    corner: Vector
    width: float = 1.0
    name: str = "WhiteMatterDisease"

    def paint(self, canvas: TissueCanvas, points: Points, inner: Field) -> None:
        """Stain white matter."""
        del inner
        part = canvas.box((-52, -86, -6), (52, 60, 56))
        if not canvas.x[part].size:
            return
        content = canvas.content[part]
        index = np.flatnonzero((content[..., Tissue.WHITE] > 0.3).ravel())
        if not index.size:
            return
        x, y, z = (v.ravel()[index] for v in points.at(part))
        side = np.abs(x)
        grow = np.float32(1.5 * (self.width - 1) * 4)
        body = ellipsoid(side, y, z, (13, -8, 17), (12, 40, 9)) - grow
        horns = np.minimum(
            ellipsoid(side, y, z, (14, 33, 4), (4, 5, 7)), ellipsoid(side, y, z, (24, -58, 5), (6, 14, 6))
        )
        near = np.minimum(body, horns - grow)
        rough = clouds(x, y, z, self.corner, 13.0)
        band = np.float32(self.band_mm) * (np.float32(1) + np.float32(0.5) * rough) - near
        share = np.clip(band * np.float32(1 / 2.5) + np.float32(0.5), 0, 0.95) if self.band_mm else np.zeros_like(band)
        if self.spots < 9:
            fine = clouds(x, y, z, self.corner[::-1], 9.0)
            deep = np.clip(1 - np.abs(near - 12) * np.float32(1 / 13), 0, 1)
            spots = (fine + np.float32(0.9) * deep - np.float32(self.spots)) * np.float32(2.2)
            share = np.maximum(share, np.clip(spots, 0, 0.95) * (deep > 0))
        whole = np.zeros(content.shape[:3], np.float32)
        whole.ravel()[index] = share
        turned = canvas.stain(part, whole, (Tissue.WHITE,), self.substance)
        if self.name:
            canvas.mark(self.name, part, turned)


@dataclass(frozen=True, slots=True)
class Cyst:
    """A pocket of fluid between brain and skull.

    Attributes:
        lobes: (center, semi-axes), template mm.
    """

    lobes: Lobes

    def paint(self, canvas: TissueCanvas, points: Points, inner: Field) -> None:
        """Paint it up to the skull."""
        del points
        part = _box(canvas, self.lobes, 4)
        if not canvas.x[part].size:
            return
        distance = np.maximum(_distance(canvas, part, self.lobes), inner[part] + np.float32(0.3))
        canvas.mark("Cyst", part, canvas.put(part, distance, Tissue.CSF))


def paint_all(lesions: Sequence[Lesion], canvas: TissueCanvas, points: Points, inner: Field) -> None:
    """Paint lesions in their order."""
    for lesion in lesions:
        lesion.paint(canvas, points, inner)
