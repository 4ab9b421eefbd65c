"""Small series as DICOM files: single-frame CT and MR, enhanced multi-frame objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

ENHANCED_CT, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.4.1"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def write_series(
    folder: Path,
    *,
    num: int = 6,
    spacing_mm: float = 5.0,
    orientation=(1, 0, 0, 0, 1, 0),
    positions: np.ndarray | None = None,
    intercept: float = -1024,
    study_uid: str = "",
    series_uid: str = "",
    patient_id: str = "SECRET-PATIENT",
    skip: tuple[int, ...] = (),
    size: tuple[int, int] = (8, 6),
    modality: str = "CT",
    syntax: str = ExplicitVRLittleEndian,
    each: Callable[[int], Mapping[str, Any]] | None = None,
    without: Sequence[str] = (),
    **changes,
) -> list[Path]:
    """Write axial-like slices; slice k holds values 1000 + k plus the column number.

    ``each`` gives elements of slice k, ``changes`` those of all slices, ``without`` names elements that are left out.
    """
    sop_class = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": "1.2.840.10008.5.1.4.1.1.128"}[modality]
    folder.mkdir(parents=True, exist_ok=True)
    study_uid, series_uid = study_uid or generate_uid(), series_uid or generate_uid()
    normal = np.cross(orientation[:3], orientation[3:])
    if positions is None:
        positions = np.array([-20.0, -30.0, 40.0]) + np.outer(np.arange(num) * spacing_mm, normal)
    paths = []
    for index, position in enumerate(positions):
        if index in skip:
            continue
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = syntax
        meta.MediaStorageSOPClassUID = sop_class
        meta.MediaStorageSOPInstanceUID = generate_uid()
        values = Dataset()
        values.SOPClassUID = sop_class
        values.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        values.StudyInstanceUID, values.SeriesInstanceUID = study_uid, series_uid
        values.PatientID, values.PatientName, values.Modality = patient_id, "Doe^Jane", modality
        values.SeriesNumber, values.InstanceNumber = 1, 999 - index
        values.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        values.Rows, values.Columns = size
        values.ImageOrientationPatient = list(map(float, orientation))
        values.ImagePositionPatient = [float(number) for number in position]
        values.PixelSpacing = [2.0, 3.0]
        values.BitsAllocated, values.BitsStored, values.HighBit, values.PixelRepresentation = 16, 16, 15, 0
        values.SamplesPerPixel, values.PhotometricInterpretation = 1, "MONOCHROME2"
        values.RescaleSlope, values.RescaleIntercept = 1, intercept
        pixels = np.full(size, 1000 + index, np.uint16) + np.arange(size[1], dtype=np.uint16)
        values.PixelData = pixels.astype(">u2" if syntax == pydicom.uid.ExplicitVRBigEndian else "<u2").tobytes()
        for name, value in {**changes, **(each(index) if each else {})}.items():
            setattr(values, name, value)
        for name in without:
            delattr(values, name)
        path = folder / f"x{(index * 7) % 100:02d}_{index}"
        file = FileDataset(
            str(path), values, file_meta=meta, preamble=b"\0" * 128,
            is_implicit_VR=syntax == pydicom.uid.ImplicitVRLittleEndian,
            is_little_endian=syntax != pydicom.uid.ExplicitVRBigEndian,
        )  # fmt: skip
        file.save_as(path, enforce_file_format=True)
        paths.append(path)
    assert all(pydicom.misc.is_dicom(path) for path in paths)
    return paths


def _item(**elements: Any) -> list[Dataset]:
    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return [item]


def _groups(values: Mapping[str, Any]) -> Dataset:
    """Functional groups; the keys are position, orientation, spacing, scale, stack, time, b, direction, echo, type."""
    groups = Dataset()
    if "position" in values:
        groups.PlanePositionSequence = _item(ImagePositionPatient=[float(v) for v in values["position"]])
    if "orientation" in values:
        groups.PlaneOrientationSequence = _item(ImageOrientationPatient=[float(v) for v in values["orientation"]])
    if "spacing" in values:
        groups.PixelMeasuresSequence = _item(PixelSpacing=list(values["spacing"]))
    if "scale" in values:
        slope, intercept = values["scale"]
        groups.PixelValueTransformationSequence = _item(RescaleSlope=slope, RescaleIntercept=intercept)
    content = {"stack": "StackID", "time": "TemporalPositionIndex", "index": "DimensionIndexValues"}
    if set(content) & set(values):
        groups.FrameContentSequence = _item(**{content[key]: values[key] for key in content if key in values})
    if "b" in values:
        diffusion = _item(DiffusionBValue=float(values["b"]))
        if "direction" in values:
            direction = _item(DiffusionGradientOrientation=[float(v) for v in values["direction"]])
            diffusion[0].DiffusionGradientDirectionSequence = direction
        groups.MRDiffusionSequence = diffusion
    if "echo" in values:
        groups.MREchoSequence = _item(EffectiveEchoTime=float(values["echo"]))
    if "type" in values:
        groups.MRImageFrameTypeSequence = _item(FrameType=list(values["type"]))
    return groups


def write_enhanced(
    path: Path,
    frames: Sequence[Mapping[str, Any]],
    *,
    shared: Mapping[str, Any] | None = None,
    sop_class: str = ENHANCED_MR,
    size: tuple[int, int] = (8, 6),
    **changes: Any,
) -> Path:
    """Write one multi-frame object; frame k holds its ``value`` (else 100 + k) plus the column number.

    The top level holds geometry and scale that are wrong on purpose: readers must not ask there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    values = Dataset()
    values.SOPClassUID, values.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    values.StudyInstanceUID, values.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    values.PatientID, values.PatientName = "SECRET-PATIENT", "Doe^Jane"
    values.Modality, values.SeriesNumber = "CT" if sop_class == ENHANCED_CT else "MR", 1
    values.ImageType = ["ORIGINAL", "PRIMARY", "OTHER", "NONE"]
    values.Rows, values.Columns, values.NumberOfFrames = *size, len(frames)
    values.BitsAllocated, values.BitsStored, values.HighBit, values.PixelRepresentation = 16, 16, 15, 0
    values.SamplesPerPixel, values.PhotometricInterpretation = 1, "MONOCHROME2"
    values.ImagePositionPatient, values.PixelSpacing = [9.0, 9.0, 9.0], [7.0, 7.0]
    values.RescaleSlope, values.RescaleIntercept = 99, 99
    common = {"orientation": AXIAL, "spacing": (2.0, 3.0), **(shared or {})}
    values.SharedFunctionalGroupsSequence = [_groups(common)]
    values.PerFrameFunctionalGroupsSequence = [_groups(frame) for frame in frames]
    images = [np.full(size, frame.get("value", 100 + k)) + np.arange(size[1]) for k, frame in enumerate(frames)]
    values.PixelData = np.array(images).astype("<u2").tobytes()
    for name, value in changes.items():
        setattr(values, name, value)
    FileDataset(str(path), values, file_meta=meta, preamble=b"\0" * 128).save_as(path, enforce_file_format=True)
    return path
