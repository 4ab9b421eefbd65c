"""Make head CT phantoms: anatomy, findings and scanner put together, from a seed and a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.acquisition import Grid, Scan, add_holder, add_streaks, draw_scan, make_canvas, noise
from itemclip_med.phantoms.brain import BrainShape, Fluid, Points, draw_brain, paint_brain
from itemclip_med.phantoms.canvas import Canvas
from itemclip_med.phantoms.ct_series import CtSeries
from itemclip_med.phantoms.fields import Field
from itemclip_med.phantoms.findings import PhantomFinding, check_names, labels_of
from itemclip_med.phantoms.mixes import find_mix
from itemclip_med.phantoms.scenarios import Pathology, draw_pathology
from itemclip_med.phantoms.skull import SkullShape, cavity, draw_skull, paint_head
from itemclip_med.workers import one_thread

Size = Literal["demo", "clinical"]
Kind = Literal["thin", "thick", "bone"]

_MATRIX = {"demo": 128, "clinical": 512}
_KINDS = ("thin", "thick", "bone")
_LEAST = {"SAH": 0.4, "IVH": 0.45, "Fracture": 0.3}  # share of a voxel that a mask needs; else half


@dataclass(frozen=True)
class HeadPhantom:
    """A head CT with what is known about it.

    Attributes:
        seed: of the set it belongs to.
        index: its number in the set.
        size: "demo" or "clinical".
        findings: what it shows; empty for a normal study.
        volume_hu: int16 (X, Y, Z), HU, axes to the patient's right, front and head: the thick series.
        affine: (4, 4), voxel index to world RAS mm.
        masks: bool (X, Y, Z) per finding; a chronic bleed is in "ChronicBleed" alone, whatever its compartment.
        slice_thickness_mm: of ``volume_hu``.
        scan: how it was scanned.
    """

    seed: int
    index: int
    size: Size
    findings: tuple[PhantomFinding, ...]
    volume_hu: NDArray[np.int16]
    affine: NDArray[np.float64]
    masks: dict[str, NDArray[np.bool_]]
    slice_thickness_mm: float
    scan: Scan
    _parts: tuple[SkullShape, BrainShape, Pathology] = field(repr=False)

    def labels(self) -> dict[str, int]:
        """0 or 1 for each of the 14 finding names of CQ500's ``reads.csv``."""
        return labels_of(self.findings)

    def reconstruct(self, kind: Kind) -> CtSeries:
        """Another series of the same head.

        Args:
            kind: "thick" (the phantom's own volume), "thin", or "bone" (thin with an edge-enhancing kernel).

        Returns:
            The series with its own affine and masks.

        Raises:
            ValueError: if the kind is unknown.
        """
        if kind not in _KINDS:
            raise ValueError(f"unknown reconstruction {kind!r}; expected one of {', '.join(_KINDS)}")
        if kind == "thick":
            return CtSeries(self.volume_hu, self.affine, self.slice_thickness_mm, "soft", self.masks)
        with one_thread():
            return _reconstruct(self.scan, *self._parts, self.size, kind, (self.seed, self.index))


def make_head_ct(
    seed: int, index: int, *, size: Size = "demo", findings: Sequence[str] | None = None, mix: str = "usual"
) -> HeadPhantom:
    """Make one head CT phantom.

    Args:
        seed: of the set.
        index: number of the study in the set; each is drawn on its own, whatever others were made before.
        size: "demo" (128 x 128, slices of about 5 mm) or "clinical" (512 x 512).
        findings: names to show instead of drawn ones; empty for a normal study.
        mix: what findings are drawn from, of :data:`~itemclip_med.phantoms.mixes.MIXES`; "hard" also makes those small
            and faint that were asked for.

    Returns:
        The phantom. Both sizes of one seed and index show the same head.

    Raises:
        ValueError: if a finding, the size or the mix is unknown, an effect has no cause, or seed or index are negative.
    """
    if size not in _MATRIX:
        raise ValueError(f"unknown size {size!r}; expected demo or clinical")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index count from 0, found {seed} and {index}")
    with one_thread():  # the same bytes whatever the number of processors
        scan, skull, brain, pathology = draw_parts(seed, index, findings, mix)
        series = _reconstruct(scan, skull, brain, pathology, size, "thick", (seed, index))
    return HeadPhantom(
        seed, index, size, tuple(pathology.findings), series.volume_hu, series.affine, series.masks,
        series.slice_thickness_mm, scan, (skull, brain, pathology),
    )  # fmt: skip


