"""The scanner of brain MRI: protocol, slices of each series, coil, noise, the vendor's gray values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.acquisition import noise
from itemclip_med.phantoms.canvas import Grid, Pose, rotation
from itemclip_med.phantoms.fields import Field
from itemclip_med.phantoms.mri_signals import PulseSequence, null_time_ms
from itemclip_med.phantoms.phrases import chance, pick

SeriesKind = Literal["T1", "T1C", "T2", "FLAIR", "DWI", "ADC"]
SERIES_KINDS: tuple[SeriesKind, ...] = ("T1", "T1C", "T2", "FLAIR", "DWI", "ADC")
Orientation = Literal["axial", "sagittal", "coronal"]
AXES: dict[Orientation, int] = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The axis of a volume (X, Y, Z) that runs through the slices."""

VENDORS = ("GE", "Siemens", "Philips", "Canon")
_B_VALUE = 1000.0
_FLUID_T1_MS = 4000.0


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """One series of a study before it is scanned.

    Attributes:
        kind: what it shows.
        orientation: of its slices.
        grid: its voxels in the study's frame; spacing along the slice axis is from center to center.
        thickness_mm: of a slice, without the gap.
        sequence: how it is excited; of an ADC map the one it is computed from.
        is_3d: whether slices are partitions of one slab.
        repeated: number of this series among those of its kind and plane, 0 for the first.
        blur_mm: width of the acquired pixel where it is coarser than the stored one.
    """

    kind: SeriesKind
    orientation: Orientation
    grid: Grid
    thickness_mm: float
    sequence: PulseSequence
    is_3d: bool = False
    repeated: int = 0
    blur_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class MriScan:
    """How one head is scanned.

    Attributes:
        pose: of the head in the study's frame, the one that the operator aligned with it.
        frame: (3, 3), the study's frame to world RAS.
        vendor: of :data:`VENDORS`.
        tesla: field strength.
        contrast: whether contrast agent was given.
        noise: standard deviation relative to the signal of water, in a 2 x 2 x 5 mm voxel.
        bias: (10,) weights of the coil's profile.
        corner: where textures begin.
        series: in the order in which they were scanned.
        axial: the grid of all axial slices, on which truth is given too.
    """

    pose: Pose
    frame: NDArray[np.float64]
    vendor: str
    tesla: float
    contrast: bool
    noise: float
    bias: NDArray[np.float64]
    corner: tuple[float, float, float]
    series: tuple[SeriesPlan, ...]
    axial: Grid

    def affine(self, grid: Grid) -> NDArray[np.float64]:
        """(4, 4), voxel index of a grid in the study's frame to world RAS mm."""
        turn = np.eye(4)
        turn[:3, :3] = self.frame
        return turn @ grid.affine


def _centered(shape: tuple[int, int, int], spacing: tuple[float, float, float], center: NDArray[np.float64]) -> Grid:
    first = [c - (n - 1) * s / 2 for c, n, s in zip(center, shape, spacing, strict=True)]
    return Grid(shape, spacing, tuple(float(v) for v in first))


def draw_mri_scan(rng: np.random.Generator, size: str, *, contrast: bool | None = None) -> MriScan:
    """A scan as scanners and patients have it.

    Args:
        rng: draws everything.
        size: "demo" or "clinical".
        contrast: whether contrast agent is given; drawn if None.
    """
    scale = np.clip(rng.normal(0.945, 0.028) * np.exp(rng.normal(0, 0.022, 3)), 0.87, 1.02)
    pose = Pose(rotation(np.deg2rad(rng.normal(0, [2.5, 1.2, 1.5]))), tuple(scale.tolist()))
    frame = rotation(np.deg2rad([rng.normal(-6, 6), rng.normal(0, 2), rng.normal(0, 2.5)]))
    if chance(0.25, rng):
        frame = np.eye(3)  # slices as the table lies
    tesla = float(pick((1.5, 1.5, 3.0), rng))
    given = bool(chance(0.6, rng)) if contrast is None else contrast
    draws = {name: float(rng.uniform()) for name in ("missing", "double", "sagittal", "coronal", "order", "volume")}
    demo = size == "demo"
    middle = np.array([rng.normal(0, 1.5), -10 * scale[1] + rng.normal(0, 2), 0.0])
    matrix = int(pick((96, 112, 128), rng)) if demo else int(pick((320, 384, 512), rng))
    field_mm = float(rng.uniform(216, 236))
    distance = float(rng.uniform(5.6, 6.3)) if demo else float(pick((5.5, 6.0, 6.5), rng))
    num = round(142 * scale[2] / distance) + 1
    top = 79 * scale[2] + 3
    axial_middle = np.array([middle[0], middle[1], top - (num - 1) * distance / 2])
    axial = _centered((matrix, matrix, num), (field_mm / matrix, field_mm / matrix, distance), axial_middle)
    series = _protocol(axial, distance, middle, scale, tesla, given, demo, draws, rng)
    return MriScan(
        pose, frame, str(pick(VENDORS, rng)), tesla, given, float(rng.uniform(0.006, 0.013)),
        rng.normal(0, 1, 10) * ([0.06] * 3 + [0.07] * 6 + [0.0]), tuple(rng.uniform(0, 192, 3).tolist()), series, axial,
    )  # fmt: skip


