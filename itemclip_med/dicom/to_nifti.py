"""Every series of a source as NIfTI in its native geometry, and an inventory that accounts for every file."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

from itemclip_med.dicom.discover import discover_folder
from itemclip_med.dicom.pixels import load_series
from itemclip_med.dicom.scan import open_source
from itemclip_med.dicom.series import DicomSeries, Inventory, count_skipped
from itemclip_med.errors import DicomError, SourceError
from itemclip_med.volumes import write_nifti

logger = logging.getLogger(__name__)
_MIN_SLICES = 2  # an archive of what is there: two slices have a geometry


def convert(source: Path | str, out_dir: Path | str) -> dict[str, Any]:
    """Write one ``.nii.gz`` per volume and ``inventory.json``.

    Args:
        source: folder, zip or tar.
        out_dir: new or empty folder.

    Returns:
        What ``inventory.json`` holds: ``series`` (uids, modality, description, num_files, output or reason, warnings,
        shape, spacing_mm, volumes), ``files_found``, ``files_used``, ``files_skipped``. Volumes at the same positions
        (time points, b-values, echoes) share an entry: its output is a list of files then, and ``volumes`` says what
        each of them is. ``num_failed`` counts volumes that should be and could not be written.

    Raises:
        SourceError: if the source holds no DICOM, or the folder is not empty.
    """
    out_dir = Path(out_dir)
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise SourceError(f"{out_dir} exists and is not an empty folder; name a new one.")
    with open_source(source) as root:
        inventory = discover_folder(root, min_slices=_MIN_SLICES)
        out_dir.mkdir(parents=True, exist_ok=True)
        values = _convert_all(inventory, out_dir)
    temporary = out_dir / "inventory.json.part"
    temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")
    temporary.replace(out_dir / "inventory.json")
    return values


def _convert_all(inventory: Inventory, out_dir: Path) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    skipped = Counter(inventory.skipped)
    num_failed = 0
    number = 0
    for study in inventory.studies:
        before = count_skipped(study.series)
        stacks: dict[tuple[object, ...], dict[str, Any]] = {}  # volumes of one stack share an entry
        for series in study.series:
            number += 1
            entry = describe(series)
            if series.reason is None:
                path = out_dir / f"{number:03d}_{series.name or 'series'}.nii.gz"
                try:
                    entry |= _write(series, path)
                except DicomError as error:
                    entry["reason"] = str(error)
                    kind = type(error).__name__.removesuffix("Error").lower()
                    series.reason = f"{kind} of the series"
                    num_failed += 1
                    logger.warning("Series %d: %s", number, error)
            key = (series.uid, series.stack or number, entry["reason"], *entry["shape"])
            if key in stacks:
                _add(stacks[key], entry, series)
            else:
                stacks[key] = entry | {"paths": series.paths}
                entries.append(stacks[key])
        skipped += count_skipped(study.series)
        skipped -= before
    for entry in entries:
        entry["num_files"] = len(entry.pop("paths"))
        if len(entry["output"] or ()) == 1:
            entry["output"] = entry["output"][0]
    return {
        "series": entries,
        "files_found": inventory.files_found,
        "files_used": inventory.files_found - sum(skipped.values()),
        "files_skipped": dict(sorted(skipped.items())),
        "num_failed": num_failed,
    }


def _write(series: DicomSeries, path: Path) -> dict[str, Any]:
    volume = load_series(series)
    write_nifti(volume.array, volume.affine, path)
    return {
        "output": [path.name],
        "warnings": list(volume.warnings),
        "shape": list(volume.array.shape),
        "spacing_mm": [round(value, 5) for value in volume.spacing_mm],
    }


def _add(entry: dict[str, Any], other: dict[str, Any], series: DicomSeries) -> None:
    """Put one more volume of a stack into the stack's entry."""
    entry["paths"] |= series.paths
    entry["volumes"] += other["volumes"]
    if other["output"]:
        entry["output"] += other["output"]
    entry["warnings"] += [text for text in other["warnings"] if text not in entry["warnings"]]


def describe(series: DicomSeries) -> dict[str, Any]:
    """The inventory entry of a series before it is loaded: uids and technical values, no free text."""
    return {
        "series_uid": series.uid,
        "study_uid": series.study_uid,
        "modality": series.modality,
        "description": series.name,
        "num_files": series.num_files,
        "output": None,
        "reason": series.reason,
        "warnings": [],
        "shape": list(series.shape),
        "spacing_mm": None,
        "volumes": [series.label],
    }
