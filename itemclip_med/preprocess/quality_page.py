"""The quality control page of a store: one HTML file, nothing to load from elsewhere, no identifiers."""

from __future__ import annotations

import base64
import html
import io
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from itemclip_med.preprocess.quality import HU_EDGES, Quality, SeriesQuality, measure_quality
from itemclip_med.preprocess.summary import Summary
from itemclip_med.store import Store

_STYLE = """
:root { color-scheme: dark; }
body { background: #14171b; color: #dfe3e8; font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1180px;
  padding: 24px; }
h1 { font-size: 23px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 34px 0 8px; }
p { margin: 6px 0; } .quiet { color: #98a2ad; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 18px 0; }
.tile { background: #1f242a; border-radius: 8px; padding: 10px 18px; min-width: 96px; }
.tile b { display: block; font-size: 24px; } .bad b { color: #ff7b72; }
table { border-collapse: collapse; } td, th { padding: 3px 14px 3px 0; text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.charts { display: flex; flex-wrap: wrap; gap: 22px; } figure { margin: 0; } figcaption { color: #98a2ad; }
.study { background: #1b1f24; border-radius: 8px; margin: 10px 0; padding: 10px 14px; }
.study.odd { border-left: 4px solid #f0a63a; } .strip { display: flex; gap: 4px; overflow-x: auto; }
.strip img { background: #000; height: 120px; } code { font-size: 13px; } .remark { color: #f0b35a; margin: 2px 0; }
"""


def write_quality_page(
    store: Store | Path | str, path: Path | str, *, summary: Summary | None = None, max_studies: int = 200
) -> Path:
    """Write the page.

    Args:
        store: a store or its folder.
        path: the HTML file; replaced as a whole.
        summary: of the run that made the store; None shows the store alone.
        max_studies: studies shown at most; the page says how many there are.

    Returns:
        The path.

    Raises:
        StoreError: if it is no store.
    """
    store = store if isinstance(store, Store) else Store(store)
    quality = measure_quality(store, max_studies=max_studies)
    text = render_quality_page(quality, num_studies=len(store), summary=summary)
    path = Path(path)
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return path


def render_quality_page(quality: Quality, *, num_studies: int, summary: Summary | None = None) -> str:
    """The page as HTML.

    Args:
        quality: what was measured.
        num_studies: studies of the store.
        summary: of the run; None leaves its counts and reasons out.
    """
    odd = [entry for entry in quality.series if entry.remarks]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Quality of a store</title><style>{_STYLE}</style>",
        f"<h1>Quality of a store{f': recipe {html.escape(summary.recipe)}' if summary else ''}</h1>",
        "<p class=quiet>Ids are those of the store. Research only, not for diagnosis. Slices of a head can show the "
        "outline of a face: share the page as you would share the images.</p>",
        _tiles(quality, num_studies, summary, len(odd)),
    ]
    if summary is not None:
        parts.append(_reasons(summary))
    if quality.unreadable:
        parts.append("<h2>Cannot be read</h2>" + "".join(f"<p>{html.escape(text)}</p>" for text in quality.unreadable))
    parts.append(_charts(quality))
    shown = f"{quality.num_studies} of {num_studies} studies" if quality.num_studies < num_studies else "all studies"
    parts.append(
        f"<h2>Series, the most unusual first ({shown})</h2><p class=quiet>Axial at 30, 50 and 70 % of the height, "
        "middle coronal, middle sagittal; the patient's right is on the left. A series is unusual where it lies six "
        "robust standard deviations from the median of its kind.</p>"
    )
    parts += [_series(entry) for entry in quality.series]
    return "\n".join(parts) + "\n</html>\n"


def _tiles(quality: Quality, num_studies: int, summary: Summary | None, num_odd: int) -> str:
    tiles = [("studies in the store", num_studies, False)]
    if summary is not None:
        tiles += [
            ("stored by this run", summary.num_stored, False),
            ("known before", summary.num_known, False),
            ("skipped", summary.num_skipped, False),
            ("failed", summary.num_failed, summary.num_failed > 0),
            ("files found", summary.files_found, False),
        ]
    tiles += [("series looked at", len(quality.series), False), ("with remarks", num_odd, num_odd > 0)]
    cells = (f"<div class='tile{' bad' if bad else ''}'><b>{number:,}</b>{title}</div>" for title, number, bad in tiles)
    return f"<div class=tiles>{''.join(cells)}</div>"


