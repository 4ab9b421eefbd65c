"""What lies under a source: what would be used, what not, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from itemclip_med.dicom.discover import discover
from itemclip_med.dicom.to_nifti import describe


def inspect(source: Path | str) -> dict[str, Any]:
    """Describe a source by its headers.

    Args:
        source: folder, zip or tar.

    Returns:
        ``studies`` (each with its series: modality, technical name, plane, kernel, number of files, shape, spacing of
        the slices, reason), ``files_found``, ``files_used``, ``files_skipped``. Studies are numbered; no identifier
        of a patient, study or series is in it.

    Raises:
        SourceError: if the source cannot be read or holds no DICOM.
    """
    inventory = discover(source)
    studies = []
    for number, study in enumerate(inventory.studies, start=1):
        rows = []
        for series in study.series:
            row = describe(series)
            for name in ("series_uid", "study_uid", "output", "warnings", "spacing_mm", "volumes"):
                row.pop(name)
            row |= {
                "plane": series.plane,
                "kernel": series.kernel,
                "volume": series.label,
                "slice_spacing_mm": round(series.depth_spacing_mm, 3),
            }
            rows.append(row)
        studies.append({"study": number, "scanner": study.scanner, "series": rows})
    return {
        "studies": studies,
        "files_found": inventory.files_found,
        "files_used": inventory.files_used,
        "files_skipped": dict(inventory.skipped),
    }
