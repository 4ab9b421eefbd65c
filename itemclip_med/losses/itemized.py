"""The itemized loss: four terms, their switches, and the one place that says where it departs from the paper's code."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.losses.contrastive import multi_positive_loss
from itemclip_med.losses.itemwise import (
    item_alignment_loss,
    item_separation_loss,
    select_worst_positive,
    select_worst_positive_by_offsets,
)
from itemclip_med.losses.sampling import LossDraws, TextLayout, draw_text_columns, draw_token_mask, make_text_layout


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

    Raises:
        ValueError: if every term is None, or a share lies outside (0, 1], or the factor is below 1.

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
    ) -> None:
        super().__init__()
        if all(weight is None for weight in (ila, kta, mps, iis)):
            raise ValueError("ItemizedCLIPLoss: every term is None; give at least one of ila, kta, mps, iis a weight.")
        for name, share in (("keep_rate", keep_rate), ("key_share", key_share)):
            if not 0 < share <= 1:
                raise ValueError(f"ItemizedCLIPLoss: {name} is {share}, expected above 0 and at most 1.")
        if worst_positive_factor < 1:
            raise ValueError(f"ItemizedCLIPLoss: worst_positive_factor is {worst_positive_factor}, expected 1 or more.")
        self.ila = ila
        self.kta = kta
        self.mps = mps
        self.iis = iis
        self.keep_rate = keep_rate
        self.key_share = key_share
        self.worst_positive_factor = worst_positive_factor
        self.normal_check = normal_check
        self.published = published

    def extra_repr(self) -> str:
        """The switches, for logs."""
        names = ("ila", "kta", "mps", "iis", "keep_rate", "key_share", "worst_positive_factor", "normal_check")
        return ", ".join(f"{name}={getattr(self, name)}" for name in (*names, "published"))

    def draw(
        self, item_mask: Tensor, num_heads: int, num_tokens: int, *, generator: torch.Generator | None = None
    ) -> LossDraws:
        """Draw text columns and token mask for one batch.

        Args:
            item_mask: (B, K), above 0 at real items.
            num_heads: heads of the pool.
            num_tokens: P, patch tokens per study.
            generator: source of the draws.

        Returns:
            The draws that ``forward`` would make itself.
        """
        num_studies, num_slots = item_mask.shape
        columns = draw_text_columns(item_mask, generator=generator)
        shape = (num_studies, num_heads, num_slots + num_studies - 1, num_tokens)
        mask = draw_token_mask(shape, self.keep_rate, device=item_mask.device, generator=generator)
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
            item_mask: (B, K), 1 at real items, 0 at padding.
            is_normal: (B,), 1 at normal studies; None means none is.
            pool: the attention pool, item texts to patch tokens.
            logit_scale: multiplies cosines, already exponentiated.
            logit_bias: is added to logits; None is 0.
            token_mask: (B, P) bool, False at patch tokens of padding series, which no text may see.
            draws: recorded draws; made here if None.
            generator: source of the draws made here.
            details: add ``ila_logits``, ``kta_logits`` (B, T) and ``key_tokens`` (B, T, k), detached.

        Returns:
            The computed ones of ``ila, kta, mps, iis``, unweighted and detached, and ``total`` with the gradient.
        """
        with torch.autocast(image_features.device.type, enabled=False):
            return self._forward(
                image_tokens.float(),
                image_features.float(),
                item_features.float(),
                item_mask.to(image_features.device, torch.float32),
                is_normal,
                pool,
                logit_scale.float(),
                0.0 if logit_bias is None else logit_bias.float(),
                token_mask,
                draws,
                generator,
                details,
            )

    def _forward(
        self,
        tokens: Tensor,
        images: Tensor,
        items: Tensor,
        item_mask: Tensor,
        is_normal: Tensor | None,
        pool: ItemPool,
        scale: Tensor,
        bias: Tensor | float,
        token_mask: Tensor | None,
        draws: LossDraws | None,
        generator: torch.Generator | None,
        details: bool,
    ) -> dict[str, Tensor]:
        num_studies, num_slots, _ = items.shape
        layout = make_text_layout(num_studies, num_slots, items.device)
        has_items = (item_mask > 0).any(dim=1).float() if not self.published else torch.ones_like(item_mask[:, 0])
        studies = has_items.sum().clamp_min(1)
        both_normal = self._both_normal(is_normal, num_studies, items.device)

        terms: dict[str, Tensor] = {}
        extra: dict[str, Tensor] = {}
        if not (self.ila is None and self.kta is None and self.iis is None):
            if draws is None:
                draws = self.draw(item_mask, pool.num_heads, tokens.shape[1], generator=generator)
            texts = items.flatten(0, 1)[draws.text_columns]  # (B, T, E), not normalized
            unit_texts = F.normalize(texts, dim=-1)
            keep = _merge_masks(draws.token_mask, token_mask)

            normalized = pool.normalize_tokens(tokens)
            scores = pool.scores(texts, normalized)  # (B, H, T, P), reused for the key tokens
            pooled, attention = pool.pool_from_scores(scores, normalized, keep)
            pooled = F.normalize(pooled, dim=-1)
            logits = scale * (pooled * unit_texts).sum(-1) + bias  # (B, T)
            weights = self._pair_weights(logits, layout, item_mask, has_items, both_normal)
            extra["ila_logits"] = logits.detach()
            if self.ila is not None:
                terms["ila"] = item_alignment_loss(logits, layout.labels, weights, studies)
            if self.kta is not None:
                key_tokens = self._key_tokens(attention)
                if token_mask is not None:  # fewer real patch tokens than key tokens
                    scores = scores.masked_fill(~token_mask.bool()[:, None, None, :], -torch.inf)
                key_pooled = pool.pool_selected(scores, normalized, key_tokens)
                key_logits = scale * (F.normalize(key_pooled, dim=-1) * unit_texts).sum(-1) + bias
                terms["kta"] = item_alignment_loss(key_logits, layout.labels, weights, studies)
                extra["kta_logits"] = key_logits.detach()
                extra["key_tokens"] = key_tokens.sort(dim=2).values
            if self.iis is not None:
                own = torch.arange(num_studies, device=items.device)[:, None] + torch.arange(
                    num_slots, device=items.device
                )
                own_pooled = pooled.gather(1, own[:, :, None].expand(-1, -1, pooled.shape[-1]))
                terms["iis"] = item_separation_loss(
                    own_pooled, F.normalize(items, dim=-1), item_mask, scale, bias, studies * num_slots
                )
        if self.mps is not None:
            pair_weights = has_items[:, None] * (1 - both_normal)  # (B, B)
            terms["mps"] = multi_positive_loss(
                F.normalize(images, dim=-1),
                F.normalize(items, dim=-1),
                pair_weights.repeat_interleave(num_slots, dim=1) * item_mask.flatten(),
                scale,
                bias,
                studies * num_slots,
            )
        result = {name: term.detach() for name, term in terms.items()}
        result["total"] = self._total(terms)
        return result | extra if details else result

    def _both_normal(self, is_normal: Tensor | None, num_studies: int, device: torch.device) -> Tensor:
        """(B, B) float, 1 where two different studies are both normal."""
        if not self.normal_check or is_normal is None:
            return torch.zeros((num_studies, num_studies), device=device)
        normal = is_normal.to(device).reshape(num_studies).float()
        both = normal[:, None] * normal[None, :]
        return both - torch.diag(both.diagonal())

    def _pair_weights(
        self, logits: Tensor, layout: TextLayout, item_mask: Tensor, has_items: Tensor, both_normal: Tensor
    ) -> Tensor:
        """(B, T) weights of study and text: padding, studies without items, normal pairs, worst positive."""
        own = item_mask.gather(1, layout.slot)
        counts = torch.where(layout.is_own, own, has_items[layout.study])
        factor = torch.ones_like(counts)
        if self.worst_positive_factor > 1:
            if self.published:
                worst = select_worst_positive_by_offsets(logits, counts, layout.labels)
            else:
                worst = select_worst_positive(logits, layout.is_own & (own > 0))
            factor = torch.where(worst, self.worst_positive_factor, factor)
        return counts * factor * has_items[:, None] * (1 - both_normal.gather(1, layout.study))

    def _key_tokens(self, attention: Tensor) -> Tensor:
        """(B, T, k) indices of the patch tokens with the highest attention, mean over heads."""
        mean = attention.detach()[..., :-1].mean(dim=1)
        # the published count truncates the float product
        return mean.topk(max(1, int(mean.shape[-1] * self.key_share)), dim=-1, sorted=False).indices

    def _total(self, terms: dict[str, Tensor]) -> Tensor:
        """Weighted sum of the computed terms."""
        weights: dict[str, Any] = {"ila": self.ila, "kta": self.kta, "mps": self.mps, "iis": self.iis}
        if self.published and self.mps is None and self.ila is not None:
            weights["ila"] = 1.0
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def _merge_masks(mask: Tensor | None, token_mask: Tensor | None) -> Tensor | None:
    """A drawn mask (B, 1 or H, T, P) and the mask of real patch tokens (B, P) as one, or None."""
    if token_mask is None:
        return None if mask is None else mask.bool()
    real = token_mask.bool()[:, None, None, :]
    return real if mask is None else mask.bool() & real
