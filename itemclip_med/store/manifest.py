"""The manifest of a store: its version, one JSON line per study, and how lines survive interruption and damage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from itemclip_med.errors import StoreError
from itemclip_med.records import Item, Report, Series, Study

STORE_VERSION = 1
MANIFEST = "manifest.jsonl"
STORE_FILE = "store.json"
ITEMS = "items.jsonl"
VOLUMES = "volumes"
STORE_TEXT = (json.dumps({"version": STORE_VERSION}) + "\n").encode()

_MARK = b',"checksum":"'
_TAIL = len(_MARK) + 64 + len(b'"}\n')
_MAX_NAME = 200  # of the 255 bytes that file systems take: temporary names are longer
_REPORT_KEYS = {"study_id", "items", "is_normal"}


def escape(study_id: str) -> str:
    """A study id as the name of a folder: percent-escaped, never "." or ".." or empty, short enough for any disk."""
    name = quote(study_id, safe="")
    if not study_id.strip("."):
        name = name.replace(".", "%2E") or "%"
    if len(name) > _MAX_NAME:
        name = f"{name[: _MAX_NAME - 33]}-{hashlib.sha256(study_id.encode()).hexdigest()[:32]}"
    return name


def to_line(values: Mapping[str, Any]) -> bytes:
    """One line of JSON that ends with the SHA-256 of what stands before; the same values always give the same bytes.

    Raises:
        StoreError: if a value is no number JSON knows (nan, infinity).
    """
    try:
        body = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise StoreError(f"Not to be stored: {error}. Expected finite numbers and UTF-8 text.") from error
    return body[:-1] + _MARK + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def from_line(line: bytes, where: str) -> dict[str, Any]:
    """The object of one line; its checksum must fit where it has one (stores of earlier releases have none).

    Raises:
        StoreError: if the line was changed or is no JSON object; says where.
    """
    if line[-_TAIL:].startswith(_MARK) and line.endswith(b'"}\n'):
        digest = line[-67:-3]
        line = line[:-_TAIL] + b"}"
        if hashlib.sha256(line).hexdigest().encode() != digest:
            raise StoreError(
                f"{where}: its checksum does not fit, something in it was changed. Restore the file, or delete this "
                "line and preprocess again."
            )
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{where}: not JSON. Restore the file or preprocess anew.") from error
    if not isinstance(values, dict):
        raise StoreError(f"{where}: no object. Restore the file or preprocess anew.")
    return values


def study_to_line(study: Study) -> bytes:
    """One line of the manifest; the same study always gives the same bytes."""
    return to_line(asdict(study))


def study_from_dict(values: Mapping[str, Any]) -> Study:
    """A study from one parsed line.

    Raises:
        StoreError: if a field is missing, unknown or of another kind; names it.
    """
    try:
        series = tuple(
            Series(
                **{
                    **entry,
                    "shape": tuple(int(size) for size in entry["shape"]),
                    "spacing_mm": tuple(float(value) for value in entry["spacing_mm"]),
                    "affine": tuple(tuple(float(value) for value in row) for row in entry["affine"]),
                    "sop_uids": tuple(entry.get("sop_uids", ())),
                    "warnings": tuple(entry.get("warnings", ())),
                }
            )
            for entry in values["series"]
        )
        return Study(**{**values, "series": series})
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"The manifest holds a line that is no study ({error}): was it edited by hand?") from error


def report_to_line(report: Report) -> bytes:
    """One line of the items."""
    items = [item.to_dict() for item in report.items]
    return to_line({"study_id": report.study_id, "items": items, "is_normal": report.is_normal})


def report_from_dict(values: Mapping[str, Any]) -> Report:
    """The report of one parsed line of the items.

    Raises:
        StoreError: if it is no report.
    """
    try:
        unknown = set(values) - _REPORT_KEYS
        if unknown:
            raise ValueError(f"unknown key {min(unknown)!r}")
        items = tuple(Item.from_dict(item) for item in values["items"])
        return Report(values["study_id"], items, values.get("is_normal"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{ITEMS} holds an entry that is no report ({error}).") from error


def read_manifest(root: Path) -> list[Study]:
    """Every study of the manifest, later lines of one id replacing earlier ones; a torn last line is left out.

    Raises:
        StoreError: if a line that is not the last one cannot be read.
    """
    studies: dict[str, Study] = {}
    for values in read_lines(root / MANIFEST):
        study = study_from_dict(values)
        studies[study.study_id] = study
    return list(studies.values())


def read_reports(root: Path) -> dict[str, Report]:
    """The items of each study that has some.

    Raises:
        StoreError: if an entry is no report.
    """
    reports = (report_from_dict(values) for values in read_lines(root / ITEMS))
    return {report.study_id: report for report in reports}


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file; a last line without its newline was torn by an interruption and is dropped.

    Raises:
        StoreError: if another line was changed or is no JSON object; names the line.
    """
    for number, line in raw_lines(path):
        yield from_line(line, f"{path.name}, line {number}")


def raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbers and bytes of the whole lines of a file, none where it does not exist."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                yield number, line


def check_version(root: Path) -> None:
    """Refuse what is no store, or a store of another version.

    Raises:
        StoreError: says what was found, expected, and what to do.
    """
    path = root / STORE_FILE
    if not path.is_file():
        raise StoreError(
            f"{root} is no store: it has no {STORE_FILE}. Make one with `itemclip-med preprocess`.", misuse=True
        )
    try:
        version = json.loads(path.read_bytes())["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(
            f"{root}: {STORE_FILE} says no version. Restore it, or preprocess into a new folder."
        ) from error
    if version != STORE_VERSION:
        raise StoreError(
            f"{root} is a store of version {version}, this release reads version {STORE_VERSION}: "
            "preprocess into a new folder, or use the release that wrote it."
        )
