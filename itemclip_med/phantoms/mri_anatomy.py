"""The head of a brain MRI painted once: what every series of the study then measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.brain import Fluid, Points, callosum, paint_brain
from itemclip_med.phantoms.canvas import Grid
from itemclip_med.phantoms.fields import Field, capsule, clouds, cover, ellipsoid, smooth_min
from itemclip_med.phantoms.mri_acquisition import MriScan
from itemclip_med.phantoms.mri_canvas import TissueCanvas, tissue_canvas_over
from itemclip_med.phantoms.mri_lesions import paint_all
from itemclip_med.phantoms.mri_pathology import MriPathology
from itemclip_med.phantoms.mri_signals import Substance
from itemclip_med.phantoms.skull import SkullShape, cavity, paint_head
from itemclip_med.phantoms.tissues import NUM_TISSUES, Tissue

_STEPS_MM = {"demo": (2.0, 2.0, 2.2), "clinical": (0.95, 0.95, 1.0)}
_SOFT_MM = {"demo": 2.1, "clinical": 1.0}
_ROWS = {"demo": 12, "clinical": 6}
_BOX = ((-86, 86), (-126, 108), (-96, 92))  # template mm that are painted

# Arteries on the right: (start, end, radii); template mm.
_ARTERIES = (
    ((12, 0, -52), (13, 4, -30), (2.3, 2.2)),
    ((13, 4, -30), (11, 8, -22), (2.2, 2.0)),
    ((11, 8, -22), (10, 4, -16), (2.0, 1.9)),
    ((10, 4, -16), (37, 7, -14), (1.8, 1.4)),
    ((10, 4, -16), (2, 14, -11), (1.3, 1.2)),
    ((1.8, 14, -11), (1.6, 38, 2), (1.2, 1.2)),
    ((1.6, 38, 2), (1.6, 36, 22), (1.1, 1.0)),
    ((1, -10, -17), (17, -20, -14), (1.3, 1.1)),
    ((10, -32, -66), (1, -12, -42), (1.8, 1.6)),
)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A painted head.

    Attributes:
        grid: of the anatomy, in the study's frame.
        parts: slab by slab the flat indices (n,) of the voxels that are not void, (n, K) shares of the substances
            there, and (n,) how proton density varies.
        substances: of the lesions; their columns follow those of the tissues.
        layers: (Z, Y, X), how much of a voxel each finding fills.
        brain: (Z, Y, X), how much of it is brain, lesion or fluid inside the skull.
    """

    grid: Grid
    parts: Sequence[tuple[NDArray[np.intp], Field, Field]]
    substances: Sequence[Substance]
    layers: dict[str, Field]
    brain: Field

    def signal(self, colors: Field) -> Field:
        """The signal (Z, Y, X) where each substance has its own, (K,)."""
        out = np.zeros(self.brain.size, np.float32)
        for index, content, texture in self.parts:
            out[index] = (content @ colors) * texture
        return out.reshape(self.brain.shape)


def anatomy_grid(scan: MriScan, size: str) -> Grid:
    """The grid on which a head is painted, in the study's frame."""
    corners = np.array([[a, b, c] for a in _BOX[0] for b in _BOX[1] for c in _BOX[2]], float)
    steps = np.array(_STEPS_MM[size])
    low = corners.min(axis=0) * scan.pose.scale
    high = corners.max(axis=0) * scan.pose.scale
    shape = np.ceil((high - low) / steps).astype(int) + 1
    return Grid(tuple(shape.tolist()), tuple(steps.tolist()), tuple(low.tolist()))


def paint_anatomy(scan: MriScan, skull: SkullShape, pathology: MriPathology, size: str) -> Anatomy:
    """Paint a head, a few slices at a time so that memory stays small.

    Args:
        scan: where it lies.
        skull: its skull.
        pathology: its brain and what is wrong with it.
        size: "demo" or "clinical".

    Returns:
        The anatomy.
    """
    grid = anatomy_grid(scan, size)
    shape = grid.shape[::-1]
    wanted = {finding.name for finding in pathology.findings}
    layers: dict[str, Field] = {}
    brain = np.zeros(shape, np.float32)
    parts = []
    plane = shape[1] * shape[2]
    for first in range(0, grid.shape[2], _ROWS[size]):
        rows = (first, min(first + _ROWS[size], grid.shape[2]))
        canvas, inner = _paint(scan, skull, pathology, grid, rows, size)
        flat = canvas.content.reshape(-1, canvas.content.shape[-1])
        some = np.flatnonzero(flat.max(axis=1) > 1e-3)
        texture = 1 + np.float32(0.02) * (canvas.grain.ravel()[some] + canvas.drift.ravel()[some])
        parts.append((some + first * plane, flat[some], texture))
        brain[rows[0] : rows[1]] = cover(inner, canvas.soft_mm)
        for name, layer in canvas.layers.items():
            if name in wanted:
                layers.setdefault(name, np.zeros(shape, np.float32))[rows[0] : rows[1]] = layer
    return Anatomy(grid, parts, tuple(pathology.substances), layers, brain)


