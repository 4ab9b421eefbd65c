"""What goes wrong outside the lungs: calcified vessels, enlarged nodes, a herniated stomach, what doctors put in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.chest_mediastinum import (
    CORONARIES,
    TRACHEA,
    Rod,
    aortic_wall,
    blood_hu,
    gullet_rods,
    on_heart,
    rods,
    rods_box,
)
from itemclip_med.phantoms.chest_shape import ChestShape, Place, Vector
from itemclip_med.phantoms.fields import Field, clouds, cover, ellipsoid

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas


@dataclass(frozen=True, slots=True)
class AorticPlaques:
    """Calcified plaques in the wall of the aorta.

    Attributes:
        burden: 0 (few) to 1 (all around).
    """

    burden: float

    def paint(self, canvas: Canvas, shape: ChestShape) -> None:
        """Paint the plaques."""
        for part, distance, texture in aortic_wall(canvas, shape):
            share = cover(np.abs(distance + np.float32(0.6)) - np.float32(1.5), canvas.soft_mm)
            share *= np.clip((texture - np.float32(1.05 - 0.75 * self.burden)) * 5, 0, 1)
            canvas.blend(part, share, 760.0)
            canvas.mark("Arterial wall calcification", part, np.minimum(share * np.float32(1.4), 1))


@dataclass(frozen=True, slots=True)
class CoronaryPlaques:
    """Calcified spots along the coronary arteries.

    Attributes:
        spots: (vessel, share of its length, length mm) of each.
        hu: of them.
    """

    spots: tuple[tuple[str, float, float], ...]
    hu: float

    def paint(self, canvas: Canvas, shape: ChestShape) -> None:
        """Paint the spots."""
        for vessel, where, length in self.spots:
            marks = np.array([on_heart(shape, mark, 1.0) for mark in CORONARIES[vessel]])
            place = where * (len(marks) - 1)
            first = min(int(place), len(marks) - 2)
            middle = marks[first] + (place - first) * (marks[first + 1] - marks[first])
            along = marks[first + 1] - marks[first]
            along *= 0.5 * length / np.linalg.norm(along)
            rod: tuple[Rod, ...] = ((tuple(middle - along), tuple(middle + along), (1.9, 1.9)),)
            _paint_rods(canvas, rod, self.hu, "Coronary artery wall calcification")


@dataclass(frozen=True, slots=True)
class Nodes:
    """Enlarged lymph nodes.

    Attributes:
        bodies: (center, semi-axes) of each, template mm.
        corner: where their texture begins.
    """

    bodies: tuple[tuple[Vector, Vector], ...]
    corner: Vector

    def paint(self, canvas: Canvas, shape: ChestShape) -> None:
        """Paint the nodes over fat and lung, not over vessels or bone."""
        value = blood_hu(shape)["node"]
        for center, semi in self.bodies:
            reach = max(semi) + 4
            part = canvas.box(tuple(c - reach for c in center), tuple(c + reach for c in center))
            at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
            if not at.x.size:
                continue
            flat = [v.ravel() for v in at]
            rough = clouds(*flat, self.corner, 16.0).reshape(at.x.shape)
            distance = ellipsoid(*at, center, semi) + np.float32(0.06 * max(semi)) * rough
            share = cover(distance, canvas.soft_mm) * (canvas.hu[part] < 130)
            canvas.blend(part, share, np.float32(value) + 3 * rough)
            canvas.mark("Lymphadenopathy", part, share)


@dataclass(frozen=True, slots=True)
class Hernia:
    """Part of the stomach above the diaphragm, behind the heart.

    Attributes:
        center: template mm.
        semi: its semi-axes.
        level: share of it that gas fills from the front, 0 for none.
    """

    center: Vector
    semi: Vector
    level: float

    def paint(self, canvas: Canvas, shape: ChestShape) -> None:
        """Paint fat, wall, content and gas."""
        reach = max(self.semi) + 12
        part = canvas.box(tuple(c - reach for c in self.center), tuple(c + reach for c in self.center))
        at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
        if not at.x.size:
            return
        hollow = ellipsoid(*at, self.center, self.semi)
        free = canvas.hu[part] < 30  # the heart, the aorta and the spine stay
        canvas.blend(part, cover(hollow - 5, canvas.soft_mm) * free, -100.0)
        share = cover(hollow, canvas.soft_mm) * (canvas.hu[part] < 30)
        canvas.blend(part, share, 48.0)
        inside = cover(hollow + 4, canvas.soft_mm) * share
        canvas.blend(part, inside, 18.0)
        if self.level:
            front = np.float32(self.center[1] + self.semi[1] * (1 - 2 * self.level))
            canvas.blend(part, inside * cover(front - at.y, max(1.0, 0.5 * canvas.soft_mm)), -980.0)
        canvas.mark("Hiatal hernia", part, share)


_LEADS: dict[str, tuple[Vector, ...]] = {
    "pacemaker": (
        (-70, 88, 52), (-52, 60, 82), (-40, 22, 92), (-14, 36, 62), (27, 22, 46), (27, 20, -24), (4, 34, -66),
        (-34, 54, -92),
    ),
    "port": ((68, 86, 44), (52, 60, 80), (38, 16, 92), (27, 20, 50), (27, 20, -22)),
    "central venous catheter": ((44, 2, 150), (36, 12, 92), (27, 20, 50), (27, 20, -16)),
}  # fmt: skip
_TUBE_R: dict[str, tuple[float, float]] = {"pacemaker": (1.3, 2600.0), "port": (1.4, 900.0)}
DEVICE_KINDS: tuple[str, ...] = (
    "pacemaker", "port", "central venous catheter", "sternotomy wires", "nasogastric tube", "endotracheal tube",
    "chest tube", "aortic valve prosthesis", "coronary stent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Device:
    """Something put in by doctors.

    Attributes:
        kind: one of :data:`DEVICE_KINDS`.
        side: "left" or "right", where it has one.
    """

    kind: str
    side: str = ""

    def paint(self, canvas: Canvas, shape: ChestShape, outside: Field, inner: Field) -> None:
        """Paint the device over everything.

        Args:
            canvas: receives HU and layer.
            shape: the chest.
            outside: signed distance to the skin.
            inner: signed distance to the inside of the ribs.
        """
        name = "Medical material"
        if self.kind in _LEADS:
            points = _LEADS[self.kind]
            radius, hu = _TUBE_R.get(self.kind, (1.4, 700.0))
            lead = tuple((a, b, (radius, radius)) for a, b in itertools.pairwise(points))
            _paint_rods(canvas, lead, hu, name)
        if self.kind in ("pacemaker", "port"):
            left = self.kind == "pacemaker"
            at, wide, thick = ((-74, 46), 23.0, 4.5) if left else ((70, 38), 12.0, 5.0)
            self._paint_box(canvas, shape, outside, at, wide, thick, 3000.0 if left else 1500.0)
        elif self.kind == "sternotomy wires":
            self._paint_wires(canvas, inner)
        elif self.kind == "nasogastric tube":
            tube = tuple((a, b, (2.0, 2.0)) for a, b, _ in gullet_rods(shape))
            end = tube[-1][1]
            tube += ((end, (-52, -4, end[2] - 22), (2.0, 2.0)),)
            _paint_rods(canvas, tube, 420.0, name)
        elif self.kind == "endotracheal tube":
            tube = ((TRACHEA[0][0], TRACHEA[0][1], (5.2, 5.2)), (TRACHEA[1][0], (1, -8, 34), (5.2, 5.2)))
            _paint_rods(canvas, tube, 260.0, name)
            _paint_rods(canvas, tuple((a, b, (3.7, 3.7)) for a, b, _ in tube), -980.0, None)
        elif self.kind == "chest tube":
            sign = 1.0 if self.side == "right" else -1.0
            marks = ((170, 0, -58), (132, -16, -46), (108, -52, -16), (78, -70, 30), (58, -48, 66))
            points = tuple((sign * x, y, z) for x, y, z in marks)
            tube = tuple((a, b, (4.2, 4.2)) for a, b in itertools.pairwise(points))
            _paint_rods(canvas, tube, 480.0, name)
            _paint_rods(canvas, tuple((a, b, (2.4, 2.4)) for a, b, _ in tube), -800.0, None)
        elif self.kind == "aortic valve prosthesis":
            part = canvas.box((-20, -2, -58), (24, 42, -18))
            x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
            if x.size:
                level = (z + 36) * np.float32(0.8) + (x - 2) * np.float32(0.5)
                ring = np.hypot(x - np.float32(2), y - np.float32(20)) - np.float32(12.5)
                share = cover(np.hypot(ring, level) - np.float32(2.0), canvas.soft_mm)
                canvas.blend(part, share, 2600.0)
                canvas.mark(name, part, share)
        elif self.kind == "coronary stent":
            marks = [on_heart(shape, mark, 1.0) for mark in CORONARIES["left anterior descending artery"][:3]]
            _paint_rods(canvas, ((marks[0], marks[1], (2.1, 2.1)), (marks[1], marks[2], (1.9, 1.9))), 1300.0, name)

    def _paint_box(
        self, canvas: Canvas, shape: ChestShape, outside: Field, at: tuple[float, float], wide: float, thick: float,
        hu: float,
    ) -> None:  # fmt: skip
        part = canvas.box((at[0] - wide - 6, 20, at[1] - wide - 6), (at[0] + wide + 6, 180, at[1] + wide + 6))
        x, z, depth = canvas.x[part], canvas.z[part], -outside[part]
        if not x.size:
            return
        deep = np.float32(0.55 * shape.fat_mm + thick + 4)
        away = np.hypot(x - np.float32(at[0]), z - np.float32(at[1])) - np.float32(wide)
        share = cover(np.maximum(away, np.abs(depth - deep) - np.float32(thick)), canvas.soft_mm)
        canvas.blend(part, share, hu)
        canvas.mark("Medical material", part, share)

    def _paint_wires(self, canvas: Canvas, inner: Field) -> None:
        part = canvas.box((-18, 20, -104), (18, 140, 62))
        x, z, front = canvas.x[part], canvas.z[part], inner[part]
        if not x.size:
            return
        level = np.abs(np.mod(z + np.float32(100), np.float32(25)) - np.float32(12.5)) - np.float32(1.0)
        side = np.abs(x)
        loop = np.minimum(
            np.maximum(side - 10, np.abs(front - np.float32(14.6)) - np.float32(1.0)),
            np.maximum(np.abs(side - 10) - 1.0, np.abs(front - np.float32(8)) - 7),
        )
        share = cover(np.maximum(loop, level), max(1.2, 0.8 * canvas.soft_mm))
        canvas.blend(part, share, 2400.0)
        canvas.mark("Medical material", part, share)


def _paint_rods(canvas: Canvas, wanted: tuple[Rod, ...], hu: float, name: str | None) -> None:
    """Paint thin rods a few at a time; those thinner than a voxel are not lost between voxels."""
    for first in range(0, len(wanted), 2):
        group = wanted[first : first + 2]
        part = canvas.box(*rods_box(group, 4))
        at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
        if not at.x.size:
            continue
        share = cover(rods(at, group), canvas.soft_mm)
        canvas.blend(part, share, hu)
        if name:
            canvas.mark(name, part, np.minimum(share * np.float32(1.4), 1))
