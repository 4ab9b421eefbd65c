"""A report against its images, item by item: which statements the image supports, which findings are not mentioned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.errors import LabelsError
from itemclip_med.store import Store
from itemclip_med.zeroshot.engine import EngineOptions, score_prompts
from itemclip_med.zeroshot.evaluator import load_model
from itemclip_med.zeroshot.protocol import Task

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP
    from itemclip_med.zeroshot.plugins import StudyScorer

SUPPORTED, UNSUPPORTED, UNCLEAR = "supported", "not supported", "unclear"


def check_report(
    store: Store | Path | str,
    study_id: str,
    model: ItemizedCLIP | StudyScorer | str | Path,
    task: Task,
    *,
    high: float = 80.0,
    low: float = 50.0,
    engine: EngineOptions | None = None,
) -> dict[str, Any]:
    """Compare the items of one study's report with its images.

    A cosine has no scale of its own, so that every statement is asked of all studies of the store: an item is supported
    where the study lies above ``high`` percent of them, and not where it lies below ``low``. Findings of the task that
    the study scores as highly on, and that no present or uncertain item speaks of, are named as missed.

    Args:
        store: with items; at least ten studies, to compare with.
        study_id: one of its studies.
        model: as :func:`itemclip_med.zeroshot.run_task`.
        task: findings that a report may have missed.
        high: percentile.
        low: percentile.
        engine: how studies are encoded.

    Returns:
        ``{study_id, items: [{text, status, score, percentile, verdict}], missed: [{finding, title, score, percentile}],
        num_compared}``; items that deny a finding, and normal ones, have the verdict None.

    Raises:
        StoreError: if the study is not in the store or cannot be read.
        LabelsError: if it has no items, or the store has fewer than ten studies.
    """
    from itemclip_med.errors import StoreError

    store = store if isinstance(store, Store) else Store(store)
    engine = engine or EngineOptions()
    study = store.study(study_id)
    report = store.reports.get(study.study_id)
    if report is None or not report.items:
        raise LabelsError(f"Study {study_id} has no items: join its report with `itemclip-med reports merge`.")
    if len(store) < 10:
        raise LabelsError(f"The store holds {len(store)} studies; a report is checked against ten or more.")
    items = list(report.items)
    texts = [item.text for item in items]
    prompts = [prompt for finding in task.findings for prompt in finding.prompts]
    scorer = load_model(model, engine.device)
    scored = {
        each.study_id: values.numpy()
        for each, values in score_prompts(store, store.studies, scorer, [*texts, *prompts], engine)
    }
    if study.study_id not in scored:
        raise StoreError(f"Study {study_id} cannot be read: see `itemclip-med store check`.")
    own = scored.pop(study.study_id)
    others = np.stack(list(scored.values()))  # (studies, texts + prompts)
    checked = []
    for column, item in enumerate(items):
        percentile = _percentile(own[column], others[:, column])
        verdict = _verdict(percentile, high, low) if item.status in ("present", "uncertain") else None
        checked.append(
            {
                "text": item.text,
                "status": item.status,
                "score": float(own[column]),
                "percentile": percentile,
                "verdict": verdict,
            }
        )
    said = [(item.text, item.finding) for item in items if item.status in ("present", "uncertain")]
    return {
        "study_id": study.study_id,
        "items": checked,
        "missed": _missed(task, own[len(texts) :], others[:, len(texts) :], said, high),
        "num_compared": len(others),
    }


def _percentile(value: float, others: np.ndarray) -> float:
    """Percent of the other studies that score lower, ties as half."""
    return 100 * float((others < value).mean() + (others == value).mean() / 2)


def _verdict(percentile: float, high: float, low: float) -> str:
    if percentile >= high:
        return SUPPORTED
    return UNSUPPORTED if percentile < low else UNCLEAR


def _missed(
    task: Task, own: np.ndarray, others: np.ndarray, said: Sequence[tuple[str, str | None]], high: float
) -> list[Mapping[str, Any]]:
    missed, start = [], 0
    for finding in task.findings:
        columns = slice(start, start + len(finding.prompts))
        start = columns.stop
        score, around = float(own[columns].mean()), others[:, columns].mean(axis=1)
        percentile = _percentile(score, around)
        if percentile >= high and not _mentioned(finding.name, finding.title, finding.prompts, said):
            missed.append({"finding": finding.name, "title": finding.title, "score": score, "percentile": percentile})
    return sorted(missed, key=lambda entry: -entry["percentile"])


def _mentioned(name: str, title: str, prompts: Sequence[str], said: Sequence[tuple[str, str | None]]) -> bool:
    """Whether an item names the finding, or has all words of its title or of one of its prompts."""
    wordings = [_words(text) for text in (title, *prompts)]
    return any(found == name or any(wording <= _words(text) for wording in wordings) for text, found in said)


def _words(text: str) -> set[str]:
    """Words in one spelling, so that hematoma speaks of hemorrhage and a plural of its singular."""
    cleaned = "".join(letter if letter.isalnum() else " " for letter in text.lower())
    same = {"hematoma": "hemorrhage", "haematoma": "hemorrhage", "bleed": "hemorrhage", "blood": "hemorrhage"}
    words = {word.removesuffix("s") if len(word) > 4 else word for word in cleaned.split()}
    return {same.get(word, word) for word in words} - {"the", "a", "of", "in", "on", "with", "to", "and", "acute"}