def _protocol(
    axial: Grid, distance: float, middle: NDArray[np.float64], scale: NDArray[np.float64], tesla: float,
    contrast: bool, demo: bool, draws: dict[str, float], rng: np.random.Generator,
) -> tuple[SeriesPlan, ...]:  # fmt: skip
    """The series of a study: some protocols leave one out, some series are scanned twice."""
    thick = distance - (0.5 if demo else 0.1 * distance)
    t1 = PulseSequence("se", float(rng.uniform(450, 620)), float(rng.uniform(9, 15)))
    if tesla > 2:
        t1 = PulseSequence("gre", float(rng.uniform(180, 250)), 2.6, flip_deg=70.0)
    flair_tr = float(rng.uniform(8500, 10000))
    flair = PulseSequence("ir", flair_tr, float(rng.uniform(95, 125)), null_time_ms(_FLUID_T1_MS, flair_tr))
    t2 = PulseSequence("se", float(rng.uniform(3800, 5500)), float(rng.uniform(88, 108)))
    dwi = PulseSequence("se", float(rng.uniform(4500, 7000)), float(rng.uniform(70, 95)), b_value=_B_VALUE,
                        fat_suppressed=True)  # fmt: skip
    volume = PulseSequence("gre", float(rng.uniform(16, 22)), 4.0, flip_deg=float(rng.uniform(22, 28)))
    coarse = axial
    if not demo:  # echo planar images are coarse
        small = int(pick((192, 256), rng))
        pixel = axial.spacing_mm[0] * axial.shape[0] / small
        center = np.array(axial.origin_mm) + (np.array(axial.shape) - 1) * axial.spacing_mm / 2
        coarse = _centered((small, small, axial.shape[2]), (pixel, pixel, distance), center)
    sagittal = _slices("sagittal", middle, scale, demo)
    plans = [SeriesPlan("T1", "sagittal", sagittal, sagittal.spacing_mm[0], volume, is_3d=True)]
    if draws["sagittal"] < 0.3:  # two-dimensional instead
        two = _slices("sagittal", middle, scale, demo, gap=True)
        plans = [SeriesPlan("T1", "sagittal", two, two.spacing_mm[0] - 0.5, t1)]
    plans += [
        SeriesPlan("DWI", "axial", coarse, thick, dwi, blur_mm=2.4),
        SeriesPlan("ADC", "axial", coarse, thick, dwi, blur_mm=2.4),
        SeriesPlan("T2", "axial", axial, thick, t2),
        SeriesPlan("FLAIR", "axial", axial, thick, flair),
        SeriesPlan("T1", "axial", axial, thick, t1),
    ]
    if contrast:
        plans.append(SeriesPlan("T1C", "axial", axial, thick, t1))
        if draws["coronal"] < 0.5:
            coronal = _slices("coronal", middle, scale, demo, gap=True)
            plans.append(SeriesPlan("T1C", "coronal", coronal, coronal.spacing_mm[1] - 0.5, t1))
    elif draws["coronal"] < 0.35:
        coronal = _slices("coronal", middle, scale, demo, gap=True)
        plans.append(SeriesPlan("T2", "coronal", coronal, coronal.spacing_mm[1] - 0.5, t2))
    if draws["missing"] < 0.3:  # too little time, or another house's protocol
        gone = pick(("T2", "FLAIR", "T1 axial", "T1 sagittal", "diffusion", "ADC"), rng)
        kinds = {"diffusion": ("DWI", "ADC")}.get(gone, (gone.split()[0],))
        plans = [one for one in plans if one.kind not in kinds or ("T1" in gone and one.orientation not in gone)]
    if draws["double"] < 0.12:  # the patient moved
        twice = int(rng.integers(len(plans)))
        again = plans[twice]
        plans.insert(twice + 1, SeriesPlan(again.kind, again.orientation, again.grid, again.thickness_mm,
                                           again.sequence, again.is_3d, 1, again.blur_mm))  # fmt: skip
    return tuple(plans)


