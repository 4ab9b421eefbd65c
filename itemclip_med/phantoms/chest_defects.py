"""Defects planted on request, so that what checks a data set can be tested: which study gets which."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

DEFECTS: tuple[str, ...] = (
    "hu-twice", "flipped-axis", "corrupt-file", "duplicate-rows", "unlabeled-volume", "missing-volume",
)  # fmt: skip
"""HU rescaled twice; left and right exchanged under the same geometry; a file cut short; rows of labels that stand
there twice; a volume without labels; labels without a volume."""

Change = Callable[[NDArray[np.int16]], NDArray[np.int16]]


def plan_defects(defects: Sequence[str], indices: range, seed: int) -> dict[int, str]:
    """Which study gets which defect; one each.

    Args:
        defects: of :data:`DEFECTS`.
        indices: numbers of the set's studies.
        seed: of the set.

    Returns:
        Study number to defect.

    Raises:
        ValueError: if a defect is unknown, or there are more of them than studies.
    """
    unknown = sorted(set(defects) - set(DEFECTS))
    if unknown:
        raise ValueError(f"unknown defects {', '.join(unknown)}; expected {', '.join(DEFECTS)}")
    wanted = [name for name in DEFECTS if name in defects]
    if len(wanted) > len(indices):
        raise ValueError(f"{len(wanted)} defects need as many studies, found {len(indices)}")
    rng = np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(9, indices.start)))
    chosen = rng.choice(len(indices), len(wanted), replace=False)
    return {indices[int(number)]: name for number, name in zip(chosen, wanted, strict=True)}


def change_of(defect: str | None) -> Change | None:
    """What a defect does to the HU of a volume (X, Y, Z); None where it leaves them alone."""
    return {"hu-twice": _rescale_again, "flipped-axis": _flip}.get(defect or "")


def cut_short(content: bytes) -> bytes:
    """The first half of a file."""
    return content[: len(content) // 2]


def _rescale_again(volume_hu: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.maximum(volume_hu.astype(np.int32) - 1024, -2048).astype(np.int16)


def _flip(volume_hu: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.ascontiguousarray(volume_hu[::-1])
