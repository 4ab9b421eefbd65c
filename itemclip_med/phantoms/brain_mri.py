"""Make brain MRI phantoms: anatomy, findings and scanner put together, from a seed and a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.canvas import Grid
from itemclip_med.phantoms.fields import Field
from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.mri_acquisition import MriScan, SeriesPlan, coil, draw_mri_scan, resampled, rician, sampled
from itemclip_med.phantoms.mri_anatomy import Anatomy, paint_anatomy
from itemclip_med.phantoms.mri_findings import check_mri_names, mri_labels_of
from itemclip_med.phantoms.mri_pathology import MriPathology
from itemclip_med.phantoms.mri_scenarios import draw_mri_names, draw_mri_pathology
from itemclip_med.phantoms.mri_signals import palette
from itemclip_med.phantoms.skull import SkullShape, draw_skull
from itemclip_med.workers import one_thread

Size = Literal["demo", "clinical"]

_ENHANCING = {"Glioma", "Meningioma", "Metastasis"}
_SIZES = ("demo", "clinical")
_TOPS = {"GE": 2600.0, "Siemens": 900.0, "Philips": 1800.0, "Canon": 6000.0}  # gray value of what is bright


@dataclass(frozen=True, slots=True)
class MriSeries:
    """One scanned series.

    Attributes:
        plan: how it was scanned.
        volume: int16 (X, Y, Z), stored gray values, axes of the study's frame (about right, front, head).
        affine: (4, 4), voxel index to world RAS mm; oblique where the operator tilted the slices.
        slope: gray value times slope is the vendor's own unit, 1e-6 mm2/s in an ADC map.
    """

    plan: SeriesPlan
    volume: NDArray[np.int16]
    affine: NDArray[np.float64]
    slope: float = 1.0


@dataclass(frozen=True)
class BrainMriPhantom:
    """A brain MRI study with what is known about it.

    Attributes:
        seed: of the set it belongs to.
        index: its number in the set.
        size: "demo" or "clinical".
        findings: what it shows; empty for a normal study.
        series: in the order in which they were scanned.
        masks: bool (X, Y, Z) per finding that has a place, on the grid of the axial slices.
        affine: (4, 4), of the masks, voxel index to world RAS mm.
        scan: how it was scanned.
        age: of the patient, years.
        brain: bool (X, Y, Z) on the same grid, where brain and its fluid are.
    """

    seed: int
    index: int
    size: Size
    findings: tuple[PhantomFinding, ...]
    series: tuple[MriSeries, ...]
    masks: dict[str, NDArray[np.bool_]]
    affine: NDArray[np.float64]
    scan: MriScan
    age: int
    brain: NDArray[np.bool_]

    def labels(self) -> dict[str, int]:
        """0 or 1 for "Normal" and each finding."""
        return mri_labels_of(self.findings)


def make_brain_mri(
    seed: int, index: int, *, size: Size = "demo", findings: Sequence[str] | None = None
) -> BrainMriPhantom:
    """Make one brain MRI phantom.

    Args:
        seed: of the set.
        index: number of the study in the set; each is drawn on its own, whatever others were made before.
        size: "demo" (about 24 slices of 96 to 128 squared a series) or "clinical" (up to 512 squared, 3D T1 of 1 mm).
        findings: names to show instead of drawn ones; empty for a normal study.

    Returns:
        The phantom. Both sizes of one seed and index show the same head.

    Raises:
        ValueError: if a finding or the size is unknown, an effect has no cause, or seed or index are negative.
    """
    if size not in _SIZES:
        raise ValueError(f"unknown size {size!r}; expected demo or clinical")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index count from 0, found {seed} and {index}")
    return scan_phantom(seed, index, size, *draw_mri_parts(seed, index, size=size, findings=findings))


def scan_phantom(
    seed: int, index: int, size: Size, scan: MriScan, skull: SkullShape, pathology: MriPathology
) -> BrainMriPhantom:
    """Paint and scan what was drawn.

    Args:
        seed: of the set.
        index: number of the study in the set.
        size: "demo" or "clinical".
        scan: the protocol and the scanner.
        skull: the skull.
        pathology: the brain and what is wrong with it.

    Returns:
        The phantom.
    """
    with one_thread():  # the same bytes whatever the number of processors
        anatomy = paint_anatomy(scan, skull, pathology, size)
        rng = np.random.default_rng(_streams(seed, index)[4])
        series = scan_series(scan, anatomy, rng, demo=size == "demo")
        masks = {name: on_axial(layer, anatomy, scan.axial) > 0.4 for name, layer in anatomy.layers.items()}
        brain = on_axial(anatomy.brain, anatomy, scan.axial) > 0.5
    return BrainMriPhantom(
        seed, index, size, tuple(pathology.findings), series, masks, scan.affine(scan.axial), scan, pathology.age,
        brain,
    )  # fmt: skip


def draw_mri_parts(
    seed: int,
    index: int,
    *,
    size: str = "demo",
    findings: Sequence[str] | None = None,
    natural_effects: bool = False,
) -> tuple[MriScan, SkullShape, MriPathology]:
    """Draw one study without painting it, to count what a set will hold.

    Args:
        seed: of the set.
        index: number of the study in the set.
        size: "demo" or "clinical"; decides the grids alone.
        findings: as in :func:`make_brain_mri`.
        natural_effects: let mass effect follow from the size of asked-for findings too.

    Returns:
        The scan, the skull and the pathology.

    Raises:
        ValueError: if a finding is unknown, or an effect has no cause.
    """
    anatomy, choice, detail, scanner = (np.random.default_rng(child) for child in _streams(seed, index)[:4])
    skull = draw_skull(anatomy)
    names = draw_mri_names(choice) if findings is None else check_mri_names(findings)
    given = bool(choice.random() < (0.93 if _ENHANCING & set(names) else 0.3))
    scan = draw_mri_scan(scanner, size, contrast=given)
    effects = None if findings is None or natural_effects else True
    return scan, skull, draw_mri_pathology(names, scan.pose, detail, effects=effects)


def _streams(seed: int, index: int) -> list[np.random.SeedSequence]:
    """Independent streams of one study: anatomy, names, lesions, scanner, noise."""
    return np.random.SeedSequence(entropy=seed, spawn_key=(index, 77)).spawn(5)


def on_axial(values: Field, anatomy: Anatomy, grid: Grid) -> Field:
    """Values (Z, Y, X) of the anatomy as (X, Y, Z) averages over a grid's voxels."""
    return resampled(values, anatomy.grid, grid, grid.spacing_mm).transpose(2, 1, 0)