def _slices(
    orientation: Orientation, middle: NDArray[np.float64], scale: NDArray[np.float64], demo: bool, gap: bool = False
) -> Grid:
    """Slices that stand upright: (X, Y, Z) voxels over the whole head."""
    pixel = 2.1 if demo else (0.9 if gap else 1.0)
    wide = 112 if demo else (256 if gap else 240)
    if orientation == "sagittal":
        step = 6.2 if demo else (5.5 if gap else 1.0)
        num = round(146 * scale[0] / step) + 1
        return _centered((num, wide, wide), (step, pixel, pixel), np.array([middle[0], middle[1] + 2, -8.0]))
    step = 7.2 if demo else 6.0
    num = round(172 * scale[1] / step) + 1
    return _centered((wide, num, wide), (pixel, step, pixel), np.array([middle[0], middle[1], -8.0]))


def _weights(grid: Grid, anatomy: Grid, axis: int, width_mm: float) -> Field:
    """(n, m), linear interpolation from the anatomy's points along an axis, averaged over ``width_mm``."""
    centers = grid.origin_mm[axis] + grid.spacing_mm[axis] * np.arange(grid.shape[axis])
    step = anatomy.spacing_mm[axis]
    num = max(1, round(2 * width_mm / step))
    offsets = (np.arange(num) + 0.5 - num / 2) * (width_mm / num)
    at = (centers[:, None] + offsets[None, :] - anatomy.origin_mm[axis]) / step
    index = np.arange(anatomy.shape[axis])
    out = np.zeros((centers.size, index.size), np.float32)
    for column in at.T:
        out += np.maximum(1 - np.abs(column[:, None] - index[None, :]), 0).astype(np.float32)
    return out / np.float32(num)


def sampled(values: Field, anatomy: Grid, plan: SeriesPlan) -> Field:
    """Values (Z, Y, X) on the anatomy's grid as the series' voxels (Z, Y, X) average them."""
    widths = [plan.blur_mm or 0.7 * max(plan.grid.spacing_mm[axis], anatomy.spacing_mm[axis]) for axis in range(3)]
    widths[AXES[plan.orientation]] = plan.thickness_mm
    return resampled(values, anatomy, plan.grid, tuple(widths))


def resampled(values: Field, anatomy: Grid, grid: Grid, widths_mm: tuple[float, ...]) -> Field:
    """Values (Z, Y, X) on one grid as averages about the points of another."""
    wx, wy, wz = (_weights(grid, anatomy, axis, width) for axis, width in enumerate(widths_mm))
    if grid.shape[2] <= grid.shape[0]:
        out = (wz @ values.reshape(values.shape[0], -1)).reshape(-1, *values.shape[1:])
        return np.matmul(np.matmul(wy, out), wx.T)
    out = np.matmul(np.matmul(wy, values), wx.T)
    return (wz @ out.reshape(out.shape[0], -1)).reshape(-1, *out.shape[1:])


def coil(grid: Grid, weights: NDArray[np.float64]) -> Field:
    """The coil's profile over a grid, (Z, Y, X): a smooth polynomial of mean about 1 that falls off in the neck."""
    axes = [
        ((o + s * np.arange(n) - c) / 100).astype(np.float32)
        for o, s, n, c in zip(grid.origin_mm, grid.spacing_mm, grid.shape, (0, -10, 8), strict=True)
    ]
    x, y, z = axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]
    a = weights.astype(np.float32)
    out = 1 + a[0] * x + a[1] * y + a[2] * z + a[3] * x * x + a[4] * y * y + a[5] * z * z + a[6] * x * y
    out = out + a[7] * x * z + a[8] * y * z + np.float32(0.1) * (x * x + y * y)
    return out * np.clip((z + np.float32(1.08)) * np.float32(2.2), 0.01, 1)


def rician(values: Field, sigma: float, rng: np.random.Generator, *, grain: float) -> Field:
    """The magnitude of values with complex noise.

    Sources:
        H. Gudbjartsson and S. Patz, Magn. Reson. Med. 1995, 34:910.
    """
    real = values + noise(values.shape, sigma, rng, grain=grain)
    imaginary = noise(values.shape, sigma, rng, grain=grain)
    return np.sqrt(real * real + imaginary * imaginary)
