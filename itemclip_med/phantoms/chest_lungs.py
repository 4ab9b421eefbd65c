"""The lungs: their tissue, fissures, vessels and airways, painted at the voxels that lie in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.chest_mediastinum import (
    LOBAR_ROOTS,
    VEIN_ROOTS,
    blood_hu,
    bulging_rods,
)
from itemclip_med.phantoms.chest_shape import (
    LOBES,
    ChestShape,
    Place,
    cavity,
    horizontal,
    lobe_numbers,
    lung_distance,
    oblique,
)
from itemclip_med.phantoms.chest_tubes import Tree, cover_tubes, grow
from itemclip_med.phantoms.fields import Field, cover

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas

_ARTERY_MM = {0: 6.0, 1: 4.6, 2: 6.8, 3: 6.5, 4: 6.5}  # of a lobe's artery
_VEIN_MM = {0: 5.4, 1: 4.2, 2: 6.0, 3: 5.6, 4: 5.8}
_THINNING = 0.35  # how fast radii fall with the territory supplied
_SEEN_BRONCHI = 0.022  # smaller ones are too thin to see


@dataclass(slots=True)
class Lungs:
    """Lung tissue of one slab, at the voxels that lie in it.

    Attributes:
        index: (n,) flat indices into the slab.
        at: template points (n,).
        share: how much of a voxel is lung.
        depth: mm under the lung's surface.
        lobe: index into ``LOBES``.
        fissure: mm to the nearest fissure.
        grain: fine texture.
        drift: coarse texture.
        hu: of the tissue without its vessels.
        marks: share of each finding.
        fluid: share of pleural fluid, which has no vessels.
        fluid_hu: of that fluid.
    """

    index: NDArray[np.intp]
    at: Place
    share: Field
    depth: Field
    lobe: NDArray[np.int64]
    fissure: Field
    grain: Field
    drift: Field
    hu: Field
    marks: dict[str, Field] = field(default_factory=dict)
    fluid: Field | None = None
    fluid_hu: float = 8.0

    def mark(self, name: str, share: Field) -> None:
        """Add a share of the voxels to a finding."""
        known = self.marks.get(name)
        self.marks[name] = share if known is None else np.maximum(known, share)

    def blend(self, share: Field, value: Field | float) -> None:
        """Paint ``value`` over ``share`` of the tissue."""
        self.hu += share * (value - self.hu)

    def in_lobe(self, name: str) -> NDArray[np.bool_]:
        """Voxels of a lobe, of a whole lung ("left lung") or of both ("both lungs")."""
        if name in LOBES:
            return self.lobe == LOBES.index(name)
        if name == "both lungs":
            return np.ones(self.lobe.shape, bool)
        return (self.at.x > 0) == name.startswith("right")


@dataclass(frozen=True, slots=True)
class LungTrees:
    """What branches in the lungs, grown once per study.

    Attributes:
        airways: bronchi; the arteries run beside them.
        veins: between them.
    """

    airways: Tree
    veins: Tree


@dataclass(frozen=True, slots=True)
class BronchialChange:
    """What a disease does to the bronchi of some lobes.

    Attributes:
        lobes: which.
        width: factor on their lumen.
        wall: factor on the thickness of their walls.
        reach: share of the territory down to which they are seen; smaller is further out.
    """

    lobes: tuple[str, ...]
    width: float = 1.0
    wall: float = 1.0
    reach: float = _SEEN_BRONCHI


def grow_trees(shape: ChestShape, rng: np.random.Generator, num: int = 4600) -> LungTrees:
    """Grow the trees of one chest into its lobes.

    Args:
        shape: the chest.
        rng: draws what the branches supply.
        num: points drawn; about a third lie in the lungs.
    """
    trees = []
    for roots in (LOBAR_ROOTS, VEIN_ROOTS):
        points = rng.uniform((-134, -92, -215), (134, 88, 104), (num, 3)).astype(np.float32)
        at = Place(*(np.ascontiguousarray(column) for column in points.T))
        inside = np.flatnonzero(lung_distance(at, shape, cavity(at), bulging_rods(shape)) < -3)
        lobes = lobe_numbers(at.at(inside))
        trees.append(grow(roots, points[inside].astype(np.float64), lobes))
    return LungTrees(*trees)


def find_lungs(canvas: Canvas, shape: ChestShape, inner: Field) -> Lungs | None:
    """The lung tissue of a slab, aerated and healthy; None where there is none.

    Args:
        canvas: the slab.
        shape: the chest.
        inner: signed distance to the inside of the ribs.
    """
    soft = canvas.soft_mm
    index = np.flatnonzero((inner < soft).ravel())
    if not index.size:
        return None
    at = Place(*(v.ravel()[index] for v in (canvas.x, canvas.y, canvas.z)))
    out = lung_distance(at, shape, inner.ravel()[index], bulging_rods(shape))
    keep = np.flatnonzero(out < 0.5 * soft)
    if not keep.size:
        return None
    index, at, out = index[keep], at.at(keep), out[keep]
    grain, drift = canvas.grain.ravel()[index], canvas.drift.ravel()[index]
    rough = drift
    above = oblique(at, rough) * np.float32(0.72)
    fissure = np.abs(above)
    upper = (at.x > 0) & (above > 0)
    fissure[upper] = np.minimum(fissure[upper], np.abs(horizontal(at.at(upper), rough[upper])))
    hu = np.float32(shape.lung_hu) - np.float32(0.01 * shape.gradient_hu) * at.y
    hu += np.float32(11) * grain + np.float32(7) * drift
    lungs = Lungs(
        index, at, cover(out, soft), -out, lobe_numbers(at, rough), fissure, grain, drift, hu.astype(np.float32)
    )
    thin = max(1.1, 0.55 * soft)
    lungs.blend(cover(fissure - np.float32(0.4), thin) * np.float32(min(1.0, 0.9 / thin)), -560.0)
    return lungs


def paint_lungs(canvas: Canvas, lungs: Lungs, tubes: LungTubes) -> None:
    """Paint lung tissue, its vessels and bronchi, and last what pleural fluid has taken their place.

    Args:
        canvas: receives the HU and the layers.
        lungs: tissue with what is wrong with it.
        tubes: vessels and bronchi of the chest.
    """
    hu = canvas.hu.reshape(-1)
    hu[lungs.index] += lungs.share * (lungs.hu - hu[lungs.index])
    for one in tubes.vessels:
        one.paint(canvas)
    for name, share in lungs.marks.items():
        canvas.mark_at(name, lungs.index, share * lungs.share)
    for one in tubes.bronchi:
        one.paint(canvas)
    if lungs.fluid is not None:
        share = lungs.fluid * lungs.share
        canvas.blend_at(lungs.index, share, lungs.fluid_hu)
        canvas.mark_at("Pleural effusion", lungs.index, share)


@dataclass(frozen=True, slots=True)
class Tubes:
    """Tubes that are painted alike.

    Attributes:
        points: (n, 3) along their axes, template mm.
        radii: (n,) mm.
        hu: what they are painted with.
        names: findings that they show.
    """

    points: NDArray[np.float32]
    radii: NDArray[np.float64]
    hu: float
    names: tuple[str, ...] = ()

    def paint(self, canvas: Canvas) -> None:
        """Paint the tubes and mark what they show."""
        share = cover_tubes(canvas, self.points, self.radii).reshape(-1)
        index = np.flatnonzero(share)
        canvas.blend_at(index, share[index], self.hu)
        for name in self.names:
            canvas.mark_at(name, index, np.minimum(share[index] * np.float32(1.6), 1))


@dataclass(frozen=True, slots=True)
class LungTubes:
    """Vessels and bronchi of a chest as they are painted, in this order."""

    vessels: tuple[Tubes, ...]
    bronchi: tuple[Tubes, ...]


def place_tubes(shape: ChestShape, trees: LungTrees, changes: tuple[BronchialChange, ...], soft_mm: float) -> LungTubes:
    """The tubes of a chest, at points close enough for a width of surfaces.

    Args:
        shape: the chest.
        trees: what branches in its lungs.
        changes: what is wrong with its bronchi.
        soft_mm: width of a surface's ramp, about a voxel.
    """
    step = max(0.8, 0.55 * soft_mm)
    blood = blood_hu(shape)
    points, share, root = trees.airways.points(step)
    radii = _radii(share, root, _ARTERY_MM)
    arteries = Tubes(_beside(points, radii), radii, blood["pa"])
    points, share, root = trees.veins.points(step)
    veins = Tubes(points, _radii(share, root, _VEIN_MM), blood["pv"])
    return LungTubes((arteries, veins), _bronchi(trees, changes, step))


def _radii(share: NDArray[np.float64], root: NDArray[np.intp], widths: dict[int, float]) -> NDArray[np.float64]:
    widest = np.array([widths[i] for i in range(len(widths))])[root]
    return widest * np.power(share, _THINNING)


def _beside(points: NDArray[np.float32], radii: NDArray[np.float64]) -> NDArray[np.float32]:
    """Points of the artery that runs with a bronchus of an artery's radius."""
    away = np.stack([np.sign(points[:, 0]) * 0.62, np.full(len(points), 0.5), np.full(len(points), 0.6)], axis=1)
    return (points + away * (1.75 * radii)[:, None]).astype(np.float32)


