"""Which of CT-RATE's volumes count: all, the first of each study, or one of each study with a report of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from itemclip_med.errors import FormatError, TaskError
from itemclip_med.labels import read_table
from itemclip_med.zeroshot.protocol import Task

OTHER_VOLUME = "another volume of the study counts"
SAME_REPORT = "the report repeats that of an earlier study"
_NUMBER = re.compile(r"(\d+)")
_REPORT_COLUMNS = ("Findings_EN", "Impressions_EN")


@dataclass(frozen=True)
class VolumeTables:
    """CT-RATE's tables that the set ``dedup`` needs, and that tell a volume's scanner.

    Attributes:
        metadata: ``validation_metadata.csv``.
        reports: ``validation_reports.csv``.
    """

    metadata: Path | None = None
    reports: Path | None = None


def left_out_volumes(task: Task, study_ids: Iterable[str], tables: VolumeTables) -> dict[str, list[str]]:
    """Volumes that the task's set of volumes leaves out, from the label file alone, whatever is scored.

    Args:
        task: with its ``volume_set``: "all"; "per_study", the first volume of each study; "dedup", the volume of each
            study with the smallest pixels, and of studies with one report text the first.
        study_ids: all labelled volumes.
        tables: for "dedup".

    Returns:
        Reason to study ids; empty for "all" and for tasks without sets.

    Raises:
        TaskError: if a table is missing, or lacks a volume.
        FormatError: if a table is not in its format.
    """
    if task.volume_set in ("", "all"):
        return {}
    ordered = sorted(study_ids, key=_natural)
    rank = {volume: number for number, volume in enumerate(ordered)}
    if task.volume_set == "dedup":
        if tables.metadata is None or tables.reports is None:
            raise TaskError(
                "The volumes dedup need CT-RATE's tables: give --metadata validation_metadata.csv and --reports "
                "validation_reports.csv."
            )
        sizes = _pixel_sizes(tables.metadata, task, ordered)
        ordered = sorted(ordered, key=lambda volume: (sizes[volume], rank[volume]))
    chosen: dict[str, str] = {}
    for volume in ordered:
        chosen.setdefault(_study(volume), volume)
    out = {OTHER_VOLUME: [volume for volume in ordered if chosen[_study(volume)] != volume]}
    if task.volume_set == "dedup":
        assert tables.reports is not None
        texts = _report_texts(tables.reports, task)
        seen: set[str] = set()
        repeated = []
        for volume in sorted(chosen.values(), key=rank.__getitem__):
            text = next((texts[name] for name in (volume, _study(volume)) if name in texts), "")
            if text and text in seen:
                repeated.append(volume)
            seen.add(text)
        out[SAME_REPORT] = repeated
    return {reason: volumes for reason, volumes in out.items() if volumes}


def scanners(task: Task, tables: VolumeTables) -> dict[str, str]:
    """Manufacturer and model of each volume, from the metadata table; empty without one."""
    if tables.metadata is None:
        return {}
    header, rows = read_table(tables.metadata)
    columns = [header.index(name) for name in ("Manufacturer", "ManufacturerModelName") if name in header]
    name = _column(tables.metadata, header, "VolumeName")
    return {
        task.study_id(row[name]): text
        for _, row in rows
        if (text := " ".join(row[column] for column in columns if row[column]))
    }


def _study(volume: str) -> str:
    """valid_1_a of valid_1_a_2."""
    return volume.rsplit("_", 1)[0]


def _natural(text: str) -> list[tuple[int, str]]:
    """A key that puts 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBER.split(text)]


def _pixel_sizes(path: Path, task: Task, volumes: list[str]) -> dict[str, float]:
    header, rows = read_table(path)
    name, spacing = _column(path, header, "VolumeName"), _column(path, header, "XYSpacing")
    sizes = {}
    for line, row in rows:
        found = re.match(r"\[?\s*([0-9.eE+-]+)", row[spacing])
        if found is None:
            raise FormatError(f"{path.name}, line {line}: XYSpacing is {row[spacing][:40]!r}, expected [0.7, 0.7].")
        sizes[task.study_id(row[name])] = float(found[1])
    missing = [volume for volume in volumes if volume not in sizes]
    if missing:
        raise TaskError(f"{path.name} lacks {len(missing)} of the labelled volumes (first: {missing[0]}).")
    return sizes


def _report_texts(path: Path, task: Task) -> dict[str, str]:
    header, rows = read_table(path)
    name = _column(path, header, "VolumeName")
    columns = [_column(path, header, each) for each in _REPORT_COLUMNS]
    texts: dict[str, str] = {}
    for _, row in rows:
        volume = task.study_id(row[name])
        text = " ".join(" ".join(row[column].split()) for column in columns)
        texts[volume] = text
        texts.setdefault(_study(volume), text)
    return texts


def _column(path: Path, header: list[str], name: str) -> int:
    if name not in header:
        raise FormatError(f"{path.name} has no column {name}: is it the table that CT-RATE was published with?")
    return header.index(name)
