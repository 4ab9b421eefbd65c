"""Recipes: one YAML file per data set that says what to keep, how to name it and how to store it."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itemclip_med.errors import RecipeError
from itemclip_med.formats import FORMATS, FileRules, parse_file_rules
from itemclip_med.preprocess.recipe_ids import SPLITS, StudyIdRule, check_choice, parse_study_id, read_block
from itemclip_med.preprocess.recipe_tables import (
    About,
    CheckRule,
    Exclusions,
    LabelTables,
    MetadataTable,
    ReportTables,
    parse_about,
    parse_check,
    parse_exclusions,
    parse_labels,
    parse_metadata,
    parse_reports,
)
from itemclip_med.resources import recipes_dir

if TYPE_CHECKING:
    from itemclip_med.transforms import ModelInput

RECIPE_VERSION = 1
SOURCES = ("dicom", *FORMATS)
STORED_DTYPES = ("int16", "uint16", "uint8")

_REQUIRED = ("version", "source", "study_id", "select", "volume")
_OPTIONAL = (
    "name", "source_name", "files", "windows_hu", "max_series", "max_per_name", "labels", "reports", "expected",
    "stored_dtype", "about", "metadata", "exclude", "known", "check", "on_load",
)  # fmt: skip
_NOT_DECIDING = ("about", "known", "check", "on_load", "expected")
_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Recipe:
    """What to keep of a data set, how to name it and how to store it.

    Attributes:
        name: its short name.
        sources: formats of the source that it reads, the usual one first: some of :data:`SOURCES`.
        source_name: name of the data set or site, written to every study.
        study_id: where study ids come from.
        select: rules of ``dicom.select.select_series``.
        files: how files other than DICOM become studies and volumes; None where it reads none.
        max_series: series kept per study, the best first.
        max_per_name: of those, series of one technical name; None for any number.
        windows_hu: name to (center, width), applied on load.
        stored_dtype: of the stored arrays.
        labels: the label files, None where the recipe names none.
        reports: the report files, None where the recipe names none.
        metadata: tables of facts about studies.
        exclude: studies that are left out.
        known: oddities of the data set that a check does not report again: study id to reason.
        check: what a check finds odd in an image.
        about: where the data set comes from.
        expected: how many studies the full data set has: ``studies``, and ``train``, ``val``, ``test``.
        values: the whole file, for MONAI's parser.
        digest: of everything above; two stores with one digest hold the same kind of volumes.
    """

    name: str
    sources: tuple[str, ...]
    source_name: str
    study_id: StudyIdRule
    select: Mapping[str, Any]
    files: FileRules | None
    max_series: int
    max_per_name: int | None
    windows_hu: Mapping[str, Any]
    stored_dtype: str
    labels: LabelTables | None
    reports: ReportTables | None
    metadata: tuple[MetadataTable, ...]
    exclude: Exclusions
    known: Mapping[str, str]
    check: CheckRule
    about: About
    expected: Mapping[str, int]
    values: Mapping[str, Any] = field(repr=False)
    digest: str = ""

    def build_transform(self) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """Build ``volume``: a MONAI pipeline from ``{"image": series}`` to ``{"image": (1, X, Y, Z) MetaTensor}``.

        Raises:
            RecipeError: if MONAI cannot build it.
        """
        from monai.bundle import ConfigParser

        try:
            transform = ConfigParser(dict(self.values)).get_parsed_content("volume")
        except Exception as error:  # MONAI raises anything, from KeyError to ModuleNotFoundError
            reason = str(error).strip().splitlines()
            raise RecipeError(
                f"Recipe {self.name}: volume cannot be built: {reason[0] if reason else error!r}"
            ) from error
        if not callable(transform):
            raise RecipeError(f"Recipe {self.name}: volume is no transform; expected _target_: Compose.")
        return transform

    def model_input(self, **changes: Any) -> ModelInput:
        """What is done each time a volume is loaded, as the published model of this domain was trained.

        Args:
            changes: fields of :class:`~itemclip_med.transforms.ModelInput` to take instead.

        Raises:
            RecipeError: if the recipe has no ``on_load``, or it names an unknown field.
        """
        from itemclip_med.transforms import ModelInput

        if not self.values.get("on_load"):
            raise RecipeError(f"Recipe {self.name}: it has no on_load, so it does not say what a model is given.")
        try:
            return ModelInput(**{**self.values["on_load"], **changes})
        except TypeError as error:
            raise RecipeError(f"Recipe {self.name}: on_load: {error}") from error


def list_recipes() -> list[str]:
    """Short names of the recipes that come with the package."""
    return sorted(path.stem for path in recipes_dir().glob("*.yaml"))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read and check a recipe.

    Args:
        name_or_path: a short name (``head_ct``), or the path of a YAML file.

    Raises:
        RecipeError: if there is no such recipe (names those there are), the file is no YAML, a key is missing, unknown
            or wrong (names the key).
    """
    text = str(name_or_path)
    path = recipes_dir() / f"{text}.yaml"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or not path.is_file():
        path = Path(name_or_path)
        if not path.is_file():
            close = difflib.get_close_matches(text, list_recipes(), n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise RecipeError(
                f"No recipe {text!r}.{hint} There are {', '.join(list_recipes())}; or give the path of a YAML file.",
                misuse=True,
            )
    return parse_recipe(_read_yaml(path), name=path.stem)


def parse_recipe(values: Mapping[str, Any], name: str) -> Recipe:
    """Check the contents of a recipe.

    Args:
        values: what the YAML file says.
        name: how messages call it, and its name where it gives none.

    Raises:
        RecipeError: if a key is missing, unknown or wrong; names the key.
    """
    if not isinstance(values, Mapping):
        raise RecipeError(f"Recipe {name}: expected keys and values, found {type(values).__name__}.")
    for key in _REQUIRED:
        if key not in values:
            raise RecipeError(f"Recipe {name}: the key {key} is missing.")
    _refuse_unknown(values, name)
    if values["version"] != RECIPE_VERSION:
        raise RecipeError(f"Recipe {name}: version is {values['version']!r}, expected {RECIPE_VERSION}.")
    sources = (values["source"],) if isinstance(values["source"], str) else tuple(values["source"] or ())
    for source in sources or (values["source"],):
        check_choice(name, "source", source, SOURCES)
    dtype = values.get("stored_dtype", "int16")
    check_choice(name, "stored_dtype", dtype, STORED_DTYPES)
    for key in ("max_series", "max_per_name"):
        number = values.get(key, 1)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise RecipeError(f"Recipe {name}: {key} is {number!r}, expected an integer of at least 1.")
    recipe = Recipe(
        name=str(values.get("name", name)),
        sources=sources,
        source_name=str(values.get("source_name", values.get("name", name))),
        study_id=parse_study_id(name, values["study_id"]),
        select=_mapping(name, values, "select", None),
        files=_file_rules(name, values, sources),
        max_series=values.get("max_series", 1),
        max_per_name=values.get("max_per_name"),
        windows_hu=_mapping(name, values, "windows_hu", None),
        stored_dtype=dtype,
        labels=parse_labels(name, values.get("labels")),
        reports=parse_reports(name, values.get("reports")),
        metadata=parse_metadata(name, values.get("metadata")),
        exclude=parse_exclusions(name, values.get("exclude")),
        known=_mapping(name, values, "known", None),
        check=parse_check(name, values.get("check")),
        about=parse_about(name, values.get("about")),
        expected=_mapping(name, values, "expected", ("studies", *SPLITS)),
        values=dict(values),
        digest=_digest(values),
    )
    _refuse_idle_exclusions(recipe)
    return recipe


def _digest(values: Mapping[str, Any]) -> str:
    """Of what decides the volumes; what is for people, or is done on load, does not."""
    deciding = {key: value for key, value in values.items() if key not in _NOT_DECIDING}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True, default=str).encode()).hexdigest()