def draw_parts(
    seed: int, index: int, findings: Sequence[str] | None = None, mix: str = "usual"
) -> tuple[Scan, SkullShape, BrainShape, Pathology]:
    """Draw one head without painting it: thousands a second, to count what a set will hold.

    Args:
        seed: of the set.
        index: number of the study in the set.
        findings: as in :func:`make_head_ct`.
        mix: as there.

    Returns:
        The scan, the skull, the brain and the pathology.

    Raises:
        ValueError: if a finding or the mix is unknown, or an effect has no cause.
    """
    anatomy, choice, detail = (np.random.default_rng(child) for child in _streams(seed, index)[:3])
    scan, skull, brain = draw_scan(anatomy), draw_skull(anatomy), draw_brain(anatomy)
    drawn_from = find_mix(mix)
    names = drawn_from.draw_names(choice) if findings is None else check_names(findings)
    effects = None if findings is None else True
    return scan, skull, brain, draw_pathology(names, brain, scan.pose, detail, effects=effects, faint=drawn_from.faint)


def _streams(seed: int, index: int) -> list[np.random.SeedSequence]:
    """Independent streams of one study: anatomy, names, lesions, and the noise of each kind of series."""
    return np.random.SeedSequence(entropy=seed, spawn_key=(index,)).spawn(3 + len(_KINDS))


def _reconstruct(
    scan: Scan, skull: SkullShape, brain: BrainShape, pathology: Pathology, size: Size, kind: Kind, key: tuple[int, int]
) -> CtSeries:
    thickness = scan.thick_mm if kind == "thick" else scan.thin_mm
    grid = scan.grid(_MATRIX[size], thickness)
    rng = np.random.default_rng(_streams(*key)[3 + _KINDS.index(kind)])
    volume = np.empty(grid.shape, np.int16)
    masks: dict[str, NDArray[np.bool_]] = {}
    columns, lines = scan.head_window(grid, pathology.swelling_mm)
    for rows, head, layers in _slabs(scan, skull, brain, pathology, grid, size, kind):
        hu = np.full((rows[1] - rows[0], grid.shape[1], grid.shape[0]), -1000, np.float32)
        hu[:, lines, columns] = head
        add_holder(hu, scan, grid, scan.pose)
        sigma = (
            scan.noise_hu * np.sqrt(5.0 / thickness) * (0.72 if size == "demo" else 1.0)
        )  # larger pixels gather more
        grain = 0.45
        if kind == "bone":
            hu, sigma, grain = _sharpen(hu), sigma * 4.5, -0.25
        hu += noise(hu.shape, sigma, rng, grain=grain) * (0.35 + 0.65 * (hu > -500))
        volume[:, :, rows[0] : rows[1]] = np.clip(np.rint(hu), -1024, 3071).astype(np.int16).transpose(2, 1, 0)
        for name, layer in layers.items():
            mask = masks.setdefault(name, np.zeros(grid.shape, bool))
            mask[columns, lines, rows[0] : rows[1]] = (layer > _LEAST.get(name, 0.5)).transpose(2, 1, 0)
    return CtSeries(volume, grid.affine, thickness, "bone" if kind == "bone" else "soft", masks)


