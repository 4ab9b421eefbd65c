"""Everything of one training step that has parameters, in one module, so that DDP can wrap it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from itemclip_med.training.ranks import first_position
from itemclip_med.training.seeding import derive_seed


class ItemizedStep(nn.Module):
    """Image tower, text tower, pooling and loss in one forward.

    Studies of unequal numbers of series are encoded in groups of equal numbers, so that no padding is computed. With
    ``micro_batch_size`` the loss is that of the whole batch while the towers hold a few studies at a time (cached
    gradients): embeddings and patch tokens of all parts first, without what the backward pass needs; then the loss and
    its gradients; then each part once more, with the same draws, to take its gradients through the towers. Unlike
    averaging the gradients of small batches, this keeps all negatives. What is drawn for a study (skipped branches)
    does not depend on the parts; dropout in the text encoder and shuffled codes of unnamed series are drawn part by
    part.

    Args:
        model: an :class:`itemclip_med.models.ItemizedCLIP`.
        loss: an :class:`itemclip_med.losses.ItemizedCLIPLoss`, or another loss called in the same way.
        micro_batch_size: studies that the towers hold at once in training; None: all.
        pack_series: encode studies of equal numbers of series together; False pads them to the longest.

    Raises:
        ValueError: if ``micro_batch_size`` is below 1.

    Sources:
        Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup (GradCache), 2021.
    """

    def __init__(
        self, model: nn.Module, loss: nn.Module, micro_batch_size: int | None = None, pack_series: bool = True
    ) -> None:
        super().__init__()
        if micro_batch_size is not None and micro_batch_size < 1:
            raise ValueError(f"ItemizedStep: micro_batch_size is {micro_batch_size}, expected None or at least 1.")
        self.model = model
        self.loss = loss
        self.micro_batch_size = micro_batch_size
        self.pack_series = pack_series
        self._draw_seed: int | None = None

    def set_draw_seed(self, seed: int | None) -> None:
        """Set the seed of the next forward's draws; None draws from torch's global generator."""
        self._draw_seed = seed

    def forward(
        self,
        image: Tensor,
        *,
        text: Mapping[str, Tensor],
        item_mask: Tensor,
        is_normal: Tensor | None = None,
        series: Sequence[Sequence[str]] | None = None,
        series_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compute the loss of one batch.

        Args:
            image: (B, N, C, D, H, W).
            text: ``input_ids`` and ``attention_mask``, (B * K, T) each, study by study.
            item_mask: (B, K), 1 at real items, -1 at hard negatives, 0 at padding.
            is_normal: (B,), 1 at normal studies.
            series: names of the series, B lists of up to N.
            series_mask: (B, N) bool, False at padding series, which stand behind the real ones.

        Returns:
            The loss's dict; ``total`` carries the gradient.
        """
        studies = _Studies(image, dict(text), item_mask, series, series_mask, self._study_seeds(image))
        encoded = self._encode(studies)
        generator = None
        if self._draw_seed is not None:
            generator = torch.Generator(device=image.device).manual_seed(self._draw_seed)
        terms: dict[str, Tensor] = self.loss(
            image_tokens=encoded["image_tokens"],
            image_features=encoded["image_features"],
            item_features=encoded["text_features"].unflatten(0, item_mask.shape),
            item_mask=item_mask,
            is_normal=is_normal,
            pool=encoded["pool"],
            logit_scale=encoded["logit_scale"],
            logit_bias=encoded.get("logit_bias"),
            token_mask=encoded.get("token_mask"),
            generator=generator,
        )
        return terms

    def _study_seeds(self, image: Tensor) -> list[int] | None:
        """A seed for each study from its position in the global batch; None where nothing is drawn for studies."""
        visual = getattr(self.model, "visual", None)
        if self._draw_seed is None or not self.training or not hasattr(visual, "draw_drops"):
            return None
        first = first_position(len(image))
        return [derive_seed(self._draw_seed, first + position, "drop path") for position in range(len(image))]

    def _encode(self, studies: _Studies) -> dict[str, Any]:
        """What the model makes of all studies, in their order."""
        parts = list(studies.parts(self.micro_batch_size if self.training else None, self.pack_series))
        if len(parts) == 1:
            return self._encode_part(studies)
        cached = self.micro_batch_size is not None and self.training and torch.is_grad_enabled()
        found = []
        for rows in parts:
            part = studies.take(rows)
            found.append(
                checkpoint(self._encode_part, part, use_reentrant=False) if cached else self._encode_part(part)
            )
        back = torch.cat(parts).argsort().to(studies.image.device)
        num_tokens = max(part["image_tokens"].shape[1] for part in found)
        tokens = [F.pad(part["image_tokens"], (0, 0, 0, num_tokens - part["image_tokens"].shape[1])) for part in found]
        num_slots = studies.item_mask.shape[1]
        texts = torch.cat([part["text_features"] for part in found]).unflatten(0, (-1, num_slots))
        return found[0] | {
            "image_features": torch.cat([part["image_features"] for part in found])[back],
            "image_tokens": torch.cat(tokens)[back],
            "text_features": texts[back].flatten(0, 1),
            "token_mask": studies.token_mask(num_tokens),
        }

    def _encode_part(self, part: _Studies) -> dict[str, Any]:
        """What the model makes of some studies; the same again when it is called again in the backward pass."""
        if part.seeds is not None:
            visual: Any = self.model.visual
            visual.draw_drops(part.seeds, visual.max_groups(part.image.shape[1], part.image.shape[3]))
        encoded: dict[str, Any] = self.model(
            part.image, series=part.series, series_mask=part.series_mask, text=part.text, item_mask=part.item_mask
        )
        return encoded


