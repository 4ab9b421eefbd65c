"""The transformer block of the image tower."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head self-attention on torch's fused kernel.

    Args:
        width: of the tokens.
        num_heads: heads; divides ``width``.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)  # rows: q, k, v, each head by head
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, key_mask: Tensor | None = None) -> Tensor:
        """Let tokens see each other.

        Args:
            x: (G, S, width), groups that do not see each other.
            key_mask: (G, S) bool, False at tokens that nobody may see; None: all are seen.

        Returns:
            (G, S, width).
        """
        groups, length, width = x.shape
        q, k, v = self.qkv(x).view(groups, length, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        mask = None if key_mask is None else key_mask[:, None, None, :]
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(out.transpose(1, 2).reshape(groups, length, width))


class Mlp(nn.Module):
    """Two linear layers with an exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to every token of (…, width) alone."""
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """A pre-norm ViT block with stochastic depth.

    Args:
        width: of the tokens.
        num_heads: attention heads.
        mlp_ratio: hidden width of the MLP over ``width``.
        drop_path: probability that a group skips a residual branch while training.
    """

    def __init__(self, width: int, num_heads: int, mlp_ratio: int = 4, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = SelfAttention(width, num_heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, width * mlp_ratio)
        self.drop_path = drop_path

    def forward(self, x: Tensor, key_mask: Tensor | None = None, draws: Tensor | None = None) -> Tensor:
        """Apply to (G, S, width) tokens.

        Args:
            x: (G, S, width), groups that do not see each other.
            key_mask: (G, S) bool, as in :class:`SelfAttention`.
            draws: (2, G) uniform in [0, 1), which groups skip the first and the second branch; None draws here.
        """
        first, second = (None, None) if draws is None else draws
        x = x + self._maybe_drop(self.attn(self.norm1(x), key_mask), first)
        return x + self._maybe_drop(self.mlp(self.norm2(x)), second)

    def _maybe_drop(self, branch: Tensor, draws: Tensor | None) -> Tensor:
        if not self.training or self.drop_path == 0:
            return branch
        keep = 1 - self.drop_path
        if draws is None:
            kept = torch.empty((branch.shape[0], 1, 1), dtype=branch.dtype, device=branch.device).bernoulli_(keep)
        else:
            kept = (draws < keep).to(branch.dtype)[:, None, None]
        return branch * (kept / keep)
