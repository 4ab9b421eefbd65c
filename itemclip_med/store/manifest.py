"""The manifest of a store: its version, one JSON line per study, and how lines survive interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from itemclip_med.errors import StoreError
from itemclip_med.records import Series, Study

STORE_VERSION = 1
MANIFEST = "manifest.jsonl"
STORE_FILE = "store.json"
ITEMS = "items.jsonl"


def escape(study_id: str) -> str:
    """A study id as the name of a folder: percent-escaped, never "." or ".." or empty."""
    return quote(study_id, safe="").replace(".", "%2E") if study_id.strip(".") == "" else quote(study_id, safe="")


def study_to_line(study: Study) -> str:
    """One line of the manifest; the same study always gives the same bytes."""
    return json.dumps(asdict(study), sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def study_from_dict(values: Mapping[str, Any]) -> Study:
    """A study from one parsed line.

    Raises:
        StoreError: if a field is missing or of another kind; names it.
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
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"The manifest holds a line that is no study ({error}): was it edited by hand?") from error


def read_manifest(root: Path) -> list[Study]:
    """Every study of the manifest, later lines of one id replacing earlier ones; a torn last line is left out.

    Raises:
        StoreError: if a line that is not the last one cannot be read.
    """
    path = root / MANIFEST
    studies: dict[str, Study] = {}
    for values in read_lines(path):
        study = study_from_dict(values)
        studies[study.study_id] = study
    return list(studies.values())


def read_lines(path: Path) -> Iterable[dict[str, Any]]:
    """The objects of a JSONL file; a last line without its newline was torn by an interruption and is dropped.

    Raises:
        StoreError: if another line is no JSON object; names the line.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                values = json.loads(line)
            except ValueError as error:
                raise StoreError(
                    f"{path.name}, line {number}: not JSON. Restore the file or preprocess anew."
                ) from error
            if not isinstance(values, dict):
                raise StoreError(f"{path.name}, line {number}: no object. Restore the file or preprocess anew.")
            yield values


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file under a temporary name, then rename it."""
    temporary = path.with_name(f"{path.name}.part")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def check_version(root: Path) -> None:
    """Refuse what is no store, or a store of another version.

    Raises:
        StoreError: says what was found, expected, and what to do.
    """
    path = root / STORE_FILE
    if not path.is_file():
        raise StoreError(f"{root} is no store: it has no {STORE_FILE}. Make one with `itemclip-med preprocess`.")
    try:
        version = json.loads(path.read_text(encoding="utf-8"))["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{root}: {STORE_FILE} says no version. Restore it, or preprocess into a new folder."
        ) from error
    if version != STORE_VERSION:
        raise StoreError(
            f"{root} is a store of version {version}, this release reads version {STORE_VERSION}: "
            "preprocess into a new folder, or use the release that wrote it."
        )
