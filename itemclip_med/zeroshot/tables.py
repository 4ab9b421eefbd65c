"""``scores.csv``, ``labels.csv`` and ``studies.csv``: what an evaluation leaves, and all that its numbers come from."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from itemclip_med.errors import FormatError, TaskError
from itemclip_med.labels import Labels, id_column_of, read_table
from itemclip_med.records import Study
from itemclip_med.zeroshot.protocol import Task

Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class StudyRow:
    """What ``studies.csv`` says of a study; empty cells are None."""

    patient_id: str | None = None
    source: str | None = None
    scanner: str | None = None
    split: str | None = None


_STUDY_COLUMNS = ("patient_id", "source", "scanner", "split")


def read_scores(path: Path | str, task: Task, *, merge: str = "max") -> Scores:
    """Read a table of scores: a study id and one column per finding, rows and columns in any order.

    Args:
        path: the CSV file; columns of other findings of the data set are ignored.
        task: whose findings must be there, or the columns they are merged from, and whose spelling of ids is used.
        merge: "max", or "hlip": the greater where either exceeds 0.5, else the smaller (``--published-quirks``).

    Returns:
        ``{study id: {finding: score}}``.

    Raises:
        FormatError: if it is no CSV file.
        TaskError: if a column is missing or unknown, a study stands there twice, or a score is no finite number.
    """
    path = Path(path)
    header, rows = read_table(path)
    id_column = id_column_of(header)
    behind = {name: _columns_of(name, header, task) for name in task.names}
    missing = [name for name, columns in behind.items() if not columns]
    unknown = [name for name in header if name not in (id_column, *_STUDY_COLUMNS, *task.known_columns)]
    if id_column is None or missing:
        what = "study_id" if id_column is None else ", ".join(missing)
        found = f"; it has {', '.join(unknown[:6])}, which the task does not know" if unknown and id_column else ""
        raise TaskError(
            f"{path.name} has no column {what}{found}: task {task.name} needs study_id, {', '.join(task.names)}."
        )
    if unknown:
        raise TaskError(
            f"{path.name} has unknown columns ({', '.join(unknown[:6])}): task {task.name} knows "
            f"{', '.join(task.names)}; take them out, or use the task they belong to."
        )
    scores: Scores = {}
    for line, row in rows:
        study_id = task.study_id(row[header.index(id_column)])
        if study_id in scores:
            raise TaskError(f"{path.name}, line {line}: study {study_id} stands there twice; keep one row.")
        cells = {
            name: [_score(row[header.index(column)], f"{path.name}, line {line}, {column}") for column in columns]
            for name, columns in behind.items()
        }
        scores[study_id] = {name: _merged(values, merge) for name, values in cells.items()}
    return scores


def _columns_of(name: str, header: Sequence[str], task: Task) -> tuple[str, ...]:
    """The column of a finding, else those it is merged from, else none."""
    if name in header:
        return (name,)
    parts = task.merge.get(name, ())
    return parts if all(part in header for part in parts) else ()


def _merged(values: Sequence[float], rule: str) -> float:
    return min(values) if rule == "hlip" and max(values) <= 0.5 else max(values)


def _score(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TaskError(f"{where}: {cell[:40]!r} is no score; expected a finite number, or no row for that study.")
    return value


def read_studies(path: Path | str, task: Task) -> dict[str, StudyRow]:
    """Read ``studies.csv``: a study id and, where known, patient_id, source, scanner and split.

    Raises:
        FormatError: if it is no CSV file with a column of study ids.
        TaskError: if a study stands there twice.
    """
    path = Path(path)
    header, rows = read_table(path)
    id_column = id_column_of(header)
    if id_column is None:
        raise FormatError(f"{path.name} has no column study_id.")
    known = [name for name in _STUDY_COLUMNS if name in header]
    studies: dict[str, StudyRow] = {}
    for line, row in rows:
        study_id = task.study_id(row[header.index(id_column)])
        if study_id in studies:
            raise TaskError(f"{path.name}, line {line}: study {study_id} stands there twice; keep one row.")
        studies[study_id] = StudyRow(**{name: row[header.index(name)] or None for name in known})
    return studies


def write_scores(path: Path, names: Sequence[str], scores: Mapping[str, Mapping[str, float]]) -> None:
    """Write ``scores.csv``: raw cosines with as many digits as tell them apart, by study id."""
    rows = ([study_id, *(_digits(row[name]) for name in names)] for study_id, row in sorted(scores.items()))
    _write(path, ["study_id", *names], rows)


def _digits(value: float) -> str:
    """Nine digits where they hold the number (every float32), else all."""
    short = f"{value:.9g}"
    return short if float(short) == value or float(np.float32(value)) == value else repr(float(value))


def write_labels(path: Path, names: Sequence[str], labels: Labels) -> None:
    """Write ``labels.csv``: 1, 0, or empty where unknown, by study id."""
    rows = (
        [study_id, *("" if row[name] is None else str(row[name]) for name in names)]
        for study_id, row in sorted(labels.items())
    )
    _write(path, ["study_id", *names], rows)


def write_studies(path: Path, studies: Iterable[Study]) -> None:
    """Write ``studies.csv``: patient, source, scanner and split of each study of a store, by study id."""
    write_study_rows(path, {study.study_id: row_of(study) for study in studies})


def write_study_rows(path: Path, rows: Mapping[str, StudyRow]) -> None:
    """Write ``studies.csv`` from its rows."""
    cells = ([key, *(getattr(row, name) or "" for name in _STUDY_COLUMNS)] for key, row in sorted(rows.items()))
    _write(path, ["study_id", *_STUDY_COLUMNS], cells)


def row_of(study: Study) -> StudyRow:
    """What ``studies.csv`` says of a study of a store."""
    return StudyRow(**{name: getattr(study, name) or None for name in _STUDY_COLUMNS})


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A CSV file that is there whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    os.replace(temporary, path)