def _paint(
    scan: MriScan, skull: SkullShape, pathology: MriPathology, grid: Grid, rows: tuple[int, int], size: str
) -> tuple[TissueCanvas, Field]:
    canvas = tissue_canvas_over(
        scan.pose, grid, rows, scan.corner, soft_mm=_SOFT_MM[size],
        num_substances=NUM_TISSUES + len(pathology.substances),
    )  # fmt: skip
    x, y, z = canvas.x, canvas.y, canvas.z
    inner = cavity(x, y, z, skull)
    paint_head(canvas, skull, inner)
    moved = pathology.displacement
    points = Points(x, y, z)
    if not moved.is_none:
        canvas.margin_mm = moved.reach_mm
        inside = np.flatnonzero((inner < 3).ravel())
        sources = moved.sources(*(values.ravel()[inside] for values in (x, y, z, inner)))
        points = Points(*(_scattered(values, inside, new) for values, new in zip((x, y, z), sources, strict=True)))
    fluid = Fluid(
        effacement=None if moved.is_none else moved.effacement, squeeze=pathology.squeeze, fourth=pathology.fourth
    )
    paint_brain(canvas, pathology.brain, points, inner, inner, fluid)
    _paint_midline(canvas, points)
    _paint_vessels(canvas, points)
    paint_all(pathology.lesions, canvas, points, inner)
    _mark_effects(canvas, pathology, points, inner)
    return canvas, inner


def _paint_midline(canvas: TissueCanvas, points: Points) -> None:
    """What CT does not tell apart: the white corpus callosum, the pituitary gland with its stalk."""
    part = canvas.box((-20, -50, -6), (20, 42, 36))
    x, y, z = points.at(part)
    if x.size:
        band = np.abs(callosum(y, z) + np.float32(4.2)) - np.float32(3.4)
        band = np.maximum(np.maximum(band, np.abs(x) - 18), np.float32(-1) - z - np.float32(0.25) * (y - 10))
        canvas.stain(part, cover(band, canvas.soft_mm), (Tissue.GREY,), Tissue.WHITE)
    part = canvas.box((-10, -8, -32), (10, 14, -10))
    x, y, z = points.at(part)
    if x.size:
        gland = smooth_min(
            ellipsoid(x, y, z, (0, 4, -24), (6.5, 4.5, 3.5)), capsule(x, y, z, (0, 3, -22), (0, 1, -12), (1.2, 1.0)), 2
        )
        canvas.put(part, gland, Tissue.PLEXUS)


def _paint_vessels(canvas: TissueCanvas, points: Points) -> None:
    """Arteries of the base, the straight sinus and the great vein, the cavernous sinuses."""
    for start, end, radii in _ARTERIES:
        for sign in (-1, 1):
            pair = [(p[0] * sign, p[1], p[2]) for p in (start, end)]
            low, high = (tuple(f(a, b) + d for a, b in zip(*pair, strict=True)) for f, d in ((min, -4), (max, 4)))
            part = canvas.box(low, high)
            x, y, z = points.at(part)
            if x.size:
                wavy = np.float32(1.2) * clouds(x, y, z, (7.0, 40.0 * sign + 90.0, 3.0), 14.0)
                canvas.put(part, capsule(x + wavy, y, z, pair[0], pair[1], radii), Tissue.ARTERY)
    for start, end, radii in (((0, -36, 3), (0, -52, 6), (2.0, 2.2)), ((0, -52, 6), (0, -92, -6), (2.0, 2.6))):
        part = canvas.box((-5, end[1] - 4, -12), (5, start[1] + 4, 12))
        at = points.at(part)
        if at.x.size:
            canvas.put(part, capsule(*at, start, end, radii), Tissue.VEIN)
    for sign in (-1, 1):
        part = canvas.box((min(sign * 7, sign * 20), -8, -34), (max(sign * 7, sign * 20), 16, -16))
        at = points.at(part)
        if at.x.size:
            sinus = ellipsoid(*at, (sign * 13.0, 4, -25), (3.6, 9, 5.5))
            artery = capsule(*at, (sign * 12.5, -2, -27), (sign * 12.0, 9, -24), (2.1, 2.1))
            canvas.put(part, np.maximum(sinus, -artery), Tissue.VEIN)


def _mark_effects(canvas: TissueCanvas, pathology: MriPathology, points: Points, inner: Field) -> None:
    """Mark tissue that was pushed aside, and the midline where it left its place."""
    names = {finding.name: finding for finding in pathology.findings}
    if not {"MassEffect", "MidlineShift"} & set(names):
        return
    layers = canvas.layers
    ux, uy, uz = canvas.x - points.x, canvas.y - points.y, canvas.z - points.z
    free = inner < -1
    for name in ("Glioma", "Meningioma", "Metastasis", "Hemorrhage"):
        if name in layers:
            free &= layers[name] < 0.5
    if "MassEffect" in names:
        pushed = free & (ux * ux + uy * uy + uz * uz > 12)
        if names["MassEffect"].side in ("left", "right"):
            pushed &= points.x > 0 if names["MassEffect"].side == "right" else points.x < 0
        layers["MassEffect"] = pushed.astype(np.float32)
    if "MidlineShift" in names:
        near = (np.abs(points.x) < 6) & (points.z > -15) & (np.abs(ux) > 2.5)
        layers["MidlineShift"] = (free & near).astype(np.float32)


def _scattered(values: Field, at: NDArray[np.intp], new: Field) -> Field:
    """A copy of ``values`` with ``new`` ones at flat indices."""
    out = values.copy()
    out.ravel()[at] = new
    return out
