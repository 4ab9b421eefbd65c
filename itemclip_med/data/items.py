"""Which items of a report a training step sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from itemclip_med.records import Item, Report

NORMAL_ITEM = "No abnormality is seen."


@dataclass(frozen=True)
class ItemSampling:
    """How items are chosen.

    Attributes:
        num_items: K, item slots of a study.
        absent: "keep" items that say a finding is absent or an organ is normal, or "drop" them where the study has
            others; a normal study keeps the statements that call it normal, for they are all that it says.

    Raises:
        ValueError: if ``num_items`` is below 1 or ``absent`` is another word.
    """

    num_items: int = 7
    absent: Literal["drop", "keep"] = "keep"

    def __post_init__(self) -> None:
        if self.num_items < 1 or self.absent not in ("drop", "keep"):
            raise ValueError(
                f"ItemSampling: num_items {self.num_items}, absent {self.absent!r}; expected 1 or more, drop or keep."
            )

    def choose(self, report: Report, random: np.random.Generator) -> list[str]:
        """Up to K texts of a report, in random order.

        Args:
            report: the items of one study.
            random: drawn from.

        Returns:
            At least one text; a report that says nothing gives :data:`NORMAL_ITEM` only where it is normal.
        """
        pool = self._pool(report)
        if not pool:
            return [NORMAL_ITEM] if report.is_normal else []
        order = random.permutation(len(pool))[: self.num_items]
        return [pool[index].text for index in order]

    def _pool(self, report: Report) -> Sequence[Item]:
        if self.absent == "keep":
            return report.items
        if report.is_normal:
            overall = [item for item in report.items if item.status == "normal"]
            return overall[-1:]  # one: slots of normal studies must not outnumber those of findings
        return [item for item in report.items if item.status in ("present", "uncertain")]
