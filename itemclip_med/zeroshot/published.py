"""The published evaluation's own numbers, to compare with: prompts, thresholds and classes as they were computed there.

The thresholds are chosen on the evaluated studies themselves, which flatters; our own ``metrics.json`` never does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itemclip_med.errors import TaskError
from itemclip_med.zeroshot import metrics

CT_RATE_GRID = 1000
RAD_CHESTCT_GRID = 4000
PUB_BRAIN_5 = ("normal", "stroke", "glioma", "meningioma", "metastasis")
_TUMORS = slice(2, 5)
_CHEST_WORDING = (
    ("lung nodule", "nodules or nodular density"),
    ("lung opacity", "opacity"),
    ("bronchiectasis", "bronchiectasis or bronchiectatic changes"),
)


@dataclass(frozen=True)
class BinaryNumbers:
    """How predictions agree with labels.

    Attributes:
        accuracy: share of studies predicted right (the published code calls it balanced; it is not).
        balanced_accuracy: mean of the recalls of the classes that occur.
        f1_weighted: F1 of both classes, weighted by how often they occur.
        recall: of the positive studies; 0 where there are none.
        precision: of the positive predictions; 0 where there are none.
    """

    accuracy: float
    balanced_accuracy: float
    f1_weighted: float
    recall: float
    precision: float


def chest_ct_prompt(finding: str) -> str:
    """The published prompt of a CT-RATE finding.

    Sources:
        golden/README.md 7.
    """
    words = finding.lower()
    for name, wording in _CHEST_WORDING:
        words = words.replace(name, wording)
    return f"findings consistent with {words}"


def grid_threshold(scores: ArrayLike, labels: ArrayLike, num: int = CT_RATE_GRID) -> float:
    """The threshold closest to a perfect ROC point, of ``num`` evenly spaced in [-1, 1]; the largest on ties.

    Args:
        scores: (B,) cosines; a study is positive above the threshold.
        labels: (B,), 0 or 1.
        num: thresholds tried.

    Raises:
        TaskError: if scores and labels do not fit together, or one class is missing.

    Sources:
        golden/README.md 7; distance sqrt((1 - TPR)^2 + FPR^2).
    """
    scores, positive = _checked(scores, labels)
    num_positive = int(positive.sum())
    if num_positive in (0, len(positive)):
        raise TaskError("A threshold needs positive and negative studies; one class is missing.")
    thresholds = np.linspace(-1, 1, num)
    # How many scores lie above each threshold, from the sorted scores instead of study by study.
    above = [len(part) - np.searchsorted(np.sort(part), thresholds, side="right") for part in _split(scores, positive)]
    distance = np.sqrt((1 - above[0] / num_positive) ** 2 + (above[1] / (len(positive) - num_positive)) ** 2)
    return float(thresholds[np.flatnonzero(distance == distance.min())[-1]])


def binary_numbers(predictions: ArrayLike, labels: ArrayLike) -> BinaryNumbers:
    """Compare predictions (B,) with labels (B,), both 0 or 1.

    Raises:
        TaskError: if they do not fit together.
    """
    predicted, positive = _checked(predictions, labels)
    predicted = predicted > 0
    true_positive = int((predicted & positive).sum())
    true_negative = int((~predicted & ~positive).sum())
    false_positive, false_negative = int((predicted & ~positive).sum()), int((~predicted & positive).sum())
    total = len(positive)
    f1 = [_ratio(2 * hits, 2 * hits + false_positive + false_negative) for hits in (true_positive, true_negative)]
    num_positive, num_negative = true_positive + false_negative, true_negative + false_positive
    recalls = [hits / num for hits, num in ((true_positive, num_positive), (true_negative, num_negative)) if num]
    return BinaryNumbers(
        accuracy=_ratio(true_positive + true_negative, total),
        balanced_accuracy=float(np.mean(recalls)) if recalls else 0.0,
        f1_weighted=_ratio(num_positive * f1[0] + num_negative * f1[1], total),
        recall=_ratio(true_positive, num_positive),
        precision=_ratio(true_positive, true_positive + false_positive),
    )


def balanced_accuracy(predictions: Sequence[int] | NDArray[Any], classes: Sequence[int] | NDArray[Any]) -> float:
    """Mean over the classes that occur of the share of their studies predicted right; (B,) each."""
    predictions, classes = np.asarray(predictions), np.asarray(classes)
    return float(np.mean([(predictions[classes == each] == each).mean() for each in np.unique(classes)]))


def pub_brain_5_numbers(scores: ArrayLike, classes: ArrayLike) -> dict[str, dict[str, float]]:
    """The published numbers of Pub-Brain-5: each disease against normal, three tumors, five classes.

    Args:
        scores: (B, 5) cosines in the order of :data:`PUB_BRAIN_5`.
        classes: (B,) number of each study's class.

    Returns:
        ``<disease>_detection_2way`` with ``balanced_acc, weighted_f1, recall, precision, macro_auc``;
        ``tumor_classification_3way`` and ``disease_classification_5way`` with ``balanced_acc``.

    Raises:
        TaskError: if scores and classes do not fit together, or a class has no study.

    Sources:
        golden/README.md 7.
    """
    scores, classes = np.asarray(scores, dtype=np.float32), np.asarray(classes)
    num_classes = len(PUB_BRAIN_5)
    if scores.shape != (len(classes), num_classes) or not np.isfinite(scores).all():
        raise TaskError(f"Scores {scores.shape} of {len(classes)} studies: expected {num_classes} finite ones each.")
    absent = [name for number, name in enumerate(PUB_BRAIN_5) if not (classes == number).any()]
    if absent:
        raise TaskError(f"No study of class {', '.join(absent)}: the published numbers need all {num_classes}.")
    result: dict[str, dict[str, float]] = {}
    for number, name in enumerate(PUB_BRAIN_5[1:], start=1):
        chosen = (classes == 0) | (classes == number)
        pair, truth = scores[chosen][:, [0, number]], classes[chosen] == number
        numbers = binary_numbers(pair.argmax(axis=1), truth)
        area = metrics.auc(_second_probability(pair), truth)
        assert area is not None  # both classes occur
        result[f"{name}_detection_2way"] = {
            "balanced_acc": numbers.balanced_accuracy,
            "weighted_f1": numbers.f1_weighted,
            "recall": numbers.recall,
            "precision": numbers.precision,
            "macro_auc": area,
        }
    tumors = np.isin(classes, range(num_classes)[_TUMORS])
    predicted = scores[tumors][:, _TUMORS].argmax(axis=1) + _TUMORS.start
    result["tumor_classification_3way"] = {"balanced_acc": balanced_accuracy(predicted, classes[tumors])}
    result["disease_classification_5way"] = {"balanced_acc": balanced_accuracy(scores.argmax(axis=1), classes)}
    return result


def _second_probability(pair: NDArray[Any]) -> NDArray[Any]:
    """Softmax of (B, 2) raw scores in single precision, as published: pairs of nearly equal differences tie there."""
    import torch

    return torch.from_numpy(pair).softmax(dim=1)[:, 1].numpy()


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scores as float64 and labels as bool, (B,) each."""
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if scores.ndim != 1 or scores.shape != labels.shape or not len(scores):
        raise TaskError(f"Scores {scores.shape} and labels {labels.shape}: expected one label per score.")
    if not np.isfinite(scores).all() or not np.isin(labels, (0, 1)).all():
        raise TaskError("Expected finite scores, and labels that are 0 or 1.")
    return scores, labels == 1


def _split(scores: NDArray[Any], positive: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return scores[positive], scores[~positive]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
