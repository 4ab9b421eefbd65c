"""Attention pooling: texts ask, patch tokens answer.

One implementation for training, scoring and explaining. Keys and values share the LayerNorm's core, so the projections
can be carried to the side of the texts ("folded"), where there are few rows; for many texts they stay with the patch
tokens. Both give the same numbers, and each step takes the cheaper one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.errors import ModelError

_EPS = 1e-5


class PoolParts(NamedTuple):
    """Attention pooling of some texts, taken apart for those who sum it up in their own order (the losses).

    With patch tokens ``n`` from :meth:`AttentionPool.normalize_tokens`, head by head: scores are
    ``queries @ (n @ key_weight.T).T + constant``, values ``n @ value_weight.T + value_bias``.

    Attributes:
        queries: (B, H, T, d), already divided by sqrt(d).
        constant: (B, H, T, 1), the part of the scores that no patch token changes.
        key_weight: (H, d, E).
        value_weight: (H, d, E).
        value_bias: (H, 1, d).
        out_weight: (E, E).
        out_bias: (E,).
        eps: of the LayerNorm's core.
        fold: whether carrying the projections to the texts is cheaper than projecting the patch tokens.
    """

    queries: Tensor
    constant: Tensor
    key_weight: Tensor
    value_weight: Tensor
    value_bias: Tensor
    out_weight: Tensor
    out_bias: Tensor
    eps: float
    fold: bool


class AttentionPool(nn.Module):
    """Multi-head cross-attention from texts to patch tokens with one extra slot of zeros.

    The extra slot has score 0 and value 0 and is never masked: a text that finds nothing may look there, and a fully
    masked row gives ``out_proj.bias``.

    Args:
        embed_dim: E.
        num_heads: H; divides ``embed_dim``.

    Raises:
        ModelError: if it does not.

    Sources:
        golden/README.md 1.
    """

    def __init__(self, embed_dim: int, num_heads: int) -> None:
        super().__init__()
        if embed_dim % num_heads:
            raise ModelError(f"AttentionPool: embed_dim {embed_dim} is no multiple of num_heads {num_heads}.")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.norm_q = nn.LayerNorm(embed_dim, eps=_EPS)
        self.norm_k = nn.LayerNorm(embed_dim, eps=_EPS)
        self.norm_v = nn.LayerNorm(embed_dim, eps=_EPS)
        self.in_proj_weight = nn.Parameter(torch.empty(3 * embed_dim, embed_dim))  # rows: q, k, v
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * embed_dim))
        self.out_proj = nn.Linear(embed_dim, embed_dim)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, tokens: Tensor, mask: Tensor | None = None, need_weights: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Pool patch tokens for every text.

        Args:
            query: (B, T, E) texts.
            tokens: (B, P, E) patch tokens.
            mask: 1 or True where a text may look: (B, H, T, P), (B * H, T, P), (B, 1, T, P), or (B, P) for all texts.
            need_weights: return the attention weights too.

        Returns:
            (B, T, E), and with ``need_weights`` the weights (B, H, T, P + 1), the extra slot last.
        """
        normalized = self.normalize_tokens(tokens)
        pooled, weights = self.pool_from_scores(self.scores(query, normalized), normalized, mask)
        return (pooled, weights) if need_weights else pooled

    def normalize_tokens(self, tokens: Tensor) -> Tensor:
        """The core that keys and values share: (B, P, E) tokens with mean 0 and variance 1."""
        return F.layer_norm(tokens, (self.embed_dim,), eps=_EPS)

    def scores(self, query: Tensor, normalized: Tensor) -> Tensor:
        """Attention logits of texts, before any mask.

        Args:
            query: (B, T, E).
            normalized: (B, P, E) from :meth:`normalize_tokens`.

        Returns:
            (B, H, T, P).
        """
        batch, num_texts, _ = query.shape
        q, constant, weight_k = self._queries(query)
        if self._folding_pays(num_texts):
            folded = (q @ weight_k).flatten(1, 2)  # (B, H * T, E)
            scores = (folded @ normalized.transpose(1, 2)).view(batch, self.num_heads, num_texts, -1)
        else:
            keys = self._split_heads(F.linear(normalized, weight_k.flatten(0, 1)))  # (B, H, P, d)
            scores = q @ keys.transpose(2, 3)
        return scores + constant

    def pool_from_scores(self, scores: Tensor, normalized: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Softmax with the extra slot, then the weighted sum of values and the output projection.

        Args:
            scores: (B, H, T, P) from :meth:`scores`.
            normalized: (B, P, E) from :meth:`normalize_tokens`.
            mask: bool, broadcasts to (B, H, T, P), as in :meth:`forward`.

        Returns:
            Pooled (B, T, E) and the weights (B, H, T, P + 1), the extra slot last.
        """
        if mask is not None:
            scores = scores.masked_fill(~_four_dims(mask, scores), -torch.inf)
        weights = F.pad(scores, (0, 1)).softmax(dim=-1)
        attention = weights[..., :-1]
        value_weight, value_bias = self._folded_value()
        if self._folding_pays(scores.shape[2]):
            seen = (attention.flatten(1, 2) @ normalized).view(*scores.shape[:3], -1)  # (B, H, T, E)
            pooled = seen @ value_weight.transpose(1, 2)  # (B, H, T, d)
        else:
            pooled = attention @ self._split_heads(F.linear(normalized, value_weight.flatten(0, 1)))
        pooled = pooled + attention.sum(-1, keepdim=True) * value_bias
        return self.out_proj(pooled.transpose(1, 2).flatten(2)), weights

    def pool_selected(self, scores: Tensor, normalized: Tensor, selected: Tensor) -> Tensor:
        """Pool a few patch tokens per text, the same for all heads, without touching the others.

        Equal to :meth:`pool_from_scores` with a mask that keeps the selected tokens only.

        Args:
            scores: (B, H, T, P) from :meth:`scores`.
            normalized: (B, P, E) from :meth:`normalize_tokens`.
            selected: (B, T, k) int64 indices of patch tokens.

        Returns:
            Pooled (B, T, E).
        """
        batch, num_texts, count = selected.shape
        few = scores.gather(3, selected[:, None].expand(-1, self.num_heads, -1, -1))  # (B, H, T, k)
        attention = F.pad(few, (0, 1)).softmax(dim=-1)[..., :-1]
        flat = selected.reshape(batch, -1, 1).expand(-1, -1, self.embed_dim)
        tokens = normalized.gather(1, flat).view(batch, num_texts, count, -1)
        seen = (attention.transpose(1, 2) @ tokens).transpose(1, 2)  # (B, H, T, E)
        value_weight, value_bias = self._folded_value()
        pooled = seen @ value_weight.transpose(1, 2) + attention.sum(-1, keepdim=True) * value_bias
        return self.out_proj(pooled.transpose(1, 2).flatten(2))

    def parts(self, query: Tensor) -> PoolParts:
        """Everything about (B, T, E) texts and the pool's weights that needs no patch token."""
        return PoolParts(
            *self._queries(query),
            *self._folded_value(),
            self.out_proj.weight,
            self.out_proj.bias,
            self.norm_k.eps,
            self._folding_pays(query.shape[1]),
        )

    def _queries(self, query: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled queries (B, H, T, d), constant (B, H, T, 1) and the key projection of normalized tokens (H, d, E)."""
        width = query.shape[-1]
        weight_q, weight_k, _ = self.in_proj_weight.chunk(3)
        bias_q, bias_k, _ = self.in_proj_bias.chunk(3)
        q = F.linear(self.norm_q(query), weight_q, bias_q) / math.sqrt(width // self.num_heads)
        q = self._split_heads(q)
        offset = (F.linear(self.norm_k.bias, weight_k) + bias_k).view(self.num_heads, -1, 1)  # (H, d, 1)
        return q, q @ offset, (weight_k * self.norm_k.weight).view(self.num_heads, -1, width)

    def _folded_value(self) -> tuple[Tensor, Tensor]:
        """The value projection of normalized tokens: weight (H, d, E) and bias (H, 1, d)."""
        weight, bias = self.in_proj_weight.chunk(3)[2], self.in_proj_bias.chunk(3)[2]
        bias = F.linear(self.norm_v.bias, weight) + bias
        weight = weight * self.norm_v.weight
        return weight.view(self.num_heads, -1, self.embed_dim), bias.view(self.num_heads, 1, -1)

    def _split_heads(self, x: Tensor) -> Tensor:
        """(B, length, E) to (B, H, length, d)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _folding_pays(self, num_texts: int) -> bool:
        """Whether H * T rows of width E cost less than projecting every patch token."""
        return num_texts * (self.num_heads - 1) < self.embed_dim


def _four_dims(mask: Tensor, scores: Tensor) -> Tensor:
    """A mask as bool that broadcasts to (B, H, T, P)."""
    batch, heads, num_texts, num_tokens = scores.shape
    mask = mask if mask.dtype == torch.bool else mask > 0
    if mask.dim() == 2:
        mask = mask[:, None, None, :]
    elif mask.dim() == 3:
        mask = mask.view(batch, heads, num_texts, num_tokens)
    return mask
