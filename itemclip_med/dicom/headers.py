"""One parsed DICOM file: its slices with what grouping, geometry and pixels need of them, or why it has none."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from pydicom import config
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from itemclip_med.dicom.elements import Value, numbers_of, read_value, read_values, text_of
from itemclip_med.dicom.pixel_source import (
    DEFLATED,
    MAX_FRAMES,
    MAX_SLICE_PIXELS,
    PixelFormat,
    PixelSource,
    open_stream,
)
from itemclip_med.dicom.vocabulary import MODALITY_CODES
from itemclip_med.errors import PixelError

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# SOP class to modality: images of a plane in the patient, in one file each or as frames of one object.
_SINGLE = {f"{_STORAGE}2": "CT", f"{_STORAGE}4": "MR", f"{_STORAGE}128": "PT"}
_MULTI = {
    f"{_STORAGE}2.1": "CT", f"{_STORAGE}2.2": "CT", f"{_STORAGE}4.1": "MR", f"{_STORAGE}4.4": "MR",
    f"{_STORAGE}128.1": "PT", f"{_STORAGE}130": "PT",
}  # fmt: skip
_CAPTURES = f"{_STORAGE}7"
_DICOMDIR = "1.2.840.10008.1.3.10"
_MIN_FRAGMENT_BYTES = 10  # of a compressed frame: head of its item and something in it

_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber",
    "FrameOfReferenceUID", "PatientID", "AccessionNumber", "Modality", "ImageType", "SeriesDescription",
    "ProtocolName", "ConvolutionKernel", "ContrastBolusAgent", "Manufacturer", "ManufacturerModelName",
    "SliceThickness", "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "Rows", "Columns",
    "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "PhotometricInterpretation", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "TemporalPositionIdentifier", "AcquisitionNumber", "AcquisitionDate", "AcquisitionTime", "ContentDate",
    "ContentTime", "TriggerTime", "EchoTime", "EchoNumbers", "InversionTime", "FlipAngle", "KVP", "DiffusionBValue",
    "DiffusionGradientOrientation", "NominalPercentageOfCardiacPhase", "StackID", "ComplexImageComponent",
    "ScanningSequence", "LossyImageCompression", "BurnedInAnnotation",
)  # fmt: skip
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_UIH_CREATOR, _UIH_FRAMES = "0065,0010", "0065,1051"  # "Image Private Header" and its sequence of frames
_READ = (*_KEYWORDS, *_GROUPS, _UIH_CREATOR, _UIH_FRAMES)


@dataclass(eq=False)
class SliceFile:
    """One slice: a single-frame image, or one frame of an object; its geometry in DICOM's LPS millimetres.

    Attributes:
        path: the file.
        values: what its header says; for a frame, its functional groups and what the object shares.
        reason: why it is no slice of a volume; None for a slice.
        pixels: where its pixels are; None where there are none.
        frame: which frame of the object, from 0.
        modality: "CT", "MR", "PT"; DICOM's code for what is no image of these.
        orientation: (6,) row and column direction cosines.
        position: (3,) mm.
        spacing_mm: between rows, between columns.
    """

    path: Path
    values: Mapping[str, Value] = field(default_factory=dict)
    reason: str | None = None
    pixels: PixelSource | None = None
    frame: int = 0
    modality: str = ""
    orientation: np.ndarray | None = None
    position: np.ndarray | None = None
    spacing_mm: tuple[float, float] = (0.0, 0.0)

    def text(self, name: str) -> str:
        """A header value as text, "" where it is missing or unreadable."""
        return text_of(self.values.get(name))

    def number(self, name: str, default: float) -> float:
        """A header value as finite number, ``default`` where it is missing or unreadable."""
        numbers = numbers_of(self.values.get(name))
        return numbers[0] if numbers and np.isfinite(numbers[0]) else default

    @property
    def image_type(self) -> tuple[str, ...]:
        """ImageType in capitals."""
        return tuple(part.strip().upper() for part in self.text("ImageType").split("\\") if part.strip())

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; 0 where the header lacks them."""
        return int(self.number("Rows", 0)), int(self.number("Columns", 0))


