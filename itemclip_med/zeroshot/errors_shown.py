"""The most confident errors of an evaluation, and a picture of each study where its store is at hand."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.errors import StoreError
from itemclip_med.zeroshot.matching import Matched
from itemclip_med.zeroshot.protocol import Task

if TYPE_CHECKING:
    from itemclip_med.records import Series
    from itemclip_med.store import Store

_PIXELS = 150
# Lowest and highest value shown of CT, by data set; others by their percentiles.
_WINDOWS_HU = {"cq500": (0, 80), "rsna": (0, 80), "ct_rate": (-1350, 150), "rad_chestct": (-1000, 150)}


@dataclass(frozen=True)
class ShownError:
    """A study whose score says the opposite of its label.

    Attributes:
        study_id: which study.
        finding: which finding.
        positive: what the label says.
        score: what the model says.
        beaten: of a positive study, the share of negative ones that score higher; of a negative one, of positive ones
            that score lower.
    """

    study_id: str
    finding: str
    positive: bool
    score: float
    beaten: float


def confident_errors(task: Task, matched: Matched, per_kind: int = 6) -> list[ShownError]:
    """The positive studies with the lowest and the negative ones with the highest scores, of all findings.

    Args:
        task: findings.
        matched: scores and labels.
        per_kind: errors of each kind.

    Returns:
        Missed findings first, the most confident first; a study is shown once per kind.
    """
    missed, alarms = [], []
    for column, name in enumerate(task.names):
        scores, labels = matched.scores[:, column], matched.labels[:, column]
        yes, no = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
        if not len(yes) or not len(no):
            continue
        for row in np.flatnonzero(labels == 1):
            above = 1 - np.searchsorted(no, scores[row], side="right") / len(no)
            missed.append(ShownError(matched.study_ids[row], name, True, float(scores[row]), float(above)))
        for row in np.flatnonzero(labels == 0):
            below = np.searchsorted(yes, scores[row], side="left") / len(yes)
            alarms.append(ShownError(matched.study_ids[row], name, False, float(scores[row]), float(below)))
    return [*_worst(missed, per_kind), *_worst(alarms, per_kind)]


def _worst(errors: list[ShownError], num: int) -> list[ShownError]:
    chosen: dict[str, ShownError] = {}
    # Between equal shares the finding with the score further out; then by name, so that the page is reproducible.
    ordered = sorted(errors, key=lambda e: (-e.beaten, e.score if e.positive else -e.score, e.study_id, e.finding))
    for error in ordered:
        if error.beaten > 0.5:
            chosen.setdefault(error.study_id, error)
        if len(chosen) == num:
            break
    return list(chosen.values())


def thumbnail(store: Store, study_id: str, task: Task) -> str | None:
    """The middle axial slice of a study's first series as a data URL, None where it cannot be read."""
    by_id = {task.study_id(study.study_id): study for study in store.studies}
    study = by_id.get(study_id)
    if study is None or not study.series:
        return None
    try:
        array = store.read(study.series[0])
    except StoreError:
        return None
    return _as_png(_middle_slice(array, study.series[0]), study.series[0], task)


def _middle_slice(array: np.ndarray, series: Series) -> tuple[np.ndarray, tuple[float, float]]:
    """The middle axial slice, rows from front to back, columns from the patient's right to the left, as on a screen."""
    from nibabel.orientations import apply_orientation, io_orientation

    orientation = io_orientation(np.array(series.affine))
    array = apply_orientation(array, orientation)
    spacing = [0.0, 0.0, 0.0]
    for axis, (target, _) in enumerate(orientation):
        spacing[int(target)] = series.spacing_mm[axis]
    plane = array[:, :, array.shape[2] // 2]  # (X to the right, Y to the front)
    return plane[::-1, ::-1].T, (spacing[1], spacing[0])


def _as_png(shown: tuple[np.ndarray, tuple[float, float]], series: Series, task: Task) -> str:
    from PIL import Image

    plane, (height_mm, width_mm) = shown
    plane = plane.astype(np.float32)
    low, high = np.percentile(plane, [1, 99])
    if series.modality == "CT" and task.id_rule in _WINDOWS_HU:
        low, high = _WINDOWS_HU[task.id_rule]
    gray = np.clip((plane - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.uint8)
    size_mm = (gray.shape[1] * width_mm, gray.shape[0] * height_mm)
    scale = _PIXELS / max(size_mm)
    size = (max(1, round(size_mm[0] * scale)), max(1, round(size_mm[1] * scale)))
    stream = io.BytesIO()
    Image.fromarray(gray).resize(size, Image.Resampling.BILINEAR).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