def _reasons(summary: Summary) -> str:
    tables: Sequence[tuple[str, Mapping[str, int]]] = (
        ("Studies that failed", summary.failures),
        ("Series left out", summary.series_left_out),
        ("Files skipped", summary.files_skipped),
    )
    parts = []
    for title, counts in tables:
        if not counts:
            continue
        rows = "".join(
            f"<tr><td class=n>{number:,}</td><td>{html.escape(reason)}</td></tr>"
            for reason, number in Counter(counts).most_common()
        )
        parts.append(f"<h2>{title}</h2><table>{rows}</table>")
    return "".join(parts)


def _charts(quality: Quality) -> str:
    if not quality.series:
        return ""
    charts = [
        _histogram("spacing between slices, mm", [entry.series.spacing_mm[2] for entry in quality.series]),
        _histogram("spacing within slices, mm", [entry.series.spacing_mm[0] for entry in quality.series]),
        _histogram("slices", [entry.series.shape[2] for entry in quality.series]),
        _histogram("height, mm", [entry.numbers["extent along z"] for entry in quality.series]),
    ]
    ct = [entry.histogram for entry in quality.series if entry.series.modality == "CT"]
    if ct:
        mean = np.mean(ct, axis=0)
        charts.append(_bars("HU of all voxels (root of the share)", np.sqrt(mean), HU_EDGES))
    return f"<h2>Spread</h2><div class=charts>{''.join(charts)}</div>"


def _histogram(title: str, values: Iterable[float]) -> str:
    values = np.array(list(values), dtype=float)
    low, high = float(values.min()), float(values.max())
    margin = max(0.02 * (high - low), 0.01 * max(abs(high), 1.0))
    counts, edges = np.histogram(values, np.linspace(low - margin, high + margin, 25))
    return _bars(title, counts, edges, label=f"median {np.median(values):.4g}")


def _bars(title: str, heights: np.ndarray, edges: np.ndarray, label: str = "") -> str:
    width, height = 330, 110
    step = width / len(heights)
    top = max(float(heights.max()), 1e-12)
    bars = "".join(
        f"<rect x='{number * step:.1f}' y='{height - height * value / top:.1f}' width='{step * 0.9:.1f}' "
        f"height='{height * value / top:.1f}' fill='#5aa2e0'/>"
        for number, value in enumerate(heights)
        if value > 0
    )
    ends = (
        f"<text x='0' y='{height + 16}' fill='#98a2ad' font-size='12'>{edges[0]:.4g}</text>"
        f"<text x='{width}' y='{height + 16}' fill='#98a2ad' font-size='12' text-anchor='end'>{edges[-1]:.4g}</text>"
        f"<text x='{width / 2}' y='{height + 16}' fill='#98a2ad' font-size='12' text-anchor='middle'>{label}</text>"
    )
    return (
        f"<figure><svg width='{width}' height='{height + 20}' role=img aria-label='{html.escape(title)}'>{bars}{ends}"
        f"</svg><figcaption>{html.escape(title)}</figcaption></figure>"
    )


def _series(entry: SeriesQuality) -> str:
    series = entry.series
    size = " × ".join(str(number) for number in series.shape)
    spacing = " × ".join(f"{value:.4g}" for value in series.spacing_mm)
    images = "".join(f"<img alt='' src='{_data_uri(picture)}'>" for picture in entry.slices)
    remarks = "".join(f"<p class=remark>{html.escape(remark)}</p>" for remark in entry.remarks)
    return (
        f"<div class='study{' odd' if entry.remarks else ''}'><p><code>{html.escape(entry.study_id[:24])}</code> "
        f"series {entry.number} · {html.escape(series.modality)} {html.escape(series.name)} "
        f"<span class=quiet>{size} voxels, {spacing} mm, {series.dtype}</span></p>{remarks}"
        f"<div class=strip>{images}</div></div>"
    )


def _data_uri(picture: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
