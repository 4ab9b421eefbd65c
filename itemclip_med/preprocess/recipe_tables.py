"""What a recipe says of the tables beside the images: labels, reports, metadata, ids that are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from itemclip_med.errors import RecipeError
from itemclip_med.labels import ID_NORMALIZERS, LABEL_READERS
from itemclip_med.preprocess.recipe_ids import check_choice, read_block

SIDES = ("chest",)
_MM = (0.1, 12.0)
_EXTENT_MM = (40.0, 1200.0)


@dataclass(frozen=True)
class LabelTables:
    """Label files.

    Attributes:
        reader: a name in ``labels.LABEL_READERS``.
        default: names or patterns of files looked for in the source.
        id_column: whose cells name the study of a row; "" where the reader knows best.
    """

    reader: str = "csv"
    default: tuple[str, ...] = ()
    id_column: str = ""


@dataclass(frozen=True)
class ReportTables:
    """Report files.

    Attributes:
        ids: spelling of a report's id, a name in ``labels.ID_NORMALIZERS``.
        default: names or patterns of CSV files looked for in the source.
        id_column: whose cells name the study of a row.
        text_columns: their cells, in this order, are the report.
        empty: what stands in a cell that says nothing.
    """

    ids: str = "plain"
    default: tuple[str, ...] = ()
    id_column: str = ""
    text_columns: tuple[str, ...] = ()
    empty: str = ""


@dataclass(frozen=True)
class StoredRule:
    """How files of some folders must be read, which only the table says.

    Attributes:
        folders: names of folders above the files; the table's word holds in these only.
        slope: column that values are multiplied by.
        intercept: column that is added.
        spacing_mm: columns of the voxel distances, as numbers or lists of them, in the order of the axes.
        orientation: where the axes run, such as "LPS".
    """

    folders: tuple[str, ...]
    slope: str
    intercept: str
    spacing_mm: tuple[str, ...]
    orientation: str


@dataclass(frozen=True)
class MetadataTable:
    """A table of facts about studies.

    Attributes:
        default: names or patterns of CSV files looked for in the source.
        id_column: whose cells name the study of a row.
        patient: column of the patient; "" for none.
        scanner: columns of manufacturer and model.
        spacing_mm: column of the voxel distance of a file that does not say it; "" for none.
        stored: for files that cannot be read without the table.
    """

    default: tuple[str, ...]
    id_column: str
    patient: str = ""
    scanner: tuple[str, ...] = ()
    spacing_mm: str = ""
    stored: StoredRule | None = None


@dataclass(frozen=True)
class Exclusions:
    """Studies that are left out.

    Attributes:
        lists: names or patterns of text files in the source, an id a line.
        ids: id to the reason.
    """

    lists: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckRule:
    """What ``--check`` finds odd in an image.

    Attributes:
        sides: "chest": look for the liver to see whether left and right are exchanged; "" for nothing.
        spacing_mm: smallest and largest voxel distance that is believed.
        extent_mm: smallest and largest length of a volume's edge that is believed.
    """

    sides: str = ""
    spacing_mm: tuple[float, float] = _MM
    extent_mm: tuple[float, float] = _EXTENT_MM


@dataclass(frozen=True)
class About:
    """Where a data set comes from, for people.

    Attributes:
        title: its name.
        get: where and how to get it.
        license: its terms.
        cite: what to cite.
        notes: what to know about it.
    """

    title: str = ""
    get: str = ""
    license: str = ""
    cite: str = ""
    notes: tuple[str, ...] = ()


def parse_labels(name: str, values: Any) -> LabelTables | None:
    """The block ``labels``; None where there is none.

    Raises:
        RecipeError: if a key is unknown or wrong.
    """
    if not values:
        return None
    values = read_block(name, "labels", values, ("reader", "default", "id_column"))
    check_choice(name, "labels: reader", values.get("reader"), tuple(LABEL_READERS))
    return LabelTables(values["reader"], _names(values.get("default")), str(values.get("id_column", "")))


def parse_reports(name: str, values: Any) -> ReportTables | None:
    """The block ``reports``; None where there is none.

    Raises:
        RecipeError: if a key is unknown or wrong.
    """
    if not values:
        return None
    values = read_block(name, "reports", values, ("ids", "default", "id_column", "text_columns", "empty"))
    check_choice(name, "reports: ids", values.get("ids"), tuple(ID_NORMALIZERS))
    default, text = _names(values.get("default")), _names(values.get("text_columns"))
    if default and not (text and values.get("id_column")):
        raise RecipeError(f"Recipe {name}: reports with a default need id_column and text_columns.")
    return ReportTables(values["ids"], default, str(values.get("id_column", "")), text, str(values.get("empty", "")))


def parse_metadata(name: str, values: Any) -> tuple[MetadataTable, ...]:
    """The block ``metadata``: a list of tables.

    Raises:
        RecipeError: if a key is missing, unknown or wrong.
    """
    return tuple(_metadata(name, table) for table in values or ())


def parse_exclusions(name: str, values: Any) -> Exclusions:
    """The block ``exclude``.

    Raises:
        RecipeError: if a key is unknown.
    """
    values = read_block(name, "exclude", values or {}, ("lists", "ids"))
    return Exclusions(_names(values.get("lists")), read_block(name, "exclude: ids", values.get("ids") or {}, None))


def parse_check(name: str, values: Any) -> CheckRule:
    """The block ``check``.

    Raises:
        RecipeError: if a key is unknown or a pair is none.
    """
    values = read_block(name, "check", values or {}, ("sides", "spacing_mm", "extent_mm"))
    if values.get("sides"):
        check_choice(name, "check: sides", values["sides"], SIDES)
    pairs = []
    for key, usual in (("spacing_mm", _MM), ("extent_mm", _EXTENT_MM)):
        try:
            low, high = (float(value) for value in values.get(key, usual))
        except (TypeError, ValueError) as error:
            raise RecipeError(f"Recipe {name}: check: {key} is {values[key]!r}, expected two numbers.") from error
        pairs.append((low, high))
    return CheckRule(str(values.get("sides", "")), *pairs)


def parse_about(name: str, values: Any) -> About:
    """The block ``about``.

    Raises:
        RecipeError: if a key is unknown.
    """
    values = read_block(name, "about", values or {}, ("title", "get", "license", "cite", "notes"))
    texts = {key: str(values.get(key, "")).strip() for key in ("title", "get", "license", "cite")}
    return About(**texts, notes=_names(values.get("notes")))


def _metadata(name: str, values: Any) -> MetadataTable:
    values = read_block(
        name, "metadata", values, ("default", "id_column", "patient", "scanner", "spacing_mm", "stored")
    )
    if not values.get("default") or not values.get("id_column"):
        raise RecipeError(f"Recipe {name}: metadata needs default and id_column.")
    stored = values.get("stored")
    if stored:
        keys = ("folders", "slope", "intercept", "spacing_mm", "orientation")
        stored = read_block(name, "metadata: stored", stored, keys)
        for key in keys:
            if key not in stored:
                raise RecipeError(f"Recipe {name}: metadata: stored needs {key}.")
        stored = StoredRule(
            _names(stored["folders"]), str(stored["slope"]), str(stored["intercept"]), _names(stored["spacing_mm"]),
            str(stored["orientation"]),
        )  # fmt: skip
    return MetadataTable(
        _names(values["default"]), str(values["id_column"]), str(values.get("patient", "")),
        _names(values.get("scanner")), str(values.get("spacing_mm", "")), stored or None,
    )  # fmt: skip


def _names(values: str | Sequence[str] | None) -> tuple[str, ...]:
    if values is None:
        return ()
    return (values,) if isinstance(values, str) else tuple(str(value) for value in values)