def scan_series(scan: MriScan, anatomy: Anatomy, rng: np.random.Generator, *, demo: bool) -> tuple[MriSeries, ...]:
    """Scan every series of a protocol.

    Args:
        scan: the protocol and the scanner.
        anatomy: what lies in it.
        rng: draws noise and gains.
        demo: pixels are as coarse as they were acquired.

    Returns:
        The series in their order.
    """
    out = []
    diffusion: dict[Grid, Field] = {}
    gains: dict[Grid, float] = {}
    for plan in scan.series:
        if plan.kind == "ADC":
            out.append(_adc_map(scan, anatomy, plan, diffusion.get(plan.grid), rng, demo=demo))
            continue
        contrast = plan.kind == "T1C"
        clean = anatomy.signal(palette(plan.sequence, anatomy.substances, tesla=scan.tesla, contrast=contrast))
        values, sigma = _measured(scan, anatomy, plan, clean, rng, demo=demo)
        if plan.kind == "DWI":
            diffusion[plan.grid] = values
        gain = gains.get(plan.grid) if plan.kind == "DWI" else None  # all weightings share one
        if gain is None:
            top = _TOPS[scan.vendor] * float(np.exp(rng.normal(0, 0.25)))
            gain = top / float(np.percentile(values[values > 6 * sigma], 99.0))
        if plan.kind == "DWI":
            gains[plan.grid] = gain
        volume = np.clip(np.rint(values * gain), 0, 4095 if scan.vendor != "Canon" else 16000)
        slope = float(np.round(rng.uniform(0.2, 3.0), 5)) if scan.vendor == "Philips" else 1.0
        out.append(MriSeries(plan, volume.astype(np.int16).transpose(2, 1, 0), scan.affine(plan.grid), slope))
    return tuple(out)


def _measured(
    scan: MriScan, anatomy: Anatomy, plan: SeriesPlan, clean: Field, rng: np.random.Generator, *, demo: bool
) -> tuple[Field, float]:
    """Magnitude (Z, Y, X) with coil profile and noise, and the noise's strength."""
    values = np.abs(sampled(clean, anatomy.grid, plan)) * coil(plan.grid, scan.bias)
    sigma = scan.noise * _level(plan) * (1.5 / scan.tesla) ** 0.5
    return rician(values, sigma, rng, grain=0.25 if demo else 0.6), sigma


def _level(plan: SeriesPlan) -> float:
    """How strong noise is beside that of a spin echo's water, given a sequence's efficiency."""
    return {"DWI": 0.5, "ADC": 0.5, "T2": 0.8, "FLAIR": 0.45}.get(plan.kind, 0.25 if plan.is_3d else 0.7)


def _adc_map(
    scan: MriScan, anatomy: Anatomy, plan: SeriesPlan, weighted: Field | None, rng: np.random.Generator, *, demo: bool
) -> MriSeries:
    """ADC from a measurement without and one with diffusion weighting, in 1e-6 mm2/s; zero where there is no signal."""
    from dataclasses import replace

    sequence = plan.sequence
    measured = []
    for b_value in (0.0, sequence.b_value):
        if b_value and weighted is not None:
            measured.append(weighted)
            continue
        colors = palette(replace(sequence, b_value=b_value), anatomy.substances, tesla=scan.tesla, contrast=False)
        values, _ = _measured(scan, anatomy, plan, anatomy.signal(colors), rng, demo=demo)
        measured.append(values)
    sigma = scan.noise * _level(plan) * (1.5 / scan.tesla) ** 0.5
    plain, weak = measured
    ratio = np.log(np.maximum(plain, 1e-6) / np.maximum(weak, 0.5 * sigma))
    adc = np.where(plain > 12 * sigma, ratio / np.float32(sequence.b_value * 1e-6), 0)
    volume = np.clip(np.rint(adc), 0, 4095).astype(np.int16)
    return MriSeries(plan, volume.transpose(2, 1, 0), scan.affine(plan.grid))
