"""The itemized loss: four terms, their switches, and the one place that says where it departs from the paper's code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.losses.by_study import item_terms_by_study
from itemclip_med.losses.contrastive import multi_positive_loss
from itemclip_med.losses.gather import GatheredItems, gather_items, gather_rows
from itemclip_med.losses.itemwise import ItemTerms, TextPairs
from itemclip_med.losses.pairing import pair_own, pair_remote, weigh_own_items, weigh_remote_items
from itemclip_med.losses.sampling import (
    LossDraws,
    draw_text_columns,
    draw_token_drops,
    draw_token_mask,
)
from itemclip_med.losses.visibility import Visibility


class ItemPool(Protocol):
    """What the loss asks of the attention pool (:class:`itemclip_med.models.pooling.AttentionPool`)."""

    num_heads: int

    def normalize_tokens(self, tokens: Tensor) -> Tensor:
        """Normalize (B, P, E) patch tokens once for all passes."""

    def scores(self, query: Tensor, normalized: Tensor) -> Tensor:
        """Attention logits (B, H, T, P) of (B, T, E) texts."""

    def pool_from_scores(self, scores: Tensor, normalized: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Pooled (B, T, E) and weights (B, H, T, P + 1), the zero slot last."""

    def pool_selected(self, scores: Tensor, normalized: Tensor, selected: Tensor) -> Tensor:
        """Pooled (B, T, E) over the (B, T, k) selected patch tokens only."""


