"""What goes wrong in lung tissue and pleura: each lesion changes the voxels of a slab's lungs and marks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from itemclip_med.phantoms.chest_lungs import Lungs
from itemclip_med.phantoms.chest_shape import ChestShape, Vector, dome
from itemclip_med.phantoms.fields import Field, clouds, ellipsoid, foam

_SOFT_MM = 2.5  # edge of most lesions: tissue has no sharp borders


def _ramp(distance: Field, soft_mm: float = _SOFT_MM) -> Field:
    return np.clip(distance * np.float32(-1 / soft_mm) + np.float32(0.5), 0, 1)


def _some(lungs: Lungs, where: np.ndarray) -> tuple[np.ndarray, tuple[Field, Field, Field]]:
    """Indices of some voxels, and their points."""
    chosen = np.flatnonzero(where)
    return chosen, (lungs.at.x[chosen], lungs.at.y[chosen], lungs.at.z[chosen])


def _spread(lungs: Lungs, chosen: np.ndarray, values: Field) -> Field:
    out = np.zeros_like(lungs.hu)
    out[chosen] = values
    return out


@dataclass(frozen=True, slots=True)
class Patches:
    """Ground glass or consolidation: ill-defined patches in some lobes.

    Attributes:
        name: "Lung opacity" or "Consolidation".
        lobes: where it may spread.
        bodies: (center, semi-axes) of the patches, template mm.
        hu: of the densest part.
        corner: where its texture begins.
        ragged_mm: how irregular its edge is.
    """

    name: str
    lobes: tuple[str, ...]
    bodies: tuple[tuple[Vector, Vector], ...]
    hu: float
    corner: Vector
    ragged_mm: float = 6.0

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Paint the patches; a lobe's border stops them."""
        for center, semi in self.bodies:
            reach = 3.0 * self.ragged_mm
            box = np.ones(lungs.hu.shape, bool)
            for values, middle, extent in zip(lungs.at, center, semi, strict=True):
                box &= np.abs(values - np.float32(middle)) < extent + reach
            within = np.zeros_like(box)
            for lobe in self.lobes:
                within |= lungs.in_lobe(lobe)
            chosen, points = _some(lungs, box & within)
            if not chosen.size:
                continue
            rough = clouds(*points, self.corner, 18.0)
            fine = clouds(*points, self.corner, 8.0)
            distance = ellipsoid(*points, center, semi) + np.float32(self.ragged_mm) * rough
            dense = self.name == "Consolidation"
            share = _ramp(distance, 5.0 if dense else 14.0)
            value = np.float32(self.hu) + np.float32(12 if dense else 55) * fine
            if dense:  # a halo of ground glass
                halo = np.float32(0.35) * _ramp(distance - 8, 16.0)
                lungs.blend(_spread(lungs, chosen, halo), -450.0)
            full = _spread(lungs, chosen, share)
            lungs.blend(full, _spread(lungs, chosen, value))
            lungs.mark(self.name, full)


