"""A study's heatmaps in a notebook: to explore where widgets work, as a picture where they do not."""

from __future__ import annotations

import base64
import html
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.errors import MissingPackageError
from itemclip_med.explain.display import LETTERS, cut, find_peak, show, turn, windows
from itemclip_med.explain.heatmap import Heatmap, find_heatmaps
from itemclip_med.explain.overlay import draw_overlay
from itemclip_med.store import Store

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP

_SHOWN_FROM = 0.35  # of the peak
_SIZE = 420  # pixels of the widget's picture


class StaticView:
    """One picture for each finding; what :func:`view` gives where widgets are missing.

    Attributes:
        pictures: item to its picture (PNG).
        why: why it is no widget.
    """

    def __init__(self, pictures: dict[str, bytes], why: str) -> None:
        self.pictures = pictures
        self.why = why

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self.why)}</p>"]
        for item, png in self.pictures.items():
            parts.append(
                f'<img alt="{html.escape(item)}" style="max-width:100%" '
                f'src="data:image/png;base64,{base64.b64encode(png).decode()}">'
            )
        return "".join(parts)


def view(
    study: Any,
    model: ItemizedCLIP | str | Path,
    items: Sequence[str] = ("intracranial hemorrhage",),
    *,
    store: Store | Path | str | None = None,
    method: str = "attention",
    static: bool = False,
    device: str = "cpu",
) -> Any:
    """Show where a model saw findings in a study; for notebooks.

    Args:
        study: a study's id or :class:`~itemclip_med.records.Study`, with ``store``; or ``(store, study id)``.
        model: a model, its folder or its name.
        items: findings in words.
        store: a store or its folder.
        method: one of ``METHODS``.
        static: a picture even where widgets work.
        device: where the model runs.

    Returns:
        An ipywidgets box with finding, plane, slice, window and opacity; it brings a picture of its first finding for
        viewers that show no widgets; a :class:`StaticView` where ipywidgets is not installed (extra ``notebooks``).

    Raises:
        ValueError: if no store is given.
        StoreError: if the study is not in the store.
        ModelError: if the model cannot be loaded or no item is given.
    """
    if isinstance(study, tuple):
        store, study = study
    if store is None:
        raise ValueError("view needs the store of the study: view(study, model, store=...) or view((store, id), model)")
    store = store if isinstance(store, Store) else Store(store)
    study_id = getattr(study, "study_id", study)
    record, maps = find_heatmaps(store, study_id, model, items, method=method, device=device)
    maps = [heatmap for heatmap in maps if heatmap.series == record.series[0]]
    array = store.read(record.series[0])
    why = "" if not static else "A picture, as asked for."
    if not why:
        try:
            return _widget(array, maps, study_id)
        except MissingPackageError as error:
            why = str(error)
    return StaticView(_pictures(array, maps, study_id), why)


def _pictures(array: np.ndarray, maps: Sequence[Heatmap], study_id: str) -> dict[str, bytes]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for heatmap in maps:
            path = Path(folder) / "one.png"
            draw_overlay(array, heatmap, path, study_id=study_id)
            found[heatmap.item] = path.read_bytes()
    return found


def _widget(array: np.ndarray, maps: Sequence[Heatmap], study_id: str) -> Any:
    try:
        import ipywidgets
    except ImportError as error:
        raise MissingPackageError("ipywidgets", extra="notebooks", purpose="The interactive view") from error

    shown = show(array, maps[0].series)
    presets = windows(shown)
    by_item = {f"{heatmap.item} ({heatmap.score:.3f})": heatmap for heatmap in maps}
    turned = {name: turn(heatmap.values, heatmap.series) for name, heatmap in by_item.items()}
    finding = ipywidgets.Dropdown(options=list(by_item), description="Finding")
    plane = ipywidgets.ToggleButtons(options=["axial", "coronal", "sagittal"], description="Plane")
    index = ipywidgets.IntSlider(min=0, max=shown.array.shape[2] - 1, description="Slice")
    window = ipywidgets.Dropdown(options=list(presets), description="Window")
    opacity = ipywidgets.FloatSlider(value=0.6, min=0, max=1, step=0.05, description="Opacity")
    picture = ipywidgets.Image(format="png")
    note = ipywidgets.HTML()

    def draw(*_: object) -> None:
        axis = {"axial": 2, "coronal": 1, "sagittal": 0}[plane.value]
        heat = turned[finding.value]
        picture.value = _slice_png(
            cut(shown.array, axis, index.value), cut(heat, axis, index.value) / max(float(heat.max()), 1e-9),
            presets[window.value], opacity.value, np.delete(shown.spacing_mm, axis), LETTERS[axis],
        )  # fmt: skip
        unseen = by_item[finding.value].empty_share
        note.value = f"Not seen here: {unseen:.0%} of the attention. Research use only, not for diagnosis."

    def jump(*_: object) -> None:
        axis = {"axial": 2, "coronal": 1, "sagittal": 0}[plane.value]
        index.max = shown.array.shape[axis] - 1
        index.value = find_peak(turned[finding.value], shown.array, shown.modality)[axis]
        draw()

    for control in (finding, plane):
        control.observe(jump, "value")
    for control in (index, window, opacity):
        control.observe(draw, "value")
    jump()
    box = ipywidgets.VBox([finding, plane, index, ipywidgets.HBox([window, opacity]), picture, note])
    shown_as_widget = box._repr_mimebundle_

    def show_as(**options: Any) -> dict[str, Any]:
        still = StaticView(_pictures(array, maps[:1], study_id), "A picture: this viewer shows no widgets.")
        return {**shown_as_widget(**options), "text/html": still._repr_html_()}

    box._repr_mimebundle_ = show_as
    return box


def _slice_png(
    gray: np.ndarray,
    heat: np.ndarray,
    window: tuple[float, float],
    opacity: float,
    spacing_mm: np.ndarray,
    letters: str,
) -> bytes:
    """A slice with its map as PNG: rows from superior or anterior down, columns to the patient's left or back."""
    import io

    import matplotlib
    from PIL import Image, ImageDraw

    low, high = window
    base = np.clip((gray.T[::-1].astype(np.float32) - low) / (high - low), 0, 1)[..., None].repeat(3, axis=2)
    share = heat.T[::-1]
    alpha = opacity * np.clip((share - _SHOWN_FROM) / (1 - _SHOWN_FROM), 0, 1)[..., None]
    mixed = base + alpha * (matplotlib.colormaps["inferno"](np.clip(share, 0, 1))[..., :3] - base)
    width, height = gray.shape[0] * spacing_mm[0], gray.shape[1] * spacing_mm[1]
    scale = _SIZE / max(width, height)
    image = Image.fromarray((mixed * 255).round().astype(np.uint8))
    image = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BILINEAR)
    right, bottom = image.width - 8, image.height - 8
    pen = ImageDraw.Draw(image)
    places = ((8, bottom // 2), (right, bottom // 2), (right // 2, 8), (right // 2, bottom))
    for place, letter in zip(places, letters, strict=True):
        pen.text(place, letter, fill="white", anchor="mm", stroke_width=1, stroke_fill="black")
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()
