"""The released evaluations' numbers beside ours: swapped columns, zeros for missing studies, the test set's thresholds.

Only ``--published-quirks`` comes here. The main numbers never do any of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itemclip_med.labels import Labels
from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.matching import Matched, arrays
from itemclip_med.zeroshot.protocol import Task
from itemclip_med.zeroshot.published import PUB_BRAIN_5, binary_numbers, grid_threshold, pub_brain_5_numbers
from itemclip_med.zeroshot.tables import Scores

_MEASURES = ("auc", "accuracy", "f1_weighted", "recall", "precision")


def quirk_numbers(task: Task, matched: Matched, scores: Scores, labels: Labels) -> dict[str, Any]:
    """What the released evaluation would print for these scores.

    Args:
        task: its ``quirks``.
        matched: who is evaluated by us.
        scores: by study and finding, merged as the released evaluation does.
        labels: by study and finding, of the task's set of volumes.

    Returns:
        ``{what: [in words], num_studies, findings: {name: {auc, threshold, accuracy, …}}, mean: {…}, multiclass}``;
        ``accuracy`` is printed there as "acc (balanced)".
    """
    quirks = task.quirks
    study_ids, zeros = list(matched.study_ids), []
    if quirks.missing_as_zero:
        zeros = sorted(labels.keys() - scores.keys() - task.exclude.keys())
        study_ids = sorted([*study_ids, *zeros])
    filled = {**scores, **{study_id: dict.fromkeys(task.names, 0.0) for study_id in zeros}}
    values, truth = arrays(task, study_ids, filled, labels)
    if quirks.swapped:
        one, other = (task.names.index(name) for name in quirks.swapped)
        values[:, [one, other]] = values[:, [other, one]]
    findings = {
        name: _finding(values[:, column], truth[:, column], quirks.threshold_grid)
        for column, name in enumerate(task.names)
    }
    mean = {
        key: float(np.mean(known))
        for key in _MEASURES
        if (known := [numbers[key] for numbers in findings.values() if numbers.get(key) is not None])
    }
    multiclass = _pub_brain_5(task, values, truth) if quirks.softmax_single else {}
    return {
        "what": _in_words(task, zeros),
        "num_studies": len(study_ids),
        "missing_as_zero": zeros,
        "findings": findings,
        "mean": mean,
        "multiclass": multiclass,
    }


def _finding(scores: NDArray[Any], labels: NDArray[Any], grid: int) -> dict[str, Any]:
    known = ~np.isnan(labels)
    scores, labels = scores[known], labels[known]
    numbers: dict[str, Any] = {"num_positive": int(labels.sum()), "auc": metrics.auc(scores, labels)}
    if numbers["auc"] is None or not grid:
        return numbers
    threshold = grid_threshold(scores, labels, grid)
    return numbers | {"threshold": threshold, **vars(binary_numbers(scores > threshold, labels))}


def _pub_brain_5(task: Task, values: NDArray[Any], truth: NDArray[Any]) -> dict[str, Any]:
    columns = [[name.lower() for name in task.names].index(name) for name in PUB_BRAIN_5]
    classes = truth[:, columns].argmax(axis=1)
    if len(np.unique(classes)) < len(PUB_BRAIN_5):
        return {}
    return pub_brain_5_numbers(values[:, columns], classes)


def _in_words(task: Task, zeros: Sequence[str]) -> list[str]:
    quirks, lines = task.quirks, []
    if quirks.swapped:
        lines.append(f"{quirks.swapped[0]} and {quirks.swapped[1]} are scored against each other's labels")
    if quirks.missing_as_zero:
        lines.append(f"{len(zeros)} studies with labels and without scores count with the score 0")
    if quirks.threshold_grid:
        lines.append(
            f"thresholds are chosen on the scored studies ({quirks.threshold_grid} between -1 and 1), and plain "
            "accuracy is called balanced"
        )
    if quirks.merge == "hlip":
        lines.append("two calcification scores become the greater where either exceeds 0.5, else the smaller")
    if quirks.softmax_single:
        lines.append("pairs of classes by a softmax of raw cosines in single precision, where near differences tie")
    return lines
