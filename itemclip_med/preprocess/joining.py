"""Bring labels and report items to the studies of a store, whatever the files call them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels import ID_NORMALIZERS, read_labels
from itemclip_med.preprocess.recipe import Recipe
from itemclip_med.preprocess.study_ids import IdMaker
from itemclip_med.preprocess.summary import Summary
from itemclip_med.records import Item, Report
from itemclip_med.store import Store, StoreWriter, write_items

_MAX_LINE_BYTES = 10_000_000


def _index(study_ids: list[str], aliases: Mapping[str, list[str]]) -> dict[str, str]:
    """What a file may call a study, to its id; a name that fits two studies is dropped."""
    index: dict[str, str] = {}
    twice = set()
    for study_id in study_ids:
        for name in aliases.get(study_id, ()):
            if index.get(name, study_id) != study_id:
                twice.add(name)
            index[name] = study_id
    for name in twice:
        del index[name]
    return index | {study_id: study_id for study_id in study_ids}


def _find(name: str, index: Mapping[str, str], spelling: str, ids: IdMaker | None) -> str | None:
    for text in (name, _normalized(name, spelling), ids.hash(name) if ids and ids.is_hashing else None):
        if text is not None and text in index:
            return index[text]
    return None


def _normalized(name: str, spelling: str) -> str | None:
    try:
        return ID_NORMALIZERS[spelling](name)
    except LabelsError:
        return None


def join_labels(
    store: Path, recipe: Recipe, path: Path, ids: IdMaker, aliases: Mapping[str, list[str]], summary: Summary
) -> None:
    """Write a label file's values to the studies of a store.

    Raises:
        LabelsError: if the file is missing or none of its ids is a study.
    """
    if not Path(path).is_file():
        raise LabelsError(f"{Path(path).name} is no file: give the label file.")
    labels = read_labels(path, recipe.labels.get("reader", "csv"))
    studies = {study.study_id: study for study in Store(store).studies}
    index = _index(list(studies), aliases)
    matched = {}
    for name, values in labels.items():
        study_id = _find(name, index, recipe.study_id.spelling, ids)
        if study_id is not None:
            matched[study_id] = values
    if not matched and studies:
        raise LabelsError(
            f"None of the {len(labels)} labels in {Path(path).name} matches one of the {len(studies)} studies: "
            "is it the label file of this data set?"
        )
    with StoreWriter(store) as writer:
        for study_id, values in matched.items():
            writer.update(replace(studies[study_id], labels=dict(values)))
    summary.num_labeled = len(matched)
    summary.unmatched["labels"] = len(labels) - len(matched)


def join_reports(
    store: Path, path: Path, spelling: str, ids: IdMaker | None, aliases: Mapping[str, list[str]], summary: Summary
) -> None:
    """Write the items of a JSONL file beside the studies of a store.

    Raises:
        LabelsError: if none of its ids is a study.
        FormatError: if a line is no report; names the line.
    """
    reports = read_reports(path)
    study_ids = [study.study_id for study in Store(store).studies]
    index = _index(study_ids, aliases)
    matched: dict[str, Report] = {}
    for name, report in reports.items():
        study_id = _find(name, index, spelling, ids)
        if study_id is not None:
            matched[study_id] = replace(report, study_id=study_id)
    if not matched and study_ids:
        raise LabelsError(
            f"None of the {len(reports)} reports in {Path(path).name} matches one of the {len(study_ids)} studies: "
            "their ids must be study ids, UIDs, accession numbers or folders of the source."
        )
    write_items(store, matched.values())
    summary.num_reports = len(matched)
    summary.unmatched["reports"] = len(reports) - len(matched)


def merge_reports(store: Path | str, path: Path | str) -> tuple[int, list[str]]:
    """Join the items of a JSONL file to an existing store by study id.

    Returns:
        How many studies got items, and the ids without a study.

    Raises:
        LabelsError: if none matches.
        FormatError: if a line is no report.
        StoreError: if the store cannot be read.
    """
    index = _index([study.study_id for study in Store(store).studies], {})
    reports = read_reports(path)
    found = {name: _find(name, index, "plain", None) or _find(name, index, "cq500", None) for name in reports}
    matched = [replace(reports[name], study_id=study_id) for name, study_id in found.items() if study_id]
    if not matched:
        raise LabelsError(
            f"None of the {len(reports)} reports in {Path(path).name} matches one of the store's {len(index)} studies: "
            "join by raw UIDs while preprocessing, with --reports."
        )
    write_items(store, matched)
    return len(matched), [name for name, study_id in found.items() if study_id is None]


def read_reports(path: Path | str) -> dict[str, Report]:
    """Read report items: one JSON object a line with ``id``, ``items`` and ``is_normal``.

    Raises:
        FormatError: if a line is not such an object; names the line, never its text.
        LabelsError: if an id is there twice.
    """
    path, reports = Path(path), {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    report = _report(line, f"{path.name}, line {number}")
                    if report.study_id in reports:
                        raise LabelsError(f"{path.name}, line {number}: an id that stood before. Keep one of them.")
                    reports[report.study_id] = report
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path.name} cannot be read as UTF-8 text ({type(error).__name__}).") from error
    return reports


def _report(line: str, where: str) -> Report:
    try:
        if len(line) > _MAX_LINE_BYTES:
            raise ValueError("too long")
        values: dict[str, Any] = json.loads(line)
        items = tuple(Item.from_dict(item) for item in values["items"])
        study_id = str(values["id"] if "id" in values else values["study_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{where}: expected an object with id and items (text, status).") from error
    is_normal = values.get("is_normal")
    if is_normal is None and items:
        is_normal = not any(item.status in ("present", "uncertain") for item in items)
    return Report(study_id, items, is_normal)
