"""The numbers of each finding and their means: areas, intervals, and what a separate split adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.calibration import calibration_numbers, fit_platt
from itemclip_med.zeroshot.curves import average_precision, choose_threshold, numbers_at
from itemclip_med.zeroshot.delong import delong
from itemclip_med.zeroshot.matching import Matched

# A threshold chosen on the evaluated studies would flatter; these are filled from a separate split only.
THRESHOLD_METRICS = ("threshold", "sensitivity", "specificity", "balanced_accuracy", "f1", "precision", "accuracy")
CALIBRATION_METRICS = ("brier", "calibration", "platt")
AVERAGED = ("auprc", "sensitivity", "specificity", "balanced_accuracy", "f1", "precision", "accuracy", "brier")


@dataclass(frozen=True)
class SeparateSplit:
    """Studies that are not evaluated, from which thresholds and probabilities come.

    Attributes:
        scores: (S, F).
        labels: (S, F) 1, 0 or NaN.
        rule: how a threshold is chosen; see :func:`itemclip_med.zeroshot.curves.choose_threshold`.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.float64]
    rule: str = "youden"


def finding_numbers(
    names: tuple[str, ...], matched: Matched, split: SeparateSplit | None, *, num_bootstraps: int, seed: int
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """``findings`` and ``mean`` of ``metrics.json``.

    Args:
        names: F findings.
        matched: scores and labels of the evaluated studies.
        split: the separate split; None leaves its numbers null.
        num_bootstraps: draws of the intervals, over patients.
        seed: of the draws.
    """
    scores, labels = matched.scores, matched.labels
    intervals, mean_interval = metrics.bootstrap_auc_ci(scores, labels, matched.patients, num=num_bootstraps, seed=seed)
    findings = {
        name: _one(scores[:, column], labels[:, column], intervals[column], matched.independent)
        for column, name in enumerate(names)
    }
    if split is not None:
        for column, name in enumerate(names):
            findings[name] |= _from_split(scores[:, column], labels[:, column], split, column)
        _add_intervals(findings, names, matched, num_bootstraps, seed)
    undefined = [name for name, numbers in findings.items() if numbers["auc"] is None]
    mean: dict[str, Any] = {
        "auc": metrics.mean_auc(scores, labels),
        "auc_ci": mean_interval.bounds,
        **({"auc_ci_reason": mean_interval.reason} if mean_interval.reason else {}),
        "num_findings": len(findings) - len(undefined),
        "undefined": undefined,
        "micro_auc": metrics.auc(scores.ravel(), labels.ravel()),
        "micro_auprc": average_precision(scores.ravel(), labels.ravel()),
    }
    for key in AVERAGED:
        values = [numbers[key] for numbers in findings.values() if numbers[key] is not None]
        mean[key] = float(np.mean(values)) if values else None
    return findings, mean


def _one(scores: NDArray[Any], labels: NDArray[Any], interval: metrics.Interval, independent: bool) -> dict[str, Any]:
    num_positive, num_negative = int((labels == 1).sum()), int((labels == 0).sum())
    numbers: dict[str, Any] = {
        "num_positive": num_positive,
        "num_negative": num_negative,
        "num_unknown": int(np.isnan(labels).sum()),
        "auc": metrics.auc(scores, labels),
        "auc_ci": interval.bounds,
        "auc_delong_ci": None,
        "auprc": average_precision(scores, labels),
    }
    if numbers["auc"] is None:
        numbers["auc_ci"] = None
        missing = "positive or negative" if not num_positive + num_negative else "positive"
        numbers["reason"] = f"no {missing if not num_positive else 'negative'} study: an AUC needs both"
    else:
        if interval.reason:
            numbers["auc_ci_reason"] = interval.reason
        exact = delong(scores, labels) if independent else None
        numbers["auc_delong_ci"] = None if exact is None else [exact.low, exact.high]
    return numbers | dict.fromkeys((*THRESHOLD_METRICS, *CALIBRATION_METRICS))


def _from_split(scores: NDArray[Any], labels: NDArray[Any], split: SeparateSplit, column: int) -> dict[str, Any]:
    """What the separate split says of a finding, applied to the evaluated studies."""
    there = split.scores[:, column], split.labels[:, column]
    threshold, platt = choose_threshold(*there, split.rule), fit_platt(*there)
    if threshold is None or platt is None:
        return {"threshold_reason": "the separate split has one class only"}
    calibration = calibration_numbers(platt.probabilities(scores), labels)
    return {
        "threshold": threshold,
        **numbers_at(scores, labels, threshold),
        "brier": calibration.pop("brier"),
        "calibration": calibration,
        "platt": {"slope": platt.slope, "intercept": platt.intercept},
    }


def _add_intervals(
    findings: dict[str, dict[str, Any]], names: tuple[str, ...], matched: Matched, num: int, seed: int
) -> None:
    """Intervals of sensitivity, specificity and balanced accuracy over patients, the threshold being given."""
    thresholds = np.array([np.nan if findings[n]["threshold"] is None else findings[n]["threshold"] for n in names])
    positive, negative = matched.labels == 1, matched.labels == 0
    right = np.where(positive, matched.scores >= thresholds, matched.scores < thresholds)
    parts: dict[str, list[NDArray[Any]]] = {"sensitivity": [], "specificity": []}
    for weights in metrics.draw_patients(len(matched.study_ids), matched.patients, num, seed):
        weights = weights.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            for key, members in (("sensitivity", positive), ("specificity", negative)):
                parts[key].append((weights @ (members & right)) / (weights @ members))
    if not parts["sensitivity"]:
        return
    draws = {key: np.concatenate(blocks) for key, blocks in parts.items()}
    draws["balanced_accuracy"] = (draws["sensitivity"] + draws["specificity"]) / 2
    for column, name in enumerate(names):
        if findings[name]["threshold"] is not None:
            for key, values in draws.items():
                findings[name][f"{key}_ci"] = metrics.percentile_interval(values[:, column]).bounds
