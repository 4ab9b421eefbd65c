"""Smooth fields and distances from which anatomy is painted.

Arrays are (Z, Y, X) here, so that slabs of slices are contiguous; coordinates are millimetres of the template head: x
to the patient's right, y anterior, z superior, the origin between the thalami, structures where an atlas has them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

_PERIOD = 96  # lattice points
_STEP_MM = 2.0  # of the lattice


def cover(distance_mm: Field, soft_mm: float) -> Field:
    """How much of a voxel a body covers: 1 inside, 0 outside, a ramp of ``soft_mm`` across its surface."""
    out = distance_mm * np.float32(-1.0 / soft_mm)
    out += np.float32(0.5)
    return np.clip(out, 0, 1, out=out)


def ellipsoid(x: Field, y: Field, z: Field, center: tuple[float, ...], semi: tuple[float, ...]) -> Field:
    """Approximate signed distance to an ellipsoid, negative inside; exact to first order at its surface.

    Args:
        x: coordinates in mm, as y and z.
        y: see x.
        z: see x.
        center: its center in mm.
        semi: its semi-axes in mm along x, y, z.

    Returns:
        Distance in mm, of the arrays' common shape.
    """
    # In place wherever it can be: temporaries cost more here than the sums.
    squares = []
    for values, middle, extent in zip((x, y, z), center, semi, strict=True):
        square = np.subtract(values, np.float32(middle))
        square *= np.float32(1 / extent)
        square *= square
        squares.append(square)
    sx, sy, sz = squares
    scaled = sx + sy
    scaled += sz
    slope = sx * np.float32(semi[0] ** -2)
    sy *= np.float32(semi[1] ** -2)
    sz *= np.float32(semi[2] ** -2)
    slope += sy
    slope += sz
    slope += np.float32(1e-12)
    np.sqrt(scaled, out=scaled)
    np.sqrt(slope, out=slope)
    np.divide(scaled, slope, out=slope)
    scaled -= np.float32(1)
    scaled *= slope
    return scaled


def capsule(
    x: Field,
    y: Field,
    z: Field,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radii: tuple[float, float],
) -> Field:
    """Signed distance to a rod from ``start`` to ``end`` whose radius runs from ``radii[0]`` to ``radii[1]``, in mm."""
    axis = [np.float32(e - s) for s, e in zip(start, end, strict=True)]
    length = np.float32(sum(float(a) ** 2 for a in axis))
    offsets = [values - np.float32(s) for values, s in zip((x, y, z), start, strict=True)]
    t = offsets[0] * axis[0]
    t += offsets[1] * axis[1]
    t += offsets[2] * axis[2]
    t *= 1 / length
    np.clip(t, 0, 1, out=t)
    total = np.zeros_like(t)
    for offset, a in zip(offsets, axis, strict=True):
        offset -= t * a
        offset *= offset
        total += offset
    np.sqrt(total, out=total)
    t *= np.float32(radii[1] - radii[0])
    t += np.float32(radii[0])
    total -= t
    return total


def smooth_min(first: Field, second: Field, blend_mm: float) -> Field:
    """The union of two bodies, their crease rounded over ``blend_mm``."""
    crease = np.subtract(first, second)
    np.abs(crease, out=crease)
    np.subtract(np.float32(blend_mm), crease, out=crease)
    np.maximum(crease, 0, out=crease)
    crease *= crease
    crease *= np.float32(-0.25 / blend_mm)
    crease += np.minimum(first, second)
    return crease


@lru_cache(maxsize=1)
def _lattices() -> tuple[Field, Field]:
    """(folds, clouds): periodic fields of every phantom; each study samples them from its own corner.

    ``folds`` is the distance in mm to the nearest of many meandering sheets, about 11 mm apart; ``clouds`` is smooth
    noise of unit variance whose features are about 12 lattice points wide.
    """
    rng = np.random.default_rng(20240607)
    k = np.fft.fftfreq(_PERIOD, _STEP_MM)
    kr = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + np.fft.rfftfreq(_PERIOD, _STEP_MM)[None, None, :] ** 2)
    spectrum = np.fft.rfftn(rng.standard_normal((_PERIOD,) * 3))
    center = 1 / 25.0  # per mm: two sheets a wave
    waves = np.fft.irfftn(spectrum * np.exp(-(((kr - center) / (0.22 * center)) ** 2)), s=(_PERIOD,) * 3)
    slope = np.sqrt(sum(((np.roll(waves, -1, i) - np.roll(waves, 1, i)) / (2 * _STEP_MM)) ** 2 for i in range(3)))
    folds = waves / np.sqrt(slope**2 + (0.3 * slope.mean()) ** 2)
    clouds = np.fft.irfftn(np.fft.rfftn(rng.standard_normal((_PERIOD,) * 3)) * np.exp(-((kr * 16.0) ** 2)))
    return np.clip(folds, -9, 9).astype(np.float32), (clouds / clouds.std()).astype(np.float32)


def folds(x: Field, y: Field, z: Field, offset: tuple[float, float, float]) -> Field:
    """Signed distance in mm to the nearest fold at points (n,), seen from a study's own ``offset`` in mm."""
    return _sample(_lattices()[0], x, y, z, offset, 1.0)


