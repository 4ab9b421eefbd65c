"""One study from wherever a user points at: what is read, which series are chosen, what is left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from itemclip_med.errors import SourceError
from itemclip_med.formats import FORMATS, format_of
from itemclip_med.preprocess import Summary, run_recipe
from itemclip_med.preprocess.recipe import Recipe, load_recipe, parse_recipe
from itemclip_med.records import Study
from itemclip_med.store import Store
from itemclip_med.transforms import ModelInput

RECIPES = {"head CT": "generic_head_ct", "chest CT": "generic_chest_ct", "brain MRI": "generic_brain_mri"}
_LUNG_CENTER_HU = -300


@dataclass(frozen=True)
class Place:
    """Where the voxels of an NPZ lie, which it does not say.

    Attributes:
        spacing_mm: along the array's axes.
        orientation: directions in which they run, such as "IPL".
        array: name of the array; "" where there is one only.
    """

    spacing_mm: tuple[float, float, float]
    orientation: str
    array: str = ""


@dataclass(frozen=True, eq=False)
class Intake:
    """A study on the disk, ready for a model.

    Attributes:
        store: holds it alone.
        study: the study.
        kind: format of the source.
        recipe: how it was preprocessed.
        left_out: reason to number of series that were not chosen.
        files_skipped: reason to number of files of which nothing was used.
        warnings: of the series.
    """

    store: Store
    study: Study
    kind: str
    recipe: str
    left_out: dict[str, int]
    files_skipped: dict[str, int]
    warnings: list[str] = field(default_factory=list)


def domain_of(model_input: ModelInput) -> str:
    """What a model was made for, by what it is given: "head CT", "chest CT" or "brain MRI"."""
    if model_input.modality == "MR":
        return "brain MRI"
    lowest = min(center for center, _ in model_input.windows_hu.values())
    return "chest CT" if lowest < _LUNG_CENTER_HU else "head CT"


def take_in(
    source: Path, work_dir: Path, recipe: str, *, id_key: Path | None = None, place: Place | None = None
) -> Intake:
    """Preprocess the one study of a source.

    Args:
        source: DICOM (folder, zip, tar), or a NIfTI, NPZ, NRRD or MetaImage file, or a folder of one study's files.
        work_dir: gets the store.
        recipe: its name or path.
        id_key: key file of the study's id; a throwaway one by default, so that the id means nothing elsewhere.
        place: for NPZ.

    Raises:
        SourceError: if there is no such source, no series of it can be used (says what is there), or it holds several
            studies.
        RecipeError: if there is no such recipe, or it does not read this format.
    """
    if not source.exists():
        raise SourceError(f"{source} does not exist.", misuse=True)
    kind = _kind_of(source)
    loaded = _fitting(load_recipe(recipe), kind, place)
    folder = source
    if kind != "dicom" and source.is_file():
        folder = work_dir / "source"
        folder.mkdir(parents=True)
        (folder / source.name).symlink_to(source.resolve())
    summary = run_recipe(loaded, folder, work_dir / "store", kind=kind, workers=1, id_key=id_key, show_progress=False)
    if not summary.num_stored:
        raise SourceError(_nothing_usable(summary, loaded))
    store = Store(work_dir / "store")
    if len(store) > 1:
        raise SourceError(
            f"The source holds {len(store)} studies: give the folder of one. For many take `itemclip-med preprocess`, "
            "then `zeroshot run` and `explain`."
        )
    (study,) = store.studies
    warnings = [f"{series.name}: {text}" for series in study.series for text in series.warnings]
    return Intake(store, study, kind, loaded.name, dict(summary.series_left_out), dict(summary.files_skipped), warnings)


def _kind_of(source: Path) -> str:
    """The format of a source: of a folder that of the first file with a known suffix, else DICOM."""
    names: Sequence[str] = [source.name] if source.is_file() else sorted(path.name for path in source.rglob("*.*"))
    for name in names:
        found = format_of(name)
        if found:
            return found[0]
    return "dicom"


def _fitting(recipe: Recipe, kind: str, place: Place | None) -> Recipe:
    """The recipe, made to read an NPZ whose place the user tells."""
    if kind != "npz" or kind in recipe.sources:
        return recipe
    if place is None:
        raise SourceError(
            "An NPZ does not say where its voxels lie: give --spacing-mm and --orientation, in the order of the "
            "array's axes, or --recipe rad_chestct for that data set."
        )
    files = {
        **recipe.values.get("files", {}),
        "study": "file",
        "orientation": place.orientation,
        "spacing_mm": list(place.spacing_mm),
        "array": place.array,
    }
    return parse_recipe({**recipe.values, "source": ["npz"], "files": files}, recipe.name)


def _nothing_usable(summary: Summary, recipe: Recipe) -> str:
    reasons = [*summary.failures, *(f"{number} x {reason}" for reason, number in summary.series_left_out.most_common())]
    told = "; ".join(reasons[:5]) or "no series"
    wanted = " or ".join(recipe.select.get("modality", ("CT", "MR")))
    known = ", ".join(("dicom", *FORMATS))
    return (
        f"No series can be used: {told}. Recipe {recipe.name} takes {wanted} volumes from {known}; "
        "`itemclip-med preprocess inspect` lists what is there."
    )
