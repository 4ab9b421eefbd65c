"""What lies under a source: what would be used, what not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from itemclip_med.dicom.discover import discover
from itemclip_med.dicom.select import explain_choice
from itemclip_med.dicom.to_nifti import describe


def inspect(
    source: Path | str,
    *,
    rules: Mapping[str, Any] | None = None,
    max_series: int = 1,
    max_per_name: int | None = None,
) -> dict[str, Any]:
    """Describe a source by its headers.

    Args:
        source: folder, zip or tar.
        rules: a recipe's selection; then each series has a ``verdict``: stored or not, and why.
        max_series: how many series a study the recipe stores.
        max_per_name: of those, series of one technical name; None for any number.

    Returns:
        ``studies`` (each with its series: modality, technical name, plane, kernel, number of files, shape, spacing of
        the slices, reason), ``files_found``, ``files_used``, ``files_skipped``. Studies are numbered; no identifier
        of a patient, study or series is in it.

    Raises:
        SourceError: if the source cannot be read or holds no DICOM.
        RecipeError: if a rule is unknown.
    """
    inventory = discover(source)
    studies = []
    for number, study in enumerate(inventory.studies, start=1):
        rows = []
        verdicts: list[str | None] = [None] * len(study.series)
        if rules is not None:
            verdicts = [*explain_choice(study, rules, max_series, max_per_name)]
        for series, verdict in zip(study.series, verdicts, strict=True):
            row = describe(series)
            for name in ("series_uid", "study_uid", "output", "warnings", "spacing_mm", "volumes"):
                row.pop(name)
            row |= {
                "plane": series.plane,
                "kernel": series.kernel,
                "volume": series.label,
                "slice_spacing_mm": round(series.depth_spacing_mm, 3),
            }
            if verdict is not None:
                row["verdict"] = verdict
            rows.append(row)
        studies.append({"study": number, "scanner": study.scanner, "series": rows})
    return {
        "studies": studies,
        "files_found": inventory.files_found,
        "files_used": inventory.files_used,
        "files_skipped": dict(inventory.skipped),
    }
