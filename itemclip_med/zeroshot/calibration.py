"""From scores to probabilities, learned on a separate split, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itemclip_med.errors import TaskError
from itemclip_med.zeroshot.curves import known

NUM_BINS = 10
_MAX_STEPS = 100
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Platt:
    """Probability = 1 / (1 + exp(-(slope * score + intercept)))."""

    slope: float
    intercept: float

    def probabilities(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Of scores (B,), probabilities (B,)."""
        return _sigmoid(self.slope * np.asarray(scores, dtype=np.float64) + self.intercept)


def fit_platt(scores: ArrayLike, labels: ArrayLike) -> Platt | None:
    """Platt scaling: a logistic curve through scores, with targets a little inside 0 and 1, so that it always exists.

    Args:
        scores: (B,) of the separate split.
        labels: (B,) 1, 0 or NaN.

    Returns:
        Slope and intercept, or None unless both classes occur.

    Raises:
        TaskError: as :func:`itemclip_med.zeroshot.curves.known`.

    Sources:
        J. Platt, Probabilistic outputs for support vector machines, 1999 (targets (N+1)/(N+2) and 1/(N+2)).
    """
    scores, positive = known(scores, labels)
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return None
    targets = np.where(positive, (num_positive + 1) / (num_positive + 2), 1 / (num_negative + 2))
    center, scale = scores.mean(), scores.std() or 1.0
    found = _fit_logistic((scores - center) / scale, targets)
    if found is None:
        raise TaskError("Platt scaling found no slope and intercept: are the scores of the separate split sound?")
    slope = found[0] / scale
    return Platt(float(slope), float(found[1] - slope * center))


def calibration_numbers(probabilities: ArrayLike, labels: ArrayLike, num_bins: int = NUM_BINS) -> dict[str, Any]:
    """Brier score, calibration slope and intercept, expected calibration error, and the curve.

    Args:
        probabilities: (B,) of the evaluated studies.
        labels: (B,) 1, 0 or NaN.
        num_bins: of the curve, of equal numbers of studies.

    Returns:
        ``brier``; ``slope`` and ``intercept`` of a logistic regression of the labels on the log odds (1 and 0 are
        perfect; None where classes are separated or missing); ``ece``; ``curve``: ``{predicted, observed, num}`` lists.

    Sources:
        G. W. Brier, 1950; D. R. Cox, Biometrika 1958 (slope and intercept).
    """
    values, positive = known(probabilities, labels)
    if not len(values):
        return {"brier": None, "slope": None, "intercept": None, "ece": None, "curve": None}
    clipped = np.clip(values, 1e-12, 1 - 1e-12)
    fitted = None
    if positive.any() and not positive.all():
        fitted = _fit_logistic(np.log(clipped / (1 - clipped)), positive.astype(np.float64))
    edges = np.percentile(values, np.linspace(0, 100, num_bins + 1)[1:-1])
    bins = np.searchsorted(edges, values)
    used = np.unique(bins)
    predicted = np.array([values[bins == each].mean() for each in used])
    observed = np.array([positive[bins == each].mean() for each in used])
    num = np.array([(bins == each).sum() for each in used])
    return {
        "brier": float(((values - positive) ** 2).mean()),
        "slope": None if fitted is None else float(fitted[0]),
        "intercept": None if fitted is None else float(fitted[1]),
        "ece": float((np.abs(predicted - observed) * num).sum() / num.sum()),
        "curve": {"predicted": predicted.tolist(), "observed": observed.tolist(), "num": num.tolist()},
    }


def _sigmoid(values: NDArray[Any]) -> NDArray[Any]:
    return 0.5 * (1 + np.tanh(0.5 * values))


def _fit_logistic(values: NDArray[Any], targets: NDArray[Any]) -> tuple[float, float] | None:
    """Slope and intercept of greatest likelihood by Newton's method; None where they run off to infinity."""
    design = np.stack([values, np.ones_like(values)], axis=1)
    weights = np.zeros(2)
    loss = _loss(design, targets, weights)
    for _ in range(_MAX_STEPS):
        expected = _sigmoid(design @ weights)
        gradient = design.T @ (targets - expected)
        hessian = (design * (expected * (1 - expected))[:, None]).T @ design
        if np.linalg.cond(hessian) > 1e14:
            # One value only: the slope says nothing, and the intercept alone is fitted.
            if np.ptp(values) == 0 and 0 < targets.mean() < 1:
                return 0.0, float(np.log(targets.mean() / (1 - targets.mean())))
            return None
        step = np.linalg.solve(hessian, gradient)
        shrink = 1.0
        while (after := _loss(design, targets, weights + shrink * step)) > loss and shrink > 1e-8:
            shrink /= 2
        weights = weights + shrink * step
        if np.abs(shrink * step).max() < _TOLERANCE * (1 + np.abs(weights).max()) or loss - after <= 0:
            break
        loss = after
    return None if np.abs(weights).max() > 1e6 or loss < 1e-9 * len(values) else (float(weights[0]), float(weights[1]))


def _loss(design: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any]) -> float:
    logits = design @ weights
    return float((np.logaddexp(0, logits) - targets * logits).sum())
