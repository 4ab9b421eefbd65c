"""The hierarchical 3D vision transformer: attention within slices, within series, and over the whole study."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from itemclip_med.errors import ModelError
from itemclip_med.models.attention import Block
from itemclip_med.models.config import ItemizedCLIPConfig
from itemclip_med.models.patch_embed import PatchEmbed
from itemclip_med.models.position import resample_series, resample_spatial, series_table, spatial_table
from itemclip_med.models.series_names import SeriesNameEncoder


class HierarchicalViT(nn.Module):
    """One encoder for studies of one or many series.

    Tokens of a group see each other; a block's level says what a group is: a row of patches along depth ("slice"),
    a series, or the study. Every group carries one class token. On the way up the class tokens of the merged groups
    are averaged, on the way down they are copied; the end is always the whole study.

    Args:
        config: see :class:`~itemclip_med.models.config.ItemizedCLIPConfig`; the text tower's part is not used.

    Sources:
        golden/README.md 3 and 5.
    """

    spatial_table: Tensor
    series_table: Tensor

    def __init__(self, config: ItemizedCLIPConfig) -> None:
        super().__init__()
        width = config.width
        self.levels = config.block_levels
        self.max_series = config.max_series
        self.series_positions = config.series_positions
        self.gradient_checkpointing = config.gradient_checkpointing
        self.patch_embed = PatchEmbed(
            config.patch_size, config.in_channels, width, config.stem_patch, config.stem_width
        )
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        num_blocks = len(config.block_levels)
        self.blocks = nn.ModuleList(
            Block(width, config.num_heads, config.mlp_ratio, config.drop_path * index / max(1, num_blocks - 1))
            for index in range(num_blocks)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        # Published models hold tables made from a 2D ViT's: they are saved, not recomputed.
        self.register_buffer("spatial_table", spatial_table(config.grid, width))
        self.drop_draws: Tensor | None = None  # see draw_drops
        self.name_encoder: SeriesNameEncoder | None = None
        self.name_proj: nn.Linear | None = None
        if config.series_names:
            self.name_encoder = SeriesNameEncoder(config.series_name_depth)
            self.name_proj = nn.Linear(self.name_encoder.width, width)
        elif config.max_series > 1:
            self.register_buffer("series_table", series_table(config.max_series, width))
        self._initialize()

    def _initialize(self) -> None:
        nn.init.normal_(self.cls_token, std=0.02)
        std = 0.02 * math.sqrt(768 / self.cls_token.shape[-1])  # ViT-B's 0.02, at the same gain for other widths
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=std)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(
        self,
        images: Tensor,
        name_tokens: Tensor | None = None,
        series_mask: Tensor | None = None,
        series_positions: Tensor | None = None,
    ) -> Tensor:
        """Encode studies.

        Args:
            images: (B, N, C, D, H, W).
            name_tokens: (B, N, 110) int64 names of the series, for an encoder that reads them.
            series_mask: (B, N) bool, False at padding series, which nothing sees; None: all are real.
            series_positions: (N,) int64 rows of the table of series, to repeat a recorded choice.

        Returns:
            (B, 1 + P, width): the study's class token, then P = N * d * h * w patch tokens in the order series,
            depth, row, column; those of padding series mean nothing.

        Raises:
            ModelError: if the channels or the size do not fit, or there are more series than the model takes.
        """
        batch, num_series, channels = images.shape[:3]
        if channels != self.patch_embed.in_channels:
            raise ModelError(
                f"Image with {channels} channels, expected {self.patch_embed.in_channels}: "
                "load it with the preprocessing that was saved with the model."
            )
        patches = self.patch_embed(images.flatten(0, 1))  # (B * N, d, h, w, width)
        grid = patches.shape[1:4]
        patches = patches + resample_spatial(self.spatial_table, tuple(grid)).to(patches.dtype)
        series = self._series_codes(batch, num_series, name_tokens, series_positions)
        if series is not None:
            patches = patches + series.reshape(-1, 1, 1, 1, series.shape[-1])

        layout = _Layout(batch, num_series, grid[0], grid[1] * grid[2], series_mask)
        level = self.levels[0]
        x = layout.first(patches, self.cls_token, level)
        for number, (block, block_level) in enumerate(zip(self.blocks, self.levels, strict=True)):
            x = layout.regroup(x, level, block_level)
            level = block_level
            key_mask = layout.study_key_mask if level == "study" else None
            draws = None
            if self.training and self.drop_draws is not None:
                draws = self.drop_draws[:, number, :, : layout.groups[level]].transpose(0, 1).flatten(1)
            if self.gradient_checkpointing and self.training:
                x = checkpoint(block, x, key_mask, draws, use_reentrant=False)
            else:
                x = block(x, key_mask, draws)
        return self.norm(layout.regroup(x, level, "study"))

    def draw_drops(self, seeds: Sequence[int] | None, num_groups: int = 0) -> None:
        """Draw which groups the blocks of the next forward skip in training, study by study.

        A study then skips the same whatever other studies are encoded with it, in whatever parts of a batch.

        Args:
            seeds: one for each study; None: the blocks draw for the batch, from torch's global generator.
            num_groups: groups of a study at most: its series, or its rows of patches along depth.
        """
        if seeds is None or all(block.drop_path == 0 for block in self.blocks):
            self.drop_draws = None
            return
        shape = (num_groups, len(self.blocks), 2)  # groups first: more of them change none of the others
        draws = [torch.rand(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        self.drop_draws = torch.stack(draws).to(self.cls_token.device).permute(0, 2, 3, 1)

    def max_groups(self, num_series: int, depth: int) -> int:
        """Groups of one study at the finest level that the blocks use."""
        return num_series * depth // self.patch_embed.patch_size[0] if "slice" in self.levels else num_series

    def _series_codes(
        self, batch: int, num_series: int, name_tokens: Tensor | None, positions: Tensor | None
    ) -> Tensor | None:
        """What is added to all patch tokens of a series: (B or 1, N, width), or None."""
        if self.name_encoder is not None and self.name_proj is not None:
            if name_tokens is None:
                raise ModelError("The model reads series names, and none were given: pass `series`.")
            if tuple(name_tokens.shape[:2]) != (batch, num_series):
                raise ModelError(
                    f"Names of {tuple(name_tokens.shape[:2])} (studies, series), expected {(batch, num_series)}."
                )
            return self.name_proj(self.name_encoder(name_tokens))
        if self.max_series == 1:
            if num_series > 1:
                raise ModelError(
                    f"Study with {num_series} series, expected 1: the model has no codes to tell series apart "
                    "(max_series is 1). Select one series."
                )
            return None
        table = self.series_table
        if num_series > self.max_series:
            rows = resample_series(table, num_series)
        else:
            if positions is None:
                positions = self._draw_positions(batch, num_series, table.device)
            rows = table[:, positions.to(table.device)]
        return rows.to(self.cls_token.dtype).expand(batch, -1, -1)

    def _draw_positions(self, batch: int, num_series: int, device: torch.device) -> Tensor:
        """Rows of the table for the series of a batch, (N,)."""
        shuffled = self.training if self.series_positions == "shuffled" else batch != 1
        if self.series_positions == "first" or not shuffled:
            return torch.arange(num_series, device=device)
        return torch.randperm(self.max_series)[:num_series].to(device)


class _Layout:
    """How the tokens of a batch are cut into groups at each level."""

    def __init__(self, batch: int, num_series: int, depth: int, per_slice: int, series_mask: Tensor | None) -> None:
        self.batch = batch
        self.groups = {"slice": num_series * depth, "series": num_series, "study": 1}  # per study
        self.series_mask = series_mask
        self.study_key_mask: Tensor | None = None
        if series_mask is not None:
            patches = series_mask.bool().repeat_interleave(depth * per_slice, dim=1)
            self.study_key_mask = torch.cat([torch.ones_like(patches[:, :1]), patches], dim=1)  # (B, 1 + P)

    def first(self, patches: Tensor, cls_token: Tensor, level: str) -> Tensor:
        """Put a class token in front of every group of (B * N, d, h, w, width) patch tokens."""
        patches = patches.reshape(self.batch * self.groups[level], -1, patches.shape[-1])
        return torch.cat([cls_token.to(patches.dtype).expand(len(patches), -1, -1), patches], dim=1)

    def regroup(self, x: Tensor, source: str, target: str) -> Tensor:
        """Move (groups, 1 + patches, width) tokens from one level to another."""
        before, after = self.groups[source], self.groups[target]
        if before == after:
            return x
        width = x.shape[-1]
        cls, patches = x[:, :1], x[:, 1:]
        cls = cls.reshape(self.batch, before, width)
        if after > before:
            cls = cls.repeat_interleave(after // before, dim=1)
        elif target == "study" and self.series_mask is not None:
            weights = self.series_mask.to(cls.dtype).repeat_interleave(before // self.groups["series"], dim=1)[
                ..., None
            ]
            cls = (cls * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True).clamp_min(1)
        else:
            cls = cls.view(self.batch, after, before // after, width).mean(dim=2)
        return torch.cat([cls.reshape(-1, 1, width), patches.reshape(self.batch * after, -1, width)], dim=1)
