"""What the published loaders make of names and reports, to repeat their runs; our own rules are in ``items.py``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

PLACEHOLDER = "placeholder"
_CHEST_NORMAL = ("no significant abnormalities", "no abnormalities detected")
_BRAIN_NORMAL = "no significant abnormalities."
_BRAIN_NORMAL_PART = "study is unremarkable"
_SHORTEST_LINE = 5


def chest_is_normal(items: Sequence[str]) -> bool:
    """Whether the chest-CT loader calls a study normal: one item, in exactly these words and letter case.

    Sources:
        golden/README.md 8 (``preprocess_ctrate_train``).
    """
    return len(items) == 1 and items[0] in _CHEST_NORMAL


def brain_is_normal(items: Sequence[str]) -> bool:
    """Whether the brain loaders call a study normal; only the first item counts, and no item is not normal.

    Sources:
        golden/README.md 8 (``preprocess_mri_items``).
    """
    return bool(items) and (items[0] == _BRAIN_NORMAL or _BRAIN_NORMAL_PART in items[0].lower())


def item_slots(
    items: Sequence[str], num_items: int, random: np.random.Generator | None = None
) -> tuple[list[str], list[float]]:
    """Items as the chest-CT loader gives them: cut or filled to K slots, in lower case.

    Args:
        items: of one report.
        num_items: K.
        random: shuffles the items, as in training; None keeps their order.

    Returns:
        K texts, and K numbers, 1 where a text is an item and 0 where it fills up.

    Sources:
        golden/README.md 8 (``preprocess_ctrate_train``).
    """
    order = range(len(items)) if random is None else random.permutation(len(items))
    chosen = [items[index].lower() for index in order][:num_items]
    num_empty = num_items - len(chosen)
    return chosen + [PLACEHOLDER] * num_empty, [1.0] * len(chosen) + [0.0] * num_empty


def split_numbered_report(report: str) -> list[str]:
    """Items of a numbered list: what follows the first ". " of each line of five characters or more.

    Sources:
        golden/README.md 8 (``preprocess_mri_items``).
    """
    parts = [line.partition(". ") for line in report.split("\n") if len(line) >= _SHORTEST_LINE]
    return [text for _, mark, text in parts if mark]


def pub_brain_5_series_name(file_name: str) -> str:
    """The series name that the Pub-Brain-5 evaluation gives a file: AX_ and what its stem has after the last "-"."""
    return f"AX_{PurePath(file_name).stem.rpartition('-')[2]}"
