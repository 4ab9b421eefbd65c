"""The nouns of the package as frozen records: what a study, series, report, item and finding are.

Standard library only, so that anything may import them. Arrays live elsewhere (the store reads them); a record says
where its array is and how it lies in the patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["present", "absent", "uncertain", "normal"]
STATUSES: tuple[Status, ...] = ("present", "absent", "uncertain", "normal")

Affine = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One statement about one finding, cut from a report.

    Attributes:
        text: the statement in the report's own words.
        status: what it says of the finding.
        finding: the name of the finding where it is known (phantoms, annotated reports), else None.
    """

    text: str
    status: Status = "present"
    finding: str | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Item:
        """Build an item from one entry of a JSONL file; further fields are ignored."""
        status = values.get("status", "present")
        if status not in STATUSES:
            raise ValueError(f"item status {status!r} is not one of {', '.join(STATUSES)}")
        return cls(text=str(values["text"]), status=status, finding=values.get("finding"))

    def to_dict(self) -> dict[str, Any]:
        """The item as it is written to JSONL."""
        values: dict[str, Any] = {"text": self.text, "status": self.status}
        if self.finding is not None:
            values["finding"] = self.finding
        return values


@dataclass(frozen=True, slots=True)
class Report:
    """The items of one study's report.

    Attributes:
        study_id: the study it belongs to.
        items: its statements, in the report's order.
        is_normal: True where no item is present or uncertain, None where the report has no usable text.
    """

    study_id: str
    items: tuple[Item, ...] = ()
    is_normal: bool | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One acquisition of a study as it lies in a store.

    Attributes:
        name: its technical name (window, plane, sequence, contrast, kernel), free of identifiers.
        path: its array, relative to the store.
        shape: voxels along (X, Y, Z).
        spacing_mm: distance between voxel centers along (X, Y, Z), in mm.
        affine: 4x4, voxel indices (X, Y, Z) to RAS millimetres.
        modality: DICOM's code, "CT" or "MR".
        dtype: of the stored array: int16 (CT in HU) or uint16/uint8.
        sop_uids: hashed SOPInstanceUIDs, or public ones, in slice order; may be empty.
        warnings: what a reader of the numbers should know (a gap, a resampled tilt).
        sha256: of the array's file, in hex; "" in stores written before it was kept.
    """

    name: str
    path: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    affine: Affine
    modality: str
    dtype: str
    sop_uids: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """One examination, one line of a store's manifest.

    Attributes:
        study_id: public id or HMAC; unique in the store.
        patient_id: public id or HMAC of the patient; None where unknown.
        source: name of the data set or site.
        scanner: manufacturer and model where known.
        split: "train", "val", "test" or None.
        labels: finding name to 0, 1 or None (unknown).
        series: its acquisitions.
        recipe_digest: digest of the recipe that made it.
        source_digest: digest of the source files (relative paths, sizes, mtimes).
    """

    study_id: str
    series: tuple[Series, ...]
    patient_id: str | None = None
    source: str | None = None
    scanner: str | None = None
    split: str | None = None
    labels: Mapping[str, int | None] = field(default_factory=dict)
    recipe_digest: str = ""
    source_digest: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A label of a zero-shot task.

    Attributes:
        name: the column name in the official label file.
        title: how it is shown to people.
        prompts: texts that ask for it; their scores are averaged.
        negative_prompts: texts that deny it; the mean of their scores is taken off. May be empty.
    """

    name: str
    title: str
    prompts: tuple[str, ...]
    negative_prompts: tuple[str, ...] = ()
