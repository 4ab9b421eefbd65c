"""One parsed DICOM file: its slices with what grouping, geometry and pixels need of them, or why it has none."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pydicom
from pydicom import config
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from itemclip_med.dicom.elements import read_value, read_values, text_of
from itemclip_med.dicom.frames import split_frames
from itemclip_med.dicom.pixel_source import (
    DEFLATED,
    MAX_FRAMES,
    MAX_SLICE_PIXELS,
    PixelFormat,
    PixelSource,
    open_stream,
)
from itemclip_med.dicom.quick_header import UnusualHeader, read_quick_header
from itemclip_med.dicom.slices import SliceFile, take_geometry
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
_HEAD_BYTES, _LONG_HEAD_BYTES = 2**14, 2**20


def _tag(keyword: str) -> BaseTag:
    return Tag(tag_for_keyword(keyword) or int(keyword.replace(",", ""), 16))


_QUICK = {int(_tag(keyword)): keyword for keyword in (*_KEYWORDS, _UIH_FRAMES)}


def parse_file(path: Path) -> list[SliceFile]:
    """Parse one file; never raises for what is in it, but says in ``reason`` why it cannot be used.

    Returns:
        One entry for a single-frame image or a file that is none; one per frame for a multi-frame object.
    """
    try:
        file = _parse_quickly(path)
        if file is not None:
            return [file]
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
    tags: list[BaseTag | int] | None = None if keywords is None else [_tag(keyword) for keyword in keywords]
    with open_stream(path) as stream:
        if hasattr(stream, "getbuffer"):  # inflated: explicit little endian without file meta information
            dataset = read_dataset(stream, False, True, stop_when=_is_pixel_data, specific_tags=tags)
            return dataset, DEFLATED, stream.tell()
        dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=True, specific_tags=tags)
        return dataset, str(dataset.file_meta.get("TransferSyntaxUID", "")).strip(), stream.tell()


def _is_pixel_data(tag: int, representation: str | None, length: int) -> bool:
    return tag in (0x7FE00008, 0x7FE00009, 0x7FE00010)


def _parse_quickly(path: Path) -> SliceFile | None:
    """A single-frame image whose header has nothing unusual; None for any other file."""
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        head = stream.read(_HEAD_BYTES)
        for _ in range(2):
            try:
                header = read_quick_header(head, _QUICK)
                break
            except UnusualHeader:
                return None
            except struct.error:  # it is longer: look further, once
                head += stream.read(_LONG_HEAD_BYTES - len(head))
        else:
            return None
        pixels_head = head[header.place : header.place + 12]
    file = SliceFile(path, header.values)
    sop_class = file.text("SOPClassUID")
    if sop_class not in _SINGLE or _UIH_FRAMES in header.values:
        return None
    file.modality = _SINGLE[sop_class]
    file.reason = _object_reason(file, sop_class, has_private_frames=False)
    if file.reason is None:
        element = _PixelElement(header.place, pixels_head, size, header.is_implicit, is_little_endian=True)
        file.reason, file.pixels = _find_pixels(file, header.syntax, element)
    if file.reason is None:
        file.reason = take_geometry(file)
    return file


def _parse(path: Path) -> list[SliceFile]:
    dataset, syntax, place = read_header(path, _READ)
    values = read_values(dataset, _KEYWORDS)
    file = SliceFile(path, values)
    meta = getattr(dataset, "file_meta", None)
    sop_class = file.text("SOPClassUID") or str(getattr(meta, "MediaStorageSOPClassUID", "") or "")
    file.modality = _SINGLE.get(sop_class) or _MULTI.get(sop_class) or _code(file.text("Modality"))
    has_private_frames = (
        text_of(read_value(dataset, _UIH_CREATOR)) == "Image Private Header" and _tag(_UIH_FRAMES) in dataset
    )
    file.reason = _object_reason(file, sop_class, has_private_frames=has_private_frames)
    if file.reason is not None:
        return [file]
    implicit, little = dataset.original_encoding if hasattr(dataset, "original_encoding") else (False, True)
    with open_stream(path) as stream:
        end = stream.seek(0, 2)
        stream.seek(place)
        head = stream.read(12)
    element = _PixelElement(place, head, end, bool(implicit), is_little_endian=bool(little))
    file.reason, file.pixels = _find_pixels(file, syntax, element)
    if file.reason is not None:
        return [file]
    if sop_class in _MULTI:
        return split_frames(file, dataset)
    file.reason = take_geometry(file)
    return [file]


def _code(modality: str) -> str:
    """A modality that DICOM defines, "" for anything else: free text must not get into names."""
    return modality if modality in MODALITY_CODES else ""


def _object_reason(file: SliceFile, sop_class: str, *, has_private_frames: bool) -> str | None:
    """Why an object is no image of slices, judged by its kind."""
    if sop_class == _DICOMDIR:
        return "DICOMDIR"
    if not sop_class and "Rows" not in file.values:
        return "not DICOM"
    if sop_class == _CAPTURES or sop_class.startswith(f"{_CAPTURES}."):
        return "secondary capture"
    if sop_class not in _SINGLE and sop_class not in _MULTI:
        return "unsupported SOP class"
    if "VFRAME" in file.image_type or has_private_frames:
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


@dataclass(frozen=True)
class _PixelElement:
    """The element of the pixel data: its place and first 12 bytes, where the stream ends, and how it is encoded."""

    place: int
    head: bytes
    end: int
    is_implicit: bool
    is_little_endian: bool


def _find_pixels(file: SliceFile, syntax: str, element: _PixelElement) -> tuple[str | None, PixelSource | None]:
    """The place of the pixel data, or why they cannot be read: missing, short, or in a form that is no intensity."""
    rows, columns = file.shape
    allocated = int(file.number("BitsAllocated", 16))
    stored = int(file.number("BitsStored", allocated))
    high = int(file.number("HighBit", stored - 1))
    if allocated not in (8, 16, 32) or not 1 <= stored <= allocated or not stored - 1 <= high < allocated:
        return "unsupported pixel format", None
    is_signed = file.number("PixelRepresentation", 0) == 1
    form = PixelFormat(rows, columns, allocated, stored, high, is_signed, syntax, element.is_little_endian)
    place, head, end = element.place, element.head, element.end
    order: Literal["little", "big"] = "little" if element.is_little_endian else "big"
    tag = (int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order))
    if len(head) < 8 or tag[0] != 0x7FE0:
        # A file that ends within its header was cut; one that goes on without pixels never had any.
        return ("no pixel data" if end == place else "truncated"), None
    if tag[1] != 0x0010:
        return "unsupported pixel format", None
    if element.is_implicit:
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
