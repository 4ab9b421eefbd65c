"""The one engine: a store, a task and a model in; scores, labels, studies and metrics out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.errors import LabelsError, TaskError
from itemclip_med.labels import Labels
from itemclip_med.records import Study
from itemclip_med.store import Store
from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.scoring import Exclusions, check_match, evaluate, write_metrics
from itemclip_med.zeroshot.tables import StudyRow, write_labels, write_scores, write_studies
from itemclip_med.zeroshot.protocol import Task
from itemclip_med.zeroshot.task import load_task

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP, PromptCache

UNREADABLE = "in the store, but not readable"


def run_task(
    store: Store | Path | str,
    task: Task | str,
    model: ItemizedCLIP | str | Path,
    out_dir: Path | str,
    *,
    prompts: Path | str | None = None,
    labels_path: Path | str | None = None,
    batch_size: int = 8,
    device: str = "cpu",
    num_bootstraps: int = metrics.NUM_BOOTSTRAPS,
    num_permutations: int = metrics.NUM_PERMUTATIONS,
    seed: int = 0,
    show_progress: bool | None = None,
    prompt_cache: PromptCache | None = None,
) -> dict[str, Any] | None:
    """Score every study of a store for the findings of a task, and evaluate the scores where there are labels.

    Args:
        store: a store or its folder.
        task: a task or its name.
        model: a model, its folder, or the name of a shipped one.
        out_dir: gets ``scores.csv``, ``studies.csv`` and, with labels, ``labels.csv`` and ``metrics.json``.
        prompts: a prompts file instead of the task's words.
        labels_path: the official label file; None takes the labels in the store.
        batch_size: studies encoded at once.
        device: "cpu", "cuda", …
        num_bootstraps: draws of the intervals.
        num_permutations: permutations of the labels; 0 leaves the test out.
        seed: of both.
        show_progress: a bar; None asks the terminal.
        prompt_cache: embeddings of prompts kept from earlier evaluations.

    Returns:
        What ``metrics.json`` holds, None where no study has a label of the task.

    Raises:
        StoreError: if the store cannot be read.
        ModelError: if the model cannot be loaded, or was saved without its preprocessing.
        TaskError: if two studies of the store have one id in the task's spelling, or a score is not finite.
        LabelsError: if a label file matches no study.
    """
    store = store if isinstance(store, Store) else Store(store)
    task = task if isinstance(task, Task) else load_task(task)
    task = task if prompts is None else task.with_prompts(prompts)
    ids = {study.study_id: task.study_id(study.study_id) for study in store.studies}
    if len(set(ids.values())) < len(ids):
        raise TaskError(f"Two studies of the store have one id in the spelling of task {task.name}.")
    labels = _labels(store, task, labels_path, ids)
    if labels_path is not None:
        check_match(dict.fromkeys(ids.values()), labels, names=("the store", Path(labels_path).name))
    scores, unreadable = score_store(
        store,
        task,
        model,
        batch_size=batch_size,
        device=device,
        show_progress=show_progress,
        prompt_cache=prompt_cache,
    )
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    write_scores(out_dir / "scores.csv", task.names, {ids[study_id]: row for study_id, row in scores.items()})
    write_studies(out_dir / "studies.csv", store.studies)
    if not labels:
        return None
    exclusions = Exclusions()
    exclusions.add(UNREADABLE, [ids[study_id] for study_id in unreadable])
    rows = {ids[study.study_id]: StudyRow(patient_id=study.patient_id) for study in store.studies}
    scored = {ids[study_id]: row for study_id, row in scores.items()}
    result = evaluate(
        task,
        scored,
        labels,
        rows,
        exclusions=exclusions,
        num_bootstraps=num_bootstraps,
        num_permutations=num_permutations,
        seed=seed,
    )
    write_labels(out_dir / "labels.csv", task.names, {key: row for key, row in labels.items() if key in scored})
    write_metrics(out_dir / "metrics.json", result)
    return result


def score_store(
    store: Store,
    task: Task,
    model: ItemizedCLIP | str | Path,
    *,
    batch_size: int = 8,
    device: str = "cpu",
    show_progress: bool | None = None,
    prompt_cache: PromptCache | None = None,
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """The mean cosine of each finding's prompts, for every study.

    Returns:
        ``{study id: {finding: score}}``, and ids of studies whose volumes cannot be read: never scored as zero.

    Raises:
        ModelError: as :func:`run_task`.
        TaskError: if a score is not finite.
    """
    import torch
    from tqdm import tqdm

    from itemclip_med.data import StudyDataset, collate_studies
    from itemclip_med.models import ItemizedCLIP, PromptCache
    from itemclip_med.transforms import ModelInput

    model = ItemizedCLIP.from_pretrained(model) if isinstance(model, str | Path) else model
    model = model.to(device).eval()
    dataset = StudyDataset(store, ModelInput.from_dict(model.preprocessing))
    counts = [len(finding.prompts) for finding in task.findings]
    scores: dict[str, dict[str, float]] = {}
    unreadable: list[str] = []
    disable = None if show_progress is None else not show_progress
    with torch.inference_mode(), tqdm(total=len(dataset), unit="study", desc="score", disable=disable) as bar:
        prompts = [prompt for finding in task.findings for prompt in finding.prompts]
        texts = (prompt_cache or PromptCache()).embed(model, prompts)
        for samples, failed in _batches(dataset, batch_size):
            unreadable += failed
            bar.update(len(samples) + len(failed))
            if not samples:
                continue
            batch = collate_studies(samples)
            encoding = model.encode_study(batch["image"].to(device), batch["series"], batch["series_mask"].to(device))
            parts = model.score(encoding, texts).float().cpu().split(counts, dim=1)
            means = torch.stack([part.mean(dim=1) for part in parts], dim=1).numpy()
            if not np.isfinite(means).all():
                raise TaskError("The model gives scores that are not finite: is its checkpoint damaged?")
            for study_id, row in zip(batch["study_id"], means, strict=True):
                scores[study_id] = {name: float(value) for name, value in zip(task.names, row, strict=True)}
    return scores, unreadable


def _batches(dataset: Any, batch_size: int) -> Iterator[tuple[list[Any], list[str]]]:
    from itemclip_med.errors import StoreError

    samples, failed = [], []
    for index in range(len(dataset)):
        try:
            samples.append(dataset[index])
        except StoreError:
            failed.append(dataset.studies[index].study_id)
        if len(samples) == batch_size:
            yield samples, failed
            samples, failed = [], []
    if samples or failed:
        yield samples, failed


def _labels(store: Store, task: Task, labels_path: Path | str | None, ids: dict[str, str]) -> Labels:
    if labels_path is not None:
        return task.read_labels(labels_path)
    labels = {ids[study.study_id]: _row(study, task) for study in store.studies if study.labels}
    if labels and not any(value is not None for row in labels.values() for value in row.values()):
        known = sorted({name for study in store.studies for name in study.labels})
        raise LabelsError(
            f"The labels in the store ({', '.join(known[:6])} …) are none of task {task.name}: give --labels."
        )
    return labels


def _row(study: Study, task: Task) -> dict[str, int | None]:
    return {name: study.labels.get(name) for name in task.names}
