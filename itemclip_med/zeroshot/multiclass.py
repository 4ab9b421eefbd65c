"""Tasks in which a study has one of several classes, and the class with the greatest score is the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.matching import Matched
from itemclip_med.zeroshot.protocol import Task


def multiclass_numbers(task: Task, matched: Matched, *, num_bootstraps: int, seed: int) -> dict[str, Any]:
    """The numbers of every multi-class task: ``{name: {num_studies, balanced_accuracy, ci, confusion, …}}``.

    A study belongs to a task if exactly one of its classes is positive and none is unknown. With two classes there is
    the AUC of the difference of their scores, second minus first.

    Args:
        task: its ``multiclass``.
        matched: scores and labels.
        num_bootstraps: draws of the interval of the balanced accuracy, over patients.
        seed: of the draws.
    """
    return {
        name: _numbers([task.names.index(each) for each in classes], classes, matched, num_bootstraps, seed)
        for name, classes in task.multiclass.items()
    }


def _numbers(
    columns: Sequence[int], classes: Sequence[str], matched: Matched, num_bootstraps: int, seed: int
) -> dict[str, Any]:
    labels = matched.labels[:, list(columns)]
    chosen = np.flatnonzero((labels == 1).sum(axis=1) + 10 * np.isnan(labels).sum(axis=1) == 1)
    scores, truth = matched.scores[chosen][:, list(columns)], labels[chosen].argmax(axis=1)
    predicted = scores.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(confusion, (truth, predicted), 1)
    absent = [name for name, num in zip(classes, confusion.sum(axis=1), strict=True) if not num]
    numbers: dict[str, Any] = {
        "classes": list(classes),
        "num_studies": len(chosen),
        "balanced_accuracy": None,
        "ci": None,
        "confusion": confusion.tolist(),
        "recall": {
            name: (float(row[index] / row.sum()) if row.sum() else None)
            for index, (name, row) in enumerate(zip(classes, confusion, strict=True))
        },
    }
    if absent:
        return numbers | {"reason": f"no study of class {', '.join(absent)}"}
    patients = [matched.patients[index] for index in chosen]
    numbers["balanced_accuracy"] = float(np.mean(confusion.diagonal() / confusion.sum(axis=1)))
    numbers["ci"] = _interval(predicted == truth, truth, len(classes), patients, num_bootstraps, seed).bounds
    if len(classes) == 2:
        numbers["auc"] = metrics.auc(scores[:, 1] - scores[:, 0], truth)
    sources = np.array([matched.sources[index] for index in chosen])
    numbers["by_source"] = {
        str(source): {
            "num_studies": int((sources == source).sum()),
            "correct": float((predicted == truth)[sources == source].mean()),
        }
        for source in np.unique(sources)
    }
    return numbers


def _interval(
    correct: NDArray[Any], truth: NDArray[Any], num_classes: int, patients: Sequence[str], num: int, seed: int
) -> metrics.Interval:
    """Of the balanced accuracy, over patients; draws that lack a class are left out."""
    members = np.eye(num_classes)[truth]  # (B, classes)
    draws = []
    for weights in metrics.draw_patients(len(truth), patients, num, seed):
        weights = weights.astype(np.float64)
        sizes = weights @ members
        with np.errstate(invalid="ignore", divide="ignore"):
            draws.append(((weights @ (members * correct[:, None])) / sizes).mean(axis=1))
    return metrics.percentile_interval(np.concatenate(draws) if draws else np.empty(0))
