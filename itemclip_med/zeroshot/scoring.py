"""From scores and labels to ``metrics.json``: who is compared, who is left out and why, and the numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.errors import LabelsError
from itemclip_med.labels import Labels
from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.tables import Scores, StudyRow, read_scores, read_studies, write_labels
from itemclip_med.zeroshot.protocol import Task

NO_LABELS = "no labels"
NOT_SCORED = "labels, but no scores"
EXCLUDED = "excluded by the protocol"
_THRESHOLD_METRICS = ("threshold", "sensitivity", "specificity", "balanced_accuracy")


def score_files(
    task: Task,
    scores_path: Path | str,
    labels_path: Path | str,
    out_dir: Path | str,
    *,
    studies_path: Path | str | None = None,
    num_bootstraps: int = metrics.NUM_BOOTSTRAPS,
    num_permutations: int = metrics.NUM_PERMUTATIONS,
    seed: int = 0,
) -> dict[str, Any]:
    """Evaluate a table of scores against a label file.

    Order of rows and columns and spelling of ids do not matter. Studies that only one of the files has are listed and
    counted, never scored.

    Args:
        task: findings and protocol.
        scores_path: ``scores.csv``.
        labels_path: the official label file, or a ``labels.csv`` of an earlier evaluation.
        out_dir: where ``metrics.json`` and the ``labels.csv`` that was used are written; made if needed.
        studies_path: ``studies.csv``, for the patients that the intervals are drawn over.
        num_bootstraps: draws of the intervals.
        num_permutations: permutations of the labels.
        seed: of both.

    Returns:
        What ``metrics.json`` holds.

    Raises:
        FormatError: if a file is not in its format.
        TaskError: if scores are not finite, or a study stands there twice.
        LabelsError: if no study has both scores and labels.
    """
    scores = read_scores(scores_path, task)
    labels = task.read_labels(labels_path)
    studies = read_studies(studies_path, task) if studies_path else {}
    check_match(scores, labels, names=(Path(scores_path).name, Path(labels_path).name))
    result = evaluate(
        task, scores, labels, studies, num_bootstraps=num_bootstraps, num_permutations=num_permutations, seed=seed
    )
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    used = {study_id: row for study_id, row in labels.items() if study_id in scores}
    write_labels(out_dir / "labels.csv", task.names, used)
    write_metrics(out_dir / "metrics.json", result)
    return result


def check_match(ids: Mapping[str, Any], labels: Labels, *, names: tuple[str, str]) -> None:
    """Refuse labels of other studies than those scored.

    Raises:
        LabelsError: if the two have no study in common; shows one id of each.
    """
    if ids.keys() & labels.keys():
        return
    first, second = (next(iter(sorted(each)), "none") for each in (ids, labels))
    raise LabelsError(
        f"No study of {names[0]} ({len(ids)}, such as {first}) has labels in {names[1]} ({len(labels)}, such as "
        f"{second}): are they of the same data set? Public data sets keep their ids only with their own recipe."
    )


@dataclass
class Exclusions:
    """Who is left out and why: reason to study ids."""

    studies: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, study_ids: Sequence[str]) -> None:
        """Count studies under a reason."""
        if study_ids:
            self.studies.setdefault(reason, []).extend(sorted(study_ids))


def evaluate(
    task: Task,
    scores: Scores,
    labels: Labels,
    studies: Mapping[str, StudyRow],
    *,
    exclusions: Exclusions | None = None,
    num_bootstraps: int = metrics.NUM_BOOTSTRAPS,
    num_permutations: int = metrics.NUM_PERMUTATIONS,
    seed: int = 0,
) -> dict[str, Any]:
    """The numbers of a task, as they are written to ``metrics.json``.

    Args:
        task: findings and protocol.
        scores: by study and finding.
        labels: by study and finding.
        studies: patients, where known; a study without one is its own patient.
        exclusions: studies left out earlier.
        num_bootstraps: draws of the intervals.
        num_permutations: permutations of the labels.
        seed: of both.

    Returns:
        ``{task, protocol, num_studies, excluded, findings, mean, multiclass, …}``.
    """
    exclusions = exclusions or Exclusions()
    by_protocol = task.exclude.keys() & (scores.keys() | labels.keys())
    exclusions.add(EXCLUDED, list(by_protocol))
    exclusions.add(NO_LABELS, list(scores.keys() - labels.keys() - by_protocol))
    already = {study_id for ids in exclusions.studies.values() for study_id in ids}
    exclusions.add(NOT_SCORED, list(labels.keys() - scores.keys() - by_protocol - already))
    study_ids = sorted((scores.keys() & labels.keys()) - by_protocol)

    values = np.array([[scores[s][name] for name in task.names] for s in study_ids]).reshape(-1, len(task.names))
    truth = np.array(
        [[np.nan if labels[s][name] is None else labels[s][name] for name in task.names] for s in study_ids],
        dtype=np.float64,
    ).reshape(-1, len(task.names))
    patients = [_patient(studies.get(s), s) for s in study_ids]
    intervals, mean_interval = metrics.bootstrap_auc_ci(values, truth, patients, num=num_bootstraps, seed=seed)
    findings = {
        name: _finding_numbers(values[:, column], truth[:, column], intervals[column])
        for column, name in enumerate(task.names)
    }
    undefined = [name for name, numbers in findings.items() if numbers["auc"] is None]
    permutation = metrics.permutation_test(values, truth, num=num_permutations, seed=seed) if num_permutations else None
    return {
        "task": task.name,
        "protocol": task.protocol,
        "num_studies": len(study_ids),
        "num_patients": len(set(patients)),
        "excluded": {reason: len(ids) for reason, ids in exclusions.studies.items()},
        "excluded_studies": exclusions.studies,
        "findings": findings,
        "mean": {
            "auc": metrics.mean_auc(values, truth),
            "auc_ci": mean_interval.bounds,
            **({"auc_ci_reason": mean_interval.reason} if mean_interval.reason else {}),
            "num_findings": len(findings) - len(undefined),
            "undefined": undefined,
        },
        "permutation": None if permutation is None else _permutation_numbers(permutation),
        "multiclass": {},
        "bootstrap": {"num": num_bootstraps, "seed": seed, "unit": "patient"},
        "notes": list(task.notes),
    }


def _patient(row: StudyRow | None, study_id: str) -> str:
    """The patient, or the study where none is known; the prefixes keep the two from colliding."""
    return f"patient {row.patient_id}" if row is not None and row.patient_id else f"study {study_id}"


def _finding_numbers(scores: np.ndarray, labels: np.ndarray, interval: metrics.Interval) -> dict[str, Any]:
    num_positive, num_negative = int((labels == 1).sum()), int((labels == 0).sum())
    numbers: dict[str, Any] = {
        "num_positive": num_positive,
        "num_negative": num_negative,
        "num_unknown": int(np.isnan(labels).sum()),
        "auc": metrics.auc(scores, labels),
        "auc_ci": interval.bounds,
    }
    if numbers["auc"] is None:
        numbers["auc_ci"] = None
        missing = "positive or negative" if not num_positive + num_negative else "positive"
        numbers["reason"] = f"no {missing if not num_positive else 'negative'} study: an AUC needs both"
    elif interval.reason:
        numbers["auc_ci_reason"] = interval.reason
    # A threshold chosen on the evaluated studies would flatter; these are filled from a separate split only.
    return numbers | dict.fromkeys(_THRESHOLD_METRICS)


def _permutation_numbers(test: metrics.PermutationTest) -> dict[str, Any]:
    return {
        "num": test.num,
        "mean_auc": test.mean,
        "range": [test.low, test.high],
        "observed_outside": test.outside,
        "p_value": test.p_value,
    }


def write_metrics(path: Path, result: Mapping[str, Any]) -> None:
    """Write ``metrics.json``, whole or not at all; no NaN, which JSON does not know."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
