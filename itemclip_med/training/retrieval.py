"""Retrieval during validation: do items find their study, and studies their items?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
import torch.distributed as dist
import torch.nn.functional as F
from ignite.engine import Engine, Events
from torch import Tensor

from itemclip_med.training.ranks import num_ranks, unwrapped

_KS = (1, 5, 10)


class ItemRetrieval:
    """Numbers of text-conditioned retrieval over validation studies, as metrics of MONAI's evaluator.

    Every item of every report asks every study; the evaluator encodes each study once for this and its scores. Name it
    among the evaluator's ``additional_metrics`` and give it to :class:`ZeroShotInferer`. ``study_to_item@k`` is the
    share of studies with one of their items among the first k, ``item_to_study@k`` that of items with their study among
    the first k; ``item_mean_rank`` and ``item_worst_rank`` are the mean and the largest rank of a study's own items
    among all, from 0, averaged over studies.

    Args:
        store: an :class:`itemclip_med.store.Store` with items; studies without any are left out.
        study_ids: the validation studies.
        item_scores: ``itemclip_med.zeroshot.retrieval.item_scores``: pool, tokens and items to scores.
        retrieval_numbers: ``itemclip_med.zeroshot.retrieval.retrieval_numbers``: scores to numbers.
        max_studies: the first studies with items that take part; 0: no retrieval.
        absent: "drop" leaves out items that say a finding is absent or an organ normal.
    """

    def __init__(
        self,
        store: Any,
        study_ids: Sequence[str],
        item_scores: Callable[..., Tensor],
        retrieval_numbers: Callable[..., dict[str, float]],
        max_studies: int = 200,
        absent: Literal["drop", "keep"] = "keep",
    ) -> None:
        self.item_scores = item_scores
        self.retrieval_numbers = retrieval_numbers
        self.items: dict[str, list[str]] = {}
        reports = store.reports if max_studies else {}
        for study_id in study_ids:
            items = reports[study_id].items if study_id in reports else ()
            texts = [item.text for item in items if absent == "keep" or item.status in ("present", "uncertain")]
            if texts and len(self.items) < max_studies:
                self.items[study_id] = list(dict.fromkeys(texts))
        self._features: Tensor | None = None
        self._encoding: Any | None = None
        self._rows: dict[str, Tensor] = {}

    def attach(self, engine: Engine, name: str) -> None:
        """Listen to a validation; ``name`` is not used, for there are several numbers."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._finish)

    def see(self, model: Any, encoding: Any) -> None:
        """Keep what the inferer made of the batch at work; weights stand still, so items are encoded once."""
        if not self.items:
            return
        self._encoding = encoding
        if self._features is None:
            self._features = model.encode_text([text for texts in self.items.values() for text in texts])

    def _start(self, engine: Engine) -> None:
        self._features, self._encoding, self._rows = None, None, {}

    @torch.no_grad()
    def _collect(self, engine: Engine) -> None:
        encoding, self._encoding = self._encoding, None
        if encoding is None or self._features is None:
            return
        evaluator: Any = engine
        model: Any = unwrapped(evaluator.network)
        features = self._features.float()
        for number, study_id in enumerate(evaluator.state.batch["study_id"]):
            if study_id not in self.items:
                continue
            if model.config.scoring == "global":
                study = encoding.global_[number : number + 1].float()
                scores = F.normalize(study, dim=-1) @ F.normalize(features, dim=-1).T
            else:
                tokens = encoding.tokens[number].float()
                if encoding.token_mask is not None:
                    tokens = tokens[encoding.token_mask[number]]
                scores = self.item_scores(model.pool, tokens[None], features)
            self._rows[study_id] = scores[0].cpu()

    def _finish(self, engine: Engine) -> None:
        rows = self._rows
        if num_ranks() > 1:
            everyones: list[Any] = [None] * num_ranks()
            dist.all_gather_object(everyones, rows)
            rows = {study_id: row for part in everyones for study_id, row in part.items()}
        if set(rows) != set(self.items) or not rows:
            return
        owners = torch.tensor([number for number, texts in enumerate(self.items.values()) for _ in texts])
        found = self.retrieval_numbers(
            torch.stack([rows[study_id] for study_id in self.items]),
            owners,
            item_ks=_KS,
            study_ks=_KS,
            complete_ks=(),
        )
        engine.state.metrics |= {
            **{f"item_to_study@{k}": found[f"text_to_image@{k}"] for k in _KS},
            **{f"study_to_item@{k}": found[f"image_to_text@{k}"] for k in _KS},
            "item_mean_rank": found["mean_rank"],
            "item_worst_rank": found["worst_rank"],
        }
