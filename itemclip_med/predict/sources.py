"""Whatever a user points at, as a store that models read."""

from __future__ import annotations

from pathlib import Path

from itemclip_med.errors import SourceError
from itemclip_med.formats import format_of
from itemclip_med.preprocess import run_recipe
from itemclip_med.store import Store


def open_store(source: Path | str, work_dir: Path | str, recipe: str = "generic_head_ct") -> Store:
    """Open a store, or preprocess DICOM or NIfTI into one.

    Args:
        source: a store; a folder, zip or tar of DICOM; or a NIfTI file or a folder of them.
        work_dir: where the store of such a source is made (``store``); what is there already is used again.
        recipe: for such sources.

    Raises:
        SourceError: if nothing is given, or no study of the source could be stored.
        RecipeError: if there is no such recipe, or it does not read NIfTI and the source is that.
    """
    if not str(source):
        raise SourceError("No source is given: pass a store, a folder, zip or tar of DICOM, or NIfTI.")
    source, work_dir = Path(source), Path(work_dir)
    if (source / "store.json").is_file():
        return Store(source)
    kind = "nifti" if _holds_nifti(source) else None
    if kind and source.is_file():
        source = _alone_in_folder(source, work_dir / "source")
    store = work_dir / "store"
    summary = run_recipe(recipe, source, store, kind=kind)
    if not summary.num_stored + summary.num_known:
        reason = next(iter(summary.failures), None) or next(iter(summary.series_left_out), "no series fits the recipe")
        raise SourceError(f"No study could be read with recipe {recipe}: {reason}")
    return Store(store)


def _holds_nifti(source: Path) -> bool:
    """Whether a source is a NIfTI file, or a folder with one."""
    files = [source] if source.is_file() else source.rglob("*.nii*")
    return any(format_of(path.name, ("nifti",)) is not None for path in files)


def _alone_in_folder(file: Path, folder: Path) -> Path:
    """A folder in which a link to one file is all there is."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / file.name
    if not link.is_symlink():
        link.symlink_to(file.resolve())
    return folder
