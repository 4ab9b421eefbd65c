"""From a collated batch to what MONAI's engines hand to the network: ``(inputs, targets, args, kwargs)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

Prepared = tuple[Tensor, Any, tuple[()], dict[str, Any]]


def _move(value: Any, device: torch.device | str | None, non_blocking: bool) -> Any:
    """Tensors, also inside a mapping, on the device; everything else as it is."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=non_blocking)
    if isinstance(value, Mapping):
        return {name: _move(part, device, non_blocking) for name, part in value.items()}
    return value


class PrepareItemBatch:
    """A batch of studies with items, for training.

    Args:
        tokenize: turns ``B * K`` item texts into ``input_ids`` and ``attention_mask``; needed where the batch was
            collated without a tokenizer, and where ``texts`` is not "items".
        texts: what a study is compared with: its "items" (K texts), all of them joined into one text, its "report"
            (K = 1), or "report_and_item", that and the first of its items, which is a random one (K = 2). For
            baselines; give the data set as many ``num_items`` as reports have items.

    Raises:
        ValueError: if ``texts`` is another word, or needs ``tokenize``.
    """

    def __init__(
        self,
        tokenize: Callable[[list[str]], Mapping[str, Tensor]] | None = None,
        texts: Literal["items", "report", "report_and_item"] = "items",
    ) -> None:
        if texts not in ("items", "report", "report_and_item"):
            raise ValueError(f"PrepareItemBatch: texts is {texts!r}, expected items, report or report_and_item.")
        if texts != "items" and tokenize is None:
            raise ValueError(f"PrepareItemBatch: texts={texts!r} joins texts anew and needs `tokenize`.")
        self.tokenize = tokenize
        self.texts = texts

    def __call__(
        self, batch: Mapping[str, Any], device: torch.device | str | None = None, non_blocking: bool = False, **_: Any
    ) -> Prepared:
        """Prepare one batch.

        Args:
            batch: what :func:`itemclip_med.data.collate_studies` returns.
            device: where the tensors go.
            non_blocking: copy asynchronously.

        Returns:
            Images (B, N, C, D, H, W), no targets, no arguments, and the keyword arguments of
            :meth:`ItemizedStep.forward`.
        """
        text, item_mask = batch.get("text"), batch["item_mask"]
        if self.texts != "items" and self.tokenize is not None:
            own = [
                [item for item, mask in zip(items, masks, strict=True) if mask > 0]
                for items, masks in zip(batch["items"], item_mask.tolist(), strict=True)
            ]
            reports = [" ".join(items) for items in own]
            item_mask = (item_mask > 0).any(dim=1, keepdim=True).float()
            if self.texts == "report_and_item":
                firsts = [next(iter(items), "") for items in own]
                reports = [text for pair in zip(reports, firsts, strict=True) for text in pair]
                item_mask = item_mask.expand(-1, 2)
            text = self.tokenize(reports)
        elif text is None:
            if self.tokenize is None:
                raise ValueError("PrepareItemBatch: the batch holds no `text`; collate with a tokenizer or give one.")
            text = self.tokenize([item for items in batch["items"] for item in items])
        keywords = {
            "text": _move(text, device, non_blocking),
            "item_mask": _move(item_mask, device, non_blocking),
            "is_normal": _move(batch.get("is_normal"), device, non_blocking),
            "series": batch.get("series"),
            "series_mask": _move(batch.get("series_mask"), device, non_blocking),
        }
        return _move(batch["image"], device, non_blocking), None, (), keywords


class PrepareStudyBatch:
    """A batch of studies with labels, for validation and inference.

    Args:
        findings: names of the labels, in the order of the scores' columns; objects with ``name`` will do. None where
            no labels are wanted (inference).
    """

    def __init__(self, findings: Sequence[Any] | None = None) -> None:
        self.findings = None if findings is None else [getattr(finding, "name", finding) for finding in findings]

    def __call__(
        self, batch: Mapping[str, Any], device: torch.device | str | None = None, non_blocking: bool = False, **_: Any
    ) -> Prepared:
        """Prepare one batch.

        Args:
            batch: what :func:`itemclip_med.data.collate_studies` returns; ``labels`` is a list of B mappings from
                finding to 0, 1 or None.
            device: where the tensors go.
            non_blocking: copy asynchronously.

        Returns:
            Images (B, N, C, D, H, W), labels (B, F) with -1 where unknown, no arguments, and ``series`` and
            ``series_mask``.
        """
        image = _move(batch["image"], device, non_blocking)
        keywords = {"series": batch.get("series"), "series_mask": _move(batch.get("series_mask"), device, non_blocking)}
        labels = torch.zeros((len(image), 0))
        if self.findings is not None:
            rows = [[_label(study.get(name)) for name in self.findings] for study in batch["labels"]]
            labels = torch.tensor(rows, dtype=torch.float32).reshape(len(image), len(self.findings))
        return image, labels.to(device), (), keywords


def _label(value: int | None) -> float:
    return -1.0 if value is None else float(value)