@dataclass(frozen=True, slots=True)
class Nodules:
    """Rounded nodules, solid, ground-glass, calcified or spiculated.

    Attributes:
        bodies: (center, radius) of each, template mm.
        kind: "solid", "ground-glass", "calcified" or "spiculated".
        corner: where its texture begins.
    """

    bodies: tuple[tuple[Vector, float], ...]
    kind: str
    corner: Vector

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Paint each nodule."""
        hu = {"solid": 38.0, "ground-glass": -520.0, "calcified": 520.0, "spiculated": 45.0}[self.kind]
        for center, radius in self.bodies:
            away = [v - np.float32(c) for v, c in zip(lungs.at, center, strict=True)]
            square = sum(v * v for v in away)
            chosen, points = _some(lungs, square < (2.2 * radius + 6) ** 2)
            if not chosen.size:
                continue
            distance = np.sqrt(square[chosen]) - np.float32(radius)
            distance += np.float32(0.10 * radius) * clouds(*points, self.corner, max(6.0, radius))
            if self.kind == "spiculated":
                spokes = np.maximum(clouds(*points, self.corner, 5.0) - 0.5, 0)
                distance -= np.float32(0.55 * radius) * spokes
            # A small one fills a voxel only in part.
            share = np.clip((np.float32(radius) - (distance + np.float32(radius))) / 2.6 + 0.5, 0, 1)
            full = _spread(lungs, chosen, share.astype(np.float32))
            lungs.blend(full, hu)
            lungs.mark("Lung nodule", full)


@dataclass(frozen=True, slots=True)
class Emphysema:
    """Holes in the lung: centrilobular, paraseptal or panlobular.

    Attributes:
        kind: which.
        lobes: where.
        severity: 0 to 1.
        corner: where its texture begins.
    """

    kind: str
    lobes: tuple[str, ...]
    severity: float
    corner: Vector

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Darken the holes."""
        within = np.zeros(lungs.hu.shape, bool)
        for lobe in self.lobes:
            within |= lungs.in_lobe(lobe)
        if self.kind == "paraseptal":
            within &= lungs.depth < 26
        chosen, points = _some(lungs, within)
        if not chosen.size:
            return
        if self.kind == "panlobular":
            noise = clouds(*points, self.corner, 45.0)
            share = np.clip((noise + np.float32(1.6 * self.severity - 0.1)) * np.float32(1.4), 0, 1)
        elif self.kind == "paraseptal":
            walls, value = foam(*points, self.corner, 17.0)
            depth = lungs.depth[chosen]
            share = np.clip((walls - np.float32(0.9)) * np.float32(0.8), 0, 1) * (value < 0.45 + 0.5 * self.severity)
            share *= np.clip((np.float32(10 + 10 * self.severity) - depth) * np.float32(0.4), 0, 1)
        else:
            walls, value = foam(*points, self.corner, 13.0)
            share = np.clip((walls - np.float32(2.6 - 1.5 * self.severity)) * np.float32(0.75), 0, 1)
            share *= value < 0.35 + 0.6 * self.severity
            top = (points[2] + np.float32(40)) * np.float32(1 / 70)  # most in the upper parts
            share *= np.clip(top + np.float32(0.25 + self.severity), 0, 1)
        full = _spread(lungs, chosen, share.astype(np.float32))
        lungs.blend(full * np.float32(0.95), -985.0)
        lungs.mark("Emphysema", full)


@dataclass(frozen=True, slots=True)
class Mosaic:
    """Lobules of lower attenuation between normal or denser ones.

    Attributes:
        lobes: where.
        corner: where the lobules begin.
        cell_mm: width of the patches.
        contrast_hu: between them.
    """

    lobes: tuple[str, ...]
    corner: Vector
    cell_mm: float
    contrast_hu: float

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Darken some lobules and brighten the others."""
        within = np.zeros(lungs.hu.shape, bool)
        for lobe in self.lobes:
            within |= lungs.in_lobe(lobe)
        chosen, points = _some(lungs, within)
        if not chosen.size:
            return
        _, value = foam(*points, self.corner, self.cell_mm)
        dark = np.clip((np.float32(0.45) - value) * 9 + np.float32(0.5), 0, 1)
        hu = lungs.hu[chosen]
        hu += np.float32(self.contrast_hu) * (np.float32(0.62) - dark)
        lungs.hu[chosen] = np.maximum(hu, -985)
        lungs.mark("Mosaic attenuation pattern", _spread(lungs, chosen, dark))


@dataclass(frozen=True, slots=True)
class Septa:
    """Thickened walls of the secondary lobules, most under the pleura.

    Attributes:
        lobes: where.
        corner: where the lobules begin.
        thick_mm: of the walls.
        reach_mm: how deep under the pleura.
    """

    lobes: tuple[str, ...]
    corner: Vector
    thick_mm: float
    reach_mm: float

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Paint the walls."""
        within = np.zeros(lungs.hu.shape, bool)
        for lobe in self.lobes:
            within |= lungs.in_lobe(lobe)
        chosen, points = _some(lungs, within & (lungs.depth < self.reach_mm + 8))
        if not chosen.size:
            return
        walls, _ = foam(*points, self.corner, 19.0)
        share = np.clip((np.float32(0.5 * self.thick_mm) - walls) * np.float32(0.6) + np.float32(0.35), 0, 1)
        share *= np.clip((np.float32(self.reach_mm) - lungs.depth[chosen]) * np.float32(1 / 8) + 0.5, 0, 1)
        share *= np.clip(clouds(*points, self.corner, 60.0) + np.float32(0.75), 0, 1)  # here more, there less
        full = _spread(lungs, chosen, share.astype(np.float32))
        lungs.blend(full * np.float32(0.6), -120.0)
        lungs.mark("Interlobular septal thickening", full)


