"""The official layout of CT-RATE: its folders, its volumes of either version, its tables."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.chest_findings import CT_RATE_FINDINGS
from itemclip_med.phantoms.chest_series import scanner_of

if TYPE_CHECKING:
    from itemclip_med.phantoms.chest_ct import ChestKind, ChestPhantom
    from itemclip_med.phantoms.ct_series import CtSeries

METADATA_COLUMNS: tuple[str, ...] = (
    "VolumeName", "Manufacturer", "SeriesDescription", "ManufacturerModelName", "PatientSex", "PatientAge",
    "ReconstructionDiameter", "DistanceSourceToDetector", "DistanceSourceToPatient", "GantryDetectorTilt",
    "TableHeight", "RotationDirection", "ExposureTime", "XRayTubeCurrent", "Exposure", "FilterType", "GeneratorPower",
    "FocalSpots", "ConvolutionKernel", "PatientPosition", "RevolutionTime", "SingleCollimationWidth",
    "TotalCollimationWidth", "TableSpeed", "TableFeedPerRotation", "SpiralPitchFactor", "DataCollectionCenterPatient",
    "ReconstructionTargetCenterPatient", "ExposureModulationType", "CTDIvol", "ImagePositionPatient",
    "ImageOrientationPatient", "SliceLocation", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns",
    "XYSpacing", "RescaleIntercept", "RescaleSlope", "RescaleType", "NumberofSlices", "ZSpacing", "StudyDate",
)  # fmt: skip
LABEL_COLUMNS: tuple[str, ...] = ("VolumeName", *CT_RATE_FINDINGS)
REPORT_COLUMNS: tuple[str, ...] = (
    "VolumeName", "ClinicalInformation_EN", "Technique_EN", "Findings_EN", "Impressions_EN",
)  # fmt: skip
EMPTY = "Not given."
_PER_GROUP = 5  # studies, of which the last is a second scan of the patient before
_LONG = {"train": "train", "valid": "validation"}  # how some of the files spell a split


@dataclass(frozen=True, slots=True)
class Scan:
    """Where a study stands in CT-RATE.

    Attributes:
        split: "train" or "valid".
        patient: number within the split, from 1.
        letter: "a", or "b" for a second scan.
        person: number of the set's study whose chest it is.
    """

    split: str
    patient: int
    letter: str
    person: int

    @property
    def study_id(self) -> str:
        """Such as ``valid_3_a``."""
        return f"{self.split}_{self.patient}_{self.letter}"

    def folder(self, version: int) -> PurePosixPath:
        """The study's folder below ``dataset``."""
        top = f"{self.split}_fixed" if version == 2 else self.split
        return PurePosixPath(top, f"{self.split}_{self.patient}", self.study_id)


def scan_of(index: int) -> Scan:
    """Where a study of a set stands: every fourth patient is of the valid split, and has two scans.

    Args:
        index: number of the study in the set.
    """
    group, place = divmod(index, _PER_GROUP)
    second = place == _PER_GROUP - 1
    patient = (_PER_GROUP - 1) * group + min(place, _PER_GROUP - 2)
    split = "valid" if patient % 4 == 3 else "train"
    number = patient // 4 if split == "valid" else patient - patient // 4
    return Scan(split, number + 1, "b" if second else "a", index - 1 if second else index)


def kinds_of(phantom: ChestPhantom) -> tuple[ChestKind, ...]:
    """Which reconstructions a study has: a demo study one or two, a clinical one the lung and the soft kernel."""
    if phantom.size == "clinical":
        return ("lung", "thin")
    return ("thick", "lung") if phantom.index % 3 == 0 else ("thick",)


