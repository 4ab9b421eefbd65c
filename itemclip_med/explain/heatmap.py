"""Where in a study the model looks for a finding, in the patient's space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.errors import ModelError
from itemclip_med.explain.patch_maps import PatchMaps, check_items, map_patches
from itemclip_med.records import Finding, Series, Study
from itemclip_med.store import Store

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP, PromptCache


@dataclass(frozen=True, eq=False)
class Heatmap:
    """One item over one acquisition.

    Attributes:
        item: the words asked for.
        score: cosine of the words with the study.
        series: the stored series.
        values: (X, Y, Z) float32 on the series' voxels: attention relative to an even spread (1 everywhere would be
            an even spread over all patches).
        empty_share: share of the attention that looked nowhere, 0 to 1: "not seen here".
        patches: (d, h, w) float32, the map before it was brought to the voxels.
        patches_affine: (4, 4), patch indices to RAS millimetres of the patches' centers.
        heads: (H, d, h, w), the same for each head of the pool; None where they were not asked for.
        method: one of ``METHODS``.
    """

    item: str
    score: float
    series: Series
    values: np.ndarray
    empty_share: float
    patches: np.ndarray
    patches_affine: np.ndarray
    heads: np.ndarray | None = None
    method: str = "attention"

    @property
    def is_empty(self) -> bool:
        """True where the map points nowhere: it is zero in every voxel."""
        return not bool(np.any(self.values > 0))


def find_heatmaps(
    store: Store | Path | str,
    study_id: str,
    model: ItemizedCLIP | str | Path,
    items: Sequence[str],
    *,
    method: str = "attention",
    device: str = "cpu",
    prompt_cache: PromptCache | None = None,
) -> tuple[Study, list[Heatmap]]:
    """The map of each item over the patches, brought to the voxels of the stored series.

    The windows of one acquisition are averaged; heads of the pool too.

    Args:
        store: a store or its folder.
        study_id: one of its studies.
        model: a model, its folder or its name.
        items: texts; K of them.
        method: one of ``METHODS``; see :func:`~itemclip_med.explain.patch_maps.map_patches`.
        device: where the model runs.
        prompt_cache: embeddings of items kept from earlier calls.

    Returns:
        The study, and K heatmaps for each of its acquisitions, item by item.

    Raises:
        StoreError: if the study is not in the store.
        ModelError: if the model cannot be loaded, has no pool, or no item is given.
    """
    items = check_items(items)
    loaded = LoadedStudy.load(store, study_id, model, device=device)
    texts = loaded.embed(items, prompt_cache)
    return loaded.study, loaded.heatmaps(items, loaded.map(texts, method), method)


@dataclass(frozen=True, eq=False)
class LoadedStudy:
    """A study on the model's grid and the model, ready to be asked more than once.

    Attributes:
        store: where the study is.
        study: the study.
        model: in evaluation mode, on ``device``.
        batch: the study from ``data.collate_studies``.
        acquisition: for each of the N series the number of its volume.
        affines: for each volume the affine of the model's grid, (d, h, w) to RAS millimetres.
        device: where the model runs.
    """

    store: Store
    study: Study
    model: ItemizedCLIP
    batch: dict[str, Any]
    acquisition: np.ndarray
    affines: list[np.ndarray]
    device: str = "cpu"

    @classmethod
    def load(
        cls, store: Store | Path | str, study_id: str, model: ItemizedCLIP | str | Path, *, device: str = "cpu"
    ) -> LoadedStudy:
        """Load both.

        Raises:
            StoreError: if the study is not in the store, or cannot be read.
            ModelError: if the model cannot be loaded.
        """
        from itemclip_med.data import StudyDataset, collate_studies
        from itemclip_med.models import ItemizedCLIP
        from itemclip_med.transforms import ModelInput

        store = store if isinstance(store, Store) else Store(store)
        study = store.study(study_id)
        model = ItemizedCLIP.from_pretrained(model) if isinstance(model, str | Path) else model
        model = model.to(device).eval()
        dataset = StudyDataset(store, ModelInput.from_dict(model.preprocessing), study_ids=[study_id])
        sample = dataset[0]
        acquisition = np.asarray(sample["acquisition"])
        return cls(store, study, model, collate_studies([sample]), acquisition, dataset.fitted_affines(0), device)

    def embed(self, items: Sequence[str], prompt_cache: PromptCache | None = None) -> Any:
        """(K, E) embeddings of items."""
        from itemclip_med.models import PromptCache

        return (prompt_cache or PromptCache()).embed(self.model, list(items))

    def map(self, texts: Any, method: str = "attention", *, per_head: bool = False) -> PatchMaps:
        """The items' maps over the patches."""
        return map_patches(self.model, self.batch, texts, method=method, per_head=per_head, device=self.device)

    def ask(self, findings: Sequence[Finding], method: str = "attention") -> list[Heatmap]:
        """Maps of findings, ``item`` being their titles: means over their prompts.

        Raises:
            ModelError: if a score is not finite.
        """
        import torch

        prompts = [prompt for finding in findings for prompt in (*finding.prompts, *finding.negative_prompts)]
        asked = self.map(self.embed(prompts), method)
        if not bool(torch.isfinite(asked.scores).all()):
            raise ModelError("The model gives scores that are not finite: is its checkpoint damaged?")
        scores, values, empty, start = [], [], [], 0
        for finding in findings:
            middle = start + len(finding.prompts)
            end = middle + len(finding.negative_prompts)
            denied = asked.scores[middle:end].mean() if end > middle else 0.0
            scores.append(asked.scores[start:middle].mean() - denied)
            values.append(asked.values[start:middle].mean(dim=0))
            empty.append(asked.empty[start:middle].mean())
            start = end
        combined = PatchMaps(torch.stack(scores), torch.stack(values), None, torch.stack(empty))
        return self.heatmaps([finding.title for finding in findings], combined, method)

    def heatmaps(self, items: Sequence[str], maps: PatchMaps, method: str = "attention") -> list[Heatmap]:
        """Maps over patches, brought to the voxels of the stored series: acquisition by acquisition, item by item."""
        from itemclip_med.transforms import patch_affine, to_source_grid

        found = []
        for number, affine in enumerate(self.affines):
            series = self.study.series[number]
            rows = self.acquisition == number
            grid = patch_affine(affine, self.model.config.patch_size)
            for index, item in enumerate(items):
                coarse = maps.values[index, rows].mean(dim=0).numpy()
                heads = None if maps.heads is None else maps.heads[index][:, rows].mean(dim=1).numpy()
                fine = to_source_grid(coarse, grid, series.affine, series.shape)
                found.append(
                    Heatmap(
                        item,
                        float(maps.scores[index]),
                        series,
                        fine,
                        float(maps.empty[index]),
                        coarse,
                        grid,
                        heads,
                        method,
                    )
                )
        return found


def share_inside(heatmap: Heatmap, mask: np.ndarray, head: np.ndarray) -> tuple[float, float]:
    """How much of the attention lies in a finding, beside how much of the head the finding fills.

    Args:
        heatmap: of the finding.
        mask: (X, Y, Z) bool, the finding.
        head: (X, Y, Z) bool, the head.

    Returns:
        The two shares, 0 to 1; a map that knows nothing gives about equal ones.
    """
    inside = heatmap.values[mask & head].sum() / max(heatmap.values[head].sum(), 1e-9)
    return float(inside), float((mask & head).sum() / max(head.sum(), 1))
