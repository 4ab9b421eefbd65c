"""Shapes of hemorrhage and fracture, where anatomy lets them be: clots, crescents, lenses, sulci, ventricles, bone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.brain import callosum, tentorium
from itemclip_med.phantoms.fields import Field, clouds, cover, ellipsoid, smooth_min
from itemclip_med.phantoms.skull import VAULT_CENTER, VAULT_SEMI

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas

Vector = tuple[float, float, float]


def on_vault(x: Field, y: Field, z: Field) -> tuple[Field, Field, Field]:
    """The points' places on the inner table, seen from the middle of the vault: template mm."""
    px, py, pz = (
        (v - np.float32(c)) * np.float32(1 / s) for v, c, s in zip((x, y, z), VAULT_CENTER, VAULT_SEMI, strict=True)
    )
    k = 1 / np.maximum(np.sqrt(px * px + py * py + pz * pz), 1e-3)
    return tuple(  # type: ignore[return-value]
        p * k * np.float32(s) + np.float32(c) for p, c, s in zip((px, py, pz), VAULT_CENTER, VAULT_SEMI, strict=True)
    )


def vault_point(azimuth_deg: float, elevation_deg: float, sign: int) -> Vector:
    """The point of the inner table at an azimuth from the front (0) to the back (180) and an elevation; template mm."""
    a, e = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
    direction = np.array([sign * np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)])
    k = 1 / np.linalg.norm(direction / VAULT_SEMI)
    return tuple((np.asarray(VAULT_CENTER) + k * direction).tolist())


@dataclass(frozen=True, slots=True)
class Clot:
    """Blood in the brain's tissue: a lobulated clot, with edema about it.

    Attributes:
        name: "IPH" or "ChronicBleed".
        lobes: (center, semi-axes) of the ellipsoids it is made of, template mm.
        hu: of the clot.
        edema_mm: width of the edema.
        corner: where its texture begins, mm.
        ragged_mm: how irregular its surface is.
    """

    name: str
    lobes: tuple[tuple[Vector, Vector], ...]
    hu: float
    edema_mm: float
    corner: Vector
    ragged_mm: float = 1.2

    @property
    def center(self) -> Vector:
        """Center of the largest lobe."""
        return self.lobes[0][0]

    @property
    def radius_mm(self) -> float:
        """Radius of a ball of the lobes' volume, their overlap counted at a third."""
        volumes = [float(np.prod(semi)) for _, semi in self.lobes]
        return float((volumes[0] + 0.35 * sum(volumes[1:])) ** (1 / 3))

    def paint(self, canvas: Canvas, inner: Field) -> None:
        """Paint edema and clot, and mark the clot."""
        reach = max(max(semi) for _, semi in self.lobes) + self.edema_mm + 4
        centers = np.array([center for center, _ in self.lobes])
        part = canvas.box(tuple(centers.min(axis=0) - reach), tuple(centers.max(axis=0) + reach))
        x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
        if not x.size:
            return
        distance = ellipsoid(x, y, z, *self.lobes[0])
        for center, semi in self.lobes[1:]:
            distance = smooth_min(distance, ellipsoid(x, y, z, center, semi), 4)
        texture = clouds(x, y, z, self.corner, 15.0)
        distance = distance + np.float32(self.ragged_mm) * texture
        within = cover(inner[part] + 1.0, canvas.soft_mm)
        if self.edema_mm > 0:
            hu = canvas.hu[part]
            swollen = np.clip(1 - distance * np.float32(1 / self.edema_mm), 0, 1)
            swollen = np.minimum(swollen * np.float32(1.6), 1) * within * (hu > 14)
            hu += swollen * np.float32(0.85) * (np.minimum(hu, np.float32(19)) - hu)
        share = cover(distance, canvas.soft_mm) * within
        canvas.blend(part, share, np.float32(self.hu) + np.float32(3.5) * texture)
        canvas.mark(self.name, part, share)


