"""Branching tubes: how the trees of the lungs grow into their lobes, and how many tubes are painted at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.fields import Field

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas

Points = NDArray[np.float32]
# Along one of these a branch's territory is divided.
_DIRECTIONS = np.array(
    [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, -1, 0), (1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)], np.float64
)
_DIRECTIONS /= np.linalg.norm(_DIRECTIONS, axis=1)[:, None]
_CHUNK = 200_000  # voxels painted at a time
_WIDTHS_MM = (1.7, 2.6, 4.0, 6.0, 9.0, 14.0)  # tubes of like width are painted together


@dataclass(frozen=True, slots=True)
class Tree:
    """Segments of a branching tree, template mm.

    Attributes:
        start: (n, 3).
        end: (n, 3).
        share: (n,) part of its root's territory that a segment supplies, at its start.
        share_end: the same at its end.
        root: (n,) index of the root it grew from.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    share: NDArray[np.float64]
    share_end: NDArray[np.float64]
    root: NDArray[np.intp]

    def points(self, step_mm: float, least: float = 0.0) -> tuple[Points, NDArray[np.float64], NDArray[np.intp]]:
        """Points along the segments.

        Args:
            step_mm: between neighbors.
            least: leave out segments that supply less.

        Returns:
            Points (n, 3), share (n,) and root (n,) of each.
        """
        keep = np.flatnonzero(self.share >= least)
        start, along = self.start[keep], self.end[keep] - self.start[keep]
        counts = np.maximum(np.ceil(np.linalg.norm(along, axis=1) / step_mm).astype(int), 1)
        segment = np.repeat(np.arange(keep.size), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        t = ((np.arange(segment.size) - first + 0.5) / counts[segment])[:, None]
        share = self.share[keep][segment] * (1 - t[:, 0]) + self.share_end[keep][segment] * t[:, 0]
        return (start[segment] + t * along[segment]).astype(np.float32), share, self.root[keep][segment]


def grow(
    roots: Sequence[tuple[float, float, float]],
    targets: NDArray[np.float64],
    owner: NDArray[np.intp],
    *,
    reach: float = 0.42,
    levels: int = 11,
) -> Tree:
    """Grow trees that supply all targets: each branch heads for the middle of its territory and divides it.

    Args:
        roots: where each tree begins.
        targets: (n, 3) points to supply.
        owner: (n,) the root that supplies each.
        reach: how far toward the middle a branch runs, as a share.
        levels: at most so many divisions.

    Returns:
        The trees.

    Sources:
        M. Tawhai et al., Ann. Biomed. Eng. 2000 (volume-filling branching).
    """
    group = owner.astype(np.intp)
    starts = np.asarray(roots, np.float64)
    total = np.bincount(group, minlength=len(roots)).astype(np.float64)
    root_of = np.arange(len(roots))
    parts: list[tuple[NDArray, ...]] = []
    for _ in range(levels):
        num = np.bincount(group, minlength=len(starts)).astype(np.float64)
        live = np.flatnonzero(num > 0)
        renumber = np.full(len(starts), -1)
        renumber[live] = np.arange(live.size)
        group, starts, num, root_of = renumber[group], starts[live], num[live], root_of[live]
        middle = np.stack([np.bincount(group, targets[:, i]) for i in range(3)], axis=1) / num[:, None]
        last = num < 2
        ends = starts + np.where(last, 1.0, reach)[:, None] * (middle - starts)
        share = num / total[root_of]
        parts.append((starts, ends, share, share * np.where(last, 0.6, 0.8), root_of))
        keep = ~last[group]
        targets, group = targets[keep], group[keep]
        if not group.size:
            break
        offsets = targets - middle[group]
        across = offsets @ _DIRECTIONS.T  # (n, directions)
        spread = np.stack([np.bincount(group, a * a, minlength=len(starts)) for a in across.T], axis=1)
        chosen = np.argmax(spread, axis=1)[group]
        upper = across[np.arange(group.size), chosen] > 0
        group = 2 * group + upper
        starts, root_of = np.repeat(ends, 2, axis=0), np.repeat(root_of, 2)
    return Tree(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def cover_tubes(canvas: Canvas, points: Points, radii: NDArray[np.float64]) -> Field:
    """How much of each voxel tubes cover.

    Args:
        canvas: the slab.
        points: (n, 3) along the tubes' axes, about half a voxel apart, template mm.
        radii: (n,) of the tube at each point, mm; tubes thinner than a voxel cover as much of it as they fill.

    Returns:
        (Z, Y, X), 0 to 1.
    """
    shape = canvas.hu.shape
    if not len(points):
        return np.zeros(shape, np.float32)
    soft = np.float32(canvas.soft_mm)
    linear = canvas.to_voxel[:, :3]
    to_mm = np.linalg.inv(linear)
    voxel_mm = 1 / np.linalg.norm(linear, axis=1)
    at = points @ linear.T + canvas.to_voxel[:, 3]
    margin = radii[:, None] / voxel_mm + 1.5
    inside = np.all((at > -margin) & (at < np.array(shape) - 1 + margin), axis=1)
    at, radii = at[inside], radii[inside].astype(np.float32)
    wide = np.maximum(radii, np.float32(0.5) * soft)
    # A cone as wide as a voxel holds a third of it.
    full = np.where(radii >= 0.5 * soft, np.float32(1), np.minimum(3 * np.square(radii / soft), np.float32(1)))
    base = np.rint(at).astype(np.intp)
    rest = ((base - at) @ to_mm.T).astype(np.float32)  # from each point to the middle of its voxel, mm
    most = np.ceil((wide.max(initial=0) + 0.5 * soft) / voxel_mm - 0.25).astype(int)
    reach = 2 * most + 3
    framed = np.zeros(np.array(shape) + 2 * reach, np.float32)  # so that no tube leaves it
    strides = np.array([framed.shape[1] * framed.shape[2], framed.shape[2], 1])
    home = (base + reach) @ strides
    flat = framed.reshape(-1)
    bins = np.digitize(wide, _WIDTHS_MM)
    for one in np.unique(bins):
        chosen = np.flatnonzero(bins == one)
        k = np.ceil((wide[chosen].max() + 0.5 * soft) / voxel_mm - 0.25).astype(int)
        offsets = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in k), indexing="ij"), axis=-1).reshape(-1, 3)
        steps = (offsets @ to_mm.T).astype(np.float32)
        lengths = np.square(steps).sum(axis=1)
        jumps = offsets @ strides
        per = max(1, _CHUNK // len(offsets))
        for first in range(0, chosen.size, per):
            part = chosen[first : first + per]
            near = rest[part]
            square = near @ (2 * steps.T)
            square += lengths
            square += np.square(near).sum(axis=1)[:, None]
            share = np.sqrt(np.maximum(square, 0))
            share *= -1 / soft
            share += (wide[part] / soft + np.float32(0.5))[:, None]
            np.clip(share, 0, 1, out=share)
            share *= full[part][:, None]
            use = share > np.float32(0.015)
            np.maximum.at(flat, (home[part][:, None] + jumps)[use], share[use])
    inner = tuple(slice(r, r + n) for r, n in zip(reach, shape, strict=True))
    return np.ascontiguousarray(framed[inner])
