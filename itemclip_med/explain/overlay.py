"""A heatmap over the slices it points at, as a picture that a radiologist reads without a legend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from itemclip_med.explain.heatmap import Heatmap

_BRAIN_HU = (0.0, 80.0)
_STRONG = 0.6  # of the peak
_SKIN_HU, _BONE_HU = -500, 300  # pictures are cut between them: the slice through a skull cap shows nothing
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
        window: lowest and highest value shown; brain window for CT, percentiles for MR.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    affine = np.array(heatmap.series.affine)
    array, values, spacing = _to_ras(array, heatmap.values, affine)
    low, high = window or _window(array, heatmap.series.modality)
    peak = _peak(values, array, heatmap.series.modality)
    strength = values / max(float(values.max()), 1e-9)
    figure = Figure(figsize=(11.5, 7.6), facecolor="black")
    FigureCanvasAgg(figure)
    planes = (("axial", 2, (0, 1)), ("coronal", 1, (0, 2)), ("sagittal", 0, (1, 2)))
    for column, (name, axis, (across, up)) in enumerate(planes):
        plane = np.take(array, peak[axis], axis=axis)
        heat = np.take(strength, peak[axis], axis=axis)
        for row in range(2):
            axes = figure.add_axes((0.005 + column * 0.332, 0.02 + (1 - row) * 0.455, 0.325, 0.445))
            extent = (0, plane.shape[0] * spacing[across], 0, plane.shape[1] * spacing[up])
            axes.imshow(
                plane.T, cmap="gray", vmin=low, vmax=high, origin="lower", extent=extent, interpolation="bilinear"
            )
            if row == 1:
                alpha = np.clip((heat.T - _SHOWN_FROM) / (1 - _SHOWN_FROM), 0, 1) * 0.6
                axes.imshow(heat.T, cmap="inferno", vmin=0, vmax=1, alpha=alpha, origin="lower", extent=extent)
            _label(axes, name, axis, peak, spacing)
    items = heatmap.item if len(heatmap.item) <= 70 else f"{heatmap.item[:67]}…"
    title = f"“{items}”   score {heatmap.score:.3f}   study {study_id[:16]}"
    figure.text(0.5, 0.962, title, color="white", ha="center", fontsize=12)
    figure.text(
        0.5, 0.932, f"attention up to {values.max():.0f} times an even spread · research only, not for diagnosis",
        color="0.65", ha="center", fontsize=8.5,
    )  # fmt: skip
    figure.savefig(path, dpi=_DPI, facecolor="black")


def _to_ras(array: np.ndarray, values: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both arrays with axes to the left, anterior and superior (radiological), and the spacing in mm."""
    import nibabel as nib

    change = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(affine), nib.orientations.axcodes2ornt("LAS")
    )
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    order = np.argsort(change[:, 0])
    return (
        nib.orientations.apply_orientation(array, change),
        nib.orientations.apply_orientation(values, change),
        spacing[order],
    )


def _window(array: np.ndarray, modality: str) -> tuple[float, float]:
    if modality == "CT":
        return _BRAIN_HU
    low, high = np.percentile(array, (1, 99.5))
    return float(low), float(high)


def _peak(values: np.ndarray, array: np.ndarray, modality: str) -> tuple[int, int, int]:
    """The slices that show most of the strong part: first the axial one, then the others through it.

    In CT only the body counts, and not its bone. The strongest voxel itself may lie at the edge of a large patch.
    """
    strong = np.where(values >= _STRONG * values.max(), values, 0.0)
    if modality == "CT":
        inside = strong * _soft_parts(array)
        strong = inside if inside.any() else strong
    if strong.max() <= 0:
        return tuple(size // 2 for size in values.shape)
    z = int(strong.sum(axis=(0, 1)).argmax())
    y = int(strong[:, :, z].sum(axis=0).argmax())
    return int(strong[:, y, z].argmax()), y, z


def _soft_parts(array: np.ndarray) -> np.ndarray:
    """What the skin of a CT encloses in its axial slices, lungs too, without bone and what touches it."""
    from scipy.ndimage import binary_dilation, binary_fill_holes

    solid = array > _SKIN_HU
    body = np.stack([binary_fill_holes(solid[..., z]) for z in range(array.shape[2])], axis=2)
    return body & ~binary_dilation(array > _BONE_HU, iterations=2)


def _label(axes: object, name: str, axis: int, peak: tuple[int, int, int], spacing: np.ndarray) -> None:
    axes.set_axis_off()
    left, right = ("R", "L") if axis != 0 else ("P", "A")
    style = {"color": "0.8", "fontsize": 11, "transform": axes.transAxes, "va": "center"}
    axes.text(0.02, 0.5, left, ha="left", **style)
    axes.text(0.98, 0.5, right, ha="right", **style)
    axes.text(0.02, 0.96, f"{name}, slice {peak[axis] + 1}", ha="left", **(style | {"fontsize": 9}))
    across, up = {2: (0, 1), 1: (0, 2), 0: (1, 2)}[axis]
    for draw, index in ((axes.axvline, across), (axes.axhline, up)):
        draw((peak[index] + 0.5) * spacing[index], color="deepskyblue", linewidth=0.4, alpha=0.5)
