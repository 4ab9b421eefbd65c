"""Two models on the same studies: the difference of their AUCs, and whether chance explains it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itemclip_med.errors import TaskError
from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.delong import delong_difference
from itemclip_med.zeroshot.matching import Exclusions, Matched, check_match, match
from itemclip_med.zeroshot.protocol import Task
from itemclip_med.zeroshot.tables import read_scores, read_studies


def compare_files(
    task: Task,
    first_path: Path | str,
    second_path: Path | str,
    labels_path: Path | str,
    *,
    studies_path: Path | str | None = None,
    num_bootstraps: int = metrics.NUM_BOOTSTRAPS,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare two tables of scores on the studies that both have and that are labelled.

    Returns:
        ``{task, protocol, num_studies, num_patients, excluded, findings, mean}``; per finding and for the mean
        ``first``, ``second``, ``difference``, ``ci`` and ``p_value`` (bootstrap over patients, both models on the same
        draws), per finding also ``delong_p_value`` where no patient has two studies.

    Raises:
        FormatError: if a file is not in its format.
        TaskError: if scores cannot be read, or no study is in both tables.
        LabelsError: if no study has labels.
    """
    tables = [read_scores(path, task) for path in (first_path, second_path)]
    labels = task.read_labels(labels_path)
    studies = read_studies(studies_path, task) if studies_path else {}
    common = tables[0].keys() & tables[1].keys()
    if not common:
        raise TaskError(f"No study is in both {Path(first_path).name} and {Path(second_path).name}.")
    exclusions = Exclusions()
    exclusions.add("scored by one model only", list(tables[0].keys() ^ tables[1].keys()))
    check_match(dict.fromkeys(common), labels, names=("both tables", Path(labels_path).name))
    one, other = (
        match(task, {study_id: table[study_id] for study_id in common}, labels, studies, side)
        for table, side in zip(tables, (exclusions, Exclusions()), strict=True)
    )
    return {
        "task": task.name,
        "protocol": task.protocol,
        "num_studies": len(one.study_ids),
        "num_patients": len(set(one.patients)),
        "excluded": {reason: len(ids) for reason, ids in exclusions.studies.items()},
        "excluded_studies": exclusions.studies,
        **compare(task.names, one, other, num_bootstraps=num_bootstraps, seed=seed),
    }


def compare(
    names: tuple[str, ...], first: Matched, second: Matched, *, num_bootstraps: int, seed: int
) -> dict[str, Any]:
    """``findings`` and ``mean`` of the comparison, first minus second.

    Sources:
        B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 15: percentile interval, and p
        as twice the smaller share of draws on either side of no difference, the observed one counted in.
    """
    labels, patients = first.labels, first.patients
    draws: tuple[list[NDArray[Any]], list[NDArray[Any]]] = ([], [])
    for weights in metrics.draw_patients(len(labels), patients, num_bootstraps, seed):
        for block, side in zip(draws, (first, second), strict=True):
            block.append(metrics.auc_per_finding(side.scores, labels, weights))
    everybody = np.ones((1, len(labels)))
    whole = [metrics.auc_per_finding(side.scores, labels, everybody)[0] for side in (first, second)]
    drawn = [np.concatenate(block) if block else np.empty((0, len(names))) for block in draws]
    gains = drawn[0] - drawn[1]
    defined = ~np.isnan(whole[0])
    findings = {}
    for column, name in enumerate(names):
        findings[name] = _difference(whole[0][column], whole[1][column], gains[:, column])
        exact = (
            delong_difference(first.scores[:, column], second.scores[:, column], labels[:, column])
            if first.independent
            else None
        )
        findings[name]["delong_p_value"] = None if exact is None else exact[2]
    means = [float(values[defined].mean()) if defined.any() else np.nan for values in whole]
    return {"findings": findings, "mean": _difference(means[0], means[1], gains[:, defined].mean(axis=1))}


def _difference(first: float, second: float, gains: NDArray[Any]) -> dict[str, Any]:
    if np.isnan(first):
        return dict.fromkeys(("first", "second", "difference", "ci", "p_value"))
    interval, p_value = metrics.percentile_interval(gains), None
    known = gains[~np.isnan(gains)]
    if interval.bounds is not None:
        sides = [(1 + (known <= 0).sum()) / (1 + len(known)), (1 + (known >= 0).sum()) / (1 + len(known))]
        p_value = float(min(1.0, 2 * min(sides)))
    return {
        "first": float(first),
        "second": float(second),
        "difference": float(first - second),
        "ci": interval.bounds,
        "p_value": p_value,
    }
