"""Find and read the tables that lie beside the images of a source; rows that are wrong are listed, the rest is used."""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels import Labels, read_labels, read_rsna_slices

_TABLE_ENDS = (".csv", ".txt", ".json", ".jsonl", ".tsv")
_UNFINISHED_ENDS = (".incomplete", ".part", ".partial", ".crdownload", ".download", ".aria2", ".tmp")
_MAX_BAD_CELLS = 50  # rows whose labels cannot be read; with more it is another kind of table
_LINE = re.compile(r"line (\d+)")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that is not used as it stands.

    Attributes:
        kind: "duplicate-row" (repeats another, which is used), "conflicting-row" (rows of one study differ, none is
            used), "bad-row" (cannot be read), "missing-column", "unreadable-table".
        file: name of the table.
        line: of the row, from 1; 0 for the whole table.
        study_id: whose row it is; "" where unknown.
        text: what is wrong, for people.
    """

    kind: str
    file: str
    line: int
    study_id: str
    text: str


class TableFinder:
    """The text files below a folder, found in one walk.

    Args:
        root: an existing folder.

    Attributes:
        unfinished: files that downloading programs leave while they are at work.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unfinished: list[Path] = []
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for folder, _, names in os.walk(root):
            for name in names:
                if name.lower().endswith(_TABLE_ENDS):
                    self._by_name[name].append(Path(folder, name))
                elif name.lower().endswith(_UNFINISHED_ENDS):
                    self.unfinished.append(Path(folder, name))

    def find(self, patterns: Sequence[str]) -> list[Path]:
        """The files of these names or patterns, in the patterns' order; of one name the first by its path."""
        found: dict[str, Path] = {}
        for pattern in patterns:
            for name in sorted(self._by_name):
                if fnmatch(name, pattern):
                    found.setdefault(name, min(self._by_name[name]))
        return list(found.values())

    def missing(self, patterns: Sequence[str]) -> list[str]:
        """The patterns that no file has."""
        return [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in self._by_name)]


def read_header(path: Path) -> list[str]:
    """Names of a CSV file's columns; empty where it has none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def read_rows(path: Path, columns: Sequence[str], problems: list[RowProblem]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV table by the names of its columns; those of another length are listed and left out.

    Args:
        path: a UTF-8 file, with or without byte order mark.
        columns: those that are wanted.
        problems: takes what is wrong.

    Yields:
        Line number and the wanted cells, stripped. Nothing where a column is missing or the file is no such table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                text = f"{path.name} has no column {', '.join(map(repr, missing))}; found {_listed(header)}"
                problems.append(RowProblem("missing-column", path.name, 1, "", text))
                return
            places = {name: header.index(name) for name in columns}
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(header):
                    text = f"{len(row)} cells, but the header has {len(header)}"
                    problems.append(RowProblem("bad-row", path.name, reader.line_num, "", text))
                    continue
                yield reader.line_num, {name: row[place].strip() for name, place in places.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        text = f"{path.name} cannot be read as a CSV file in UTF-8 ({type(error).__name__})"
        problems.append(RowProblem("unreadable-table", path.name, 0, "", text))


def read_label_tables(
    paths: Sequence[Path], reader: str, id_column: str, normalize: Callable[[str], str], problems: list[RowProblem]
) -> dict[Path, Labels]:
    """Read label files with their data set's reader, past rows that are wrong.

    Args:
        paths: the files.
        reader: a name in ``labels.LABEL_READERS``.
        id_column: whose cells name what a row is about; "" lets the reader refuse what it must.
        normalize: brings those cells to one spelling.
        problems: takes what is wrong: rows that repeat another are used once, rows of one study that differ are not.

    Returns:
        File to its labels, those that could be read.
    """
    read = {}
    for path in paths:
        labels = _read_labels(path, reader, id_column, normalize, problems)
        if labels is not None:
            read[path] = labels
    return read


def _read_labels(
    path: Path, reader: str, id_column: str, normalize: Callable[[str], str], problems: list[RowProblem]
) -> Labels | None:
    # Labels of slices; which study they belong to stands in the headers. Millions of rows: read once, if it can be.
    by_slice = reader == "rsna_stage_2"
    if by_slice:
        try:
            return read_rsna_slices(path)
        except (FormatError, LabelsError):
            pass
    try:
        lines = _records(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        text = f"{path.name} cannot be read as a CSV file in UTF-8 ({type(error).__name__})"
        problems.append(RowProblem("unreadable-table", path.name, 0, "", text))
        return None
    dropped = _wrong_rows(path, lines, id_column, normalize, problems)
    with tempfile.TemporaryDirectory(prefix="itemclip_med_") as folder:
        copy = path
        for _ in range(_MAX_BAD_CELLS):
            if dropped:
                copy = Path(folder, path.name)
                _write_without(copy, lines, dropped)
            try:
                return read_rsna_slices(copy) if by_slice else read_labels(copy, reader, normalize_id=normalize)
            except (FormatError, LabelsError) as error:
                found = _LINE.search(str(error))
                if found is None or int(found[1]) in dropped:
                    kind = "missing-column" if "column" in str(error) else "unreadable-table"
                    problems.append(RowProblem(kind, path.name, 0, "", str(error)))
                    return None
                dropped.add(int(found[1]))
                problems.append(RowProblem("bad-row", path.name, int(found[1]), "", str(error)))
    problems.append(RowProblem("unreadable-table", path.name, 0, "", f"{path.name}: too many rows are no labels"))
    return None


def _records(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of every row, the header too."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        return [(reader.line_num, row) for row in reader]


def _wrong_rows(
    path: Path,
    lines: Sequence[tuple[int, list[str]]],
    id_column: str,
    normalize: Callable[[str], str],
    problems: list[RowProblem],
) -> set[int]:
    """Lines that the reader must not see."""
    header = [name.strip() for name in lines[0][1]] if lines else []
    if id_column not in header:
        return set()
    place, dropped = header.index(id_column), set()
    first: dict[str, tuple[int, list[str]]] = {}
    for line, row in lines[1:]:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            text = f"{len(row)} cells, but the header has {len(header)}"
            problems.append(RowProblem("bad-row", path.name, line, "", text))
            dropped.add(line)
            continue
        try:
            study_id = normalize(row[place])
        except LabelsError as error:
            problems.append(RowProblem("bad-row", path.name, line, "", str(error)))
            dropped.add(line)
            continue
        known = first.setdefault(study_id, (line, row))
        if known[0] == line:
            continue
        dropped.add(line)
        if [*known[1][:place], *known[1][place + 1 :]] == [*row[:place], *row[place + 1 :]]:
            text = f"{study_id} stands in line {known[0]} already, with the same labels"
            problems.append(RowProblem("duplicate-row", path.name, line, study_id, text))
        else:
            dropped.add(known[0])
            text = f"{study_id} stands in line {known[0]} already, with other labels: neither is used"
            problems.append(RowProblem("conflicting-row", path.name, line, study_id, text))
    return dropped


def _write_without(path: Path, lines: Sequence[tuple[int, list[str]]], dropped: set[int]) -> None:
    """The table with empty lines where rows are dropped, so that line numbers stay."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        at = 0
        for line, row in lines:
            if line in dropped:
                continue
            file.write("\n" * (line - at - 1 - sum(cell.count("\n") for cell in row)))
            writer.writerow(row)
            at = line


def _listed(names: Sequence[str], most: int = 6) -> str:
    text = ", ".join(map(repr, names[:most]))
    return text if len(names) <= most else f"{text}, … ({len(names)} in all)"
