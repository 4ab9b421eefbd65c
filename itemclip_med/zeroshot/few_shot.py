"""Few labels on kept embeddings: nearest neighbors and a linear probe, beside the zero-shot scores."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from itemclip_med.errors import TaskError
from itemclip_med.store import Store
from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.engine import EngineOptions, encode_studies
from itemclip_med.zeroshot.evaluator import load_model
from itemclip_med.zeroshot.matching import patient_of
from itemclip_med.zeroshot.protocol import Task
from itemclip_med.zeroshot.tables import row_of

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP
    from itemclip_med.zeroshot.plugins import StudyScorer

NUM_NEIGHBORS = 5
_REGULARIZATION = 1.0


def probe_store(
    store: Store | Path | str,
    task: Task,
    model: ItemizedCLIP | StudyScorer | str | Path,
    *,
    shots: Sequence[int] = (4, 16),
    repeats: int = 5,
    seed: int = 0,
    labels_path: Path | str | None = None,
    engine: EngineOptions | None = None,
) -> dict[str, Any]:
    """Learn each finding from a few labelled studies, and test on the studies of all other patients.

    Args:
        store: a store or its folder.
        task: findings.
        model: as :func:`itemclip_med.zeroshot.run_task`.
        shots: positive and as many negative studies to learn from.
        repeats: draws of those studies.
        seed: of the draws.
        labels_path: a label file; None takes the store's labels.
        engine: how studies are encoded.

    Returns:
        ``{shots: {finding: {linear, knn: mean AUC, linear_sd, knn_sd: over draws, num_draws}}}``; None where a finding
        has too few studies.

    Raises:
        TaskError: if a study's encoding has no embedding of the whole study, or nothing is labelled.
    """
    store = store if isinstance(store, Store) else Store(store)
    engine = engine or EngineOptions()
    known = None if labels_path is None else task.read_labels(labels_path)
    ids, rows = [], []
    for members, encoding in encode_studies(store, store.studies, load_model(model, engine.device), engine):
        ids += members
        rows.append(_embedding(encoding, len(members)))
    labels = np.array(
        [
            [
                np.nan if value is None else value
                for name in task.names
                for value in [
                    study.labels.get(name) if known is None else known.get(task.study_id(study.study_id), {}).get(name)
                ]
            ]
            for study in ids
        ],
        dtype=np.float64,
    )
    if not len(ids) or np.isnan(labels).all():
        raise TaskError(f"No study has a label of task {task.name}: give --labels.")
    features = np.concatenate(rows)
    patients = [patient_of(task, row_of(study), study.study_id) for study in ids]
    return {
        str(num): {
            name: probe_finding(features, labels[:, column], patients, shots=num, repeats=repeats, seed=seed)
            for column, name in enumerate(task.names)
        }
        for num in shots
    }


def probe_finding(
    features: NDArray[Any], labels: NDArray[Any], patients: Sequence[str], *, shots: int, repeats: int, seed: int
) -> dict[str, float | int] | None:
    """AUC of a logistic regression and of nearest neighbors learned from few studies, on all other patients.

    Args:
        features: (B, E) unit vectors.
        labels: (B,) 1, 0 or NaN.
        patients: B names; nobody learns from a patient who is tested.
        shots: positive and negative studies each.
        repeats: draws.
        seed: of the draws.

    Returns:
        ``linear``, ``linear_sd``, ``knn``, ``knn_sd``, ``num_draws``; None where no draw leaves both classes to test.
    """
    yes, no = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    if min(len(yes), len(no)) <= shots:
        return None
    random, names = np.random.default_rng(seed), np.asarray(patients)
    found = []
    for _ in range(repeats):
        train = np.concatenate([random.choice(yes, shots, replace=False), random.choice(no, shots, replace=False)])
        test = np.flatnonzero(~np.isnan(labels) & ~np.isin(names, names[train]))
        areas = [
            metrics.auc(method(features[train], labels[train], features[test]), labels[test])
            for method in (_linear, _neighbors)
        ]
        if areas[0] is not None:
            found.append(areas)
    if not found:
        return None
    values = np.array(found)
    return {
        "linear": float(values[:, 0].mean()),
        "linear_sd": float(values[:, 0].std()),
        "knn": float(values[:, 1].mean()),
        "knn_sd": float(values[:, 1].std()),
        "num_draws": len(found),
    }


def _linear(train: NDArray[Any], labels: NDArray[Any], test: NDArray[Any]) -> NDArray[Any]:
    from sklearn.linear_model import LogisticRegression

    center, scale = train.mean(axis=0), train.std() or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few studies often separate; the penalty keeps the answer finite
        model = LogisticRegression(C=_REGULARIZATION, max_iter=1000).fit((train - center) / scale, labels)
    return model.decision_function((test - center) / scale)


def _neighbors(train: NDArray[Any], labels: NDArray[Any], test: NDArray[Any]) -> NDArray[Any]:
    """Mean label of the nearest studies, weighted by their cosine."""
    near = test @ train.T
    order = np.argsort(-near, axis=1, kind="stable")[:, : min(NUM_NEIGHBORS, len(train))]
    weights = np.exp(np.take_along_axis(near, order, axis=1) * 10)
    return (weights * labels[order]).sum(axis=1) / weights.sum(axis=1)


def _embedding(encoding: Any, num: int) -> NDArray[Any]:
    """Unit vectors (B, E) of whole studies: the global embedding, or the only tensor of a plug-in."""
    whole = getattr(encoding, "global_", encoding)
    if not hasattr(whole, "detach") or whole.dim() != 2 or len(whole) != num:
        raise TaskError("This model gives no embedding of a whole study (B, E): a probe needs one.")
    values = whole.detach().float().cpu().numpy().astype(np.float64)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