@dataclass(frozen=True, slots=True)
class Collection:
    """Blood between skull and brain: a crescent over a hemisphere (subdural) or a lens under the bone (epidural).

    Attributes:
        name: "SDH", "EDH" or "ChronicBleed".
        sign: +1 on the patient's right, -1 on the left.
        thickness_mm: the greatest, template mm.
        place: azimuth from the front and elevation of its middle, degrees.
        reach: half extents: of a crescent (azimuth, elevation) in degrees, of a lens (radius in mm, the same).
        hu: of the blood.
        layer_hu: what settles in its lower half, or None.
        corner: where its texture begins, mm.
        falcine: whether it lies along the falx instead.
    """

    name: str
    sign: int
    thickness_mm: float
    place: tuple[float, float]
    reach: tuple[float, float]
    hu: float
    corner: Vector
    layer_hu: float | None = None
    falcine: bool = False

    def height(self, x: Field, y: Field, z: Field) -> Field:
        """Thickness of the collection over the points, template mm."""
        # In front nothing reaches under the brain: there the floor of the skull is near.
        above = np.clip((z + 9) * np.float32(1 / 9), 0, 1)
        above = np.maximum(above, np.clip((12 - y) * np.float32(1 / 10), 0, 1))
        if self.name == "EDH":
            q = on_vault(x, y, z)
            away = sum(
                np.square(v - np.float32(c)) for v, c in zip(q, vault_point(*self.place, self.sign), strict=True)
            )
            within = np.maximum(1 - away * np.float32(1 / self.reach[0] ** 2), 0)
            return np.float32(self.thickness_mm) * np.power(within, np.float32(0.6)) * above
        px, py, pz = x * np.float32(self.sign), y - np.float32(VAULT_CENTER[1]), z - np.float32(VAULT_CENTER[2])
        azimuth = np.arctan2(np.maximum(px, 0), py)
        elevation = np.arctan2(pz, np.sqrt(px * px + py * py) + np.float32(1e-3))
        da = (azimuth - np.float32(np.deg2rad(self.place[0]))) * np.float32(1 / np.deg2rad(self.reach[0]))
        de = (elevation - np.float32(np.deg2rad(self.place[1]))) * np.float32(1 / np.deg2rad(self.reach[1]))
        fade = np.maximum(1 - da * da, 0) * np.maximum(1 - np.square(de * de), 0)
        return (
            np.float32(self.thickness_mm)
            * np.power(fade, np.float32(0.7))
            * np.clip((px - 1) * np.float32(1 / 7), 0, 1)
        )

    def paint(self, canvas: Canvas, inner: Field) -> None:
        """Paint the blood where the brain gave way, and mark it."""
        part = canvas.box((-75, -108, -48), (75, 78, 84))
        x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
        depth = -inner[part]
        if self.falcine:
            ahead = x * np.float32(self.sign)
            middle, half = self.place[0], self.reach[0]
            along = np.float32(1) - np.square((y - np.float32(middle)) * np.float32(1 / half))
            distance = np.maximum(
                ahead - np.float32(self.thickness_mm) * np.sqrt(np.maximum(along, 0)), np.float32(0.3) - ahead
            )
            distance = np.maximum(distance, np.maximum(6 - callosum(y, z), tentorium(np.abs(x), y) + 2 - z))
            distance = np.maximum(distance, 1 - depth)
        else:
            near = np.flatnonzero(((depth > -3) & (depth < self.thickness_mm + 4)).ravel())
            height = self.height(x.ravel()[near], y.ravel()[near], z.ravel()[near])
            distance = np.full(x.shape, 99, np.float32)
            # No voxel under a height that is nearly nothing: the ramp of a surface would paint it.
            distance.ravel()[near] = np.where(height > 1.2, depth.ravel()[near] - height, 99)
        share = cover(distance, canvas.soft_mm) * cover(inner[part], canvas.soft_mm)
        value: Field | float = self.hu
        some = share > 0
        texture = np.zeros_like(share)
        texture[some] = clouds(x[some], y[some], z[some], self.corner, 22.0)
        if self.layer_hu is not None:
            low = np.clip(
                (np.float32(VAULT_CENTER[1] - 22) - y + 5 * texture) * np.float32(1 / 14) + np.float32(0.5), 0, 1
            )
            value = np.float32(self.hu) + low * np.float32(self.layer_hu - self.hu)
        canvas.blend(part, share, value + np.float32(3) * texture)
        canvas.mark(self.name, part, share)


