"""One file to explore a study's heatmaps in any browser: nothing is fetched, nothing leaves the page."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.explain.display import Shown, find_peak, show, turn, windows
from itemclip_med.explain.heatmap import Heatmap
from itemclip_med.records import Series, Study

if TYPE_CHECKING:
    from itemclip_med.explain.output import Extras
    from itemclip_med.explain.sanity import Sanity

_MAX_BYTES = 10 * 2**20  # of all compressed volumes; a third more as base64
_STEPS = (1, 2, 4, 8)  # HU or MR units per stored level, tried in turn before voxels are put together
_SHOWN_HU = (-1024, 3071)
_COLORS = (("Inferno", "inferno"), ("Viridis", "viridis"), ("Cividis", "cividis"))  # even to color-blind eyes
_METHODS = {
    "attention": "Attention",
    "gradient": "Gradient × attention",
    "saliency": "Saliency",
    "occlusion": "Occlusion",
}
_ID_DIGITS = 16


def write_page(
    path: Path,
    study: Study,
    arrays: Mapping[Series, np.ndarray],
    maps: Sequence[Heatmap],
    *,
    extras: Extras,
    checks: Mapping[str, Sanity],
) -> Path:
    """Write the page.

    Args:
        path: the HTML file.
        study: whose id (public or hashed) is shown.
        arrays: stored series to its array (X, Y, Z).
        maps: heatmaps of these series, of one or more methods.
        extras: model, warnings and words to show.
        checks: item to what was measured of its map.

    Returns:
        ``path``.
    """
    shown = {series: show(array, series) for series, array in arrays.items()}
    values = page_data(study, shown, maps, extras=extras, checks=checks)
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # What stands in a script element may not look like its end.
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    folder = files("itemclip_med.explain") / "viewer"
    page = (folder / "page.html").read_text(encoding="utf-8")
    for mark, name in (("/*STYLE*/", "page.css"), ("/*VOLUME*/", "volume.js"), ("/*SCRIPT*/", "page.js")):
        page = page.replace(mark, (folder / name).read_text(encoding="utf-8"))
    before, after = page.split("/*DATA*/")
    part = path.with_name(f".{path.name}.part")
    part.write_text(before + text + after, encoding="utf-8")
    part.replace(path)
    return path


def page_data(
    study: Study,
    shown: Mapping[Series, Shown],
    maps: Sequence[Heatmap],
    *,
    extras: Extras,
    checks: Mapping[str, Sanity],
) -> dict[str, Any]:
    """What the page's script reads: volumes, findings and their maps; no identifier but the study's stored id."""
    order = list(shown)
    share = _MAX_BYTES // len(order)
    volumes, displayed = [], {}
    for series in order:
        entry, displayed[series] = _volume(shown[series], series, share)
        volumes.append(entry)
    return {
        "study": study.study_id[:_ID_DIGITS],
        "model": f"Model: {extras.model_name}" if extras.model_name else "",
        "warnings": list(extras.warnings),
        "checked": _METHODS[extras.methods[0]],
        "colors": [{"name": name, "rgb": _text(_palette(code))} for name, code in _COLORS],
        "volumes": volumes,
        "items": [
            {
                "name": item,
                "texts": list(extras.words.get(item, (item,))),
                "score": round(entries[0].score, 5),
                "empty": round(entries[0].empty_share, 4),
                "checks": checks[item].rows() if item in checks else [],
                "maps": [
                    part
                    for entry in entries
                    for part in _maps(entry, order.index(entry.series), shown[entry.series], displayed[entry.series])
                ],
            }
            for item, entries in _by_item(maps).items()
        ],
    }


def _by_item(maps: Sequence[Heatmap]) -> dict[str, list[Heatmap]]:
    found: dict[str, list[Heatmap]] = {}
    for heatmap in maps:
        found.setdefault(heatmap.item, []).append(heatmap)
    return found


def _maps(heatmap: Heatmap, number: int, shown: Shown, affine: np.ndarray) -> list[dict[str, Any]]:
    """A map and those of its heads, on patches, with the way from the page's voxels to them."""
    matrix = np.linalg.inv(heatmap.patches_affine) @ affine
    parts = [(_METHODS[heatmap.method], heatmap.patches)]
    if heatmap.heads is not None:
        parts += [(f"Attention, head {index}", head) for index, head in enumerate(heatmap.heads, start=1)]
    peak = None
    if not heatmap.is_empty:
        voxel = find_peak(turn(heatmap.values, heatmap.series), shown.array, shown.modality)
        peak = np.linalg.inv(affine) @ shown.affine @ [*voxel, 1]
    return [
        {
            "series": number,
            "method": name,
            "shape": list(values.shape),
            "matrix": np.round(matrix[:3], 8).ravel().tolist(),
            "values": _text(np.ascontiguousarray(values, dtype="<f4").tobytes()),
            "max": round(float(values.max()), 4),
            "peak": None if peak is None else [round(index) for index in peak[:3]],
        }
        for name, values in parts
    ]


