"""A store, a task and a model in; scores, labels, studies and metrics out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itemclip_med.errors import LabelsError, TaskError
from itemclip_med.labels import Labels
from itemclip_med.records import Study
from itemclip_med.store import Store
from itemclip_med.zeroshot.embeddings import scoring_digest, study_digest
from itemclip_med.zeroshot.engine import Counts, EngineOptions, prepare, score_prompts
from itemclip_med.zeroshot.matching import Exclusions, check_match
from itemclip_med.zeroshot.progress import Progress, join_ranks, progress_key, wait_for_all
from itemclip_med.zeroshot.protocol import Task
from itemclip_med.zeroshot.scoring import ScoreOptions, evaluate, write_metrics
from itemclip_med.zeroshot.tables import Scores, row_of, write_labels, write_scores, write_studies
from itemclip_med.zeroshot.task import load_task

if TYPE_CHECKING:
    from torch import Tensor

    from itemclip_med.models import ItemizedCLIP, PromptCache
    from itemclip_med.zeroshot.plugins import StudyScorer

UNREADABLE = "in the store, but not readable"


def run_task(
    store: Store | Path | str,
    task: Task | str,
    model: ItemizedCLIP | StudyScorer | str | Path,
    out_dir: Path | str,
    *,
    prompts: Path | str | None = None,
    labels_path: Path | str | None = None,
    batch_size: int = 8,
    device: str = "cpu",
    show_progress: bool | None = None,
    prompt_cache: PromptCache | None = None,
    engine: EngineOptions | None = None,
    options: ScoreOptions | None = None,
    **settings: Any,
) -> dict[str, Any] | None:
    """Score every study of a store for the findings of a task, and evaluate the scores where there are labels.

    A run that was stopped goes on where it was. Under ``torchrun`` the processes share the studies, and the first one
    evaluates.

    Args:
        store: a store or its folder.
        task: a task or its name.
        model: a model, its folder, or the name of a shipped one; or any object that is a
            :class:`~itemclip_med.zeroshot.StudyScorer`.
        out_dir: gets ``scores.csv``, ``studies.csv`` and, with labels, ``labels.csv`` and ``metrics.json``.
        prompts: a prompts file instead of the task's words.
        labels_path: the official label file; None takes the labels in the store.
        batch_size: studies encoded at once.
        device: "cpu", "cuda", …
        show_progress: a bar; None asks the terminal.
        prompt_cache: embeddings of prompts kept from earlier evaluations.
        engine: all settings of the encoding at once, instead of the four before.
        options: how scores are evaluated.
        settings: single fields of ``options`` (``num_bootstraps``, ``num_permutations``, ``seed`` …).

    Returns:
        What ``metrics.json`` holds; None where no study has a label of the task, and in all processes but the first.

    Raises:
        StoreError: if the store cannot be read.
        ModelError: if the model cannot be loaded, or was saved without its preprocessing.
        TaskError: if the store is of another kind than the task, two studies have one id in the task's spelling, or a
            score is not finite.
        LabelsError: if a label file matches no study.
    """
    store = store if isinstance(store, Store) else Store(store)
    task = task if isinstance(task, Task) else load_task(task)
    task = task if prompts is None else task.with_prompts(prompts)
    engine = engine or EngineOptions(batch_size, device, prompt_cache=prompt_cache, show_progress=show_progress)
    options = replace(options or ScoreOptions(), **settings)
    out_dir = Path(out_dir)
    _check_store(store, task)
    ids = {study.study_id: task.study_id(study.study_id) for study in store.studies}
    if len(set(ids.values())) < len(ids):
        raise TaskError(f"Two studies of the store have one id in the spelling of task {task.name}.")
    labels = _labels(store, task, labels_path, ids)
    if labels_path is not None:
        check_match(dict.fromkeys(ids.values()), labels, names=("the store", Path(labels_path).name))
    scored = _score_in_parts(store, task, model, out_dir, engine)
    if scored is None:
        return None
    by_study, unreadable = scored
    scores = {ids[study_id]: row for study_id, row in by_study.items()}
    write_scores(out_dir / "scores.csv", task.names, scores)
    write_studies(out_dir / "studies.csv", store.studies)
    if not labels:
        return None
    exclusions = Exclusions()
    exclusions.add(UNREADABLE, [ids[study_id] for study_id in unreadable])
    rows = {ids[study.study_id]: row_of(study) for study in store.studies}
    result, _ = evaluate(task, scores, labels, rows, exclusions=exclusions, options=options)
    write_labels(out_dir / "labels.csv", task.names, {key: row for key, row in labels.items() if key in scores})
    write_metrics(out_dir / "metrics.json", result)
    return result


def score_store(
    store: Store,
    task: Task,
    model: ItemizedCLIP | StudyScorer | str | Path,
    *,
    batch_size: int = 8,
    device: str = "cpu",
    show_progress: bool | None = None,
    prompt_cache: PromptCache | None = None,
    engine: EngineOptions | None = None,
) -> tuple[Scores, list[str]]:
    """The mean cosine of each finding's prompts, less that of its negative prompts, for every study.

    Args:
        store: the studies.
        task: findings and prompts.
        model: as :func:`run_task`.
        batch_size: studies encoded at once.
        device: "cpu", "cuda", …
        show_progress: a bar; None asks the terminal.
        prompt_cache: embeddings of prompts kept from earlier evaluations.
        engine: all settings at once, instead of the four before.

    Returns:
        ``{study id: {finding: score}}``, and ids of studies whose volumes cannot be read: never scored as zero.

    Raises:
        ModelError: as :func:`run_task`.
        TaskError: if a score is not finite.
    """
    engine = engine or EngineOptions(batch_size, device, prompt_cache=prompt_cache, show_progress=show_progress)
    counts = Counts()
    scores = dict(_scored(store, store.studies, task, load_model(model, engine.device), engine, counts))
    return scores, counts.unreadable


def load_model(model: ItemizedCLIP | StudyScorer | str | Path, device: str) -> StudyScorer:
    """A model ready to score: loaded if it is a name or folder, on its device, in evaluation mode.

    Raises:
        ModelError: if it cannot be loaded, or was saved without its preprocessing.
        TaskError: if the object is no model.
    """
    from itemclip_med.errors import ModelError
    from itemclip_med.models import ItemizedCLIP

    if isinstance(model, str | Path):
        model = ItemizedCLIP.from_pretrained(model)
    if isinstance(model, ItemizedCLIP) and model.preprocessing is None:
        raise ModelError("The model was saved without its preprocessing: save it again with how studies become images.")
    return prepare(model, device)


def _scored(
    store: Store,
    studies: Sequence[Study],
    task: Task,
    model: StudyScorer,
    engine: EngineOptions,
    counts: Counts,
) -> Iterator[tuple[str, dict[str, float]]]:
    """Study id and score of each finding, as they come."""
    texts = [prompt for f in task.findings for prompt in (*f.prompts, *f.negative_prompts)]
    for study, values in score_prompts(store, studies, model, texts, engine, counts):
        yield study.study_id, _by_finding(values, task)


def _by_finding(values: Tensor, task: Task) -> dict[str, float]:
    """Scores (K,) of all prompts as one number per finding."""
    row, start = {}, 0
    for finding in task.findings:
        middle, end = start + len(finding.prompts), start + len(finding.prompts) + len(finding.negative_prompts)
        score = values[start:middle].mean()
        row[finding.name] = float(score if end == middle else score - values[middle:end].mean())
        start = end
    return row


def _score_in_parts(
    store: Store, task: Task, model: ItemizedCLIP | StudyScorer | str | Path, out_dir: Path, engine: EngineOptions
) -> tuple[Scores, list[str]] | None:
    """Scores of all studies, this process doing its share; None in all processes but the first."""
    rank, world = join_ranks()
    if world > 1 and engine.device == "cuda":
        import os

        engine = replace(engine, device=f"cuda:{os.environ.get('LOCAL_RANK', rank)}")
    scorer = load_model(model, engine.device)
    arrays = " ".join(study_digest(study) for study in store.studies)
    progress = Progress(out_dir, progress_key(task, scoring_digest(scorer), arrays), rank)
    counts = Counts()
    # By place in the store, not by what is left, so that every process has the same share after a restart.
    share = [study for study in store.studies[rank::world] if study.study_id not in progress.done]
    try:
        for study_id, row in _scored(store, share, task, scorer, engine, counts):
            progress.add(study_id, row)
    finally:
        progress.close()
    wait_for_all(world)
    if rank:
        return None
    scores = progress.everybody(world)
    progress.finish()
    return scores, [study.study_id for study in store.studies if study.study_id not in scores]


def _check_store(store: Store, task: Task) -> None:
    """Refuse a store of another modality than the task's."""
    found = {series.modality for study in store.studies for series in study.series}
    if task.modality is not None and found and task.modality not in found:
        raise TaskError(
            f"The store holds {', '.join(sorted(found))} series, task {task.name} is of {task.modality}: take the task "
            "of this data set."
        )


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
    """Labels of a study in the store; a merged finding is there if any of its parts is."""
    row = {}
    for name in task.names:
        parts = [study.labels.get(part) for part in task.merge.get(name, ())]
        known = [value for value in parts if value is not None]
        row[name] = study.labels[name] if name in study.labels else max(known) if known else None
    return row
