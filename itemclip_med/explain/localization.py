"""How well maps find what is known to be there: measured against masks, beside what chance would find.

Sources:
    Pointing game: Zhang et al., Top-down Neural Attention by Excitation Backprop (ECCV 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from itemclip_med.explain.heatmap import Heatmap

_FILLED = 0.9  # of a patch's voxels


@dataclass(frozen=True)
class Localization:
    """One map against one mask.

    Attributes:
        hit: whether the strongest patch reaches into the finding.
        hit_by_chance: share of the body's patches that reach into it.
        hit_inside: the same of the patches that the body fills; larger for findings in its middle, where maps that know
            nothing look more often than at its rim. 0 where the body fills none.
        auprc: average precision of the map over the body's voxels.
        prevalence: share of the body that the finding fills: the AUPRC of a map that knows nothing.
        dice: at the threshold that is best for this map, an upper bound.
    """

    hit: bool
    hit_by_chance: float
    hit_inside: float
    auprc: float
    prevalence: float
    dice: float


def localize(heatmap: Heatmap, mask: np.ndarray, body: np.ndarray) -> Localization | None:
    """Compare a map with a finding.

    Args:
        heatmap: of the finding.
        mask: (X, Y, Z) bool, the finding, on the voxels of the series.
        body: (X, Y, Z) bool, the voxels that count.

    Returns:
        None where the finding has no voxel in the body.
    """
    truth = mask & body
    if not truth.any():
        return None
    patch = patch_numbers(heatmap, mask.shape)
    in_body = body & (patch >= 0)
    possible = np.unique(patch[in_body])
    touched = np.unique(patch[truth & (patch >= 0)])
    filled = _filled(patch, in_body, heatmap.patches.size)
    flat = heatmap.patches.ravel()
    strongest = possible[int(flat[possible].argmax())] if len(possible) else -1
    values, labels = heatmap.values[body], truth[body]
    precision, recall = _precision_recall(values, labels)
    steps = np.diff(recall, prepend=0.0)
    dice = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return Localization(
        hit=bool(np.isin(strongest, touched)) and bool(flat.max() > 0),
        hit_by_chance=float(len(touched) / max(len(possible), 1)),
        hit_inside=float(np.isin(filled, touched).mean()) if len(filled) else 0.0,
        auprc=float((precision * steps).sum()),
        prevalence=float(labels.mean()),
        dice=float(dice.max()),
    )


def _filled(patch: np.ndarray, in_body: np.ndarray, num_patches: int) -> np.ndarray:
    """Numbers of the patches of which the body fills nine tenths or more."""
    size = np.bincount(patch[patch >= 0], minlength=num_patches)
    inside = np.bincount(patch[in_body], minlength=num_patches)
    return np.flatnonzero((size > 0) & (inside >= _FILLED * size))


def patch_numbers(heatmap: Heatmap, shape: Sequence[int]) -> np.ndarray:
    """(X, Y, Z) int64: for each voxel of a series the patch that its center lies in, -1 outside of all."""
    affine = np.linalg.inv(heatmap.patches_affine) @ np.array(heatmap.series.affine, dtype=np.float64)
    grid = np.moveaxis(np.indices(tuple(shape)), 0, -1).reshape(-1, 3)
    index = np.rint(grid @ affine[:3, :3].T + affine[:3, 3]).astype(np.int64)
    size = np.array(heatmap.patches.shape)
    inside = ((index >= 0) & (index < size)).all(axis=1)
    numbers = np.full(len(index), -1, dtype=np.int64)
    numbers[inside] = np.ravel_multi_index(tuple(index[inside].T), heatmap.patches.shape)
    return numbers.reshape(tuple(shape))


def _precision_recall(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall at every threshold, the highest first; equal values share one."""
    order = np.argsort(-values, kind="stable")
    values, labels = values[order], labels[order]
    last = np.flatnonzero(np.append(np.diff(values) != 0, True))
    true = np.cumsum(labels)[last]
    return true / (last + 1), true / max(int(labels.sum()), 1)


def separation(maps: Sequence[Heatmap]) -> float | None:
    """How different the maps of a study's items are: 1 less their mean correlation over patches; None below two."""
    flat = [heatmap.patches.ravel() for heatmap in maps]
    if len(flat) < 2:
        return None
    found = []
    for number, one in enumerate(flat):
        for other in flat[number + 1 :]:
            varies = one.std() > 0 and other.std() > 0
            found.append(float(np.corrcoef(one, other)[0, 1]) if varies else 1.0)
    return 1.0 - float(np.mean(found))