def parse_file(path: Path) -> list[SliceFile]:
    """Parse one file; never raises for what is in it, but says in ``reason`` why it cannot be used.

    Returns:
        One entry for a single-frame image or a file that is none; one per frame for a multi-frame object.
    """
    try:
        with no_remarks():
            return _parse(path)
    except PixelError as error:
        return [SliceFile(path, reason=str(error))]
    except Exception:  # pydicom raises anything from struct.error to AttributeError on junk
        return [SliceFile(path, reason="unreadable DICOM")]


@contextmanager
def no_remarks() -> Iterator[None]:
    """Keep pydicom from warning of bad values: its warnings quote them, and they may be a patient's."""
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def read_header(path: Path, keywords: tuple[str, ...] | None = None) -> tuple[Dataset, str, int]:
    """Read a file up to its pixel data.

    Args:
        path: the file.
        keywords: what to read of it; None for everything.

    Returns:
        The data set, the transfer syntax ("" where none is named), and where the pixel data's element begins in the
        data set's stream.
    """
    tags = None if keywords is None else [_tag(keyword) for keyword in keywords]
    with open_stream(path) as stream:
        if hasattr(stream, "getbuffer"):  # inflated: explicit little endian without file meta information
            dataset = read_dataset(stream, False, True, stop_when=_is_pixel_data, specific_tags=tags)
            return dataset, DEFLATED, stream.tell()
        dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=True, specific_tags=tags)
        return dataset, str(dataset.file_meta.get("TransferSyntaxUID", "")).strip(), stream.tell()


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(tag_for_keyword(keyword) or int(keyword.replace(",", ""), 16))


def _is_pixel_data(tag: int, representation: str | None, length: int) -> bool:
    return tag in (0x7FE00008, 0x7FE00009, 0x7FE00010)


def _parse(path: Path) -> list[SliceFile]:
    dataset, syntax, place = read_header(path, _READ)
    values = read_values(dataset, _KEYWORDS)
    file = SliceFile(path, values)
    meta = getattr(dataset, "file_meta", None)
    sop_class = file.text("SOPClassUID") or str(getattr(meta, "MediaStorageSOPClassUID", "") or "")
    file.modality = _SINGLE.get(sop_class) or _MULTI.get(sop_class) or _code(file.text("Modality"))
    file.reason = _object_reason(file, sop_class, dataset)
    if file.reason is not None:
        return [file]
    implicit, little = dataset.original_encoding if hasattr(dataset, "original_encoding") else (False, True)
    file.reason, file.pixels = _find_pixels(file, syntax, place, implicit=bool(implicit), is_little_endian=little)
    if file.reason is not None:
        return [file]
    if sop_class in _MULTI:
        from itemclip_med.dicom.frames import split_frames  # it builds slices, so it stands above this module

        return split_frames(file, dataset)
    file.reason = take_geometry(file)
    return [file]


def _code(modality: str) -> str:
    """A modality that DICOM defines, "" for anything else: free text must not get into names."""
    return modality if modality in MODALITY_CODES else ""