def _volume(shown: Shown, series: Series, max_bytes: int) -> tuple[dict[str, Any], np.ndarray]:
    """A volume as the page holds it, and the affine of its voxels there: as fine as its share of the page allows."""
    array, affine = shown.array, shown.affine
    presets = windows(shown)
    low, high = _SHOWN_HU if shown.modality == "CT" else (float(array.min()), float(array.max()))
    factor = np.array([1, 1, 1])
    while True:
        part, place = _coarser(array, affine, factor)
        smallest = max(1.0, (high - low) / 65535)
        for step in (smallest * size for size in _STEPS):
            packed = _pack(part, low, high, step)
            if len(packed) <= max_bytes:
                break
        else:
            spacing = shown.spacing_mm * factor
            factor = factor + (spacing <= spacing.min() * 1.5)
            continue
        entry = {
            "name": series.name or f"Series {series.path}",
            "modality": shown.modality,
            "shape": list(part.shape),
            "spacing": np.round(np.linalg.norm(place[:3, :3], axis=0), 5).tolist(),
            "affine": np.round(place, 6)[:3].ravel().tolist(),
            "low": low,
            "step": step,
            "data": _text(packed),
            "windows": [{"name": name, "low": bounds[0], "high": bounds[1]} for name, bounds in presets.items()],
        }
        return entry, place


def _coarser(array: np.ndarray, affine: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voxels averaged together along each axis, and the affine of what they become."""
    if (factor == 1).all():
        return array, affine
    size = [length // step for length, step in zip(array.shape, factor, strict=True)]
    cut = array[tuple(slice(length * step) for length, step in zip(size, factor, strict=True))].astype(np.float32)
    for axis, (length, step) in enumerate(zip(size, factor, strict=True)):
        cut = cut.reshape(*cut.shape[:axis], length, step, *cut.shape[axis + 1 :]).mean(axis=axis + 1)
    scale = np.diag([*factor.astype(float), 1.0])
    scale[:3, 3] = (factor - 1) / 2
    return cut, affine @ scale


def _pack(array: np.ndarray, low: float, high: float, step: float) -> bytes:
    """Levels as differences along x, low bytes before high bytes: gzip makes less of them."""
    levels = np.rint((np.clip(array, low, high) - low) / step).astype(np.uint16)
    flat = levels.transpose(2, 1, 0)  # x fastest
    steps = np.diff(flat, axis=2, prepend=np.uint16(0))
    return gzip.compress((steps & 255).astype(np.uint8).tobytes() + (steps >> 8).astype(np.uint8).tobytes(), 6, mtime=0)


def _palette(name: str) -> bytes:
    import matplotlib

    return (matplotlib.colormaps[name](np.arange(256))[:, :3] * 255).round().astype(np.uint8).tobytes()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