@dataclass(frozen=True, slots=True)
class Plates:
    """Thin dense sheets: bands of atelectasis, or scars.

    Attributes:
        name: "Atelectasis" or "Pulmonary fibrotic sequela".
        lobe: where.
        sheets: (a point, unit normal, reach in mm, thickness in mm) of each.
        corner: where its texture begins.
        hu: of the sheet.
    """

    name: str
    lobe: str
    sheets: tuple[tuple[Vector, Vector, float, float], ...]
    corner: Vector
    hu: float = 0.0

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Paint each sheet."""
        within = lungs.in_lobe(self.lobe)
        for point, normal, reach, thick in self.sheets:
            away = [v - np.float32(c) for v, c in zip(lungs.at, point, strict=True)]
            chosen, points = _some(lungs, within & (sum(v * v for v in away) < (reach + 6) ** 2))
            if not chosen.size:
                continue
            bend = clouds(*points, self.corner, 34.0)
            plane = sum(v[chosen] * np.float32(n) for v, n in zip(away, normal, strict=True)) + 4 * bend
            far = np.sqrt(sum(v[chosen] * v[chosen] for v in away))
            distance = np.abs(plane) - np.float32(0.5 * thick) * (1.25 - far * np.float32(0.75 / reach))
            share = np.minimum(_ramp(distance, 2.4), _ramp(far - np.float32(reach), 8.0))
            full = _spread(lungs, chosen, share)
            lungs.blend(full, self.hu)
            lungs.mark(self.name, full)


@dataclass(frozen=True, slots=True)
class Reticulation:
    """Fibrosis under the pleura: fine nets, with honeycombs where it is severe.

    Attributes:
        lobes: where.
        corner: where its texture begins.
        reach_mm: how deep under the pleura.
        honeycomb: whether there are cysts.
        apical: in the upper parts rather than the lower.
    """

    lobes: tuple[str, ...]
    corner: Vector
    reach_mm: float
    honeycomb: bool = False
    apical: bool = False

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Paint nets and cysts."""
        within = np.zeros(lungs.hu.shape, bool)
        for lobe in self.lobes:
            within |= lungs.in_lobe(lobe)
        outer = np.minimum(lungs.depth, -inner)  # under the ribs, not along the mediastinum
        chosen, points = _some(lungs, within & (-inner < self.reach_mm + 10) & (outer < self.reach_mm + 10))
        if not chosen.size:
            return
        x, y, z = points
        level = (z - 48) if self.apical else (-30 - z)
        here = np.clip(level * np.float32(1 / 22) + np.float32(0.5), 0, 1)
        if not self.apical:
            here *= np.clip((np.float32(50) - y) * np.float32(1 / 40), np.float32(0.25), 1)
        rough = clouds(x, y, z, self.corner, 30.0)
        zone = here * _ramp(-inner[chosen] - np.float32(self.reach_mm) + 5 * rough, 7.0)
        walls, _ = foam(x, y, z, self.corner, 9.0 if self.honeycomb else 7.0)
        net = np.clip((np.float32(1.3) - walls) * np.float32(0.8) + np.float32(0.3), 0, 1)
        haze = np.float32(-560) + np.float32(60) * rough
        lungs.blend(_spread(lungs, chosen, zone * np.float32(0.6)), _spread(lungs, chosen, haze))
        lungs.blend(_spread(lungs, chosen, zone * net), -40.0)
        if self.honeycomb:
            holes = zone * np.clip((walls - np.float32(1.6)) * np.float32(0.9), 0, 1)
            lungs.blend(_spread(lungs, chosen, holes), -950.0)
        lungs.mark("Pulmonary fibrotic sequela", _spread(lungs, chosen, zone))


