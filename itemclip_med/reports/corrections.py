"""Read a corrected CSV of an audit back into items."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itemclip_med.errors import FormatError
from itemclip_med.records import STATUSES
from itemclip_med.reports.audit import CSV_COLUMNS, unshield
from itemclip_med.reports.csv_records import Records
from itemclip_med.reports.running import read_items


@dataclass(frozen=True, slots=True)
class AppliedCorrections:
    """What a corrected CSV changed.

    Attributes:
        num_studies: studies in the CSV.
        num_changed: items with another text or status.
        num_removed: items marked "no" or without a row.
        num_added: rows without a number.
        unknown: ids of the CSV that the items file lacks.
    """

    num_studies: int
    num_changed: int
    num_removed: int
    num_added: int
    unknown: tuple[str, ...] = ()


def read_corrections(path: Path | str) -> dict[str, list[tuple[int | None, str, str]]]:
    """Kept rows of a corrected CSV, by study: (item number or None for a new one, status, text).

    Args:
        path: the CSV; columns may stand in any order.

    Raises:
        FormatError: if a column is missing or a row cannot be used; names the row.
    """
    path = Path(path)
    studies: dict[str, list[tuple[int | None, str, str]]] = {}
    number = 1
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = Records(file, ",")
            names = [name.strip() for name in next(reader, [])]
            missing = [name for name in CSV_COLUMNS[:-1] if name not in names]
            if missing:
                raise FormatError(f"{path.name}, row 1: no column {missing[0]}; expected {', '.join(CSV_COLUMNS)}.")
            for number, row in enumerate(reader, start=2):
                _read_row(f"{path.name}, row {number}", dict(zip(names, row, strict=False)), studies)
    except csv.Error as error:
        raise FormatError(f"{path.name}, behind row {number}: no CSV row ({error}); mend it and apply anew.") from error
    return studies


def _read_row(where: str, row: Mapping[str, Any], studies: dict[str, list[tuple[int | None, str, str]]]) -> None:
    values = {name: unshield(str(row.get(name) or "").strip()) for name in CSV_COLUMNS}
    if not any(values.values()):
        return
    if not values["study_id"]:
        raise FormatError(f"{where}: no study_id; give the id of a study.")
    rows = studies.setdefault(values["study_id"], [])
    if values["keep"].lower() in ("no", "n", "0", "false"):
        return
    if values["keep"].lower() not in ("", "yes", "y", "1", "true"):
        raise FormatError(f"{where}: keep is neither yes nor no.")
    if values["item"] and not values["item"].isdigit():
        raise FormatError(f"{where}: item is no number; leave it empty for a new item.")
    if values["status"] not in STATUSES:
        raise FormatError(f"{where}: expected a status of {', '.join(STATUSES)}.")
    if not values["text"]:
        raise FormatError(f"{where}: no text; write the item or put no under keep.")
    item = int(values["item"]) if values["item"] else None
    if item is not None and any(item == number for number, _, _ in rows):
        raise FormatError(f"{where}: item {item} of this study stood before; leave the number empty for a new item.")
    rows.append((item, values["status"], values["text"]))


def apply_corrections(table: Path | str, items: Path | str, out: Path | str) -> AppliedCorrections:
    """Write an items file with the corrections of a CSV; studies that the CSV lacks stay as they are.

    Args:
        table: the corrected CSV.
        items: the items file that the audit was made from.
        out: the corrected items file; may be ``items`` itself.

    Returns:
        What changed.

    Raises:
        FormatError: if the CSV or the items file cannot be used; names the row.
    """
    corrections = read_corrections(table)
    left = dict(corrections)
    changed = removed = added = 0
    out = Path(out)
    temporary = out.with_name(f"{out.name}.part")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        for study in read_items(items):
            rows = left.pop(study["id"], None)
            if rows is not None:
                old = study["items"]
                study["items"] = [_corrected(old, row) for row in rows]
                numbers = {number for number, _, _ in rows if number is not None and 1 <= number <= len(old)}
                removed += len(old) - len(numbers)
                added += sum(number is None for number, _, _ in rows)
                changed += sum(
                    (status, text) != (old[number - 1].get("status"), old[number - 1]["text"])
                    for number, status, text in rows
                    if number in numbers
                )
                study["is_normal"] = _is_normal(study["items"])
                if study["items"]:
                    study.pop("reason", None)
            file.write(json.dumps(study, ensure_ascii=False) + "\n")
    os.replace(temporary, out)
    return AppliedCorrections(len(corrections), changed, removed, added, tuple(left))


def _corrected(old: list[dict[str, Any]], row: tuple[int | None, str, str]) -> dict[str, Any]:
    number, status, text = row
    before = old[number - 1] if number is not None and 1 <= number <= len(old) else {}
    if before.get("text") == text and before.get("status") == status:
        return before
    kept = dict(before) if before.get("text") == text else {"corrected": True}
    return {**kept, "text": text, "status": status, "confidence": 1.0}


def _is_normal(items: list[dict[str, Any]]) -> bool | None:
    return not any(item["status"] in ("present", "uncertain") for item in items) if items else None
