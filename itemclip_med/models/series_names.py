"""Read the names of series character by character."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.errors import ModelError

NAME_LENGTH = 110
_CHARACTERS = "abcdefghijklmnopqrstuvwxyz_+-0123456789.*(),"
_CODES = {character: code for code, character in enumerate(_CHARACTERS, start=1)}
_OTHER, _END = 45, 46
_NUM_CODES = 47
_POSITION_WIDTH = 10


def encode_series_name(name: str) -> list[int]:
    """Turn a name into 110 character codes.

    Args:
        name: any text; what follows the 109th character is cut.

    Returns:
        Codes 1-44 for the known lower-case characters, 45 for any other, 46 at the end, then 0.

    Sources:
        golden/README.md 4.
    """
    codes = [_CODES.get(character, _OTHER) for character in name[: NAME_LENGTH - 1].lower()][: NAME_LENGTH - 1]
    return [*codes, _END] + [0] * (NAME_LENGTH - 1 - len(codes))


def name_tokens(names: Sequence[Sequence[str]], num_series: int) -> Tensor:
    """Tokens (B, N, 110) int64 of the names of B studies; missing names count as empty.

    Raises:
        ModelError: if a study has more names than series.
    """
    for number, study in enumerate(names):
        if isinstance(study, str) or len(study) > num_series:
            found = "a single text" if isinstance(study, str) else f"{len(study)} names"
            raise ModelError(
                f"Study {number} of the batch: {found} for {num_series} series; expected a list of names, one a series."
            )
    padded = [[*study, *[""] * (num_series - len(study))] for study in names]
    codes = {name: encode_series_name(name) for name in {name for study in padded for name in study}}
    return torch.tensor([[codes[name] for name in study] for study in padded], dtype=torch.int64)


def end_positions(tokens: Tensor) -> Tensor:
    """Where the names of (U, 110) tokens end, (U,) int64."""
    return (tokens == _END).to(torch.uint8).argmax(dim=1)


class SeriesNameEncoder(nn.Module):
    """A small character transformer; its output is what the end-of-name token has seen.

    Args:
        depth: layers.
        width: of the characters' embedding and position code together.
        num_heads: attention heads, without bias.
        hidden: hidden width of the MLPs.

    Sources:
        golden/README.md 4.
    """

    position_table: Tensor

    def __init__(self, depth: int = 3, width: int = 256, num_heads: int = 4, hidden: int = 300) -> None:
        super().__init__()
        self.width = width
        self.embed = nn.Embedding(_NUM_CODES, width - _POSITION_WIDTH)
        self.layers = nn.ModuleList(_NameLayer(width, num_heads, hidden) for _ in range(depth))
        self.register_buffer("position_table", _interleaved_table(NAME_LENGTH), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Encode (..., 110) tokens of names as (..., width); equal names are encoded once."""
        flat = tokens.reshape(-1, tokens.shape[-1])
        # On the CPU if the tokens are there: no wait for the accelerator.
        unique, inverse = torch.unique(flat, dim=0, return_inverse=True)
        end = end_positions(unique)
        longest = int(end.max()) + 1
        device = self.embed.weight.device
        unique, end, inverse = unique[:, :longest].to(device), end.to(device), inverse.to(device)
        positions = self.position_table[:longest].to(self.embed.weight.dtype).expand(len(unique), -1, -1)
        x = torch.cat([self.embed(unique), positions], dim=-1)  # (U, length, width)
        key_mask = torch.arange(longest, device=device) <= end[:, None]
        for layer in self.layers:
            x = layer(x, key_mask)
        last = x[torch.arange(len(unique), device=device), end]  # (U, width)
        return last[inverse].view(*tokens.shape[:-1], self.width)


class _NameLayer(nn.Module):
    """A pre-norm layer: attention without bias in q, k, v, then an MLP."""

    def __init__(self, width: int, num_heads: int, hidden: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor, key_mask: Tensor) -> Tensor:
        count, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(count, length, 3, self.num_heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=key_mask[:, None, None, :])
        x = x + self.proj(seen.transpose(1, 2).reshape(count, length, width))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


def _interleaved_table(length: int) -> Tensor:
    """Position codes (length, 10): sine and cosine of one frequency next to each other."""
    frequencies = 1.0 / 10000 ** (torch.arange(0, _POSITION_WIDTH, 2, dtype=torch.float32) / _POSITION_WIDTH)
    angles = torch.arange(length, dtype=torch.float32)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
