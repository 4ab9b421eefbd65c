"""Which items of a report a training step sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from itemclip_med.data.denials import affirm
from itemclip_med.records import Item, Report

NORMAL_ITEM = "No abnormality is seen."


@dataclass(frozen=True)
class ItemSampling:
    """How items are chosen.

    Attributes:
        num_items: K, item slots of a study.
        absent: what becomes of items that deny a finding or call an organ normal. "keep": texts like all others.
            "drop": left out; a normal study keeps one statement that calls it normal, for that is all it says.
            "negative": left out in the same way, and what they deny becomes hard negatives of their own study:
            "No pneumothorax" gives the text "Pneumothorax", which this study must not match.
        num_negatives: most hard negatives of a study, in slots of the K.

    Raises:
        ValueError: if ``num_items`` is below 1, ``absent`` is another word, or hard negatives leave no slot.
    """

    num_items: int = 7
    absent: Literal["drop", "keep", "negative"] = "keep"
    num_negatives: int = 2

    def __post_init__(self) -> None:
        if self.num_items < 1 or self.absent not in ("drop", "keep", "negative"):
            raise ValueError(
                f"ItemSampling: num_items {self.num_items}, absent {self.absent!r}; expected 1 or more, and drop, keep "
                "or negative."
            )
        if self.num_negatives < 0 or (self.absent == "negative" and self.num_negatives >= self.num_items):
            raise ValueError(
                f"ItemSampling: num_negatives {self.num_negatives} of {self.num_items} slots; expected 0 or more, and "
                "a slot left for an item."
            )

    def choose(self, report: Report, random: np.random.Generator) -> list[str]:
        """Up to K texts of a report, in random order; of more, K drawn with equal chances.

        Args:
            report: the items of one study.
            random: drawn from.

        Returns:
            At least one text; a report that says nothing gives :data:`NORMAL_ITEM` only where it is normal.
        """
        return self.draw(report, random)[0]

    def draw(self, report: Report, random: np.random.Generator) -> tuple[list[str], list[str]]:
        """Texts of a report, and texts that it denies; together K at most, both in random order.

        Args:
            report: the items of one study.
            random: drawn from.

        Returns:
            Items as :meth:`choose` gives them, and hard negatives: none unless ``absent`` is "negative", and none that
            the study has among its own items.
        """
        pool = self._pool(report)
        if not pool:
            return ([NORMAL_ITEM] if report.is_normal else []), []
        order = random.permutation(len(pool))
        denied = self._denied(report)
        chosen: list[int] = random.permutation(len(denied))[: self.num_negatives].tolist() if denied else []
        texts = [pool[index].text for index in order[: self.num_items - len(chosen)]]
        return texts, [denied[index] for index in chosen]

    def _denied(self, report: Report) -> list[str]:
        """What the report denies, as if it were there."""
        if self.absent != "negative":
            return []
        said = {item.text.lower() for item in report.items if item.status in ("present", "uncertain")}
        found = [affirm(item.text) for item in report.items if item.status == "absent"]
        return [text for text in dict.fromkeys(found) if text is not None and text.lower() not in said]

    def _pool(self, report: Report) -> Sequence[Item]:
        if self.absent == "keep":
            return report.items
        if report.is_normal:
            overall = [item for item in report.items if item.status == "normal"]
            return overall[-1:]  # one: slots of normal studies must not outnumber those of findings
        return [item for item in report.items if item.status in ("present", "uncertain")]
