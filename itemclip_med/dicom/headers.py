"""One parsed DICOM file: what grouping, geometry and pixels need of it, or why it is no slice."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

_CT, _MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
_ENHANCED = {"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.2.2"}
_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"
_DICOMDIR = "1.2.840.10008.1.3.10"

_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber",
    "PatientID", "AccessionNumber", "Modality", "ImageType", "SeriesDescription", "ProtocolName",
    "ConvolutionKernel", "ContrastBolusAgent", "Manufacturer", "ManufacturerModelName", "SliceThickness",
    "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "Rows", "Columns", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation",
    "RescaleSlope", "RescaleIntercept", "PixelPaddingValue", "PixelPaddingRangeLimit", "TemporalPositionIdentifier",
    "AcquisitionNumber", "AcquisitionTime", "ContentTime", "TriggerTime", "EchoTime", "DiffusionBValue",
    "ScanningSequence", "LossyImageCompression",
]  # fmt: skip


@dataclass(eq=False)
class SliceFile:
    """One single-frame CT or MR image, its geometry in DICOM's LPS millimetres.

    Attributes:
        path: the file.
        dataset: the parsed header, with pixel data where the study was read with them.
        reason: why it is no slice of a volume; None for a slice.
        orientation: (6,) row and column direction cosines.
        position: (3,) mm.
        spacing_mm: between rows, between columns.
    """

    path: Path
    dataset: Dataset
    reason: str | None = None
    orientation: np.ndarray | None = None
    position: np.ndarray | None = None
    spacing_mm: tuple[float, float] = (0.0, 0.0)
    has_pixels: bool = field(default=False)

    def text(self, name: str) -> str:
        """A header value as text, "" where it is missing or unreadable."""
        return _text(self.dataset, name)

    def number(self, name: str, default: float) -> float:
        """A header value as number, ``default`` where it is missing or unreadable."""
        try:
            value = self.dataset.get(name)
            return default if value is None or value == "" else float(value)
        except (TypeError, ValueError):
            return default

    @property
    def image_type(self) -> tuple[str, ...]:
        """ImageType in capitals."""
        return tuple(part.upper() for part in self.text("ImageType").replace("[", "").split("\\") if part)


def parse_file(path: Path, *, with_pixels: bool = False) -> SliceFile:
    """Parse one file; never raises for what is in it, but says in ``reason`` why it cannot be used.

    Args:
        path: the file.
        with_pixels: keep the pixel data, so that the file is read once.
    """
    try:
        dataset = _read(path, with_pixels)
    except Exception:  # pydicom raises anything from struct.error to AttributeError on junk
        return SliceFile(path, Dataset(), "unreadable DICOM")
    try:
        reason = _reason(dataset, path, with_pixels)
        file = SliceFile(path, dataset, reason, has_pixels=with_pixels)
        if reason is None:
            file.reason = _take_geometry(file)
        return file
    except Exception:  # a value that cannot be parsed at all
        return SliceFile(path, Dataset(), "unreadable DICOM")


def _read(path: Path, with_pixels: bool) -> Dataset:
    if with_pixels:
        return pydicom.dcmread(path, force=True)
    return pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=_TAGS)


def _reason(dataset: Dataset, path: Path, with_pixels: bool) -> str | None:
    meta = getattr(dataset, "file_meta", None)
    sop_class = _text(dataset, "SOPClassUID") or str(getattr(meta, "MediaStorageSOPClassUID", "") or "")
    if sop_class == _DICOMDIR:
        return "DICOMDIR"
    if not sop_class and "Rows" not in dataset:
        return "not DICOM"
    if sop_class.startswith(_CAPTURES) and (sop_class == _CAPTURES or sop_class[len(_CAPTURES)] == "."):
        return "secondary capture"
    if sop_class in _ENHANCED:
        return "enhanced multi-frame object (not read)"
    if sop_class not in (_CT, _MR):
        return "unsupported SOP class"
    if not dataset.get("Rows") or not dataset.get("Columns"):
        return "no pixel data"
    types = _text(dataset, "ImageType").upper()
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or not str(
        dataset.get("PhotometricInterpretation") or "MONOCHROME2"
    ).startswith("MONOCHROME"):
        return "color image"
    if "MOSAIC" in types:
        return "mosaic (many slices in one image; not read)"
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        return "multi-frame object (not read)"
    return _truncation(dataset, path, with_pixels)


def _truncation(dataset: Dataset, path: Path, with_pixels: bool) -> str | None:
    """An uncompressed image needs at least Rows x Columns x bytes; what is compressed shows when it is decoded."""
    if with_pixels and "PixelData" not in dataset:
        return "no pixel data" if path.stat().st_size > 0 else "truncated"
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if syntax is not None and syntax.is_compressed:  # deflated counts as compressed here
        return None
    needed = int(dataset.Rows) * int(dataset.Columns) * (int(dataset.get("BitsAllocated") or 16) // 8)
    if with_pixels:
        return "truncated" if len(dataset.PixelData) < needed else None
    return "truncated" if path.stat().st_size < needed else None


def _take_geometry(file: SliceFile) -> str | None:
    values = []
    for name, size in (("ImageOrientationPatient", 6), ("ImagePositionPatient", 3), ("PixelSpacing", 2)):
        value = file.dataset.get(name)
        if value is None or value == "" or len(value) != size:
            return "missing geometry"
        values.append(np.array([float(number) for number in value]))
    orientation, position, spacing = values
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    finite = np.isfinite(np.concatenate(values)).all()
    if not finite or min(spacing) <= 0 or min(lengths) < 0.9 or max(lengths) > 1.1 or abs(row @ column) > 0.01:
        return "missing geometry"
    file.orientation = np.concatenate([row / lengths[0], column / lengths[1]])
    file.position = position
    file.spacing_mm = (float(spacing[0]), float(spacing[1]))
    if "LOCALIZER" in file.image_type:
        return "localizer"
    return None


def _text(dataset: Dataset, name: str) -> str:
    try:
        value: Any = dataset.get(name)
    except Exception:  # pydicom raises many kinds on a value it cannot decode
        return ""
    if value is None:
        return ""
    if isinstance(value, list | tuple | pydicom.multival.MultiValue):
        return "\\".join(str(part) for part in value)
    return str(value).strip().strip("\0")
