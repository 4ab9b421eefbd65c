"""ItemizedCLIP: an image tower, a text tower, and the pool in which texts ask the patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.errors import ModelError
from itemclip_med.models.config import ItemizedCLIPConfig
from itemclip_med.models.encoder import HierarchicalViT
from itemclip_med.models.pooling import AttentionPool
from itemclip_med.models.series_names import name_tokens
from itemclip_med.models.text import TextTokenizer, TextTower

SeriesNames = Sequence[Sequence[str]] | Tensor
Text = Mapping[str, Tensor] | Tensor | Sequence[str]


@dataclass(frozen=True)
class StudyEncoding:
    """What the image tower makes of B studies.

    Attributes:
        global_: (B, E) one embedding per study, not normalized.
        tokens: (B, P, E) patch tokens in the order series, depth, row, column, not normalized.
        grid: patches (d, h, w) of one series.
        num_series: N.
        token_mask: (B, P) bool, False at patch tokens of padding series; None: all are real.
    """

    global_: Tensor
    tokens: Tensor
    grid: tuple[int, int, int]
    num_series: int
    token_mask: Tensor | None = None


class ItemizedCLIP(nn.Module):
    """The model that scores what a text says of a study, and shows where it looked.

    Args:
        config: the configuration, or the mapping that its ``to_dict`` gives.
        preprocessing: how studies are made into images (``transforms.ModelInput.to_dict()``); saved with the model.
        tokenizer: the text tower's tokenizer; None loads the one that ``config`` names.
        pretrained_text: load the weights of a Hugging Face text encoder; False when all weights are loaded afterwards.

    Raises:
        ModelError: if the configuration does not fit together, or the text encoder cannot be loaded.

    Sources:
        ItemizedCLIP (arXiv 2512.11141); golden/README.md.
    """

    def __init__(
        self,
        config: ItemizedCLIPConfig | Mapping[str, Any],
        preprocessing: Mapping[str, Any] | None = None,
        *,
        tokenizer: TextTokenizer | None = None,
        pretrained_text: bool = True,
    ) -> None:
        super().__init__()
        if not isinstance(config, ItemizedCLIPConfig):
            config = ItemizedCLIPConfig.from_dict(config)
        self.preprocessing = None if preprocessing is None else dict(preprocessing)
        self.visual = HierarchicalViT(config)
        self.visual_proj = nn.Linear(config.width, config.embed_dim, bias=False)
        nn.init.normal_(self.visual_proj.weight, std=config.width**-0.5)
        self.text = TextTower(
            config.text,
            config.embed_dim,
            context_length=config.context_length,
            tokenizer=tokenizer,
            pretrained=pretrained_text,
        )
        self.pool = AttentionPool(config.embed_dim, config.pool_heads)
        if config.scoring == "global":
            self.pool.requires_grad_(False)  # no loss reaches it, which DDP takes for an error
        self.logit_scale = nn.Parameter(torch.tensor(float(config.init_log_scale)))
        self.register_parameter(
            "logit_bias", None if config.init_bias is None else nn.Parameter(torch.tensor(float(config.init_bias)))
        )
        self.config = config.replace(text=self.text.config)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, *, revision: str | None = None, device: torch.device | str = "cpu"
    ) -> ItemizedCLIP:
        """Load a model for evaluation; see :func:`itemclip_med.models.checkpoints.load_pretrained`."""
        from itemclip_med.models.checkpoints import load_pretrained

        return load_pretrained(name, model_class=cls, revision=revision, device=device)

    def save_pretrained(self, folder: str | Path, dtype: str = "float32") -> Path:
        """Write the model; see :func:`itemclip_med.models.checkpoints.save_pretrained`."""
        from itemclip_med.models.checkpoints import save_pretrained

        return save_pretrained(self, folder, dtype=dtype)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.logit_scale.device

    @property
    def tokenizer(self) -> TextTokenizer:
        """The text tower's tokenizer; picklable, give it to ``data.collate_studies``."""
        return self.text.tokenizer

    def forward(
        self,
        images: Tensor,
        series: SeriesNames | None = None,
        text: Text | None = None,
        series_mask: Tensor | None = None,
        item_mask: Tensor | None = None,
    ) -> Tensor | dict[str, Any]:
        """Encode studies, and texts if there are any.

        Args:
            images: (B, N, C, D, H, W), or (B, C, D, H, W) for one series each.
            series: names of the series, B lists of up to N texts or (B, N, 110) int64 tokens; None: unnamed.
            text: R texts: ``input_ids`` and ``attention_mask`` (R, T), the ids alone, or a list of texts.
            series_mask: (B, N) bool, False at padding series.
            item_mask: (B, K) with B * K = R: texts at 0 are not encoded, their features are 0.

        Returns:
            Without ``text`` the global embedding (B, E), not normalized. With ``text`` what the loss needs:
            ``image_features`` (B, E), ``image_tokens`` (B, P, E), ``text_features`` (R, E), none of them normalized;
            ``logit_scale`` (exponentiated), ``logit_bias`` (or None), ``token_mask`` ((B, P) bool or None), ``pool``.

        Raises:
            ModelError: if images, series or text do not fit the model or each other.
        """
        encoding = self.encode_study(images, series, series_mask)
        if text is None:
            return encoding.global_
        return {
            "image_features": encoding.global_,
            "image_tokens": encoding.tokens,
            "text_features": self._text_features(text, item_mask),
            "logit_scale": self.logit_scale.exp(),
            "logit_bias": self.logit_bias,
            "token_mask": encoding.token_mask,
            "pool": self.pool,
        }

    def encode_study(
        self,
        images: Tensor,
        series_names: SeriesNames | None = None,
        series_mask: Tensor | None = None,
        *,
        series_positions: Tensor | None = None,
    ) -> StudyEncoding:
        """Encode studies; ``images``, ``series_names``, ``series_mask`` as in :meth:`forward`.

        ``series_positions`` (N,) repeats a recorded choice of rows in the table of series.

        Raises:
            ModelError: if images or mask have another shape, or the names do not fit the series.
        """
        images = _plain(images)
        if images.dim() == 5:
            images = images[:, None]
        if images.dim() != 6:
            raise ModelError(
                f"Image of shape {tuple(images.shape)}, expected (B, N, C, D, H, W), or (B, C, D, H, W) for one series."
            )
        batch, num_series = images.shape[:2]
        if series_mask is not None:
            series_mask = _plain(series_mask).to(device=images.device, dtype=torch.bool)
            if tuple(series_mask.shape) != (batch, num_series):
                raise ModelError(
                    f"series_mask of shape {tuple(series_mask.shape)}, expected {(batch, num_series)} (B, N)."
                )
            if bool(series_mask.all()):
                series_mask = None
        tokens = None
        if self.config.series_names:
            tokens = self._name_tokens(series_names, batch, num_series)
        encoded = self.visual_proj(self.visual(images, tokens, series_mask, series_positions))
        grid = self.visual.patch_embed.grid(tuple(images.shape[3:]))
        token_mask = None
        if series_mask is not None:
            token_mask = series_mask.repeat_interleave(grid[0] * grid[1] * grid[2], dim=1)
        return StudyEncoding(encoded[:, 0], encoded[:, 1:], grid, num_series, token_mask)

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Embed texts: (K, E), not normalized.

        Raises:
            ModelError: if it is one text instead of a list.
        """
        if isinstance(texts, str):
            raise ModelError("One text instead of a list of texts: put it into a list.")
        return self.text.embed(list(texts))

    def tokenize(self, texts: Sequence[str], context_length: int | None = None, pad: bool = False) -> dict[str, Tensor]:
        """Tokenize texts; see :class:`~itemclip_med.models.text.TextTokenizer`."""
        return self.text.tokenizer(texts, context_length, pad)

    def score(self, study: StudyEncoding, prompts: Tensor | Sequence[str]) -> Tensor:
        """Cosine between each prompt and what it pools from each study, or the study as a whole (``config.scoring``).

        Args:
            study: B encoded studies.
            prompts: K prompts, or their embeddings (K, E).

        Returns:
            (B, K).

        Sources:
            golden/README.md 7: text and patch tokens are normalized before pooling, unlike in training.
        """
        if self.config.scoring == "global":
            return F.normalize(study.global_, dim=-1) @ self._unit_texts(study, prompts).T
        texts, pooled, _ = self._ask(study, prompts)
        return (F.normalize(pooled, dim=-1) * texts).sum(-1)

    def attend(
        self,
        study: StudyEncoding,
        prompts: Tensor | Sequence[str],
        *,
        per_head: bool = False,
        return_empty: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Where each prompt looks when :meth:`score` scores it.

        Args:
            study: B encoded studies.
            prompts: K prompts, or their embeddings (K, E).
            per_head: keep the H heads of the pool apart instead of averaging them.
            return_empty: return the weight of the extra slot too, which looks nowhere.

        Returns:
            Weights (B, K, N, d, h, w), or (B, K, H, N, d, h, w) per head; with the weight of the extra slot, (B, K) or
            (B, K, H), they sum to 1. Padding series have weight 0.

        Raises:
            ModelError: if the model scores by its global embedding: nothing was trained to look anywhere.
        """
        if self.config.scoring == "global":
            raise ModelError(
                "This model scores studies as a whole (scoring is global): it has no heatmaps. Use one that was "
                "trained with the itemized loss."
            )
        _, _, weights = self._ask(study, prompts)  # (B, H, K, P + 1)
        weights = weights.transpose(1, 2) if per_head else weights.mean(dim=1)
        maps = weights[..., :-1].unflatten(-1, (study.num_series, *study.grid))
        return (maps, weights[..., -1]) if return_empty else maps

    def _ask(self, study: StudyEncoding, prompts: Tensor | Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Unit texts (1, K, E), what they pool (B, K, E), and the attention weights (B, H, K, P + 1)."""
        texts = self._unit_texts(study, prompts)[None]
        tokens = F.normalize(study.tokens, dim=-1)
        query = texts.expand(len(tokens), -1, -1)
        pooled, weights = self.pool(query, tokens, study.token_mask, need_weights=True)
        return texts, pooled, weights

    def _unit_texts(self, study: StudyEncoding, prompts: Tensor | Sequence[str]) -> Tensor:
        """Unit embeddings (K, E) of prompts, where the study's are and of their type."""
        texts = prompts if isinstance(prompts, Tensor) else self.encode_text(prompts)
        if texts.dim() != 2 or texts.shape[1] != self.config.embed_dim:
            raise ModelError(
                f"Text embeddings of shape {tuple(texts.shape)}, expected (prompts, {self.config.embed_dim})."
            )
        return F.normalize(texts.to(study.tokens), dim=-1)

    def _text_features(self, text: Text, item_mask: Tensor | None) -> Tensor:
        """Features (R, E) of texts in any spelling; 0 where the mask is 0."""
        if isinstance(text, Mapping):
            ids, attention = text["input_ids"], text.get("attention_mask")
        elif isinstance(text, Tensor):
            ids, attention = text, None
        else:
            tokens = self.tokenize(text)
            ids, attention = tokens["input_ids"].to(self.device), tokens["attention_mask"].to(self.device)
        if item_mask is None:
            return self.text(ids, attention)
        if item_mask.numel() != len(ids):
            raise ModelError(
                f"item_mask of shape {tuple(item_mask.shape)} for {len(ids)} texts, expected one entry per text."
            )
        rows = (item_mask.flatten() != 0).nonzero()[:, 0].to(ids.device)
        if len(rows) == len(ids):
            return self.text(ids, attention)
        features = self.text(ids[rows], None if attention is None else attention[rows])
        return features.new_zeros((len(ids), features.shape[1])).index_copy(0, rows, features)

    def _name_tokens(self, series: SeriesNames | None, batch: int, num_series: int) -> Tensor:
        """Tokens (B, N, 110) of names in any spelling."""
        if isinstance(series, Tensor):
            return _plain(series)
        if series is None:
            series = [[]] * batch
        if isinstance(series, str) or len(series) != batch:
            raise ModelError(
                f"Series names of {len(series)} studies for {batch} studies: one list per study is needed."
            )
        return name_tokens(series, num_series)


def _plain(tensor: Tensor) -> Tensor:
    """A MONAI MetaTensor as plain tensor, so that metadata do not slow every operation down."""
    return tensor.as_tensor() if hasattr(tensor, "as_tensor") else tensor
