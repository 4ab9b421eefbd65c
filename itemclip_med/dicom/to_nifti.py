"""Every series of a source as NIfTI in its native geometry, and an inventory that accounts for every file."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

from itemclip_med.dicom.discover import DicomSeries, Inventory, discover_folder
from itemclip_med.dicom.pixels import load_series
from itemclip_med.dicom.scan import open_source
from itemclip_med.errors import DicomError, SourceError
from itemclip_med.volumes import write_nifti

logger = logging.getLogger(__name__)
_MIN_SLICES = 2  # an archive of what is there: two slices have a geometry


def convert(source: Path | str, out_dir: Path | str) -> dict[str, Any]:
    """Write one ``.nii.gz`` per series and ``inventory.json``.

    Args:
        source: folder, zip or tar.
        out_dir: new or empty folder.

    Returns:
        What ``inventory.json`` holds: ``series`` (uids, modality, description, num_files, output or reason, warnings,
        shape, spacing_mm), ``files_found``, ``files_used``, ``files_skipped``. ``num_failed`` counts series that
        should be volumes and could not be written.

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
        for series in study.series:
            number += 1
            entry = describe(series)
            if series.reason is None:
                try:
                    volume = load_series(series)
                    path = out_dir / f"{number:03d}_{series.name or 'series'}.nii.gz"
                    write_nifti(volume.array, volume.affine, path)
                    entry |= {
                        "output": path.name,
                        "warnings": list(volume.warnings),
                        "shape": list(volume.array.shape),
                        "spacing_mm": [round(value, 5) for value in volume.spacing_mm],
                    }
                except DicomError as error:
                    entry["reason"] = str(error)
                    skipped[type(error).__name__.removesuffix("Error").lower() + " of the series"] += len(series.slices)
                    num_failed += 1
                    logger.warning("Series %d: %s", number, error)
            entries.append(entry)
            for file in series.slices:  # bounds memory: pixel data are not kept
                file.dataset = None
    return {
        "series": entries,
        "files_found": inventory.files_found,
        "files_used": inventory.files_found - sum(skipped.values()),
        "files_skipped": dict(sorted(skipped.items())),
        "num_failed": num_failed,
    }


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
    }
