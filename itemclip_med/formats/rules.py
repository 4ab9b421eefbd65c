"""What files other than DICOM do not say about themselves and a recipe must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from itemclip_med.errors import RecipeError

MODALITIES = ("CT", "MR")
STUDIES = ("file", "folder", "top", "id")
PLACES = ("file", "recipe")
ON_4D = ("refuse", "split")
_AXES = ("LR", "PA", "IS")
_KEYS = (
    "modality", "study", "pattern", "skip", "on_4d", "array", "orientation", "spacing_mm", "slope", "intercept",
    "check_hu", "place",
)  # fmt: skip


@dataclass(frozen=True)
class FileRules:
    """How the files of a data set become studies and volumes.

    Attributes:
        modality: "CT" (values are Hounsfield units, after slope and intercept) or "MR".
        study: what one study is: "file", every file; "folder", the files of one folder; "top", all files below one
            folder of the source; "id", all files whose path holds one public id.
        pattern: file names or paths that belong to the data set, with ``*``.
        skip: those of them that do not (masks).
        on_4d: "split" several volumes in one file into series, or "refuse" the file.
        array: NPZ: name of the array; "" where there is one only.
        orientation: directions in which the array's axes run, in their order, such as "LPS"; used where the file does
            not say (NPZ), "" where it must.
        spacing_mm: NPZ: distance of voxel centers along the array's axes, in their order.
        slope: values are multiplied by it, after what the file's own header asks for.
        intercept: then added.
        check_hu: CT: refuse volumes whose air and soft tissue do not lie where Hounsfield units have them.
        place: "recipe": ``spacing_mm`` and ``orientation`` hold whatever the file's header says.
    """

    modality: str
    study: str = "file"
    pattern: tuple[str, ...] = ("*",)
    skip: tuple[str, ...] = ()
    on_4d: str = "refuse"
    array: str = ""
    orientation: str = ""
    spacing_mm: tuple[float, float, float] | None = None
    slope: float = 1.0
    intercept: float = 0.0
    check_hu: bool = True
    place: str = "file"


def parse_file_rules(values: Any) -> FileRules:
    """Check the ``files`` block of a recipe.

    Raises:
        RecipeError: if a key is missing, unknown or wrong; names it.
    """
    if not isinstance(values, Mapping) or "modality" not in values:
        raise RecipeError(f"files is {values!r}, expected keys and values, with a modality (CT or MR).")
    unknown = sorted(set(values) - set(_KEYS))
    if unknown:
        raise RecipeError(f"files has the unknown key {unknown[0]!r}, expected {', '.join(_KEYS)}.")
    for key, allowed in (("modality", MODALITIES), ("study", STUDIES), ("on_4d", ON_4D), ("place", PLACES)):
        if values.get(key, allowed[0]) not in allowed:
            raise RecipeError(f"files: {key} is {values[key]!r}, expected one of {', '.join(allowed)}.")
    orientation = str(values.get("orientation", "")).upper()
    if orientation and (len(orientation) != 3 or sorted(_axis_of(letter) for letter in orientation) != [0, 1, 2]):
        raise RecipeError(
            f"files: orientation is {values['orientation']!r}, expected three letters such as LPS: one of L and R, one "
            "of P and A, one of I and S."
        )
    spacing = values.get("spacing_mm")
    try:
        spacing_mm = None if spacing is None else tuple(float(number) for number in spacing)
        slope, intercept = float(values.get("slope", 1.0)), float(values.get("intercept", 0.0))
    except (TypeError, ValueError) as error:
        raise RecipeError(
            "files: spacing_mm, slope and intercept must be numbers (spacing_mm three of them)."
        ) from error
    if spacing_mm is not None and (len(spacing_mm) != 3 or not all(0 < number < 1e3 for number in spacing_mm)):
        raise RecipeError(f"files: spacing_mm is {spacing!r}, expected three numbers above 0.")
    return FileRules(
        modality=values["modality"],
        study=values.get("study", "file"),
        pattern=_globs(values.get("pattern", "*")),
        skip=_globs(values.get("skip", ())),
        on_4d=values.get("on_4d", "refuse"),
        array=str(values.get("array", "")),
        orientation=orientation,
        spacing_mm=spacing_mm,
        slope=slope,
        intercept=intercept,
        check_hu=bool(values.get("check_hu", True)),
        place=values.get("place", "file"),
    )


def _axis_of(letter: str) -> int:
    """0, 1 or 2 for a letter of left-right, back-front, down-up; -1 for others."""
    return next((axis for axis, letters in enumerate(_AXES) if letter in letters), -1)


def _globs(values: str | Sequence[str]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(str(value) for value in values)