@dataclass(frozen=True, slots=True)
class SulcalBlood:
    """Blood in the subarachnoid space about one or several centers.

    Attributes:
        pools: (center, semi-axes) of where the fluid is bloody, template mm.
        corner: where its texture begins, mm.
        density: share of blood there, 0 to 1.
    """

    pools: tuple[tuple[Vector, Vector], ...]
    corner: Vector
    density: float = 0.9

    def __call__(self, x: Field, y: Field, z: Field) -> Field:
        """Share of blood in the fluid at points."""
        out = np.zeros_like(x)
        for center, semi in self.pools:
            k = sum(
                np.square((v - np.float32(c)) * np.float32(1 / s))
                for v, c, s in zip((x, y, z), center, semi, strict=True)
            )
            np.maximum(out, np.clip((np.float32(1.25) - k) * np.float32(2.2), 0, 1), out=out)
        some = out > 0
        out[some] *= np.clip(
            np.float32(1.05) + np.float32(0.28) * clouds(x[some], y[some], z[some], self.corner, 18.0), 0.25, 1
        )
        return out * np.float32(self.density)


@dataclass(frozen=True, slots=True)
class VentricularBlood:
    """Blood in ventricles, layered below a level in the supine patient, or as a cast.

    Attributes:
        levels_mm: per ventricle ("left lateral ventricle", …) the y below which it is blood; above 60 fills it whole.
        corner: where its texture begins, mm.
        posterior: rotation of gravity in the head: dy per dz of the fluid level.
    """

    levels_mm: Mapping[str, float]
    corner: Vector
    posterior: float = 0.0

    def __call__(self, name: str, x: Field, y: Field, z: Field) -> Field:
        """Share of blood in the fluid of ventricle ``name`` at points."""
        level = self.levels_mm.get(name)
        if level is None:
            return np.zeros_like(x)
        if level > 60:
            return np.clip(np.float32(0.95) + np.float32(0.2) * clouds(x, y, z, self.corner, 12.0), 0.4, 1)
        rough = clouds(x, y, z, self.corner, 16.0)
        return np.clip(
            (np.float32(level) - y - np.float32(self.posterior) * z + 1.5 * rough) * np.float32(1 / 2.5), 0, 1
        )


@dataclass(frozen=True, slots=True)
class FractureLine:
    """A break in bone: a plane through a place, as far as it reaches; with a dent where it is depressed.

    Attributes:
        at: its middle, template mm.
        normal: unit normal of the plane.
        reach_mm: how far it runs from its middle.
        width_mm: of the gap.
        dent_mm: how far the bone is driven in.
        swelling_mm: of the scalp over it.
        corner: where its waviness begins, mm.
        opaque: center and semi-axes of air spaces that filled with blood, or None.
    """

    at: Vector
    normal: Vector
    reach_mm: float
    width_mm: float
    corner: Vector
    dent_mm: float = 0.0
    swelling_mm: float = 0.0
    opaque: tuple[Vector, Vector] | None = None

    def dent(self, x: Field, y: Field, z: Field) -> Field:
        """How far the skull is driven in over the points, template mm."""
        away = sum(np.square(v - np.float32(c)) for v, c in zip((x, y, z), self.at, strict=True))
        return np.float32(self.dent_mm) * np.maximum(1 - away * np.float32(1 / 20.0**2), 0)

    def swelling(self, x: Field, y: Field, z: Field) -> Field:
        """Extra thickness of the scalp over the points, template mm."""
        away = sum(np.square(v - np.float32(c)) for v, c in zip((x, y, z), self.at, strict=True))
        return np.float32(self.swelling_mm) * np.exp(away * np.float32(-1 / 25.0**2))

    def paint(self, canvas: Canvas) -> None:
        """Cut the bone, and mark the cut."""
        reach = self.reach_mm + 3
        part = canvas.box(tuple(c - reach for c in self.at), tuple(c + reach for c in self.at))
        x, y, z = canvas.x[part], canvas.y[part], canvas.z[part]
        if not x.size:
            return
        hu = canvas.hu[part]
        if self.opaque is not None:
            full = cover(ellipsoid(x, y, z, *self.opaque), canvas.soft_mm)
            hu += full * (hu < -150) * (np.float32(48) - hu)
        off = [v - np.float32(c) for v, c in zip((x, y, z), self.at, strict=True)]
        plane = sum(v * np.float32(n) for v, n in zip(off, self.normal, strict=True))
        plane = plane + np.float32(1.3) * clouds(x, y, z, self.corner, 14.0)
        away = np.sqrt(sum(v * v for v in off))
        distance = np.maximum(np.abs(plane) - np.float32(self.width_mm / 2), away - np.float32(self.reach_mm))
        share = cover(distance, canvas.soft_mm) * np.clip((hu - 150) * np.float32(1 / 250), 0, 1)
        canvas.mark("Fracture", part, share)
        hu += share * (np.float32(30) - hu)
