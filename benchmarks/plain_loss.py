"""The itemized loss step by step, as the paper's code computes it: what `bench_loss.py` and a test compare with.

Each pooling projects every patch token and is recomputed in the backward pass (``torch.utils.checkpoint``); the search
for key tokens pools once more without gradient; masks are written out for the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class PlainPool(nn.Module):
    """Attention pooling with torch's own multi-head attention; the parameters of ``AttentionPool``."""

    def __init__(self, embed_dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm_q, self.norm_k, self.norm_v = (nn.LayerNorm(embed_dim, eps=1e-5) for _ in range(3))
        self.attention = nn.MultiheadAttention(embed_dim, num_heads, add_zero_attn=True, batch_first=True)

    def forward(self, texts: Tensor, tokens: Tensor, keep: Tensor | None, need_weights: bool = False) -> Tensor:
        """(B, T, E) pooled, or with ``need_weights`` the mean weights of the heads (B, T, P + 1)."""
        hidden = None if keep is None else (keep < 0.5).flatten(0, 1)  # (B * H, T, P)
        pooled, weights = self.attention(
            self.norm_q(texts), self.norm_k(tokens), self.norm_v(tokens), attn_mask=hidden, need_weights=need_weights
        )
        return weights if need_weights else pooled

    def load_pool(self, pool: nn.Module) -> PlainPool:
        """Take the weights of an ``AttentionPool``."""
        names = {name: name if name.startswith("norm") else f"attention.{name}" for name in pool.state_dict()}
        self.load_state_dict({names[name]: value for name, value in pool.state_dict().items()})
        return self


@dataclass(frozen=True)
class PlainLoss:
    """The published form for one process: golden/README.md 2, line by line, on drawn text columns and a drawn mask."""

    ila: float = 1.0
    kta: float = 1.0
    mps: float = 0.1
    iis: float = 1.0
    key_share: float = 0.05
    worst_positive_factor: float = 1.0

    def __call__(
        self,
        pool: PlainPool,
        tokens: Tensor,
        images: Tensor,
        items: Tensor,
        item_mask: Tensor,
        is_normal: Tensor,
        scale: Tensor,
        bias: Tensor,
        text_columns: Tensor,
        keep: Tensor | None,
        first_study: int = 0,
    ) -> Tensor:
        """The weighted total.

        Args:
            pool: the attention pool.
            tokens: (B, P, E) patch tokens.
            images: (B, E) global embeddings.
            items: (G, K, E) items of all studies.
            item_mask: (G, K), 1 at real items.
            is_normal: (G,).
            scale: multiplies the cosines.
            bias: is added to the logits.
            text_columns: (B, T) flat item indices.
            keep: (B, H, T, P) float, 1 where a text may look; None keeps all.
            first_study: which of the G studies is the first of the B.
        """
        (num_studies, num_tokens), num_slots = tokens.shape[:2], items.shape[1]
        rows = slice(first_study, first_study + num_studies)
        study = text_columns // num_slots
        is_own = study == torch.arange(rows.start, rows.stop)[:, None]
        labels = torch.where(is_own, 1.0, -1.0)
        weights = torch.where(is_own, item_mask.flatten()[text_columns], 1.0)
        weights = weights * (1 - is_normal[rows, None] * is_normal[study] * ~is_own)
        texts = items.flatten(0, 1)[text_columns]  # (B, T, E)
        unit_texts = F.normalize(texts, dim=-1)

        pooled = F.normalize(checkpoint(pool, texts, tokens, keep, use_reentrant=False), dim=-1)
        logits = scale * (pooled * unit_texts).sum(-1) + bias
        if self.worst_positive_factor > 1:
            worst = logits.detach().masked_fill(~is_own | (weights == 0), torch.inf).argmin(1, keepdim=True)
            weights = weights.scatter(1, worst, self.worst_positive_factor * weights.gather(1, worst))
        ila = -(F.logsigmoid(labels * logits) * weights).sum() / num_studies

        with torch.no_grad():
            attention = pool(texts, tokens, keep, need_weights=True)[..., :-1]
            key_tokens = attention.topk(max(1, int(num_tokens * self.key_share)), dim=-1).indices
            keep_keys = torch.zeros_like(attention).scatter_(2, key_tokens, 1.0)
            keep_keys = keep_keys[:, None].expand(-1, pool.attention.num_heads, -1, -1)
        key_pooled = F.normalize(checkpoint(pool, texts, tokens, keep_keys, use_reentrant=False), dim=-1)
        key_logits = scale * (key_pooled * unit_texts).sum(-1) + bias
        kta = -(F.logsigmoid(labels * key_logits) * weights).sum() / num_studies

        unit_items = F.normalize(items, dim=-1)
        own = torch.eye(len(items))[rows].repeat_interleave(num_slots, dim=1)  # (B, G * K)
        both_normal = (is_normal[rows, None] * is_normal).repeat_interleave(num_slots, dim=1) * (1 - own)
        global_logits = scale * (F.normalize(images, dim=-1) @ unit_items.flatten(0, 1).T) + bias
        counted = item_mask.flatten() * (1 - both_normal)
        mps = -(F.logsigmoid((2 * own - 1) * global_logits) * counted).sum() / (num_studies * num_slots)

        own_pooled = pooled[is_own].view(num_studies, num_slots, -1)
        own_logits = scale * (own_pooled @ unit_items[rows].mT) + bias  # (B, K, K)
        counted = item_mask[rows, :, None] * item_mask[rows, None, :]
        iis = -(F.logsigmoid((2 * torch.eye(num_slots) - 1) * own_logits) * counted).sum() / (num_studies * num_slots)
        return self.ila * ila + self.kta * kta + self.mps * mps + self.iis * iis
