"""What users compare with, in the same frame: CLIP and SigLIP on one text per study, and HLIP's two texts.

All are called like :class:`~itemclip_med.losses.ItemizedCLIPLoss`; patch tokens and pool are not used, so a model that
is trained with them scores by its global embedding (``scoring: global`` in its configuration).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.losses.contrastive import multi_positive_loss
from itemclip_med.losses.gather import gather_items


class SigLIPLoss(nn.Module):
    """Sigmoid contrastive loss between a study's global embedding and its one text.

    Args:
        normal_check: leave out pairs of two different normal studies, whose reports say the same.

    Sources:
        Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023.
    """

    def __init__(self, normal_check: bool = False) -> None:
        super().__init__()
        self.normal_check = normal_check

    def forward(
        self,
        *,
        image_features: Tensor,
        item_features: Tensor,
        item_mask: Tensor,
        is_normal: Tensor | None = None,
        logit_scale: Tensor,
        logit_bias: Tensor | None = None,
        **unused: Any,
    ) -> dict[str, Tensor]:
        """Compute the loss.

        Args:
            image_features: (B, E), any length.
            item_features: (B, 1, E), any length.
            item_mask: (B, 1), 0 where a study has no text.
            is_normal: (B,), used with ``normal_check``.
            logit_scale: scalar, multiplies the cosines, already exponentiated.
            logit_bias: scalar, is added to the logits; None is 0.
            unused: what only the itemized loss needs.

        Returns:
            ``siglip``, detached, and ``total``, which carries the gradient. Across ranks their means are those of the
            concatenated batch.

        Raises:
            ValueError: if there is more than one text per study.
        """
        _check_texts(self, item_features, 1)
        with torch.autocast(image_features.device.type, enabled=False):
            normal = item_mask.new_zeros(len(item_mask)) if is_normal is None else is_normal
            texts = gather_items(item_features.float(), item_mask.float(), normal.reshape(-1).float())
            has_text = texts.item_mask[:, 0] > 0  # (G,)
            own = texts.own
            weights = has_text[own, None].float() * has_text[None, :].float()  # (B, G)
            if self.normal_check:
                both = texts.is_normal[own, None] * texts.is_normal[None, :]
                both.diagonal(own.start).fill_(0)
                weights = weights * (1 - both)
            total = multi_positive_loss(
                F.normalize(image_features.float(), dim=-1),
                F.normalize(texts.items, dim=-1),
                weights,
                logit_scale.float(),
                0.0 if logit_bias is None else logit_bias.float(),
                has_text.sum().clamp_min(1) / len(texts.counts),
                first_study=own.start,
            )
        return {"siglip": total.detach(), "total": total}


class CLIPLoss(nn.Module):
    """InfoNCE between a study's global embedding and its texts, the mean over both directions and over text slots.

    With one slot it is CLIP, on whole reports or on one random item a step; with two, a whole report and a random item,
    it is the dual loss of HLIP. Studies of one slot compete only with texts of the same slot.

    Args:
        num_texts: text slots a study.

    Raises:
        ValueError: if there is no slot.

    Sources:
        Radford et al., Learning Transferable Visual Models from Natural Language Supervision, ICML 2021; one random
        sentence a step and the dual loss: HLIP (arXiv 2505.21862) and its repository's ablations.
    """

    def __init__(self, num_texts: int = 1) -> None:
        super().__init__()
        if num_texts < 1:
            raise ValueError(f"CLIPLoss: num_texts is {num_texts}, expected 1 or more.")
        self.num_texts = num_texts

    def forward(
        self,
        *,
        image_features: Tensor,
        item_features: Tensor,
        item_mask: Tensor,
        logit_scale: Tensor,
        **unused: Any,
    ) -> dict[str, Tensor]:
        """Compute the loss.

        Args:
            image_features: (B, E), any length.
            item_features: (B, M, E) for M slots, any length.
            item_mask: (B, M), 0 where a study has no text.
            logit_scale: scalar, multiplies the cosines, already exponentiated.
            unused: what only other losses need.

        Returns:
            ``clip``, detached, and ``total``, which carries the gradient. Across ranks their means are those of the
            concatenated batch.

        Raises:
            ValueError: if there are more or fewer text slots than expected.
        """
        _check_texts(self, item_features, self.num_texts)
        with torch.autocast(image_features.device.type, enabled=False):
            nobody = item_mask.new_zeros(len(item_mask), dtype=torch.float32)
            texts = gather_items(item_features.float(), item_mask.float(), nobody)
            images = gather_items(image_features.float()[:, None], item_mask.float()[:, :1], nobody).items[:, 0]
            images = F.normalize(images, dim=-1)  # (G, E)
            losses = [
                self._one_slot(images, F.normalize(texts.items[:, slot], dim=-1), texts.item_mask[:, slot], logit_scale)
                for slot in range(self.num_texts)
            ]
            total = torch.stack(losses).mean()
        return {"clip": total.detach(), "total": total}

    def _one_slot(self, images: Tensor, texts: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
        """InfoNCE over the studies that have a text in this slot."""
        rows = (mask > 0).nonzero()[:, 0]
        if not len(rows):
            return (images.sum() + texts.sum()) * 0
        logits = scale.float() * images[rows] @ texts[rows].T
        target = torch.arange(len(rows), device=logits.device)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def _check_texts(loss: nn.Module, item_features: Tensor, expected: int) -> None:
    if item_features.shape[1] != expected:
        raise ValueError(
            f"{type(loss).__name__}: expected {expected} text{'s' * (expected > 1)} per study, got "
            f"{item_features.shape[1]}. "
            "Choose the texts with PrepareItemBatch(texts=...) or the number of items in the data set."
        )
