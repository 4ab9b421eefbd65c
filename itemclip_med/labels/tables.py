"""Tables of labels: CSV files whose columns are addressed by name, never by position, with a study a row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels.ids import shown

Labels = dict[str, dict[str, int | None]]
"""Study id to finding to 1, 0 or None where the label is unknown."""

ID_COLUMNS = ("study_id", "id", "name", "study_uid")
_UNKNOWN = {"", "nan", "na", "none", "null"}


def label_rows(
    path: Path, id_column: str, names: Sequence[str], normalize_id: Callable[[str], str]
) -> Iterator[tuple[int, str, dict[str, int | None]]]:
    """The rows of a table that has one a study.

    Args:
        path: the file; rows and columns in any order.
        id_column: whose cells name the study.
        names: the columns of labels: 0, 1, or nothing for unknown.
        normalize_id: brings ids to one spelling.

    Yields:
        Line number, study id and labels by column.

    Raises:
        FormatError: if the file is no CSV, a column is missing or there twice, or a cell is neither 0, 1 nor empty.
        LabelsError: if a study stands in two rows, or its id is none.
    """
    header, rows = open_table(path)
    columns = locate(path, header, [id_column, *names])
    seen: set[str] = set()
    for line, row in rows:
        study_id = normalize_id(row[columns[id_column]])
        refuse_duplicate(path, study_id, seen)
        seen.add(study_id)
        yield line, study_id, {name: read_cell(path, line, row, columns, name) for name in names}


def id_column_of(header: Sequence[str]) -> str | None:
    """The column of a table that holds the study ids, None if it has none."""
    return next((name for name in ID_COLUMNS if name in header), None)


def read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read a CSV file whose first row names its columns.

    Args:
        path: a UTF-8 file, with or without byte order mark.

    Returns:
        The header, and for each further row that is not blank its line number and its cells, all stripped.

    Raises:
        FormatError: if the file is missing, empty, no UTF-8 text, has a column name twice or a row of another length.
    """
    header, rows = open_table(path)
    return header, list(rows)


def open_table(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header of a CSV file, and its rows as they are read: line number and stripped cells.

    Raises:
        FormatError: if the file is missing, empty, no UTF-8 text, has a column name twice or a row of another length.
    """
    rows = _rows(path)
    header = next(rows, (0, []))[1]
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if not header:
        raise FormatError(f"{path.name} is empty: expected a first row with the names of the columns.")
    if twice:
        raise FormatError(f"{path.name}: column {listed(twice)} stands there twice; keep one.")
    return header, _same_length(path, len(header), rows)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of every row that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield reader.line_num, [cell.strip() for cell in row]
    except OSError as error:
        raise FormatError(f"{path.name} cannot be read ({error.strerror}): give the path of a CSV file.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path.name} is not a CSV file in UTF-8: save it as one.") from error


def _same_length(
    path: Path, num_columns: int, rows: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if len(row) != num_columns:
            raise FormatError(f"{path.name}, line {line}: {len(row)} cells, but the header has {num_columns}.")
        yield line, row


def locate(path: Path, header: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Where each column stands.

    Raises:
        FormatError: if one is missing; names those, and what was found.
    """
    missing = [name for name in names if name not in header]
    if missing:
        raise FormatError(
            f"{path.name} lacks {len(missing)} of {len(names)} columns ({listed(missing)}); found {listed(header)}."
        )
    return {name: header.index(name) for name in names}


def read_cell(path: Path, line: int, row: Sequence[str], columns: dict[str, int], name: str) -> int | None:
    """One label: 1, 0, or None for an empty cell.

    Raises:
        FormatError: if the cell is something else; names line and column.
    """
    text = row[columns[name]].lower()
    if text in _UNKNOWN:
        return None
    if text in ("0", "0.0"):
        return 0
    if text in ("1", "1.0"):
        return 1
    raise FormatError(f"{path.name}, line {line}, column {name}: {shown(text)} is no label; expected 0, 1 or nothing.")


def refuse_duplicate(path: Path, study_id: str, labels: Container[str]) -> None:
    """Refuse a study that stood in an earlier row.

    Raises:
        LabelsError: names it.
    """
    if study_id in labels:
        raise LabelsError(f"{path.name}: study {study_id} stands in more than one row; keep one.")


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names as a sentence's list, cut after ``most``."""
    text = ", ".join(shown(name) for name in names[:most])
    return text if len(names) <= most else f"{text}, … ({len(names)} in all)"
