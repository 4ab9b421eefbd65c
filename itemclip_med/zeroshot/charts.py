"""Small charts as inline SVG: ROC curve with its band, score histograms, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.curves import roc

_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 210, 34, 34, 10, 10
_NUM_DRAWS = 300
_NUM_BINS = 24
_GRID = np.linspace(0, 1, 51)


def roc_band(
    scores: NDArray[Any], labels: NDArray[Any], patients: Sequence[str], seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Lower and upper sensitivity at 51 false-positive rates from 0 to 1, 95 % over draws of patients.

    Args:
        scores: (B,).
        labels: (B,) 1, 0 or NaN.
        patients: B names.
        seed: of the draws.

    Returns:
        Two arrays (51,), or None where too few draws have both classes.
    """
    known = np.flatnonzero(~np.isnan(labels))
    if not len(known):
        return None
    scores, positive = scores[known], labels[known] == 1
    order = np.argsort(-scores, kind="stable")
    ends = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]
    rows = []
    for weights in metrics.draw_patients(len(known), [patients[int(index)] for index in known], _NUM_DRAWS, seed):
        hits = np.cumsum((weights * positive)[:, order], axis=1)[:, ends]
        alarms = np.cumsum((weights * ~positive)[:, order], axis=1)[:, ends]
        for hit, alarm in zip(hits, alarms, strict=True):
            if hit[-1] and alarm[-1]:
                rows.append(np.interp(_GRID, np.r_[0, alarm / alarm[-1]], np.r_[0, hit / hit[-1]]))
    if len(rows) < _NUM_DRAWS // 3:
        return None
    low, high = np.percentile(rows, [2.5, 97.5], axis=0)
    return low, high


def roc_chart(scores: NDArray[Any], labels: NDArray[Any], patients: Sequence[str]) -> str:
    """The ROC curve of (B,) scores and labels with its 95 % band; a note where it is not defined."""
    curve = roc(scores, labels)
    if curve is None:
        return _frame("ROC", "1 - specificity", "sensitivity", _note("one class only"))
    parts = [_line([0, 1], [0, 1], "diagonal")]
    band = roc_band(scores, labels, patients)
    if band is not None:
        xs, ys = np.r_[_GRID, _GRID[::-1]], np.r_[band[0], band[1][::-1]]
        parts.append(f"<polygon class=band points='{_points(xs, ys)}'/>")
    x, y = curve.false_positive_rate, curve.sensitivity
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), 400)).round().astype(int))
    parts.append(_line(x[keep], y[keep], "curve"))
    return _frame("ROC", "1 - specificity", "sensitivity", "".join(parts))


def histogram_chart(scores: NDArray[Any], labels: NDArray[Any], threshold: float | None) -> str:
    """(B,) scores of studies with and without the finding, each as shares of its own class."""
    known = ~np.isnan(labels)
    if not known.any():
        return _frame("Scores", "score", "", _note("no labels"))
    low, high = float(scores[known].min()), float(scores[known].max())
    span = (high - low) or 1.0
    edges = np.linspace(low, low + span, _NUM_BINS + 1)
    shares = {
        name: np.histogram(scores[labels == value], edges)[0] / max(1, int((labels == value).sum()))
        for name, value in (("without", 0), ("with", 1))
    }
    top = max(share.max() for share in shares.values()) or 1.0
    bars = "".join(
        f"<rect class={name} x='{_x(index / _NUM_BINS):.1f}' y='{_y(share / top):.1f}' "
        f"width='{_plot_width() / _NUM_BINS:.1f}' height='{_y(0) - _y(share / top):.1f}'>"
        f"<title>{name}: {share:.1%} from {edges[index]:.3f} to {edges[index + 1]:.3f}</title></rect>"
        for name, values in shares.items()
        for index, share in enumerate(values)
        if share
    )
    if threshold is not None and low <= threshold <= high:
        place = (threshold - low) / span
        bars += f"<line class=cut x1='{_x(place):.1f}' x2='{_x(place):.1f}' y1='{_y(0):.1f}' y2='{_y(1):.1f}'/>"
    return _frame("Scores", "score", "share", bars, ends=(f"{low:.2f}", f"{high:.2f}"), heights=("0", f"{top:.0%}"))


def calibration_chart(curve: dict[str, list[float]] | None) -> str:
    """Observed share against predicted probability, a dot per tenth of the studies."""
    if not curve:
        return ""
    largest = max([*curve["predicted"], *curve["observed"], 0.05])
    scale = 1.0 if largest > 0.5 else float(np.ceil(largest * 20) / 20)
    dots = "".join(
        f"<circle class=dot cx='{_x(p / scale):.1f}' cy='{_y(o / scale):.1f}' r=3>"
        f"<title>predicted {p:.3f}, observed {o:.3f}, {n} studies</title></circle>"
        for p, o, n in zip(curve["predicted"], curve["observed"], curve["num"], strict=True)
    )
    line = _line([p / scale for p in curve["predicted"]], [o / scale for o in curve["observed"]], "curve thin")
    ends = ("0", f"{scale:.2g}")
    body = _line([0, 1], [0, 1], "diagonal") + line + dots
    return _frame("Calibration", "predicted probability", "observed share", body, ends=ends, heights=ends)


def _frame(
    title: str,
    below: str,
    beside: str,
    body: str,
    *,
    ends: tuple[str, str] = ("0", "1"),
    heights: tuple[str, str] = ("0", "1"),
) -> str:
    left, right, bottom, top = _x(0), _x(1), _y(0), _y(1)
    middle = (bottom + top) / 2
    return (
        f"<svg class=chart viewBox='0 0 {_SIZE} {_SIZE}' width={_SIZE} height={_SIZE} role=img "
        f"aria-label='{escape(title)}'>"
        f"<rect class=plot x='{left}' y='{top}' width='{right - left}' height='{bottom - top}'/>{body}"
        f"<text x='{left}' y='{bottom + 12}'>{escape(ends[0])}</text>"
        f"<text x='{right}' y='{bottom + 12}' text-anchor=end>{escape(ends[1])}</text>"
        f"<text x='{(left + right) / 2}' y='{bottom + 25}' text-anchor=middle>{escape(below)}</text>"
        f"<text x='{left - 4}' y='{bottom}' text-anchor=end>{escape(heights[0])}</text>"
        f"<text x='{left - 4}' y='{top + 8}' text-anchor=end>{escape(heights[1])}</text>"
        f"<text transform='rotate(-90 10 {middle})' x=10 y='{middle}' text-anchor=middle>{escape(beside)}</text></svg>"
    )


def _note(text: str) -> str:
    return f"<text class=note x='{_x(0.5)}' y='{_y(0.5)}' text-anchor=middle>{escape(text)}</text>"


def _line(xs: Sequence[float] | NDArray[Any], ys: Sequence[float] | NDArray[Any], kind: str) -> str:
    return f"<polyline class='{kind}' points='{_points(xs, ys)}'/>"


def _points(xs: Sequence[float] | NDArray[Any], ys: Sequence[float] | NDArray[Any]) -> str:
    return " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in zip(xs, ys, strict=True))


def _plot_width() -> float:
    return _SIZE - _LEFT - _RIGHT


def _x(value: float) -> float:
    return _LEFT + value * _plot_width()


def _y(value: float) -> float:
    return _SIZE - _BOTTOM - value * (_SIZE - _BOTTOM - _TOP)
