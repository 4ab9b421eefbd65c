"""Make chest CT phantoms: anatomy, findings and scanner put together, from a seed and a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.acquisition import noise
from itemclip_med.phantoms.canvas import Canvas, Grid, canvas_over
from itemclip_med.phantoms.chest_abdomen import paint_abdomen
from itemclip_med.phantoms.chest_acquisition import ChestScan, add_table, draw_scan
from itemclip_med.phantoms.chest_findings import check_chest_names, chest_labels
from itemclip_med.phantoms.chest_lungs import LungTrees, LungTubes, find_lungs, grow_trees, paint_lungs, place_tubes
from itemclip_med.phantoms.chest_mediastinum import (
    heart_box,
    paint_airways,
    paint_coronaries,
    paint_mediastinum,
    paint_pericardial_fluid,
)
from itemclip_med.phantoms.chest_scenarios import ChestPathology, draw_chest_names, draw_chest_pathology
from itemclip_med.phantoms.chest_shape import ChestShape, Place, cavity, draw_chest, heart, heights, skin
from itemclip_med.phantoms.chest_wall import paint_glands, paint_wall
from itemclip_med.phantoms.ct_series import CtSeries
from itemclip_med.phantoms.fields import Field, cover
from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.workers import one_thread

Size = Literal["demo", "clinical"]
ChestKind = Literal["thick", "thin", "lung", "isotropic"]

_MATRIX = {"demo": 128, "clinical": 512}
_KINDS = ("thick", "thin", "lung", "isotropic")
_ISOTROPIC_MM = 0.8  # Rad-ChestCT's; a demo volume is as coarse as its pixels
_DEMO_SLICES = 64
_LEAST = {
    "Interlobular septal thickening": 0.3, "Peribronchial thickening": 0.3, "Bronchiectasis": 0.3,
    "Medical material": 0.3, "Coronary artery wall calcification": 0.25, "Arterial wall calcification": 0.3,
    "Pulmonary fibrotic sequela": 0.35, "Emphysema": 0.4, "Lung nodule": 0.4,
}  # fmt: skip  # share of a voxel that a mask needs; else half


@dataclass(frozen=True)
class ChestPhantom:
    """A chest CT with what is known about it.

    Attributes:
        seed: of the set it belongs to.
        index: its number in the set.
        size: "demo" or "clinical".
        findings: what it shows; empty for a normal study.
        volume_hu: int16 (X, Y, Z), HU, axes to the patient's right, front and head: the thick series.
        affine: (4, 4), voxel index to world RAS mm.
        masks: bool (X, Y, Z) per finding.
        slice_thickness_mm: of ``volume_hu``.
        shape: whose chest it is.
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
    shape: ChestShape
    scan: ChestScan
    _parts: tuple[ChestPathology, LungTrees] = field(repr=False)

    def labels(self) -> dict[str, int]:
        """0 or 1 for each of the 18 findings of CT-RATE's label files."""
        return chest_labels(self.findings)

    def reconstruct(self, kind: ChestKind) -> CtSeries:
        """Another series of the same chest.

        Args:
            kind: "thick" (the phantom's own volume), "thin", "lung" (thin with an edge-enhancing kernel) or
                "isotropic" (voxels of 0.8 mm, those of a demo phantom as wide as its pixels).

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
            return _reconstruct(self.scan, self.shape, *self._parts, self.size, kind, (self.seed, self.index))


def make_chest_ct(
    seed: int,
    index: int,
    *,
    size: Size = "demo",
    findings: Sequence[str] | None = None,
    person: int | None = None,
) -> ChestPhantom:
    """Make one chest CT phantom.

    Args:
        seed: of the set.
        index: number of the study in the set; each is drawn on its own, whatever others were made before.
        size: "demo" (128 x 128, about 64 slices) or "clinical" (512 x 512).
        findings: names to show instead of drawn ones; empty for a normal study.
        person: number of the study whose chest it is; the study's own if None.

    Returns:
        The phantom. Both sizes of one seed and index show the same chest.

    Raises:
        ValueError: if a finding or the size is unknown, or seed, index or person are negative.
    """
    if size not in _MATRIX:
        raise ValueError(f"unknown size {size!r}; expected demo or clinical")
    if min(seed, index, 0 if person is None else person) < 0:
        raise ValueError(f"seed, index and person count from 0, found {seed}, {index} and {person}")
    with one_thread():  # the same bytes whatever the number of processors
        scan, shape, pathology = draw_chest_parts(seed, index, findings, person=person)
        owner = index if person is None else person
        trees = grow_trees(shape, np.random.default_rng(_streams(seed, owner)[3]))
        series = _reconstruct(scan, shape, pathology, trees, size, "thick", (seed, index))
    return ChestPhantom(
        seed, index, size, tuple(pathology.findings), series.volume_hu, series.affine, series.masks,
        series.slice_thickness_mm, shape, scan, (pathology, trees),
    )  # fmt: skip


def draw_chest_parts(
    seed: int, index: int, findings: Sequence[str] | None = None, *, person: int | None = None
) -> tuple[ChestScan, ChestShape, ChestPathology]:
    """Draw one chest without painting it: thousands a second, to count what a set will hold.

    Args:
        seed: of the set.
        index: number of the study in the set.
        findings: as in :func:`make_chest_ct`.
        person: as in :func:`make_chest_ct`.

    Returns:
        The scan, the chest (with the heart as large as it is found to be) and the pathology.

    Raises:
        ValueError: if a finding is unknown.
    """
    owner = index if person is None else person
    anatomy = np.random.default_rng(_streams(seed, owner)[0])
    choice, detail = (np.random.default_rng(child) for child in _streams(seed, index)[1:3])
    shape = draw_chest(anatomy)
    scan = draw_scan(anatomy, shape)
    names = draw_chest_names(choice, shape) if findings is None else check_chest_names(findings)
    pathology = draw_chest_pathology(names, shape, scan.pose.scale, detail)
    size = shape.heart if pathology.heart is None else pathology.heart
    shape = replace(shape, heart=size, pericardium_mm=pathology.pericardium_mm)
    return scan, shape, pathology


def _streams(seed: int, index: int) -> list[np.random.SeedSequence]:
    """Independent streams of one study: anatomy, names, lesions, trees, and the noise of each kind of series."""
    return np.random.SeedSequence(entropy=seed, spawn_key=(index, 7)).spawn(4 + len(_KINDS))


def _thickness(scan: ChestScan, size: Size, kind: ChestKind) -> float:
    pixel = scan.field_mm / _MATRIX[size]
    if kind == "isotropic":
        return _ISOTROPIC_MM if size == "clinical" else pixel
    if kind == "thick":
        return scan.thick_mm if size == "clinical" else round(scan.length_mm / _DEMO_SLICES * 4) / 4
    return scan.thin_mm if size == "clinical" else round(scan.length_mm / _DEMO_SLICES * 2) / 4


def _grid(scan: ChestScan, size: Size, kind: ChestKind) -> Grid:
    thickness = _thickness(scan, size, kind)
    matrix = _MATRIX[size]
    if kind == "isotropic":
        matrix = round(scan.field_mm / thickness)
        scan = replace(scan, field_mm=matrix * thickness)
    return scan.grid(matrix, thickness)


def _reconstruct(
    scan: ChestScan, shape: ChestShape, pathology: ChestPathology, trees: LungTrees, size: Size, kind: ChestKind,
    key: tuple[int, int],
) -> CtSeries:  # fmt: skip
    grid = _grid(scan, size, kind)
    thickness = grid.spacing_mm[2]
    rng = np.random.default_rng(_streams(*key)[4 + _KINDS.index(kind)])
    volume = np.empty(grid.shape, np.int16)
    masks: dict[str, NDArray[np.bool_]] = {}
    # Larger pixels and thicker slices gather more photons.
    sigma = scan.noise_hu * np.sqrt(5.0 / thickness) * (0.55 if size == "demo" else 1.0)
    for rows, hu, layers in _slabs(scan, shape, pathology, trees, grid, size):
        add_table(hu, scan, grid)
        level, grain = sigma, 0.45
        if kind == "lung":
            hu, level, grain = _sharpen(hu), sigma * 2.6, -0.25
        hu += noise(hu.shape, level, rng, grain=grain) * (0.45 + 0.55 * (hu > -950))
        volume[:, :, rows[0] : rows[1]] = np.clip(np.rint(hu), -1024, 3071).astype(np.int16).transpose(2, 1, 0)
        for name, layer in layers.items():
            mask = masks.setdefault(name, np.zeros(grid.shape, bool))
            mask[:, :, rows[0] : rows[1]] = (layer > _LEAST.get(name, 0.5)).transpose(2, 1, 0)
    return CtSeries(volume, grid.affine, thickness, "lung" if kind == "lung" else "soft", masks)


def _slabs(
    scan: ChestScan, shape: ChestShape, pathology: ChestPathology, trees: LungTrees, grid: Grid, size: Size
) -> Iterator[tuple[tuple[int, int], Field, dict[str, Field]]]:
    """Noise-free HU and finding layers (Z, Y, X), a few slices at a time so that memory stays small."""
    pixel = grid.spacing_mm[0]
    oversample = 1 if size == "demo" else max(1, round(grid.spacing_mm[2] / 1.7))
    per_slab = 16 if size == "demo" else max(1, 6 // oversample)
    soft = max(1.0, 1.05 * pixel) if size == "demo" else 0.9
    window = (slice(0, grid.shape[0]), slice(0, grid.shape[1]))
    tubes = place_tubes(shape, trees, pathology.bronchi, soft)
    for first in range(0, grid.shape[2], per_slab):
        rows = (first, min(first + per_slab, grid.shape[2]))
        canvas = canvas_over(scan.pose, grid, window, rows, scan.corner, soft_mm=soft, oversample=oversample)
        _paint(canvas, shape, pathology, tubes)
        wanted = {finding.name for finding in pathology.findings}
        layers = {name: _thicken(layer, oversample) for name, layer in canvas.layers.items() if name in wanted}
        yield rows, _thicken(canvas.hu, oversample), layers


def _paint(canvas: Canvas, shape: ChestShape, pathology: ChestPathology, tubes: LungTubes) -> None:
    at = Place(canvas.x, canvas.y, canvas.z)
    rows = heights(canvas.z)
    inner = cavity(at, rows)
    outside = skin(at, shape, rows)
    paint_wall(canvas, shape, outside, inner)
    paint_glands(canvas, shape)
    paint_abdomen(canvas, shape, inner)
    paint_mediastinum(canvas, shape)
    _mark_heart(canvas, shape, pathology)
    if shape.pericardium_mm:
        paint_pericardial_fluid(canvas, shape)
    paint_coronaries(canvas, shape)
    lungs = find_lungs(canvas, shape, inner)
    if lungs is not None:
        inside = inner.ravel()[lungs.index]
        for lesion in pathology.lung:
            lesion.paint(lungs, shape, inside)
        paint_lungs(canvas, lungs, tubes)
    for mass in pathology.masses:
        mass.paint(canvas, shape)
    for plaques in pathology.vessels:
        plaques.paint(canvas, shape)
    paint_airways(canvas, shape)
    for device in pathology.devices:
        device.paint(canvas, shape, outside, inner)


def _mark_heart(canvas: Canvas, shape: ChestShape, pathology: ChestPathology) -> None:
    """Mark the heart where its size is a finding."""
    if pathology.heart is None:
        return
    part = canvas.box(*heart_box(shape, 4))
    at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
    if at.x.size:
        canvas.mark("Cardiomegaly", part, cover(heart(*at, shape.heart), canvas.soft_mm))


def _thicken(values: Field, times: int) -> Field:
    """The mean of every ``times`` slices."""
    if times == 1:
        return values
    return values.reshape(-1, times, *values.shape[1:]).mean(axis=1, dtype=np.float32)


def _sharpen(hu: Field) -> Field:
    """What a lung kernel does to edges."""
    from scipy.ndimage import uniform_filter

    return hu + np.float32(0.8) * (hu - uniform_filter(hu, size=(1, 3, 3)))