@dataclass(frozen=True, slots=True)
class Dependent:
    """Lung that is airless where it hangs: at the back of one or both lungs.

    Attributes:
        sides: "left", "right" or both.
        reach_mm: how far from the ribs behind.
        corner: where its texture begins.
        hu: of it.
    """

    sides: tuple[str, ...]
    reach_mm: float
    corner: Vector
    hu: float = -10.0

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Paint the airless tissue."""
        for side in self.sides:
            near = (lungs.at.x > 0) == (side == "right")
            near &= (-inner < self.reach_mm + 16) & (lungs.at.y < -8) & (lungs.at.z < -6)
            chosen, points = _some(lungs, near)
            if not chosen.size:
                continue
            x, y, z = points
            low = np.clip((-12 - z) * np.float32(1 / 60), 0, 1) * np.clip((-12 - y) * np.float32(1 / 36), 0, 1)
            rough = clouds(x, y, z, self.corner, 20.0)
            distance = -inner[chosen] - np.float32(self.reach_mm) * (np.float32(0.25) + low) + 2.5 * rough
            share = _ramp(distance, 5.0) * np.minimum(low * 4, 1)
            full = _spread(lungs, chosen, share)
            lungs.blend(full, self.hu)
            lungs.mark("Atelectasis", full)


@dataclass(frozen=True, slots=True)
class Effusion:
    """Pleural fluid that lies behind and below in the supine patient, with lung collapsed beside it.

    Attributes:
        thickness_mm: the greatest, by side.
        top_mm: template z above which there is none.
        hu: of the fluid.
        collapse_mm: width of the airless lung beside it; 0 for none.
    """

    thickness_mm: Mapping[str, float]
    top_mm: float
    hu: float
    collapse_mm: float
    corner: Vector

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Take the place of lung by fluid, and of more by airless lung."""
        for side, thick in self.thickness_mm.items():
            near = (lungs.at.x > 0) == (side == "right")
            near &= lungs.at.z < self.top_mm
            chosen, (x, y, z) = _some(lungs, near)
            if not chosen.size:
                continue
            behind = np.clip((np.float32(12 + 0.5 * thick) - y) * np.float32(1 / 62), 0, 1)
            high = np.clip((np.float32(self.top_mm) - z) * np.float32(1 / 90), 0, 1)
            depth = np.minimum(-inner[chosen], np.maximum(z - dome(lungs.at.at(chosen), shape), 0) * 0.8 + 0.25 * thick)
            height = np.float32(thick) * behind * np.sqrt(high)
            edge = depth - height
            edge = np.where(height > 1.5, edge, 99)
            fluid = _ramp(edge, 2.5)
            if self.collapse_mm:
                rough = clouds(x, y, z, self.corner, 22.0)
                beside = _ramp(edge - np.float32(self.collapse_mm) * behind * high + 2.5 * rough, 5.0) * (1 - fluid)
                full = _spread(lungs, chosen, beside)
                lungs.blend(full, 30.0)
                lungs.mark("Atelectasis", full)
            share = _spread(lungs, chosen, fluid)
            lungs.fluid = share if lungs.fluid is None else np.maximum(lungs.fluid, share)
            lungs.fluid_hu = self.hu