def _read_yaml(path: Path) -> Any:
    import yaml

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RecipeError(f"Recipe {path.name}: more than {_MAX_BYTES} bytes; is it a recipe?")
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"Recipe {path.name} cannot be read: {type(error).__name__}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise RecipeError(f"Recipe {path.name}{where}: not YAML ({getattr(error, 'problem', error)}).") from error


def _refuse_unknown(values: Mapping[str, Any], name: str) -> None:
    """A key that nothing reads is a slip; one that is referred to as ``@key`` is a setting of the recipe's own."""
    text = json.dumps(values, default=str)
    for key in values:
        if key in _REQUIRED or key in _OPTIONAL or re.search(rf"@{re.escape(str(key))}\b", text):
            continue
        close = difflib.get_close_matches(str(key), [*_REQUIRED, *_OPTIONAL], n=1)
        hint = f" Did you mean {close[0]}?" if close else f" Known keys: {', '.join([*_REQUIRED, *_OPTIONAL])}."
        raise RecipeError(f"Recipe {name}: unknown key {key!r}, and nothing refers to it.{hint}")


def _refuse_idle_exclusions(recipe: Recipe) -> None:
    """Studies are left out by the public ids of files: elsewhere the block would be read and do nothing."""
    names_studies = recipe.exclude.ids or recipe.exclude.lists
    if names_studies and (recipe.study_id.rule != "public" or "dicom" in recipe.sources):
        raise RecipeError(
            f"Recipe {recipe.name}: exclude leaves out files by their public ids, neither DICOM nor hashed ids: name "
            "such studies in the exclude of the task, or take them out of the source."
        )


def _mapping(name: str, values: Mapping[str, Any], key: str, allowed: tuple[str, ...] | None) -> Mapping[str, Any]:
    """The mapping under ``key``, empty if it is not there."""
    return read_block(name, key, values.get(key) or {}, allowed)


def _file_rules(name: str, values: Mapping[str, Any], sources: tuple[str, ...]) -> FileRules | None:
    if "files" not in values:
        if set(sources) & set(FORMATS):
            raise RecipeError(f"Recipe {name}: the key files is missing; it says what {', '.join(sources)} does not.")
        return None
    try:
        return parse_file_rules(values["files"])
    except RecipeError as error:
        raise RecipeError(f"Recipe {name}: {error}") from error
