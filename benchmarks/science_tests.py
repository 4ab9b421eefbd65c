"""What ``science.py`` asks of a trained model: scores, whole studies, places; and of the same model shuffled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.science_data import PhantomStore

TASK = "cq500-10"
PLACED = ("IPH", "IVH", "SDH", "EDH", "SAH", "MassEffect", "MidlineShift")
"""Findings that lie somewhere: those of a study are what completeness asks for."""

Rows = Mapping[str, Mapping[str, float]]


def task_of_phantoms() -> Any:
    """The zero-shot task, without what the real data set leaves out."""
    from itemclip_med.zeroshot import load_task

    return replace(load_task(TASK), exclude={}, expected=None)


def score_test(data: PhantomStore, model: Path, out_dir: Path) -> dict[str, Any]:
    """Zero-shot numbers of a model on a test set, and the mean AUC of the same model with shuffled weights.

    Args:
        data: the test set.
        model: folder of the model.
        out_dir: gets the tables of scores.

    Returns:
        ``num_studies``, ``mean_auc`` with ``mean_auc_ci``, ``auc`` by finding, ``control_mean_auc``, and completeness
        as :func:`completeness` has it, with the plain mean of the lowest cosines beside it.
    """
    from itemclip_med.explain.sanity import randomize
    from itemclip_med.models import ItemizedCLIP
    from itemclip_med.store import Store
    from itemclip_med.zeroshot import run_task
    from itemclip_med.zeroshot.tables import read_scores

    task = task_of_phantoms()
    settings = {"batch_size": 32, "num_permutations": 0, "show_progress": False}
    found = run_task(data.store, task, model, out_dir, **settings)
    shuffled = randomize(ItemizedCLIP.from_pretrained(model), "all", 0)
    control = run_task(data.store, task, shuffled, out_dir / "control", **settings)
    labels = {study.study_id: study.labels for study in Store(data.store).studies}
    share, cosine = completeness(read_scores(out_dir / "scores.csv", task), labels)
    return {
        "num_studies": found["num_studies"],
        "mean_auc": found["mean"]["auc"],
        "mean_auc_ci": list(found["mean"]["auc_ci"]),
        "mean_auprc": found["mean"]["auprc"],
        "auc": {name: numbers["auc"] for name, numbers in found["findings"].items()},
        "control_mean_auc": control["mean"]["auc"],
        "completeness": share,
        "lowest_cosine": cosine,
    }


def completeness(scores: Rows, labels: Mapping[str, Mapping[str, int | None]]) -> tuple[float, float]:
    """How well the worst-scored finding of a study is still seen.

    Cosines of differently trained models have different scales, so a finding's score in a study is expressed as the
    share of the studies without that finding that score lower (ties count half).

    Args:
        scores: study to finding to cosine.
        labels: study to finding to 0 or 1.

    Returns:
        Mean over studies of the lowest share among their findings of :data:`PLACED` (0.5 is chance for a study of one
        finding), and of the lowest cosine.
    """
    without = {
        name: np.array([row[name] for study, row in scores.items() if labels[study].get(name) == 0]) for name in PLACED
    }
    shares, cosines = [], []
    for study, row in scores.items():
        present = [name for name in PLACED if labels[study].get(name) == 1 and len(without[name])]
        if present:
            shares.append(min(share_below(row[name], without[name]) for name in present))
            cosines.append(min(row[name] for name in present))
    return float(np.mean(shares)), float(np.mean(cosines))


def share_below(value: float, others: np.ndarray) -> float:
    """Share of ``others`` below a value, ties half."""
    return float((others < value).mean() + (others == value).mean() / 2)


def measure_maps(data: PhantomStore, model: Path, num: int) -> dict[str, Any] | None:
    """Hits, AUPRC and separation of attention maps beside one model of shuffled weights.

    Returns:
        None for a model without a trained pool, which has no such maps.
    """
    from itemclip_med.explain.evaluate import evaluate_maps
    from itemclip_med.models import ItemizedCLIP

    loaded = ItemizedCLIP.from_pretrained(model)
    if loaded.config.scoring == "global":
        return None
    found = evaluate_maps(data.store, data.truth, loaded, task_of_phantoms().findings, max_studies=num, num_controls=1)
    return {
        "num_studies": found["num_studies"],
        "separation": found["separation"],
        "findings": found["findings"],
        "mean": {kind: _means(found["findings"], kind) for kind in ("model", "control")},
    }


def _means(findings: Mapping[str, Any], kind: str) -> dict[str, float]:
    """Means over findings, each counting the same."""
    names = ("hit", "hit_by_chance", "auprc", "prevalence")
    return {name: float(np.mean([row[kind][name] for row in findings.values()])) for name in names}