def volume_file(series: CtSeries, version: int, intercept: int, volume_hu: NDArray[np.int16]) -> bytes:
    """A volume as CT-RATE ships it, ``.nii.gz``.

    Version 2 holds HU under the true geometry. Version 1 holds what the scanner stored, HU less the intercept, under a
    header whose spacing means nothing. Axes run to the patient's left, back and head, as images are read from DICOM.

    Args:
        series: the series.
        version: 1 or 2.
        intercept: of version 1.
        volume_hu: (X, Y, Z) what to write of the series, its own HU or defective ones.
    """
    import nibabel as nib

    flipped = np.ascontiguousarray(volume_hu[::-1, ::-1])
    if version == 1:
        stored, affine = (flipped.astype(np.int32) - intercept).astype(np.int16), np.eye(4)
    else:
        turn = np.diag([-1.0, -1.0, 1.0, 1.0])
        turn[:2, 3] = np.array(flipped.shape[:2]) - 1
        stored, affine = flipped, series.affine @ turn
    image = nib.Nifti1Image(stored, affine, dtype=np.int16)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)


def intercept_of(phantom: ChestPhantom) -> int:
    """The intercept of a phantom's scanner: one of them stores far above zero."""
    return -8192 if scanner_of(phantom)[0].model.endswith("B") else -1024


def metadata_row(name: str, phantom: ChestPhantom, series: CtSeries) -> list[str]:
    """One row of the metadata table, as :data:`METADATA_COLUMNS` names its cells; what no phantom has is left empty.

    Args:
        name: of the volume, with its suffix.
        phantom: the study.
        series: the reconstruction.
    """
    scanner, _ = scanner_of(phantom)
    (sx, sy, sz), origin = np.diag(series.affine)[:3].tolist(), series.affine[:3, 3].tolist()
    nx, ny, nz = series.volume_hu.shape
    position = [-(origin[0] + (nx - 1) * sx), -(origin[1] + (ny - 1) * sy), origin[2]]
    values = {
        "VolumeName": name,
        "Manufacturer": "itemclip_med",
        "SeriesDescription": "HRCT" if series.kernel == "lung" else "Mediastinum",
        "ManufacturerModelName": scanner.model,
        "PatientSex": phantom.shape.sex,
        "PatientAge": f"{phantom.shape.age:03d}Y",
        "ReconstructionDiameter": f"{phantom.scan.field_mm:.1f}",
        "GantryDetectorTilt": "0",
        "ConvolutionKernel": scanner.sharp if series.kernel == "lung" else scanner.soft,
        "PatientPosition": "HFS",
        "ImagePositionPatient": str([round(value, 4) for value in position]),
        "ImageOrientationPatient": "[1, 0, 0, 0, 1, 0]",
        "SliceLocation": f"{position[2]:.2f}",
        "SamplesPerPixel": "1",
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": str(ny),
        "Columns": str(nx),
        "XYSpacing": str([round(sx, 6), round(sy, 6)]),
        "RescaleIntercept": str(intercept_of(phantom)),
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "NumberofSlices": str(nz),
        "ZSpacing": f"{sz:g}",
    }
    return [values.get(column, "") for column in METADATA_COLUMNS]


def table_files(rows: Mapping[str, Mapping[str, Sequence[Sequence[str]]]]) -> dict[PurePosixPath, bytes]:
    """The tables of a set.

    Args:
        rows: split to "metadata", "labels", "reports" to rows.

    Returns:
        Path below ``dataset`` to content.
    """
    files = {}
    for split, tables in rows.items():
        for path, columns, kind in (
            (f"metadata/{_LONG[split]}_metadata.csv", METADATA_COLUMNS, "metadata"),
            (f"multi_abnormality_labels/{split}_predicted_labels.csv", LABEL_COLUMNS, "labels"),
            (f"radiology_text_reports/{_LONG[split]}_reports.csv", REPORT_COLUMNS, "reports"),
        ):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerows([columns, *tables[kind]])
            files[PurePosixPath(path)] = text.getvalue().encode()
        files[PurePosixPath(f"metadata/no_chest_{split}.txt")] = b""
    return files