def _object_reason(file: SliceFile, sop_class: str, dataset: Dataset) -> str | None:
    """Why an object is no image of slices, judged by its kind."""
    if sop_class == _DICOMDIR:
        return "DICOMDIR"
    if not sop_class and "Rows" not in file.values:
        return "not DICOM"
    if sop_class == _CAPTURES or sop_class.startswith(f"{_CAPTURES}."):
        return "secondary capture"
    if sop_class not in _SINGLE and sop_class not in _MULTI:
        return "unsupported SOP class"
    if "VFRAME" in file.image_type or (
        text_of(read_value(dataset, _UIH_CREATOR)) == "Image Private Header" and _tag(_UIH_FRAMES) in dataset
    ):
        return "UIH VFRAME (many slices in one image, their places in a private sequence; not read)"
    rows, columns = file.shape
    if rows <= 0 or columns <= 0:
        return "no pixel data"
    if rows * columns > MAX_SLICE_PIXELS:
        return f"more than {MAX_SLICE_PIXELS} pixels in one slice"
    photometric = file.text("PhotometricInterpretation") or "MONOCHROME2"
    if file.number("SamplesPerPixel", 1) != 1 or not photometric.startswith("MONOCHROME"):
        return "color image"
    if "MOSAIC" in file.image_type:
        return "mosaic (many slices in one image; not read)"
    if sop_class in _SINGLE and file.number("NumberOfFrames", 1) > 1:
        return "multi-frame object without functional groups (not read)"
    return None


def _find_pixels(
    file: SliceFile, syntax: str, place: int, *, implicit: bool, is_little_endian: bool
) -> tuple[str | None, PixelSource | None]:
    """The place of the pixel data, or why they cannot be read: missing, short, or in a form that is no intensity."""
    rows, columns = file.shape
    allocated = int(file.number("BitsAllocated", 16))
    stored = int(file.number("BitsStored", allocated))
    high = int(file.number("HighBit", stored - 1))
    if allocated not in (8, 16, 32) or not 1 <= stored <= allocated or not stored - 1 <= high < allocated:
        return "unsupported pixel format", None
    is_signed = file.number("PixelRepresentation", 0) == 1
    form = PixelFormat(rows, columns, allocated, stored, high, is_signed, syntax, is_little_endian)
    with open_stream(file.path) as stream:
        end = stream.seek(0, 2)
        stream.seek(place)
        head = stream.read(12)
    order = "little" if is_little_endian else "big"
    tag = (int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order))
    if len(head) < 8 or tag[0] != 0x7FE0:
        # A file that ends within its header was cut; one that goes on without pixels never had any.
        return ("no pixel data" if end == place else "truncated"), None
    if tag[1] != 0x0010:
        return "unsupported pixel format", None
    if implicit:
        offset, length = place + 8, int.from_bytes(head[4:8], order)
    elif head[4:6] in (b"OB", b"OW", b"UN"):
        offset, length = place + 12, int.from_bytes(head[8:12], order)
    else:
        offset, length = place + 8, int.from_bytes(head[6:8], order)
    num_frames = max(int(file.number("NumberOfFrames", 1)), 1)
    there = end - offset
    if form.is_compressed:
        needed = num_frames * _MIN_FRAGMENT_BYTES
    else:
        needed = num_frames * form.frame_bytes
        there = min(there, length)
        if length == 0xFFFFFFFF:
            return "unsupported pixel format", None
    if there < needed:
        return "truncated", None
    if num_frames > MAX_FRAMES:
        return f"more than {MAX_FRAMES} frames in one object", None
    return None, PixelSource(file.path, form, num_frames, offset, None if length == 0xFFFFFFFF else length)


def take_geometry(file: SliceFile) -> str | None:
    """Set orientation, position and spacing from a slice's values; the reason where that cannot be done."""
    found = []
    for name, size in (("ImageOrientationPatient", 6), ("ImagePositionPatient", 3), ("PixelSpacing", 2)):
        numbers = numbers_of(file.values.get(name))
        if len(numbers) != size:
            return "missing geometry"
        found.append(np.array(numbers))
    orientation, position, spacing = found
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    finite = np.isfinite(np.concatenate(found)).all() and np.abs(position).max() < 1e6 and max(spacing) < 1e4
    if not finite or min(spacing) <= 0 or min(lengths) < 0.9 or max(lengths) > 1.1 or abs(row @ column) > 0.01:
        return "missing geometry"
    file.orientation = np.concatenate([row / lengths[0], column / lengths[1]])
    file.position = position
    file.spacing_mm = (float(spacing[0]), float(spacing[1]))
    if "LOCALIZER" in file.image_type:
        return "localizer"
    return None
