"""Read reports from JSONL, CSV (CT-RATE, MR-RATE, one's own), Excel and folders of text; every bad row is told."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from itemclip_med.errors import FormatError
from itemclip_med.reports.csv_records import Records

MAX_ROW_CHARS = 10_000_000


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row of a file of reports.

    Attributes:
        where: file and row, for messages; never text of the report.
        study_id: its id; "" where the row has none.
        text: the report; None where the row cannot be read.
        fields: further fields that pass through.
        problem: why the row cannot be read.
        is_repeat: another reconstruction of a study whose report stood before; not to be itemized again.
    """

    where: str
    study_id: str = ""
    text: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a CSV hold what.

    Attributes:
        study_id: of the id.
        sections: of the text: (column, heading to write before it; "" for none).
    """

    study_id: str
    sections: tuple[tuple[str, str], ...]


# Known layouts: recognized by their columns. Sources: the data sets' cards (CT-RATE, MR-RATE).
_IDS = ("id", "study_id", "study_uid", "VolumeName", "AccessionNumber", "accession", "case_id", "name")
_FINDINGS = ("Findings_EN", "findings", "Findings", "FINDINGS")
_IMPRESSIONS = ("Impressions_EN", "Impression_EN", "impression", "impressions", "Impression", "IMPRESSION")
_TEXTS = ("report", "text", "Report", "report_text", "full_report", "Text")
_RECONSTRUCTION = re.compile(r"(.*_\w+)_\d+(?:\.nii(?:\.gz)?|\.npz)?")
_EMPTY_MARKS = frozenset(("not given.", "not given", "nan", "none", "null", "n/a", "na", "-"))


def guess_columns(names: Sequence[str], *, study_id: str | None = None, text: str | None = None) -> Columns:
    """Find the columns of a CSV.

    Args:
        names: its header.
        study_id: the id's column, if named.
        text: the report's columns, if named: one, or several with commas.

    Returns:
        The columns.

    Raises:
        FormatError: if one that is named is not there, or none can be guessed.
    """
    chosen_id = study_id or next((name for name in _IDS if name in names), None)
    if chosen_id is None or chosen_id not in names:
        raise FormatError(f"no column {study_id or 'of ids'}; found {', '.join(names)[:200]}: name it with --id-column")
    if text:
        wanted = [name.strip() for name in text.split(",")]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise FormatError(f"no column {missing[0]}; found {', '.join(names)[:200]}: name it with --text-column")
        return Columns(chosen_id, tuple((name, _heading(name)) for name in wanted))
    sections = [
        (name, heading)
        for group, heading in ((_FINDINGS, "FINDINGS"), (_IMPRESSIONS, "IMPRESSION"))
        for name in group[:]
        if name in names
    ][:2]
    if sections and any(heading == "FINDINGS" for _, heading in sections):
        return Columns(chosen_id, tuple(sections))
    single = next((name for name in _TEXTS if name in names), None)
    if single is None and sections:
        return Columns(chosen_id, tuple(sections))
    if single is None:
        raise FormatError(f"no column of reports; found {', '.join(names)[:200]}: name it with --text-column")
    return Columns(chosen_id, ((single, ""),))


def _heading(name: str) -> str:
    return "FINDINGS" if name in _FINDINGS else "IMPRESSION" if name in _IMPRESSIONS else ""


def read_rows(
    source: Path | str, *, id_column: str | None = None, text_column: str | None = None
) -> Iterator[ReportRow]:
    """Every report of a source, in its order.

    Args:
        source: a .jsonl, a .csv or .tsv, an .xlsx (its first sheet), a .txt, or a folder of .txt files.
        id_column: the id's column or JSON field; guessed without it.
        text_column: the text's columns, with commas between several.

    Yields:
        One row for each line, also for those that cannot be read.

    Raises:
        FormatError: if the file as a whole cannot be read.
    """
    source = Path(source)
    if source.is_dir():
        return _read_folder(source)
    readers: dict[str, Callable[[Path, str | None, str | None], Iterator[ReportRow]]] = {
        ".jsonl": _read_jsonl, ".ndjson": _read_jsonl, ".csv": _read_csv, ".tsv": _read_csv, ".txt": _read_text,
        ".xlsx": _read_excel,
    }  # fmt: skip
    reader = readers.get(source.suffix.lower())
    if reader is None:
        raise FormatError(
            f"{source.name}: expected .jsonl, .csv, .tsv, .xlsx, .txt or a folder of .txt, "
            f"found {source.suffix or 'no suffix'}."
        )
    if not source.is_file():
        raise FormatError(f"{source.name} is no file.")
    return reader(source, id_column, text_column)


def _read_folder(folder: Path) -> Iterator[ReportRow]:
    paths = sorted(path for path in folder.rglob("*.txt") if path.is_file())
    if not paths:
        raise FormatError(f"{folder.name} holds no .txt file: give a folder with one report a file.")
    for number, path in enumerate(paths, start=1):
        study_id = path.relative_to(folder).with_suffix("").as_posix()
        yield _text_row(path, f"file {number}", study_id)


def _read_text(path: Path, *_: object) -> Iterator[ReportRow]:
    yield _text_row(path, path.name, path.stem)


def _text_row(path: Path, where: str, study_id: str) -> ReportRow:
    try:
        if path.stat().st_size > MAX_ROW_CHARS:
            return ReportRow(where, study_id, problem=f"longer than {MAX_ROW_CHARS} bytes")
        data = path.read_bytes()
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return ReportRow(where, study_id, data.decode(encoding, errors="replace"))
    except OSError as error:
        return ReportRow(where, study_id, problem=f"cannot be read ({type(error).__name__})")


def _read_jsonl(path: Path, id_column: str | None, text_column: str | None) -> Iterator[ReportRow]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path.name}, line {number}"
            try:
                values = json.loads(line) if len(line) <= MAX_ROW_CHARS else None
            except (ValueError, RecursionError):
                values = None
            if not isinstance(values, dict):
                yield ReportRow(where, problem="expected a JSON object with id and report; mend or remove the line")
                continue
            yield _json_row(where, values, id_column, text_column)


def _json_row(where: str, values: dict[str, Any], id_column: str | None, text_column: str | None) -> ReportRow:
    id_name = id_column or next((name for name in _IDS if name in values), "id")
    study_id = values.get(id_name)
    if not isinstance(study_id, (str, int)) or isinstance(study_id, bool) or str(study_id) == "":
        return ReportRow(where, problem=f"expected an id in the field {id_name}; add one")
    names = [name.strip() for name in text_column.split(",")] if text_column else [_json_text_name(values)]
    rest = {key: value for key, value in values.items() if key not in ("id", id_name, "items", "is_normal", *names)}
    text = _joined([(values.get(name), _heading(name) if len(names) > 1 else "") for name in names])
    if text is None:
        found = type(values.get(names[0])).__name__ if names[0] in values else "nothing"
        return ReportRow(
            where, str(study_id), problem=f"expected text in the field {names[0]}, found {found}", fields=rest
        )
    return ReportRow(where, str(study_id), text, rest)


def _json_text_name(values: Mapping[str, Any]) -> str:
    return next((name for name in _TEXTS if name in values), "report")


def _joined(parts: Sequence[tuple[Any, str]]) -> str | None:
    """One text of several columns, each under its heading; None where a part is no text."""
    pieces = []
    for value, heading in parts:
        if value is None:
            if len(parts) == 1:
                return None
            continue
        if not isinstance(value, str):
            return None
        if value.strip().lower() in _EMPTY_MARKS:
            continue
        pieces.append(f"{heading}:\n{value}" if heading and value.strip() else value)
    return "\n\n".join(pieces)


def _read_csv(path: Path, id_column: str | None, text_column: str | None) -> Iterator[ReportRow]:
    csv.field_size_limit(MAX_ROW_CHARS)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = (line.replace("\0", " ") for line in file)
        reader = Records(lines, "\t" if path.suffix.lower() == ".tsv" else ",")
        try:
            header = next(reader, None)
        except csv.Error as error:
            raise FormatError(f"{path.name}, row 1: no CSV header ({error}).") from error
        if not header:
            raise FormatError(f"{path.name} is empty: expected a header with columns of ids and reports.")
        names = [name.strip() for name in header]
        try:
            columns = guess_columns(names, study_id=id_column, text=text_column)
        except FormatError as error:
            raise FormatError(f"{path.name}, row 1: {error}") from None
        yield from _csv_rows(path.name, reader, names, columns)


def _read_excel(path: Path, id_column: str | None, text_column: str | None) -> Iterator[ReportRow]:
    from itemclip_med.reports.excel import sheet_rows

    rows = sheet_rows(path)
    header = next(rows, None)
    if not header or not any(header):
        raise FormatError(f"{path.name} is empty: expected a first row with the names of columns.")
    try:
        columns = guess_columns(header, study_id=id_column, text=text_column)
    except FormatError as error:
        raise FormatError(f"{path.name}, row 1: {error}") from None
    yield from _csv_rows(path.name, rows, header, columns)


def one_per_study(rows: Iterable[ReportRow]) -> Iterator[ReportRow]:
    """Rows of volumes as rows of studies: "train_1_a_2.nii.gz" becomes study "train_1_a".

    The first report of a study counts; a further volume with the same text is marked as a repeat, one with another text
    as a problem, so that nothing is lost without a word.

    Args:
        rows: whose ids are names of volumes, patient_scan_reconstruction, as in CT-RATE; other ids stay.
    """
    first: dict[str, tuple[str | None, str]] = {}
    for row in rows:
        match = _RECONSTRUCTION.fullmatch(row.study_id)
        if match is None or row.problem is not None:
            yield row
            continue
        row = replace(row, study_id=match[1])
        text, where = first.setdefault(row.study_id, (row.text, row.where))
        if where == row.where:
            yield row
        elif text == row.text:
            yield replace(row, is_repeat=True)
        else:
            yield replace(row, problem=f"another report than {where} for the same study; keep one of them")


def _csv_rows(name: str, reader: Any, names: list[str], columns: Columns) -> Iterator[ReportRow]:
    used = {columns.study_id, "items", "is_normal", *(column for column, _ in columns.sections)}
    number = 1
    while True:
        number += 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield ReportRow(f"{name}, row {number}", problem=f"no CSV row ({error})")
            continue
        if row is None:
            return
        if not row or not any(value.strip() for value in row):
            continue
        where = f"{name}, row {number}"
        if len(row) != len(names):
            yield ReportRow(where, problem=f"{len(row)} values, expected {len(names)}; is a comma or quote missing?")
            continue
        values = dict(zip(names, row, strict=True))
        study_id = values[columns.study_id].strip()
        if not study_id:
            yield ReportRow(where, problem=f"no id in column {columns.study_id}")
            continue
        text = _joined([(values[column], heading) for column, heading in columns.sections]) or ""
        yield ReportRow(
            where, study_id, text, {key: value for key, value in values.items() if key not in used and value}
        )
