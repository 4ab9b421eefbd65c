"""AUC with bootstrap intervals over patients, and the permutation test that shows when an evaluation flatters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itemclip_med.errors import TaskError

NUM_BOOTSTRAPS = 2000
NUM_PERMUTATIONS = 1000
# Fewer draws in which both classes occur say little about the ends of an interval.
_MIN_DRAWS = 100
# Bounds the memory of one block of draws: 4M cells are 32 MB of float64.
_MAX_CELLS = 4_000_000

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, or why there is none."""

    low: float | None
    high: float | None
    reason: str | None = None

    @property
    def bounds(self) -> list[float] | None:
        """[low, high] for JSON, None where undefined."""
        return None if self.low is None or self.high is None else [self.low, self.high]


def auc(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """Area under the ROC curve: how often a positive study scores above a negative one; ties count half.

    Args:
        scores: (B,), finite; higher means more likely.
        labels: (B,), 1 positive, 0 negative, NaN unknown (left out).

    Returns:
        The area, or None unless there are both positives and negatives.

    Raises:
        TaskError: if the lengths differ, a score is not finite, or a label is neither 0, 1 nor NaN.
    """
    scores, labels = checked_scores(np.asarray(scores)[:, None], np.asarray(labels)[:, None])
    value = _weighted_auc(scores[:, 0], (labels[:, 0] == 1)[None, :], (labels[:, 0] == 0)[None, :])[0]
    return None if np.isnan(value) else float(value)


def mean_auc(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """The plain mean of the AUC over the findings that have one.

    Args:
        scores: (B, F).
        labels: (B, F), as in :func:`auc`.

    Returns:
        The mean, or None if no finding has both classes.

    Raises:
        TaskError: as in :func:`auc`.
    """
    scores, labels = checked_scores(scores, labels)
    values = auc_per_finding(scores, labels, np.ones((1, len(scores))))[0]
    return None if np.isnan(values).all() else float(np.nanmean(values))


def bootstrap_auc_ci(
    scores: ArrayLike,
    labels: ArrayLike,
    patients: Sequence[str] | None = None,
    *,
    num: int = NUM_BOOTSTRAPS,
    seed: int = 0,
) -> tuple[list[Interval], Interval]:
    """95 % percentile intervals of each finding's AUC and of their mean, drawing patients with replacement.

    Studies of one patient are drawn together, since they are not independent. A draw in which a finding has one class
    only has no AUC: it is left out for that finding, and for the mean if the finding has an AUC on all studies.

    Args:
        scores: (B, F).
        labels: (B, F), as in :func:`auc`.
        patients: B patient ids; None takes every study as a patient of its own.
        num: draws.
        seed: of the draws.

    Returns:
        F intervals, and that of the mean.

    Raises:
        TaskError: as in :func:`auc`, or if there are not B patients.

    Sources:
        B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 (clusters) and 13 (percentiles).
    """
    scores, labels = checked_scores(scores, labels)
    num_studies, num_findings = scores.shape
    draws = np.concatenate(
        [np.empty((0, num_findings))]
        + [auc_per_finding(scores, labels, weights) for weights in draw_patients(num_studies, patients, num, seed)]
    )  # (num, F)
    if not len(draws):
        none = Interval(None, None, "fewer than two patients")
        return [none] * num_findings, none
    whole = auc_per_finding(scores, labels, np.ones((1, num_studies)))[0]
    defined = ~np.isnan(whole)
    intervals = [percentile_interval(draws[:, column]) for column in range(num_findings)]
    mean = draws[:, defined].mean(axis=1) if defined.any() else np.full(num, np.nan)
    return intervals, percentile_interval(mean)


def draw_patients(
    num_studies: int, patients: Sequence[str] | None, num: int = NUM_BOOTSTRAPS, seed: int = 0
) -> Iterator[NDArray[np.int64]]:
    """How often each study counts in each bootstrap draw of patients, in blocks that bound the memory.

    Args:
        num_studies: B.
        patients: B patient ids; None takes every study as a patient of its own.
        num: draws.
        seed: of the draws; one seed gives the same draws to two models that are compared.

    Yields:
        (R, B) counts; nothing where there are fewer than two patients.

    Raises:
        TaskError: if there are not B patients.
    """
    if patients is not None and len(patients) != num_studies:
        raise TaskError(f"{num_studies} studies but {len(patients)} patients: expected one patient per study.")
    _, patient_of_study = np.unique(
        np.arange(num_studies).astype(str) if patients is None else np.asarray(patients, dtype=str),
        return_inverse=True,
    )
    num_patients = int(patient_of_study.max()) + 1 if num_studies else 0
    if num_patients < 2:
        return
    random = np.random.default_rng(seed)
    share = np.full(num_patients, 1 / num_patients)
    for size in _blocks(num, num_studies):
        yield random.multinomial(num_patients, share, size=size)[:, patient_of_study]


@dataclass(frozen=True)
class PermutationTest:
    """The mean AUC against what chance gives on the same scores.

    Attributes:
        observed: mean AUC with the true labels.
        mean: of the mean AUCs with permuted labels; 0.5 up to chance.
        low: smallest of them.
        high: largest of them.
        p_value: one-sided, with the observed one counted as a permutation.
        num: permutations.
    """

    observed: float
    mean: float
    low: float
    high: float
    p_value: float
    num: int

    @property
    def outside(self) -> bool:
        """Whether the observed mean lies outside the range of the permutations."""
        return not self.low <= self.observed <= self.high


def permutation_test(
    scores: ArrayLike, labels: ArrayLike, *, num: int = NUM_PERMUTATIONS, seed: int = 0
) -> PermutationTest | None:
    """Permute the labels between studies and compute the mean AUC each time.

    A study's labels move together, so that findings stay as correlated as they are.

    Args:
        scores: (B, F), fixed.
        labels: (B, F), as in :func:`auc`.
        num: permutations.
        seed: of the permutations.

    Returns:
        The comparison, or None if no finding has both classes.

    Raises:
        TaskError: as in :func:`auc`.
    """
    scores, labels = checked_scores(scores, labels)
    observed = mean_auc(scores, labels)
    if observed is None:
        return None
    random = np.random.default_rng(seed)
    values = []
    for size in _blocks(num, len(scores)):
        order = random.permuted(np.tile(np.arange(len(scores)), (size, 1)), axis=1)  # (R, B)
        columns = [
            _weighted_auc(scores[:, column], shuffled == 1, shuffled == 0)
            for column, shuffled in enumerate(labels[order].transpose(2, 0, 1))
        ]
        values.append(_mean_defined(np.stack(columns, axis=1)))
    permuted = np.concatenate(values)
    return PermutationTest(
        observed=observed,
        mean=float(permuted.mean()),
        low=float(permuted.min()),
        high=float(permuted.max()),
        p_value=float((1 + (permuted >= observed).sum()) / (1 + num)),
        num=num,
    )


def checked_scores(scores: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both as (B, F) float64 that can be evaluated.

    Raises:
        TaskError: if their shapes differ, a score is no finite number, or a label is neither 0, 1 nor NaN.
    """
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if scores.shape != labels.shape or scores.ndim != 2:
        raise TaskError(f"Scores {scores.shape} and labels {labels.shape}: expected one label per score.")
    if not np.isfinite(scores).all():
        raise TaskError(f"{int((~np.isfinite(scores)).sum())} of {scores.size} scores are not finite numbers.")
    if not (np.isnan(labels) | (labels == 0) | (labels == 1)).all():
        raise TaskError("Labels other than 0, 1 and unknown: expected one binary label per finding.")
    return scores, labels


def _blocks(num: int, num_studies: int) -> Iterator[int]:
    """Sizes that add up to ``num`` and keep a block of draws small."""
    size = max(1, min(num, _MAX_CELLS // max(1, num_studies)))
    for start in range(0, num, size):
        yield min(size, num - start)


def auc_per_finding(scores: FloatArray, labels: FloatArray, weights: NDArray[Any]) -> FloatArray:
    """(R, F) AUCs of (B, F) scores under (R, B) study weights; NaN where a class is missing."""
    columns = [
        _weighted_auc(scores[:, column], weights * (labels[:, column] == 1), weights * (labels[:, column] == 0))
        for column in range(scores.shape[1])
    ]
    return np.stack(columns, axis=1) if columns else np.empty((len(weights), 0))


def _weighted_auc(scores: FloatArray, positive: NDArray[Any], negative: NDArray[Any]) -> FloatArray:
    """(R,) AUCs of (B,) scores, each study counted ``positive`` and ``negative`` (R, B) times; ties count half."""
    if not len(scores):
        return np.full(len(positive), np.nan)
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])  # first study of each group of equal scores
    wins = np.add.reduceat(positive[:, order].astype(np.float64), starts, axis=1)  # (R, groups)
    losses = np.add.reduceat(negative[:, order].astype(np.float64), starts, axis=1)
    below = np.cumsum(losses, axis=1) - losses / 2
    pairs = wins.sum(axis=1) * losses.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (wins * below).sum(axis=1) / pairs, np.nan)


def _mean_defined(values: FloatArray) -> FloatArray:
    """Mean over the findings (last axis) that are defined, without a warning where none is."""
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)


def percentile_interval(draws: FloatArray) -> Interval:
    """The middle 95 % of the draws that have a value."""
    defined = draws[~np.isnan(draws)]
    if len(defined) < _MIN_DRAWS:
        return Interval(None, None, f"both classes occur in {len(defined)} of {len(draws)} draws only")
    low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(float(low), float(high))
