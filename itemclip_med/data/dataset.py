"""The studies of a store as model input, with the items of their reports."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import Dataset

from itemclip_med.data.augmentation import Augmentation
from itemclip_med.data.cropping import read_crop
from itemclip_med.data.items import ItemSampling
from itemclip_med.errors import LabelsError, ModelError, StoreError
from itemclip_med.records import Series, Study
from itemclip_med.store import Store
from itemclip_med.transforms import ModelInput

_MAX_CACHE_BYTES = 64 * 2**30


class StudyDataset(Dataset[Any]):
    """Studies of a store, ready for :func:`collate_studies`.

    Every draw comes from (seed, epoch, study, purpose): the same whatever the number of workers.

    Args:
        store: a store or its folder.
        model_input: how volumes become the model's input.
        study_ids: studies to take, in this order; all by default.
        split: take those of one split instead.
        items: how items are chosen; None: no items (validation, inference).
        augmentation: random changes of the volumes, for training; None: none.
        series: which of a study's acquisitions are taken where it has more than ``model_input.max_series``: the "first"
            ones, or "random" ones, drawn anew in every epoch and kept in their order.
        cache: keep every study on the model's grid in memory, in stored values (int16 for CT).
        seed: of the draws.

    Raises:
        StoreError: if a study is not in the store, or none is left.
        LabelsError: if items are wanted and a study has no report.
        ModelError: if studies are to be mirrored and their slices are not axial or coronal; if crops are to be drawn
            from volumes that are resized or kept on the grid.
    """

    def __init__(
        self,
        store: Store | str | Path,
        model_input: ModelInput,
        *,
        study_ids: Sequence[str] | None = None,
        split: str | None = None,
        items: ItemSampling | None = None,
        augmentation: Augmentation | None = None,
        series: Literal["first", "random"] = "first",
        cache: bool = False,
        seed: int = 0,
    ) -> None:
        self.store = store if isinstance(store, Store) else Store(store)
        if augmentation is not None and augmentation.mirror and model_input.depth not in ("axial", "coronal"):
            raise ModelError(
                "Augmentation: mirror needs slices whose columns run from side to side; "
                f"depth is {model_input.depth!r}, expected axial or coronal."
            )
        if augmentation is not None and augmentation.random_crop and (model_input.fit != "crop" or cache):
            raise ModelError(
                f"Augmentation: random_crop with fit {model_input.fit!r} and cache {cache}; it needs fit 'crop', and "
                "no cache, which keeps one crop: set one of the two to false."
            )
        if series not in ("first", "random"):
            raise ValueError(f"StudyDataset: series is {series!r}, expected first or random.")
        self.model_input = model_input
        self.items = items
        self.augmentation = augmentation
        self.series = series
        self.seed = seed
        # Shared with worker processes, which live longer than an epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        if study_ids is not None:
            self.studies = [self.store.study(study_id) for study_id in study_ids]
        else:
            self.studies = [study for study in self.store.studies if split is None or study.split == split]
        if not self.studies:
            raise StoreError(f"The store holds no study{f' of split {split!r}' if split else ''}.")
        if items is not None:
            self._require_reports()
        self._num_volumes = sum(len(self._chosen(study)) for study in self.studies)
        self._cache: dict[tuple[int, int], torch.Tensor] | None = {} if cache else None

    def _require_reports(self) -> None:
        reports = self.store.reports
        without = [study.study_id for study in self.studies if study.study_id not in reports]
        if without:
            raise LabelsError(
                f"{len(without)} of {len(self.studies)} studies have no items (first: {without[0][:16]}): join them "
                "with `itemclip-med reports merge`, or leave the studies out."
            )

    @property
    def epoch(self) -> int:
        """What the draws depend on, beside seed and study."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Tell the epoch, also to worker processes that are running."""
        self._epoch.fill_(int(epoch))

    def status_groups(self) -> list[int]:
        """For each study 0 where its report calls it normal, else 1: groups that a sampler can balance.

        Raises:
            LabelsError: if a study has no report.
        """
        self._require_reports()
        return [0 if self.store.reports[study.study_id].is_normal else 1 for study in self.studies]

    def __len__(self) -> int:
        return len(self.studies)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One study.

        Returns:
            ``image`` (N, C, D, H, W) float32, ``series`` N names, ``acquisition`` N numbers of volumes, ``study_id``,
            ``labels``, ``items`` texts, ``denied`` texts of hard negatives, ``num_items`` K, ``is_normal``.
        """
        study = self.studies[index]
        chosen = self._chosen(study)
        fitted = [self._fitted(index, number, study) for number in chosen]
        change = None
        if self.augmentation is not None:
            change = self.augmentation.draw(self._random(study, "augmentation"))
            fitted = change.volumes(fitted, self.model_input.pad_value)
        names = [study.series[number].name for number in chosen]
        image, series, acquisition = self.model_input.assemble(fitted, names)
        sample = {
            "image": image,
            "series": series,
            "acquisition": acquisition,
            "study_id": study.study_id,
            "labels": dict(study.labels),
            "items": [],
            "denied": [],
            "num_items": 0,
            "is_normal": False,
        }
        if self.items is not None:
            report = self.store.reports[study.study_id]
            drawn = self.items.draw(report, self._random(study, "items"))
            sample["items"], sample["denied"] = (
                texts if change is None else [change.text(text) for text in texts] for texts in drawn
            )
            sample["num_items"] = self.items.num_items
            sample["is_normal"] = bool(report.is_normal)
        return sample

    def fitted_affines(self, index: int) -> list[np.ndarray]:
        """For each volume of a study, the affine (4, 4) of the model's grid: (d, h, w) to RAS millimetres."""
        study = self.studies[index]
        return [self._fit(study.series[number])[1] for number in self._chosen(study)]

    def _chosen(self, study: Study) -> list[int]:
        """Numbers of the acquisitions that are taken."""
        count, most = len(study.series), self.model_input.max_series
        if count <= most or self.series == "first":
            return list(range(min(count, most)))
        return sorted(self._random(study, "series").choice(count, most, replace=False).tolist())

    def _fit(self, series: Series, random: np.random.Generator | None = None) -> tuple[torch.Tensor, np.ndarray]:
        if self.model_input.fit == "crop":
            return read_crop(self.store, series, self.model_input, random)
        return self.model_input.spatial_array(self.store.read(series), np.array(series.affine))

    def _fitted(self, index: int, number: int, study: Study) -> torch.Tensor:
        if self._cache is not None and (index, number) in self._cache:
            return self._cache[index, number]
        random = None
        if self.augmentation is not None and self.augmentation.random_crop:
            random = self._random(study, f"crop {number}")
        fitted, _ = self._fit(study.series[number], random)
        if self._cache is not None:
            size = fitted.nbytes * self._num_volumes
            if size > _MAX_CACHE_BYTES:
                raise StoreError(f"The cache would need about {size / 2**30:.0f} GiB: set cache to false.")
            self._cache[index, number] = fitted
        return fitted

    def _random(self, study: Study, purpose: str) -> np.random.Generator:
        text = f"{self.seed}/{self.epoch}/{study.study_id}/{purpose}"
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
