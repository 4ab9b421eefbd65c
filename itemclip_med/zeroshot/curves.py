"""ROC and precision-recall curves, thresholds chosen on them, numbers at a threshold; no loop over thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itemclip_med.errors import TaskError

FloatArray = NDArray[np.float64]
RULES = ("youden", "closest", "sensitivity:0.9")


@dataclass(frozen=True)
class Curve:
    """Counts at every threshold at which a prediction changes; a study is positive from the threshold upward.

    Attributes:
        thresholds: (T,) falling; the first is infinite, nothing is positive there.
        true_positives: (T,) weighted counts.
        false_positives: (T,) the same.
        num_positive: weighted positive studies.
        num_negative: weighted negative studies.
    """

    thresholds: FloatArray
    true_positives: FloatArray
    false_positives: FloatArray
    num_positive: float
    num_negative: float

    @property
    def sensitivity(self) -> FloatArray:
        """(T,) true-positive rates."""
        return self.true_positives / self.num_positive

    @property
    def false_positive_rate(self) -> FloatArray:
        """(T,) 1 - specificity."""
        return self.false_positives / self.num_negative


def known(scores: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Scores and labels of the studies whose label is known.

    Raises:
        TaskError: if they do not fit together, a score is not finite, or a label is neither 0, 1 nor NaN.
    """
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise TaskError(f"Scores {scores.shape} and labels {labels.shape}: expected one label per score.")
    if not np.isfinite(scores).all() or not (np.isnan(labels) | (labels == 0) | (labels == 1)).all():
        raise TaskError("Expected finite scores, and labels that are 0, 1 or unknown.")
    chosen = ~np.isnan(labels)
    return scores[chosen], labels[chosen] == 1


def roc(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> Curve | None:
    """The ROC curve with every distinct score as a threshold.

    Args:
        scores: (B,) finite.
        labels: (B,) 1, 0, or NaN where unknown (left out).
        weights: (B,) how often each study counts; None: once.

    Returns:
        The curve, or None unless both classes occur.

    Raises:
        TaskError: as :func:`known`.
    """
    chosen = ~np.isnan(np.asarray(labels, dtype=np.float64))
    scores, positive = known(scores, labels)
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)[chosen]
    num_positive, num_negative = float(counts[positive].sum()), float(counts[~positive].sum())
    if not num_positive or not num_negative:
        return None
    order = np.argsort(-scores, kind="stable")
    ends = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]  # last of each group of equal scores
    hits = np.cumsum((counts * positive)[order])[ends]
    alarms = np.cumsum((counts * ~positive)[order])[ends]
    thresholds = np.r_[np.inf, scores[order][ends]]
    return Curve(thresholds, np.r_[0.0, hits], np.r_[0.0, alarms], num_positive, num_negative)


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """Area under the precision-recall curve as a step function (average precision); None unless both classes occur.

    Sources:
        M. Zhu, Recall, precision and average precision, 2004: sum of precision times the gain in recall.
    """
    curve = roc(scores, labels)
    if curve is None:
        return None
    hits, alarms = curve.true_positives[1:], curve.false_positives[1:]
    return float((np.diff(curve.true_positives) * hits / (hits + alarms)).sum() / curve.num_positive)


def choose_threshold(scores: ArrayLike, labels: ArrayLike, rule: str = "youden") -> float | None:
    """A threshold from a split that is not evaluated.

    Args:
        scores: (B,).
        labels: (B,) 1, 0 or NaN.
        rule: "youden" (largest sensitivity + specificity), "closest" (to the corner of a perfect test), or
            "sensitivity:0.9" (the largest threshold that reaches it).

    Returns:
        One of the scores, a study being positive from it upward; the largest where several serve. None unless both
        classes occur.

    Raises:
        TaskError: if there is no such rule, or as :func:`known`.

    Sources:
        W. J. Youden, Cancer 1950; N. J. Perkins and E. F. Schisterman, Am. J. Epidemiol. 2006 (closest corner).
    """
    target = check_rule(rule)
    curve = roc(scores, labels)
    if curve is None:
        return None
    sensitivity, alarms = curve.sensitivity[1:], curve.false_positive_rate[1:]
    if rule == "youden":
        best = int(np.argmax(sensitivity - alarms))
    elif rule == "closest":
        best = int(np.argmin((1 - sensitivity) ** 2 + alarms**2))
    else:
        best = int(np.argmax(sensitivity >= target - 1e-12))
    return float(curve.thresholds[1 + best])


def check_rule(rule: str) -> float:
    """The sensitivity that a rule asks for; 0 for the others.

    Raises:
        TaskError: if there is no such rule.
    """
    if rule in ("youden", "closest"):
        return 0.0
    name, _, value = rule.partition(":")
    try:
        target = float(value)
    except ValueError:
        target = np.nan
    if name != "sensitivity" or not 0 < target <= 1:
        raise TaskError(f"No threshold rule {rule!r}: expected youden, closest, or sensitivity:0.9.")
    return target


def numbers_at(scores: ArrayLike, labels: ArrayLike, threshold: float) -> dict[str, float | None]:
    """Sensitivity and what else follows from one threshold; a study is positive from it upward.

    Returns:
        ``sensitivity, specificity, balanced_accuracy, f1, precision, accuracy``; None where a number is not defined
        (no positive study, no positive prediction).

    Raises:
        TaskError: as :func:`known`.
    """
    scores, positive = known(scores, labels)
    predicted = scores >= threshold
    hits, alarms = int((predicted & positive).sum()), int((predicted & ~positive).sum())
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    sensitivity = hits / num_positive if num_positive else None
    specificity = 1 - alarms / num_negative if num_negative else None
    both = sensitivity is not None and specificity is not None
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "balanced_accuracy": (sensitivity + specificity) / 2 if both else None,  # type: ignore[operator]
        "f1": 2 * hits / (hits + alarms + num_positive) if num_positive else None,
        "precision": hits / (hits + alarms) if hits + alarms else None,
        "accuracy": (hits + num_negative - alarms) / len(scores) if len(scores) else None,
    }


def numbers_on_grid(scores: ArrayLike, labels: ArrayLike, thresholds: ArrayLike) -> NDArray[np.int64]:
    """The four counts at each of many thresholds, from sorted scores; a study is positive above the threshold.

    Args:
        scores: (B,).
        labels: (B,) 1, 0 or NaN.
        thresholds: (T,) in any order.

    Returns:
        (T, 4): true negatives, false positives, false negatives, true positives, as a confusion matrix lists them.

    Raises:
        TaskError: as :func:`known`.
    """
    scores, positive = known(scores, labels)
    thresholds = np.asarray(thresholds, dtype=np.float64)
    yes, no = np.sort(scores[positive]), np.sort(scores[~positive])
    hits = len(yes) - np.searchsorted(yes, thresholds, side="right")
    alarms = len(no) - np.searchsorted(no, thresholds, side="right")
    return np.stack([len(no) - alarms, alarms, len(yes) - hits, hits], axis=1)
