"""Stores and studies for tests of explanations."""

from __future__ import annotations

import numpy as np
import torch

from itemclip_med.records import Series, Study
from itemclip_med.store import Store, StoreWriter

# Stored feet first and turned: X toward the patient's left, slices from top to bottom.
AFFINE = np.array([[-2.0, 0, 0, 128], [0, 2.0, 0, -128], [0, 0, -5.0, 80], [0, 0, 0, 1]])


def head(shape=(128, 128, 32)):
    """A sphere of brain in a shell of bone in air, int16 HU (X, Y, Z)."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    noise = np.random.default_rng(0).normal(0, 6, shape)
    return np.select([radius < 0.75, radius < 0.85], [35 + noise, 900 + noise], -1000 + noise).astype(np.int16)


def write_store(folder, arrays, affine=AFFINE, *, modality="CT", study_id="study-1"):
    """A store of one study with a series for each array."""
    rows = tuple(tuple(float(value) for value in row) for row in affine)
    spacing = tuple(float(value) for value in np.linalg.norm(affine[:3, :3], axis=0))
    entries = tuple(
        Series(f"AX_{number}", "", (1, 1, 1), spacing, rows, modality, "int16") for number in range(len(arrays))
    )
    with StoreWriter(folder) as writer:
        writer.add(Study(study_id, entries), arrays)
    return Store(folder)


def plant_attention(monkeypatch, model, places, weight=0.6):
    """Let a model look at one patch for each item: ``places`` (d, h, w), or None for nowhere at all."""
    grid = tuple(size // patch for size, patch in zip(model.config.image_size, model.config.patch_size, strict=True))
    heads = model.config.pool_heads

    def attend(study, prompts, *, per_head=False, return_empty=False):
        weights = torch.zeros(1, len(prompts), heads, study.num_series, *grid)
        for index, place in enumerate(places):
            if place is not None:
                weights[(0, index, slice(None), slice(None), *place)] = weight / study.num_series
        empty = 1 - weights.sum(dim=(3, 4, 5, 6))
        if not per_head:
            weights, empty = weights.mean(dim=2), empty.mean(dim=2)
        return (weights, empty) if return_empty else weights

    monkeypatch.setattr(model, "attend", attend)
