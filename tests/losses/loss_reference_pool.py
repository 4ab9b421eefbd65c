"""A slow, obvious attention pool, written from golden/README.md 1, that the losses are tested with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ReferencePool(nn.Module):
    """Queries, keys and values are projected; scores are made by the plain formula."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_q, self.ln_k, self.ln_v = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, num_heads, add_zero_attn=True, batch_first=True)

    def normalize_tokens(self, tokens: Tensor) -> Tensor:
        return tokens  # each projection below normalizes by itself

    def _project(self, x: Tensor, part: int) -> Tensor:
        width = x.shape[-1]
        rows = slice(part * width, (part + 1) * width)
        out = F.linear(x, self.attn.in_proj_weight[rows], self.attn.in_proj_bias[rows])
        return out.unflatten(-1, (self.num_heads, width // self.num_heads)).transpose(1, 2)  # (B, H, length, d)

    def scores(self, query: Tensor, tokens: Tensor) -> Tensor:
        q, k = self._project(self.ln_q(query), 0), self._project(self.ln_k(tokens), 1)
        return q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5

    def pool_from_scores(self, scores: Tensor, tokens: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = torch.cat([scores, torch.zeros_like(scores[..., :1])], dim=-1).softmax(-1)
        value = self._project(self.ln_v(tokens), 2)
        pooled = (weights[..., :-1] @ value).transpose(1, 2).flatten(2)
        return self.attn.out_proj(pooled), weights

    def pool_selected(self, scores: Tensor, tokens: Tensor, selected: Tensor) -> Tensor:
        mask = torch.zeros_like(scores[:, 0], dtype=torch.bool).scatter_(2, selected, True)
        return self.pool_from_scores(scores, tokens, mask[:, None])[0]
