"""Tiny stores."""

from __future__ import annotations

import numpy as np

from itemclip_med.records import Item, Report, Series, Study
from itemclip_med.store import Store, StoreWriter, write_items

AFFINE = tuple(tuple(float(value) for value in row) for row in np.eye(4))


def study(study_id, **changes):
    series = Series("AX_THICK", "", (1, 1, 1), (1.0, 1.0, 1.0), AFFINE, "CT", "int16")
    return Study(study_id, (series,), source_digest=f"digest of {study_id}", **changes)


def array(seed=0):
    return np.random.default_rng(seed).integers(-1000, 1000, (5, 6, 7), dtype=np.int16)


def fill(root, ids):
    with StoreWriter(root) as writer:
        for study_id in ids:
            writer.add(study(study_id), [array(len(study_id))])
    return Store(root)


def fill_with_items(root, ids):
    store = fill(root, ids)
    write_items(root, [Report(study_id, (Item("No bleed", "absent", "ICH"),), True) for study_id in ids])
    return store


def contents(root):
    """Every file of a folder but locks: its path below to its bytes."""
    files = [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
