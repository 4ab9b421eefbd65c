"""Bring labels and report items to the studies of a store, whatever the files call them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels import ID_NORMALIZERS, Labels, read_labels, read_rsna_slices
from itemclip_med.preprocess.facts import SourceFacts
from itemclip_med.preprocess.recipe import Recipe
from itemclip_med.preprocess.report_tables import itemize_tables
from itemclip_med.preprocess.source_tables import read_header, read_label_tables
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


@dataclass(frozen=True)
class Names:
    """How files call the studies of a store.

    Attributes:
        ids: makes the ids.
        aliases: study id to other names of it.
        owners: id of a slice to its study, where labels are those of slices.
    """

    ids: IdMaker
    aliases: Mapping[str, list[str]]
    owners: Mapping[str, str] = field(default_factory=dict)


def join_tables(
    store: Path, facts: SourceFacts, names: Names, summary: Summary, labels: Path | None, reports: Path | None
) -> None:
    """Write labels and items to the studies of a store: of the files that are named, or of those the recipe looks for.

    Unmatched rows are counted both ways in the summary, and listed there for data sets whose ids are public.

    Raises:
        LabelsError: if a file that is named is missing, or none of its ids is a study.
        FormatError: if a file that is named cannot be read; names the line.
    """
    recipe = facts.recipe
    if labels is not None:
        join_labels(store, recipe, labels, names, summary)
    elif recipe.labels and (paths := facts.finder.find(recipe.labels.default)):
        _join_default_labels(store, facts, paths, names, summary)
    if reports is not None:
        join_reports(store, recipe, read_reports(reports), reports.name, names, summary)
    elif recipe.reports and (paths := facts.finder.find(recipe.reports.default)):
        found = itemize_tables(recipe, paths, facts.problems)
        if found:
            join_reports(store, recipe, found, paths[0].name, names, summary)
    for problem in facts.problems:
        summary.rows_not_used[f"{problem.file}: {problem.kind}"] += 1


def join_labels(store: Path, recipe: Recipe, path: Path, names: Names, summary: Summary) -> None:
    """Write a label file's values to the studies of a store.

    Raises:
        LabelsError: if the file is missing or none of its ids is a study.
    """
    if not Path(path).is_file():
        raise LabelsError(f"{Path(path).name} is no file: give the label file.")
    reader = recipe.labels.reader if recipe.labels else "csv"
    if reader == "rsna_stage_2" and names.owners and "study_id" not in read_header(path):
        labels = labels_of_studies(read_rsna_slices(path), names.owners)
    else:
        labels = read_labels(path, reader)
    _write_labels(store, recipe, labels, Path(path).name, names, summary)


def _join_default_labels(
    store: Path, facts: SourceFacts, paths: Sequence[Path], names: Names, summary: Summary
) -> None:
    rule = facts.recipe.labels
    assert rule is not None
    normalize = ID_NORMALIZERS[facts.recipe.study_id.spelling]
    read = read_label_tables(paths, rule.reader, rule.id_column, normalize, facts.problems)
    labels: Labels = {}
    for table in read.values():
        labels |= table
    if rule.reader == "rsna_stage_2":
        slices = set(labels)
        summary.unmatched["slices with labels and no file"] = len(slices - set(names.owners))
        summary.unmatched["slices with a file and no labels"] = len(set(names.owners) - slices)
        labels = labels_of_studies(labels, names.owners)
    if labels:
        _write_labels(store, facts.recipe, labels, paths[0].name, names, summary)


def labels_of_studies(slices: Labels, owners: Mapping[str, str]) -> Labels:
    """Labels of studies: of each finding the greatest over the study's slices; unknown where none of them has one.

    Args:
        slices: slice id to labels.
        owners: slice id to its study.
    """
    studies: Labels = {}
    for slice_id, study_id in owners.items():
        for name, label in slices.get(slice_id, {}).items():
            study = studies.setdefault(study_id, {})
            study[name] = max(study.get(name) or 0, label or 0)
    return studies


def _write_labels(store: Path, recipe: Recipe, labels: Labels, file: str, names: Names, summary: Summary) -> None:
    studies = {study.study_id: study for study in Store(store).studies}
    index = _index(list(studies), names.aliases)
    matched, unmatched = {}, []
    for name, values in labels.items():
        study_id = _find(name, index, recipe.study_id.spelling, names.ids)
        if study_id is None:
            unmatched.append(name)
        else:
            matched[study_id] = values
    if not matched and studies:
        raise LabelsError(
            f"None of the {len(labels)} labels in {file} matches one of the {len(studies)} studies: "
            "is it the label file of this data set?"
        )
    with StoreWriter(store) as writer:
        for study_id, values in matched.items():
            writer.update(replace(studies[study_id], labels=dict(values)))
    summary.num_labeled = len(matched)
    _note_unmatched(summary, "labels", recipe, unmatched, sorted(set(studies) - set(matched)))


def join_reports(
    store: Path, recipe: Recipe, reports: Mapping[str, Report], file: str, names: Names, summary: Summary
) -> None:
    """Write items beside the studies of a store.

    Raises:
        LabelsError: if none of the reports' ids is a study.
    """
    spelling = recipe.reports.ids if recipe.reports else "plain"
    study_ids = [study.study_id for study in Store(store).studies]
    index = _index(study_ids, names.aliases)
    matched: dict[str, Report] = {}
    unmatched = []
    for name, report in reports.items():
        study_id = _find(name, index, spelling, names.ids)
        if study_id is None:
            unmatched.append(name)
        else:
            matched[study_id] = replace(report, study_id=study_id)
    if not matched and study_ids:
        raise LabelsError(
            f"None of the {len(reports)} reports in {file} matches one of the {len(study_ids)} studies: "
            "their ids must be study ids, UIDs, accession numbers or folders of the source."
        )
    write_items(store, matched.values())
    summary.num_reports = len(matched)
    _note_unmatched(summary, "reports", recipe, unmatched, sorted(set(study_ids) - set(matched)))


def _note_unmatched(summary: Summary, what: str, recipe: Recipe, rows: list[str], studies: list[str]) -> None:
    summary.unmatched[what] = len(rows)
    summary.unmatched[f"studies without {what}"] = len(studies)
    if recipe.study_id.rule == "public":  # other names may be those of patients
        summary.unmatched_ids[what] = rows
        summary.unmatched_ids[f"studies without {what}"] = studies


def merge_reports(store: Path | str, path: Path | str) -> tuple[int, list[str]]:
    """Join the items of a JSONL file to an existing store by study id.

    A report of a CT-RATE study ("train_1_a") goes to all its volumes ("train_1_a_1", "train_1_a_2").

    Returns:
        How many studies got items, and the ids without a study.

    Raises:
        LabelsError: if none matches.
        FormatError: if a line is no report.
        StoreError: if the store cannot be read.
    """
    index = _index([study.study_id for study in Store(store).studies], {})
    reports = read_reports(path)
    volumes: dict[str, list[str]] = {}
    for study_id in sorted(set(index.values())):
        volumes.setdefault(re.sub(r"_\d+$", "", study_id), []).append(study_id)
    found = {name: _studies_called(name, index) or volumes.get(name, []) for name in reports}
    matched = [replace(reports[name], study_id=study_id) for name, ids in found.items() for study_id in ids]
    if not matched:
        raise LabelsError(
            f"None of the {len(reports)} reports in {Path(path).name} matches one of the store's {len(index)} studies: "
            "join by raw UIDs while preprocessing, with --reports."
        )
    write_items(store, matched)
    return len(matched), [name for name, ids in found.items() if not ids]


def _studies_called(name: str, index: Mapping[str, str]) -> list[str]:
    for spelling in ("plain", "cq500", "ct_rate"):
        study_id = _find(name, index, spelling, None)
        if study_id is not None:
            return [study_id]
    return []


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
