"""Whatever a user points at, as a store that models read."""

from __future__ import annotations

from pathlib import Path

from itemclip_med.errors import SourceError
from itemclip_med.preprocess import run_recipe
from itemclip_med.store import Store


def open_store(source: Path | str, work_dir: Path | str, recipe: str = "head_ct") -> Store:
    """Open a store, or preprocess DICOM into one.

    Args:
        source: a store, or a folder, zip or tar of DICOM.
        work_dir: where the store of a DICOM source is made (``store``); what is there already is used again.
        recipe: for DICOM sources.

    Raises:
        SourceError: if nothing is given, or no study of the source could be stored.
        RecipeError: if there is no such recipe.
    """
    if not str(source):
        raise SourceError("No source is given: pass a store, or a folder, zip or tar of DICOM.")
    if (Path(source) / "store.json").is_file():
        return Store(source)
    store = Path(work_dir) / "store"
    summary = run_recipe(recipe, source, store)
    if not summary.num_stored + summary.num_known:
        reason = next(iter(summary.failures), None) or next(iter(summary.series_left_out), "no series fits the recipe")
        raise SourceError(f"No study could be read with recipe {recipe}: {reason}")
    return Store(store)
