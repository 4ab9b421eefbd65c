"""Write a volume as a series of CT or MR images, quickly: what its slices share is encoded once.

The files are single-frame images, explicit little endian, one slice each, marked as synthetic data.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_UID_NAMESPACE = uuid.UUID("5f0f3b7e-6a52-4d0b-9a64-2f6c0d9b7f11")
_LONG_VRS = frozenset({"OB", "OW"})  # their length has four bytes
_PADDED_BY_NUL = frozenset({"UI", "OB", "OW"})

Affine = NDArray[np.float64]
Values = Mapping[str, object]


def make_uid(*parts: object) -> str:
    """A UID that is the same whenever its parts are: below 2.25, from a name-based UUID.

    Args:
        parts: what the UID stands for.

    Returns:
        At most 44 characters.

    Sources:
        DICOM PS3.5 B.2 (UUID derived UID).
    """
    return f"2.25.{uuid.uuid5(_UID_NAMESPACE, '/'.join(map(str, parts))).int}"


@dataclass(frozen=True, slots=True)
class Plane:
    """Where one image lies in the patient.

    Attributes:
        position_mm: center of its first pixel, LPS.
        row: direction in which columns are counted, LPS.
        column: direction in which rows are counted, LPS.
        spacing_mm: between rows, and between columns.
    """

    position_mm: tuple[float, float, float]
    row: tuple[float, float, float]
    column: tuple[float, float, float]
    spacing_mm: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SeriesWriter:
    """What all images of one series share.

    Attributes:
        elements: DICOM keyword to value, of patient, study, series, equipment and reconstruction.
        uid_parts: what the series' UIDs are made from.
        signed: store 16 bits with sign, as some scanners do, instead of 12 bits without.
    """

    elements: Values
    uid_parts: tuple[object, ...]
    signed: bool = False

    def write_volume(self, folder: Path, volume_hu: NDArray[np.int16], affine: Affine, *, head_first: bool) -> None:
        """Write one file per axial slice.

        Args:
            folder: a new folder to write into.
            volume_hu: (X, Y, Z), axes to the patient's right, front and head; -1024 to 3071 HU.
            affine: (4, 4), voxel index to world RAS mm, without rotation.
            head_first: count the slices from the head down.

        Raises:
            ValueError: if the affine is rotated or flipped.
        """
        spacing = np.diag(affine)[:3]
        if np.any(affine[:3, :3] != np.diag(spacing)) or np.any(spacing <= 0):
            raise ValueError("the volume's axes must run to the patient's right, front and head")
        # Radiologists look from the feet: columns run to the patient's left, rows to the back.
        slices = np.ascontiguousarray(volume_hu[::-1, ::-1].transpose(2, 1, 0))  # (Z, rows, columns)
        corner = affine[:3, :3] @ [slices.shape[2] - 1, slices.shape[1] - 1, 0] + affine[:3, 3]
        numbers = range(len(slices))
        planes, images = [], []
        for k in reversed(numbers) if head_first else numbers:
            height = float(corner[2] + k * spacing[2])
            at = (-float(corner[0]), -float(corner[1]), height)
            planes.append(Plane(at, (1, 0, 0), (0, 1, 0), (float(spacing[1]), float(spacing[0]))))
            images.append(slices[k])
        self.write_images(folder, images, planes)

    def write_images(self, folder: Path, images: Sequence[NDArray[np.int16]], planes: Sequence[Plane]) -> None:
        """Write one file per image, ``CT000000.dcm`` and on.

        Args:
            folder: a new folder to write into.
            images: (rows, columns) each, in HU, all of one shape.
            planes: where each lies.
        """
        signed = self.signed
        shared = {
            **self.elements,
            "BitsStored": 16 if signed else 12,
            "HighBit": 15 if signed else 11,
            "PixelRepresentation": int(signed),
            "RescaleIntercept": "-1024",
            "RescaleSlope": "1",
            "RescaleType": "HU",
        }
        # Below 4096, so that both forms agree.
        stored = [(image + np.int16(1024)).astype("<i2", copy=False) for image in images]
        write_instances(folder, "CT", CT_IMAGE_STORAGE, shared, self.uid_parts, stored, planes)


def write_instances(
    folder: Path,
    prefix: str,
    sop_class: str,
    shared: Values,
    uid_parts: tuple[object, ...],
    stored: Sequence[NDArray[np.int16]],
    planes: Sequence[Plane],
    each: Sequence[Values] | None = None,
) -> None:
    """Write one file per image, ``CT000000.dcm`` and on, of any single-frame storage class.

    Args:
        folder: a new folder to write into.
        prefix: of the files' names.
        sop_class: UID of the storage class.
        shared: DICOM keyword to value, of all images.
        uid_parts: what the series' UIDs are made from.
        stored: (rows, columns) each, the stored values as 16-bit integers, all of one shape.
        planes: where each lies.
        each: further elements of each image.
    """
    folder.mkdir(parents=True)
    shape = stored[0].shape
    common = {
        **shared,
        "SOPClassUID": sop_class,
        "SeriesInstanceUID": make_uid(*uid_parts),
        "Rows": shape[0],
        "Columns": shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
    }
    start = b"\0" * 128 + b"DICM"
    meta, encoded = _encode_meta(sop_class), _encode(common)
    for number, (image, plane) in enumerate(zip(stored, planes, strict=True)):
        uid = make_uid(*uid_parts, number)
        meta[0x00020003] = _element(0x00020003, "UI", uid)
        group = b"".join(meta[tag] for tag in sorted(meta))
        encoded[0x00080018] = _element(0x00080018, "UI", uid)
        encoded[0x00200013] = _element(0x00200013, "IS", str(number + 1))
        encoded[0x00200032] = _decimals(0x00200032, plane.position_mm)
        encoded[0x00200037] = _decimals(0x00200037, (*plane.row, *plane.column))
        encoded[0x00201041] = _decimals(0x00201041, [_height(plane)])
        encoded[0x00280030] = _decimals(0x00280030, plane.spacing_mm)
        encoded[0x7FE00010] = _element(0x7FE00010, "OW", image.tobytes())
        if each is not None:
            encoded.update(_encode(each[number]))
        length = _element(0x00020000, "UL", len(group).to_bytes(4, "little"))
        body = b"".join([start, length, group, *(encoded[tag] for tag in sorted(encoded))])
        (folder / f"{prefix}{number:06d}.dcm").write_bytes(body)


def _height(plane: Plane) -> float:
    """Where a plane lies along its own normal, in mm."""
    return float(np.dot(np.cross(plane.row, plane.column), plane.position_mm))


def _decimals(tag: int, values: Sequence[float]) -> bytes:
    """An element of decimal strings."""
    return _element(tag, "DS", "\\".join(map(_decimal, values)))


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters, as exact as that allows."""
    from pydicom.valuerep import format_number_as_ds

    return str(int(value)) if float(value).is_integer() else format_number_as_ds(float(value))


def _encode(values: Values) -> dict[int, bytes]:
    """Every element of a data set as explicit little endian bytes, by tag."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return _encode_each(dataset)


def _encode_each(dataset: Dataset) -> dict[int, bytes]:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_data_element

    encoded = {}
    for element in dataset:
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        write_data_element(buffer, element, encodings=["iso8859"])
        encoded[int(element.tag)] = buffer.getvalue()
    return encoded


def _encode_meta(sop_class: str) -> dict[int, bytes]:
    """The file meta information without its length and the instance's UID."""
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = sop_class
    meta.TransferSyntaxUID = EXPLICIT_LITTLE_ENDIAN
    meta.ImplementationClassUID = make_uid("itemclip_med")
    meta.ImplementationVersionName = "ITEMCLIP_MED"
    return _encode_each(meta)


def _element(tag: int, vr: str, value: str | bytes) -> bytes:
    """One explicit little endian element from its value's characters or bytes."""
    data = value.encode("ascii") if isinstance(value, str) else value
    if len(data) % 2:
        data += b"\0" if vr in _PADDED_BY_NUL else b" "
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    if vr in _LONG_VRS:
        return head + b"\0\0" + len(data).to_bytes(4, "little") + data
    return head + len(data).to_bytes(2, "little") + data