def _slabs(
    scan: Scan, skull: SkullShape, brain: BrainShape, pathology: Pathology, grid: Grid, size: Size, kind: Kind
) -> Iterator[tuple[tuple[int, int], Field, dict[str, Field]]]:
    """Noise-free HU and finding layers (Z, Y, X), a few slices at a time so that memory stays small."""
    pixel = grid.spacing_mm[0]
    oversample = max(1, round(grid.spacing_mm[2] / 2.5)) if size == "demo" else max(1, round(grid.spacing_mm[2] / 1.5))
    per_slab = max(1, (16 if size == "demo" else 8) // oversample)  # what stays in the cache
    soft = max(1.0, 1.1 * pixel) if size == "demo" else 0.9
    for first in range(0, grid.shape[2], per_slab):
        rows = (first, min(first + per_slab, grid.shape[2]))
        hu, layers = _paint(scan, skull, brain, pathology, grid, rows, soft, oversample)
        yield rows, _thicken(hu, oversample), {name: _thicken(layer, oversample) for name, layer in layers.items()}


def _paint(
    scan: Scan, skull: SkullShape, brain: BrainShape, pathology: Pathology, grid: Grid, rows: tuple[int, int],
    soft: float, oversample: int,
) -> tuple[Field, dict[str, Field]]:  # fmt: skip
    canvas = make_canvas(scan, grid, rows, soft_mm=soft, oversample=oversample, swelling_mm=pathology.swelling_mm)
    x, y, z = canvas.x, canvas.y, canvas.z
    inner = cavity(x, y, z, skull)
    swelling = None
    for break_ in pathology.fractures:
        swelling = break_.swelling(x, y, z)
        if break_.dent_mm:
            dent = break_.dent(x, y, z)
            inner = inner + dent
            swelling += dent  # the skin does not follow
    paint_head(canvas, skull, inner, swelling)
    moved = pathology.displacement
    points, surface = Points(x, y, z), inner
    if not moved.is_none:
        canvas.margin_mm = moved.reach_mm
        inside = np.flatnonzero((inner < 3).ravel())
        at = tuple(values.ravel()[inside] for values in (x, y, z, inner))
        sources = moved.sources(*at)
        points = Points(*(_scattered(values, inside, new) for values, new in zip((x, y, z), sources, strict=True)))
        if moved.collections:
            surface = _scattered(inner, inside, cavity(*sources, skull))
    fluid = Fluid(
        pathology.sulcal, pathology.ventricular, None if moved.is_none else moved.effacement, pathology.squeeze,
        pathology.fourth, pathology.blood_hu,
    )  # fmt: skip
    paint_brain(canvas, brain, points, surface, inner, fluid)
    for clot in pathology.clots:
        clot.paint(canvas, inner)
    for collection in pathology.collections:
        collection.paint(canvas, inner)
    for break_ in pathology.fractures:
        break_.paint(canvas)
    _mark_effects(canvas, pathology.findings, points, inner)
    add_streaks(canvas.hu, canvas, scan, inner)
    wanted = {finding.name for finding in pathology.findings}
    return canvas.hu, {name: layer for name, layer in canvas.layers.items() if name in wanted}


def _mark_effects(canvas: Canvas, findings: Sequence[PhantomFinding], points: Points, inner: Field) -> None:
    """Mark tissue that was pushed aside, and the midline where it left its place."""
    layers, names = canvas.layers, {finding.name for finding in findings}
    if not {"MassEffect", "MidlineShift"} & names:
        return
    ux, uy, uz = canvas.x - points.x, canvas.y - points.y, canvas.z - points.z
    free = inner < -1
    for name in ("IPH", "SDH", "EDH", "ChronicBleed"):
        if name in layers:
            free &= layers[name] < 0.5
    if "MassEffect" in names:
        side = next(finding.side for finding in findings if finding.name == "MassEffect")
        pushed = free & (ux * ux + uy * uy + uz * uz > 16)
        if side in ("left", "right"):
            pushed &= points.x > 0 if side == "right" else points.x < 0
        layers["MassEffect"] = pushed.astype(np.float32)
    if "MidlineShift" in names:
        near = (np.abs(points.x) < 6) & (points.z > -15) & (np.abs(ux) > 2.5)
        layers["MidlineShift"] = (free & near).astype(np.float32)


def _scattered(values: Field, at: NDArray[np.intp], new: Field) -> Field:
    """A copy of ``values`` with ``new`` ones at flat indices."""
    out = values.copy()
    out.ravel()[at] = new
    return out


def _thicken(values: Field, times: int) -> Field:
    """The mean of every ``times`` slices."""
    if times == 1:
        return values
    return values.reshape(-1, times, *values.shape[1:]).mean(axis=1, dtype=np.float32)


def _sharpen(hu: Field) -> Field:
    """What a bone kernel does to edges."""
    from scipy.ndimage import uniform_filter

    return hu + np.float32(0.7) * (hu - uniform_filter(hu, size=(1, 3, 3)))