def _bronchi(trees: LungTrees, changes: tuple[BronchialChange, ...], step: float) -> tuple[Tubes, ...]:
    """Walls and lumens of the bronchi that are wide enough to be seen."""
    least = min([_SEEN_BRONCHI, *(change.reach for change in changes)])
    points, share, root = trees.airways.points(step, least)
    lumen = 0.66 * _radii(share, root, _ARTERY_MM)
    wall = np.clip(0.22 * lumen, 0.45, 1.1)
    seen = share >= _SEEN_BRONCHI
    thick = np.zeros(len(points), bool)
    wide = np.zeros(len(points), bool)
    for change in changes:
        numbers = [LOBES.index(lobe) for lobe in change.lobes]
        here = np.isin(root, numbers) & (share >= change.reach)
        seen |= here
        if change.width > 1:
            lumen[here] = np.maximum(lumen[here] * change.width, 2.2)
            wide |= here & (share < 0.35)
        wall[here] = np.maximum(wall[here] * change.wall, 0.9 if change.wall > 1 else 0.6)
        if change.wall > 1.5:
            thick |= here & (share < 0.6)
    out = []
    for chosen, names in (
        (seen & ~thick & ~wide, ()),
        (thick & ~wide, ("Peribronchial thickening",)),
        (wide & ~thick, ("Bronchiectasis",)),
        (wide & thick, ("Bronchiectasis", "Peribronchial thickening")),
    ):
        if chosen.any():
            out.append(Tubes(points[chosen], (lumen + wall)[chosen], 20.0, names))
            out.append(Tubes(points[chosen], lumen[chosen], -950.0, names))
    return tuple(out)
