"""A heatmap over the slices it points at, as a picture that a radiologist reads without a legend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.explain.display import LETTERS, cut, find_peak, show, turn, windows

if TYPE_CHECKING:
    from itemclip_med.explain.heatmap import Heatmap

_SHOWN_FROM = 0.35  # of the peak; below, the slice stays as it is
_DPI = 110


def draw_overlay(
    array: np.ndarray, heatmap: Heatmap, path: Path, *, study_id: str, window: tuple[float, float] | None = None
) -> None:
    """Draw the axial, coronal and sagittal slice through the peak, with and without the heatmap.

    Args:
        array: (X, Y, Z), stored values.
        heatmap: on the same voxels.
        path: the PNG file.
        study_id: shown in the title.
        window: lowest and highest value shown; by default brain or lung window for CT, percentiles for MR.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = show(array, heatmap.series)
    array, values, spacing = shown.array, turn(heatmap.values, heatmap.series), shown.spacing_mm
    low, high = window or next(iter(windows(shown).values()))
    peak = find_peak(values, array, shown.modality)
    strength = values / max(float(values.max()), 1e-9)
    figure = Figure(figsize=(11.5, 7.6), facecolor="black")
    FigureCanvasAgg(figure)
    planes = (("axial", 2, (0, 1)), ("coronal", 1, (0, 2)), ("sagittal", 0, (1, 2)))
    for column, (name, axis, (across, up)) in enumerate(planes):
        plane, heat = cut(array, axis, peak[axis]), cut(strength, axis, peak[axis])
        for row in range(2):
            axes = figure.add_axes((0.005 + column * 0.332, 0.02 + (1 - row) * 0.455, 0.325, 0.445))
            extent = (0, plane.shape[0] * spacing[across], 0, plane.shape[1] * spacing[up])
            axes.imshow(
                plane.T, cmap="gray", vmin=low, vmax=high, origin="lower", extent=extent, interpolation="bilinear"
            )
            if row == 1:
                alpha = np.clip((heat.T - _SHOWN_FROM) / (1 - _SHOWN_FROM), 0, 1) * 0.6
                axes.imshow(heat.T, cmap="inferno", vmin=0, vmax=1, alpha=alpha, origin="lower", extent=extent)
            _label(axes, name, axis, peak, spacing, array.shape[1])
    items = heatmap.item if len(heatmap.item) <= 70 else f"{heatmap.item[:67]}…"
    title = f"“{items}”   score {heatmap.score:.3f}   study {study_id[:16]}"
    figure.text(0.5, 0.962, title, color="white", ha="center", fontsize=12)
    figure.text(
        0.5, 0.932,
        f"{_what(heatmap)} · {heatmap.empty_share:.0%} not seen here · research only, not for diagnosis",
        color="0.65", ha="center", fontsize=8.5,
    )  # fmt: skip
    figure.savefig(path, dpi=_DPI, facecolor="black")


def _what(heatmap: Heatmap) -> str:
    names = {
        "attention": "attention",
        "gradient": "gradient × attention",
        "saliency": "saliency",
        "occlusion": "loss of score by occlusion",
    }
    if heatmap.is_empty:
        return f"{names[heatmap.method]}: nothing to show"
    return f"{names[heatmap.method]} up to {heatmap.values.max():.0f} times an even spread"


def _label(axes: Any, name: str, axis: int, peak: tuple[int, int, int], spacing: np.ndarray, depth: int) -> None:
    """Letters, name and cross of a plane; ``depth`` is the number of voxels from back to front."""
    axes.set_axis_off()
    left, right = LETTERS[axis][0], LETTERS[axis][1]
    style = {"color": "0.8", "fontsize": 11, "transform": axes.transAxes, "va": "center"}
    axes.text(0.02, 0.5, left, ha="left", **style)
    axes.text(0.98, 0.5, right, ha="right", **style)
    axes.text(0.02, 0.96, f"{name}, slice {peak[axis] + 1}", ha="left", **(style | {"fontsize": 9}))
    across, up = {2: (0, 1), 1: (0, 2), 0: (1, 2)}[axis]
    column = depth - 1 - peak[across] if axis == 0 else peak[across]
    for draw, index, size in ((axes.axvline, column, spacing[across]), (axes.axhline, peak[up], spacing[up])):
        draw((index + 0.5) * size, color="deepskyblue", linewidth=0.4, alpha=0.5)
