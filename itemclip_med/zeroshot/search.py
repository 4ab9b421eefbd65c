"""Words to studies: open-vocabulary search over a store, and how well items find the study they were written for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from itemclip_med.errors import LabelsError, TaskError
from itemclip_med.store import Store
from itemclip_med.zeroshot.engine import EngineOptions, score_prompts
from itemclip_med.zeroshot.evaluator import load_model
from itemclip_med.zeroshot.prompts import check_prompts

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP
    from itemclip_med.zeroshot.plugins import StudyScorer

RECALL_AT = (1, 5, 10, 50)


@dataclass(frozen=True)
class Hit:
    """One study that a search found.

    Attributes:
        rank: from 1.
        study_id: which study.
        score: mean cosine over the wordings.
        percentile: share of the store's other studies that score lower, in percent; None for a single study.
    """

    rank: int
    study_id: str
    score: float
    percentile: float | None


def search_store(
    store: Store | Path | str,
    words: str | Sequence[str],
    model: ItemizedCLIP | StudyScorer | str | Path,
    *,
    top: int | None = None,
    engine: EngineOptions | None = None,
) -> list[Hit]:
    """Studies of a store, those that fit the words best first.

    Args:
        store: a store or its folder.
        words: what to look for; several wordings are averaged.
        model: as :func:`itemclip_med.zeroshot.run_task`.
        top: studies returned; None: all.
        engine: how studies are encoded; give it ``embeddings`` to search again in milliseconds a study.

    Raises:
        TaskError: if there are no words.
        StoreError: if the store cannot be read, or no study of it.
    """
    from itemclip_med.errors import StoreError

    store = store if isinstance(store, Store) else Store(store)
    engine = engine or EngineOptions()
    texts = check_prompts(words if isinstance(words, str) else list(words), where="search")
    scorer = load_model(model, engine.device)
    found = {
        study.study_id: float(values.mean())
        for study, values in score_prompts(store, store.studies, scorer, texts, engine)
    }
    if not found:
        raise StoreError("No study of the store can be read: see `itemclip-med store check`.")
    values = np.sort(np.array(list(found.values())))
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:top]
    others = len(values) - 1
    return [
        Hit(rank, study_id, score, 100 * float(np.searchsorted(values, score)) / others if others else None)
        for rank, (study_id, score) in enumerate(ordered, start=1)
    ]


def retrieve_items(
    store: Store | Path | str,
    model: ItemizedCLIP | StudyScorer | str | Path,
    *,
    statuses: Sequence[str] = ("present", "uncertain"),
    engine: EngineOptions | None = None,
) -> dict[str, Any]:
    """How well the items of a store's reports find their study, and studies their items.

    A text that several reports share is one query, and any of its studies is right.

    Args:
        store: with items (``reports merge`` or ``preprocess --reports``).
        model: as :func:`itemclip_med.zeroshot.run_task`.
        statuses: of the items that are asked.
        engine: how studies are encoded.

    Returns:
        ``num_studies``, ``num_texts``; ``text_to_image`` and ``image_to_text`` with ``recall@k``, ``median_rank`` and
        ``mean_rank``, from 1, and ``chance_median_rank``; ``mean_lowest_score``: mean over studies of the lowest score
        of their own items (completeness).

    Raises:
        LabelsError: if no study has such items.

    Sources:
        MLL, the mean lowest logit over a study's items: ItemizedCLIP, arXiv 2512.11141.
    """
    store = store if isinstance(store, Store) else Store(store)
    engine = engine or EngineOptions()
    items = {
        study.study_id: {item.text for item in store.reports[study.study_id].items if item.status in statuses}
        for study in store.studies
        if study.study_id in store.reports
    }
    studies = [study for study in store.studies if items.get(study.study_id)]
    texts = sorted({text for study in studies for text in items[study.study_id]})
    if not studies:
        raise LabelsError("No study of the store has such items: join them with `itemclip-med reports merge`.")
    scorer = load_model(model, engine.device)
    scored = list(score_prompts(store, studies, scorer, texts, engine))
    scores = np.stack([values.numpy() for _, values in scored]).astype(np.float64)
    own = np.array([[text in items[study.study_id] for text in texts] for study, _ in scored])
    return retrieval_of(scores, own)


def retrieval_of(scores: NDArray[np.float64], own: NDArray[np.bool_]) -> dict[str, Any]:
    """The numbers of :func:`retrieve_items` from scores (B, U) and which texts belong to which studies (B, U).

    Raises:
        TaskError: if a study has no text, or a text no study.
    """
    if not own.any(axis=1).all() or not own.any(axis=0).all():
        raise TaskError("A study without a text, or a text without a study: leave them out of retrieval.")
    return {
        "num_studies": len(scores),
        "num_texts": scores.shape[1],
        "text_to_image": _ranks(scores.T, own.T),
        "image_to_text": _ranks(scores, own),
        "mean_lowest_score": float(np.where(own, scores, np.inf).min(axis=1).mean()),
    }


def _ranks(scores: NDArray[Any], own: NDArray[Any]) -> dict[str, float]:
    """Of each row the rank of its best own column, from 1; equal scores of others count before it, so luck does not."""
    best = np.where(own, scores, -np.inf).max(axis=1, keepdims=True)
    ranks = 1 + ((scores >= best) & ~own).sum(axis=1)
    num = scores.shape[1]
    return {
        **{f"recall@{k}": float((ranks <= k).mean()) for k in RECALL_AT if k < num},
        "median_rank": float(np.median(ranks)),
        "mean_rank": float(ranks.mean()),
        "chance_median_rank": float(np.median((num + 1) / (own.sum(axis=1) + 1))),
    }