class ItemizedCLIPLoss(nn.Module):
    """ItemizedCLIP's loss: items query patch tokens (ILA, KTA), stay apart (IIS), and meet the global embedding (MPS).

    The default is the sound form; ``published=True`` gives the numbers of the published code. They differ in:

    =============================  =========================================  =======================================
    what                           sound (default)                            published
    =============================  =========================================  =======================================
    worst positive item            masked argmin over real own items          argmin after offsets of 10, which may
                                                                              hit a padding or a negative column
    ILA weight without MPS         used                                       ignored (taken as 1)
    a study without items          contributes nothing: no text, no image,    its padding text is a negative of the
                                   not in the divisors                        others, its image meets their texts
    pattern of the item mask       any                                        real items must come first (not checked)
    logits in mixed precision      always float32                             half precision (not imitated here)
    across ranks                   ``ranks="global"``: one big batch          ``ranks="published"``: blocks of the other
                                                                              ranks' texts are added, rows paired
    hidden patch tokens            drawn study by study from one seed         drawn for the batch at once
    =============================  =========================================  =======================================

    For full batches of items in front the two agree unless logits spread by more than 10 with
    ``worst_positive_factor`` above 1. Divisors are the published ones: studies (ILA, KTA), studies times K (MPS, IIS).

    Args:
        ila: weight of item-level alignment; None leaves the term out.
        kta: weight of key-token alignment; None leaves it out.
        mps: weight of the multi-positive sigmoid loss on the global embedding; None leaves it out.
        iis: weight of intra-study item separation; None leaves it out.
        keep_rate: share of patch tokens that each text may look at in the ILA pass, drawn anew for each text and head.
        key_share: share of patch tokens that count as key tokens of a text, at least one token.
        worst_positive_factor: multiplies the weight of each study's worst aligned item; 1 switches it off.
        normal_check: leave out pairs of two different normal studies, whose items say the same.
        published: imitate the published code, see the table.
        ranks: with a process group, ``"global"`` is the loss of the concatenated batch whatever the number of ranks;
            ``"published"`` adds a block of negatives for every other rank, as the published code does.
        max_negatives: how many other studies each study meets in ILA and KTA, chosen anew each time; their weight is
            raised so that the expected loss stays. None is all of them.
        num_items: K of the divisors of MPS and IIS; None takes the slots that the (global) batch has.
        by_study: take gradients study by study with the forward, several times faster and smaller; False leaves them
            to autograd. Pools without ``parts`` are always left to autograd.

    Raises:
        ValueError: if every term is None, or a share lies outside (0, 1], the factor or a count is below 1, or
            ``ranks`` is another word.

    Sources:
        ItemizedCLIP (arXiv 2512.11141); golden/README.md 2.
    """

    def __init__(
        self,
        ila: float | None = 1.0,
        kta: float | None = 1.0,
        mps: float | None = 0.01,
        iis: float | None = 1.0,
        keep_rate: float = 0.9,
        key_share: float = 0.05,
        worst_positive_factor: float = 1.5,
        normal_check: bool = True,
        published: bool = False,
        ranks: Literal["global", "published"] = "global",
        max_negatives: int | None = None,
        num_items: int | None = None,
        by_study: bool = True,
    ) -> None:
        super().__init__()
        if all(weight is None for weight in (ila, kta, mps, iis)):
            raise ValueError("ItemizedCLIPLoss: every term is None; give at least one of ila, kta, mps, iis a weight.")
        for name, share in (("keep_rate", keep_rate), ("key_share", key_share)):
            if not 0 < share <= 1:
                raise ValueError(f"ItemizedCLIPLoss: {name} is {share}, expected above 0 and at most 1.")
        if worst_positive_factor < 1:
            raise ValueError(f"ItemizedCLIPLoss: worst_positive_factor is {worst_positive_factor}, expected 1 or more.")
        if ranks not in ("global", "published"):
            raise ValueError(f"ItemizedCLIPLoss: ranks is {ranks!r}, expected 'global' or 'published'.")
        for name, count in (("max_negatives", max_negatives), ("num_items", num_items)):
            if count is not None and count < 1:
                raise ValueError(f"ItemizedCLIPLoss: {name} is {count}, expected None or at least 1.")
        self.ila = ila
        self.kta = kta
        self.mps = mps
        self.iis = iis
        self.keep_rate = keep_rate
        self.key_share = key_share
        self.worst_positive_factor = worst_positive_factor
        self.normal_check = normal_check
        self.published = published
        self.ranks = ranks
        self.max_negatives = max_negatives
        self.num_items = num_items
        self.by_study = by_study

    def extra_repr(self) -> str:
        """The switches, for logs."""
        names = ["ila", "kta", "mps", "iis", "keep_rate", "key_share", "worst_positive_factor", "normal_check"]
        names += ["published", "ranks", "max_negatives", "num_items", "by_study"]
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)

    def draw(
        self,
        item_mask: Tensor,
        num_heads: int,
        num_tokens: int,
        *,
        generator: torch.Generator | None = None,
        rows: slice = slice(None),
    ) -> LossDraws:
        """Draw text columns and token mask for one batch.

        Args:
            item_mask: (B, K), above 0 at real items; across ranks that of the global batch.
            num_heads: heads of the pool.
            num_tokens: P, patch tokens per study.
            generator: source of the draws.
            rows: the studies to draw for, across ranks those of one rank.

        Returns:
            The draws that ``forward`` would make itself, the token mask written out.
        """
        columns = draw_text_columns(item_mask, generator=generator, rows=rows, max_negatives=self.max_negatives)
        shape = (len(columns), num_heads, columns.shape[1], num_tokens)
        mask = draw_token_mask(
            shape, self.keep_rate, device=item_mask.device, generator=generator, first_study=rows.start or 0
        )
        return LossDraws(columns, mask)

    def forward(
        self,
        *,
        image_tokens: Tensor,
        image_features: Tensor,
        item_features: Tensor,
        item_mask: Tensor,
        is_normal: Tensor | None = None,
        pool: ItemPool,
        logit_scale: Tensor,
        logit_bias: Tensor | None = None,
        token_mask: Tensor | None = None,
        draws: LossDraws | None = None,
        generator: torch.Generator | None = None,
        details: bool = False,
    ) -> dict[str, Tensor]:
        """Compute the terms and their weighted total.

        Args:
            image_tokens: (B, P, E) patch tokens of the image tower, any length.
            image_features: (B, E) global embeddings, any length.
            item_features: (B, K, E) item embeddings, any length; padding slots may hold any finite values.
            item_mask: (B, K), 1 at real items, 0 at padding, -1 at hard negatives: texts that the study denies. They
                are negatives of their own study in ILA and KTA, and stand in no other term and for no other study.
            is_normal: (B,), 1 at normal studies; None means none is.
            pool: the attention pool, item texts to patch tokens.
            logit_scale: scalar, multiplies cosines, already exponentiated.
            logit_bias: scalar, is added to logits; None is 0.
            token_mask: (B, P) bool, False at patch tokens of padding series, which no text may see.
            draws: recorded draws; made here if None.
            generator: source of the draws made here; seeded alike on all ranks.
            details: add ``ila_logits``, ``kta_logits`` (B, T) and ``key_tokens`` (B, T, k), detached.

        Returns:
            The computed ones of ``ila, kta, mps, iis``, unweighted and detached, and ``total`` with the gradient.
            With ``ranks="global"`` their means over ranks are those of the global batch.

        Raises:
            ValueError: if ranks bring different numbers of studies or item slots with ``ranks="published"``, or a
                study has more item slots than ``num_items``.
        """
        device = image_features.device
        if is_normal is None or not self.normal_check:
            is_normal = torch.zeros(len(item_mask))
        with torch.autocast(device.type, enabled=False):
            gathered = self._gather(
                item_features.float(),
                item_mask.to(device, torch.float32),
                is_normal.to(device, torch.float32).reshape(len(item_mask)),
            )
            self._check_slots(gathered)
            bias = torch.zeros((), device=device) if logit_bias is None else logit_bias.float()
            batch = _Batch(image_tokens, image_features.float(), gathered, pool, logit_scale.float(), bias, token_mask)
            found = self._compute(batch, draws, generator)
        terms = {name: found[name].detach() for name in ("ila", "kta", "mps", "iis") if name in found}
        result = terms | {"total": found["total"]}
        if details:
            result |= {name: found[name].detach() for name in _DETAILS if name in found}
        return result

    def _gather(self, items: Tensor, item_mask: Tensor, is_normal: Tensor) -> GatheredItems:
        """The items that this rank's studies meet; benchmarks put other ranks' items here without having the ranks."""
        return gather_items(items, item_mask, is_normal)

    def _check_slots(self, gathered: GatheredItems) -> None:
        """Refuse what the settings cannot mean."""
        num_slots = gathered.items.shape[1]
        if self.num_items is not None and num_slots > self.num_items:
            raise ValueError(
                f"ItemizedCLIPLoss: the batch has {num_slots} item slots per study, but num_items is {self.num_items}. "
                "Give the same number to the data set's item sampling and to the loss."
            )
        if self.ranks == "published" and len(set(gathered.counts)) > 1:
            raise ValueError(
                f"ItemizedCLIPLoss: ranks bring {gathered.counts} studies; ranks='published' pairs the rows of ranks "
                "and needs equal numbers. Drop the last batch, or use ranks='global'."
            )

    def _compute(self, batch: _Batch, draws: LossDraws | None, generator: torch.Generator | None) -> dict[str, Tensor]:
        """The terms, ``total`` and the details of this rank."""
        items = batch.items
        if self.ranks == "published":  # a batch of its own; the other ranks' texts are added below
            items = items.of_one_rank()
        num_slots = self.num_items or items.items.shape[1]
        has_items = self._has_items(items.item_mask)
        # The mean over ranks, which DDP takes of the gradients, becomes the mean over the global batch's studies.
        studies = has_items.sum().clamp_min(1) / len(items.counts)

        found: dict[str, Tensor] = {}
        totals: list[Tensor] = []
        weights = self._item_weights()
        if weights:
            terms = ItemTerms(
                weights, studies, studies * num_slots, self.key_share, self.worst_positive_factor, self.published
            )
            columns, visible = self._draw_for(batch, items, draws, generator)
            pairs = pair_own(items, columns, has_items, capped=self.max_negatives is not None)
            total, found = self._item_terms(batch, items.items.flatten(0, 1)[columns], pairs, visible, terms)
            totals.append(total)
            if self.ranks == "published":
                totals += self._remote_item_terms(batch, columns, visible, terms, draws, found)
        if self.mps is not None:
            found["mps"] = self._multi_positive(batch, items, has_items, studies * num_slots)
            totals.append(self.mps * found["mps"])
        found["total"] = torch.stack(totals).sum()
        return found

    def _item_weights(self) -> dict[str, float]:
        """Weights of the item-level terms that are on."""
        weights = {"ila": self.ila, "kta": self.kta, "iis": self.iis}
        if self.published and self.mps is None and self.ila is not None:
            weights["ila"] = 1.0
        return {name: weight for name, weight in weights.items() if weight is not None}

    def _draw_for(
        self, batch: _Batch, items: GatheredItems, draws: LossDraws | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Visibility]:
        """Text columns of this rank's studies, and the patch tokens they may look at."""
        device = batch.images.device
        real = None if batch.token_mask is None else batch.token_mask.to(device).bool()
        if draws is not None:
            mask = None if draws.token_mask is None else draws.token_mask.bool()
            return draws.text_columns.to(device), Visibility(mask=mask, real=real)
        columns = draw_text_columns(
            items.item_mask, generator=generator, rows=items.own, max_negatives=self.max_negatives
        )
        drops = draw_token_drops(self.keep_rate, device=device, generator=generator)
        return columns, Visibility(drops, batch.items.own.start, real=real)

    def _item_terms(
        self, batch: _Batch, texts: Tensor, pairs: TextPairs, visible: Visibility, terms: ItemTerms
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted total of the item-level terms of (B, T, E) texts, the terms and their details."""
        unit_texts = F.normalize(texts, dim=-1)
        if self.by_study and hasattr(batch.pool, "parts"):
            parts = batch.pool.parts(texts)
            return item_terms_by_study(batch.tokens, unit_texts, parts, pairs, visible, terms, batch.scale, batch.bias)
        normalized = batch.pool.normalize_tokens(batch.tokens.float())
        scores = batch.pool.scores(texts, normalized)  # (B, H, T, P), reused for the key tokens
        pooled, attention = batch.pool.pool_from_scores(scores, normalized, visible.dense(scores.shape))
        key_pooled, details = None, {}
        if "kta" in terms.weights:
            mean = attention.detach()[..., :-1].mean(dim=1)
            selected = mean.topk(terms.count_key_tokens(mean.shape[-1]), dim=-1, sorted=False).indices
            if visible.real is not None:  # there may be fewer real patch tokens than key tokens
                scores = scores.masked_fill(~visible.real[:, None, None, :], -torch.inf)
            key_pooled = batch.pool.pool_selected(scores, normalized, selected)
            details["key_tokens"] = selected.sort(dim=2).values
        values, logits = terms(pooled, key_pooled, unit_texts, pairs, batch.scale, batch.bias)
        return terms.total(values), values | logits | details

    def _remote_item_terms(
        self,
        batch: _Batch,
        columns: Tensor,
        visible: Visibility,
        terms: ItemTerms,
        draws: LossDraws | None,
        found: dict[str, Tensor],
    ) -> list[Tensor]:
        """What the texts of every other rank add in the published form; adds the terms to ``found``."""
        totals = []
        all_columns = gather_rows(columns, batch.items.counts)
        num_studies = len(batch.items.item_mask)
        for rank in batch.other_ranks():
            theirs = batch.items.of_rank(rank)
            their_columns = all_columns[theirs]
            if draws is not None:
                masks = draws.remote_token_masks
                visible = replace(visible, mask=None if masks is None else masks[rank].bool())
            else:
                visible = replace(visible, first_study=num_studies * (rank + 1) + batch.items.own.start)
            texts = batch.items.items[theirs].flatten(0, 1)[their_columns]
            terms = replace(terms, weights={name: terms.weights[name] for name in terms.weights if name != "iis"})
            if not terms.weights:
                continue
            total, more = self._item_terms(batch, texts, pair_remote(batch.items, rank, their_columns), visible, terms)
            totals.append(total)
            for name in terms.weights:
                found[name] = found[name] + more[name]
        return totals

    def _multi_positive(self, batch: _Batch, items: GatheredItems, has_items: Tensor, divisor: Tensor) -> Tensor:
        """MPS of this rank's studies and all items, in the published form a block for every other rank."""
        blocks: list[tuple[Tensor, Tensor, int | None]]
        blocks = [(items.items, weigh_own_items(items, has_items), items.own.start)]
        if self.ranks == "published":
            blocks += [
                (batch.items.items[batch.items.of_rank(rank)], weigh_remote_items(batch.items, rank), None)
                for rank in batch.other_ranks()
            ]
        images = F.normalize(batch.images, dim=-1)
        losses = [
            multi_positive_loss(images, F.normalize(texts, dim=-1), weights, batch.scale, batch.bias, divisor, first)
            for texts, weights, first in blocks
        ]
        return torch.stack(losses).sum()

    def _has_items(self, item_mask: Tensor) -> Tensor:
        """(G,) float, 1 at studies that count."""
        if self.published:
            return torch.ones_like(item_mask[:, 0])
        return (item_mask > 0).any(dim=1).float()


_DETAILS = ("ila_logits", "kta_logits", "key_tokens")


@dataclass(frozen=True)
class _Batch:
    """This rank's studies and everybody's items."""

    tokens: Tensor
    images: Tensor
    items: GatheredItems
    pool: ItemPool
    scale: Tensor
    bias: Tensor
    token_mask: Tensor | None

    def other_ranks(self) -> list[int]:
        return [rank for rank in range(len(self.items.counts)) if rank != self.items.rank]
