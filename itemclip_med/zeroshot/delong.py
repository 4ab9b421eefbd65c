"""DeLong's variance of the AUC, for studies that are independent of each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itemclip_med.zeroshot.curves import known

_Z_95 = 1.959963984540054


@dataclass(frozen=True)
class DeLong:
    """An AUC with its standard error and 95 % interval.

    Attributes:
        auc: the area.
        standard_error: of the area.
        low: end of the interval, not below 0.
        high: end of the interval, not above 1.
    """

    auc: float
    standard_error: float
    low: float
    high: float


def delong(scores: ArrayLike, labels: ArrayLike) -> DeLong | None:
    """AUC, standard error and normal interval; None unless each class has two studies.

    Args:
        scores: (B,).
        labels: (B,) 1, 0, or NaN where unknown.

    Raises:
        TaskError: as :func:`itemclip_med.zeroshot.curves.known`.

    Sources:
        E. R. DeLong et al., Biometrics 1988; placements from midranks as X. Sun and W. Xu, IEEE SPL 2014.
    """
    placements = _placements(*known(scores, labels))
    if placements is None:
        return None
    of_positive, of_negative = placements
    area = float(of_positive.mean())
    error = math.sqrt(of_positive.var(ddof=1) / len(of_positive) + of_negative.var(ddof=1) / len(of_negative))
    return DeLong(area, error, max(0.0, area - _Z_95 * error), min(1.0, area + _Z_95 * error))


def delong_difference(first: ArrayLike, second: ArrayLike, labels: ArrayLike) -> tuple[float, float, float] | None:
    """The difference of two AUCs on the same studies, its standard error and two-sided p-value.

    Args:
        first: (B,) scores of one model.
        second: (B,) scores of the other.
        labels: (B,) 1, 0 or NaN.

    Returns:
        ``first - second``, standard error, p; None unless each class has two studies.

    Sources:
        E. R. DeLong et al., Biometrics 1988.
    """
    one, other = _placements(*known(first, labels)), _placements(*known(second, labels))
    if one is None or other is None:
        return None
    gains = [a - b for a, b in zip(one, other, strict=True)]
    difference = float(gains[0].mean())
    error = math.sqrt(sum(gain.var(ddof=1) / len(gain) for gain in gains))
    if error == 0:
        return difference, 0.0, 1.0 if difference == 0 else 0.0
    return difference, error, math.erfc(abs(difference / error) / math.sqrt(2))


def _placements(scores: NDArray[Any], positive: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Of each positive the share of negatives below it, of each negative the share of positives above it."""
    yes, no = scores[positive], scores[~positive]
    if len(yes) < 2 or len(no) < 2:
        return None
    return _share_below(no, yes), 1 - _share_below(yes, no)


def _share_below(others: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Of each value the share of others below it, ties as half."""
    others = np.sort(others)
    below = np.searchsorted(others, values, side="left") + np.searchsorted(others, values, side="right")
    return below / (2 * len(others))
