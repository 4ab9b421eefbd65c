"""Where in a study the model looks for a finding, in the patient's space."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.errors import ModelError
from itemclip_med.records import Series, Study
from itemclip_med.store import Store
from itemclip_med.volumes import write_nifti

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP, PromptCache

FORMATS = ("nifti", "png")


@dataclass(frozen=True, eq=False)
class Heatmap:
    """One item's attention over one acquisition.

    Attributes:
        item: the words asked for.
        score: cosine of the words with the study.
        series: the stored series.
        values: (X, Y, Z) float32 on the series' voxels: attention relative to an even spread (1 everywhere would be
            an even spread over all patches).
        empty_share: share of the attention that looked nowhere, 0 to 1.
    """

    item: str
    score: float
    series: Series
    values: np.ndarray
    empty_share: float


def find_heatmaps(
    store: Store | Path | str,
    study_id: str,
    model: ItemizedCLIP | str | Path,
    items: Sequence[str],
    *,
    device: str = "cpu",
    prompt_cache: PromptCache | None = None,
) -> tuple[Study, list[Heatmap]]:
    """The attention of each item's pooled query over the patches, brought to the voxels of the stored series.

    The windows of one acquisition are averaged; heads of the pool too.

    Args:
        store: a store or its folder.
        study_id: one of its studies.
        model: a model, its folder or its name.
        items: texts; K of them.
        device: where the model runs.
        prompt_cache: embeddings of items kept from earlier calls.

    Returns:
        The study, and K heatmaps for each of its acquisitions, item by item.

    Raises:
        StoreError: if the study is not in the store.
        ModelError: if the model cannot be loaded or no item is given.
    """
    import torch

    from itemclip_med.data import StudyDataset, collate_studies
    from itemclip_med.models import ItemizedCLIP, PromptCache
    from itemclip_med.transforms import ModelInput, patch_affine, to_source_grid

    if not items or any(not item.strip() for item in items):
        raise ModelError("No finding in words was given: pass at least one item.")
    store = store if isinstance(store, Store) else Store(store)
    study = store.study(study_id)
    model = ItemizedCLIP.from_pretrained(model) if isinstance(model, str | Path) else model
    model = model.to(device).eval()
    dataset = StudyDataset(store, ModelInput.from_dict(model.preprocessing), study_ids=[study_id])
    sample = dataset[0]
    batch = collate_studies([sample])
    with torch.inference_mode():
        texts = (prompt_cache or PromptCache()).embed(model, items)
        encoding = model.encode_study(batch["image"].to(device), batch["series"], batch["series_mask"].to(device))
        scores = model.score(encoding, texts)[0].cpu()
        weights, empty = model.attend(encoding, texts, return_empty=True)  # (1, K, N, d, h, w), (1, K)
    weights, empty = weights[0].cpu().float(), empty[0].cpu()
    num_patches = weights[0].numel()
    acquisition = torch.tensor(sample["acquisition"])
    maps = []
    for number, affine in enumerate(dataset.fitted_affines(0)):
        series = study.series[number]
        coarse = weights[:, acquisition == number].mean(dim=1) * num_patches
        grid = patch_affine(affine, model.config.patch_size)
        for item, values, score, share in zip(items, coarse, scores, empty, strict=True):
            fine = to_source_grid(values, grid, series.affine, series.shape)
            maps.append(Heatmap(item, float(score), series, fine, float(share)))
    return study, maps


def explain_study(
    store: Store | Path | str,
    study_id: str,
    model: ItemizedCLIP | str | Path,
    items: Sequence[str],
    out_dir: Path | str,
    *,
    formats: Sequence[str] = FORMATS,
    device: str = "cpu",
) -> list[Path]:
    """Write heatmaps of a study as NIfTI in the patient's space and as pictures.

    Args:
        store: a store or its folder.
        study_id: one of its studies.
        model: a model, its folder or its name.
        items: findings in words.
        out_dir: made if needed.
        formats: some of "nifti" and "png".
        device: where the model runs.

    Returns:
        The files written: ``<n>_<words>_<series>.nii.gz`` and ``.png``.

    Raises:
        StoreError: if the study is not in the store.
        ModelError: if the model cannot be loaded, no item or an unknown format is given.
    """
    from itemclip_med.explain.overlay import draw_overlay

    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ModelError(f"Unknown format {', '.join(unknown) or '(none)'}: expected {' or '.join(FORMATS)}.")
    store = store if isinstance(store, Store) else Store(store)
    study, maps = find_heatmaps(store, study_id, model, items, device=device)
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    order = {item: number for number, item in enumerate(items, start=1)}
    paths = []
    for heatmap in maps:
        words = re.sub(r"[^a-z0-9]+", "_", heatmap.item.lower()).strip("_")[:40]
        stem = f"{order[heatmap.item]}_{words}_{study.series.index(heatmap.series)}_{heatmap.series.name}"
        if "nifti" in formats:
            path = out_dir / f"{stem}.nii.gz"
            write_nifti(heatmap.values, np.array(heatmap.series.affine), path)
            paths.append(path)
        if "png" in formats:
            path = out_dir / f"{stem}.png"
            draw_overlay(store.read(heatmap.series), heatmap, path, study_id=study_id)
            paths.append(path)
    return paths


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