def clouds(x: Field, y: Field, z: Field, offset: tuple[float, float, float], feature_mm: float) -> Field:
    """Smooth noise of zero mean and unit variance at points (n,), its features ``feature_mm`` wide."""
    return _sample(_lattices()[1], x, y, z, offset, 24.0 / feature_mm)


@lru_cache(maxsize=1)
def _foam() -> tuple[Field, Field]:
    """(walls, values): a periodic foam of cells about 16 mm wide: distance in mm to their walls, and a number each."""
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(20240911)
    num, width = 64, 64 * _STEP_MM
    seeds = rng.uniform(0, width, (512, 3))
    axis = np.arange(num) * _STEP_MM
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    near, which = cKDTree(seeds, boxsize=width).query(points, k=2)
    walls = 0.5 * (near[:, 1] - near[:, 0])
    values = rng.random(len(seeds))[which[:, 0]]
    return walls.reshape((num,) * 3).astype(np.float32), values.reshape((num,) * 3).astype(np.float32)


def foam(x: Field, y: Field, z: Field, offset: tuple[float, float, float], cell_mm: float) -> tuple[Field, Field]:
    """A foam at points (n,), its cells ``cell_mm`` wide.

    Args:
        x: coordinates in mm, as y and z.
        y: see x.
        z: see x.
        offset: the study's own corner of the foam, mm.
        cell_mm: width of a cell.

    Returns:
        Distance in mm to the nearest wall, about, and a number from 0 to 1 that is the same within a cell.
    """
    zoom = 16.0 / cell_mm
    walls = _sample(_foam()[0], x, y, z, offset, zoom) * np.float32(1 / zoom)
    return walls, _sample(_foam()[1], x, y, z, offset, zoom)


def texture(axes_mm: tuple[NDArray[np.float64], ...], corner: tuple[float, float, float], feature_mm: float) -> Field:
    """Smooth noise like :func:`clouds` over the axes of a grid, of which it costs almost nothing.

    Args:
        axes_mm: world coordinates along each of the grid's three axes, ascending.
        corner: where it begins.
        feature_mm: width of its features.

    Returns:
        Float32 of the grid's shape.
    """
    coarse = _lattices()[1][::3, ::3, ::3]  # features four points wide
    step = feature_mm / 4
    rows, weights = [], []
    for axis, start in zip(axes_mm, corner, strict=True):
        first, last = int(np.floor(axis[0] / step)), int(np.ceil(axis[-1] / step)) + 1
        index = np.arange(first, last + 1)
        rows.append((index + int(start)) % coarse.shape[0])
        weights.append(np.maximum(1 - np.abs(axis[:, None] / step - index), 0).astype(np.float32))
    out = weights[1] @ coarse[np.ix_(*rows)] @ weights[2].T  # within slices first, where there are few of them
    return (weights[0] @ out.reshape(out.shape[0], -1)).reshape(-1, *out.shape[1:])


def _sample(lattice: Field, x: Field, y: Field, z: Field, offset: tuple[float, float, float], zoom: float) -> Field:
    from scipy.ndimage import map_coordinates

    points = np.empty((3, x.size), np.float32)
    for row, (values, start) in zip(points, zip((x, y, z), offset, strict=True), strict=True):
        np.multiply(values.ravel(), np.float32(zoom / _STEP_MM), out=row)
        row += np.float32(start / _STEP_MM)
    return map_coordinates(lattice, points, order=1, mode="grid-wrap", prefilter=False).reshape(x.shape)