@dataclass(frozen=True)
class _Studies:
    """A batch, or a part of one."""

    image: Tensor
    text: dict[str, Tensor]
    item_mask: Tensor
    series: Sequence[Sequence[str]] | None
    series_mask: Tensor | None
    seeds: list[int] | None

    def parts(self, size: int | None, by_series: bool) -> Iterator[Tensor]:
        """Rows of the parts: studies with equally many series together, ``size`` at most."""
        rows = torch.arange(len(self.image))
        groups = [rows]
        if by_series and self.series_mask is not None:
            counts = self.series_mask.sum(dim=1).cpu()
            groups = [rows[counts == count] for count in counts.unique()]
        for group in groups:
            yield from group.split(size or len(group))

    def take(self, rows: Tensor) -> _Studies:
        """Some of the studies, without series that are padding in all of them."""
        chosen, on_device = rows.tolist(), rows.to(self.image.device)
        image, mask, count = self.image[on_device], None, self.image.shape[1]
        if self.series_mask is not None:
            mask = self.series_mask[on_device]
            count = int(mask.any(dim=0).sum())
            mask = mask[:, :count]
        num_slots = self.item_mask.shape[1]
        series = self.series
        if isinstance(series, Tensor):
            series = series[rows.to(series.device), :count]
        elif series is not None:
            series = [series[row] for row in chosen]
        return _Studies(
            image[:, :count],
            {name: value.unflatten(0, (-1, num_slots))[on_device].flatten(0, 1) for name, value in self.text.items()},
            self.item_mask[on_device],
            series,
            mask,
            None if self.seeds is None else [self.seeds[row] for row in chosen],
        )

    def token_mask(self, num_tokens: int) -> Tensor | None:
        """(B, P) bool, False at patch tokens of padding series; None where there are none."""
        if self.series_mask is None or bool(self.series_mask.all()):
            return None
        mask = self.series_mask[:, self.series_mask.any(dim=0)]
        return mask.repeat_interleave(num_tokens // mask.shape[1], dim=1)


class PickTotal:
    """The bundle's loss: ``total`` of what :class:`ItemizedStep` returned, as MONAI's trainer wants a scalar."""

    def __call__(self, pred: Mapping[str, Tensor], target: Any = None) -> Tensor:
        """Pick the term that carries the gradient."""
        return pred["total"]
