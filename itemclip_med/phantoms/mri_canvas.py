"""A canvas that keeps how much of each voxel every tissue fills, instead of HU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.canvas import Canvas, Grid, Pose, canvas_over
from itemclip_med.phantoms.fields import Field, cover
from itemclip_med.phantoms.tissues import NUM_TISSUES, Content, Tissue


@dataclass(slots=True)
class TissueCanvas(Canvas):
    """One slab of voxels of which each holds shares of tissues; what is left is void.

    Attributes:
        content: (Z, Y, X, K), share of each of K substances: the tissues, then the lesions' own.
    """

    content: Field = field(default_factory=lambda: np.zeros((0, 0, 0, NUM_TISSUES), np.float32))

    def blend(self, part: tuple[slice, ...], share: Field, value: Field | float, tissue: Content = None) -> None:
        """Put ``tissue`` over ``share`` of the voxels of ``part``; a stroke without a tissue leaves no trace."""
        if tissue is None:
            return
        below = self.content[part]
        at = np.nonzero(share > 0)
        below[at] = _over(below[at], share[at], tissue, at)
        for layer in self.layers.values():
            layer[part] *= 1 - share

    def stroke_at(self, index: NDArray[np.intp], strokes: Iterable[tuple[Field, Field | float, Content]]) -> None:
        """Put (share, HU, tissue) one over the other on the voxels at flat indices."""
        flat = self.content.reshape(-1, self.content.shape[-1])
        rows = flat[index]
        for share, _, tissue in strokes:
            if tissue is not None:
                at = (np.flatnonzero(share > 0),)
                rows[at] = _over(rows[at], share[at], tissue, at)
        flat[index] = rows

    def stain(self, part: tuple[slice, ...], share: Field, sources: Sequence[int], target: int) -> Field:
        """Turn ``share`` of some tissues into another one, so that what lies between them stays as it is.

        Args:
            part: of the canvas.
            share: of the tissues in its voxels that is turned.
            sources: tissues that can be turned.
            target: what they become.

        Returns:
            How much of each voxel of ``part`` was turned.
        """
        below = self.content[part]
        at = np.nonzero(share > 0)
        rows, weight = below[at], share[at][:, None]
        moved = rows[:, sources] * weight
        rows[:, sources] -= moved
        total = moved.sum(axis=1)
        rows[:, target] += total
        below[at] = rows
        out = np.zeros(share.shape, np.float32)
        out[at] = total
        return out

    def put(self, part: tuple[slice, ...], distance_mm: Field, substance: int) -> Field:
        """Put a substance where ``distance_mm`` is negative; returns its share."""
        share = cover(distance_mm, self.soft_mm)
        self.blend(part, share, 0.0, substance)
        return share


def _over(rows: Field, share: Field, tissue: Content, at: tuple[NDArray[np.intp], ...]) -> Field:
    """Rows (n, K) of contents with ``tissue`` over ``share`` of them."""
    rows *= (1 - share)[:, None]
    if callable(tissue):
        for kind, weight in tissue():
            rows[:, kind] += share * (weight if np.ndim(weight) == 0 else weight[at])  # type: ignore[index]
    elif tissue is not None and tissue != Tissue.VOID:
        rows[:, tissue] += share
    return rows


def tissue_canvas_over(
    pose: Pose,
    grid: Grid,
    rows: tuple[int, int],
    corner: tuple[float, float, float],
    *,
    soft_mm: float,
    num_substances: int,
) -> TissueCanvas:
    """An empty canvas over some slices of a grid, whole in plane.

    Args:
        pose: how the head lies in the grid's frame.
        grid: of the anatomy.
        rows: first slice, and the one after the last.
        corner: where its textures begin.
        soft_mm: width of a surface's ramp.
        num_substances: tissues and lesions' substances.

    Returns:
        The canvas, filled with void.
    """
    window = (slice(0, grid.shape[0]), slice(0, grid.shape[1]))
    bare = canvas_over(pose, grid, window, rows, corner, soft_mm=soft_mm, oversample=1)
    content = np.zeros((*bare.hu.shape, num_substances), np.float32)
    return TissueCanvas(
        bare.x, bare.y, bare.z, bare.hu, bare.soft_mm, bare.to_voxel, bare.grain, bare.drift, content=content
    )
