"""NRRD and MetaImage through SimpleITK, after what their headers say has been checked."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.errors import FormatError
from itemclip_med.formats.rules import FileRules
from itemclip_med.formats.series import Header
from itemclip_med.formats.voxels import affine_from_letters, check_affine, check_shape, rescale

DETACHED = (".mhd", ".nhdr")
_HEADER_BYTES = 2**16
_DATA_FILE = re.compile(rb"^\s*(?:ElementDataFile\s*=|data ?file\s*:)\s*(.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_COMPRESSED = re.compile(
    rb"^\s*(?:CompressedData\s*=\s*True|encoding\s*:\s*(?!raw\b)\S+)", re.IGNORECASE | re.MULTILINE
)


def data_file_of(path: Path) -> str | None:
    """The file beside a header that holds its voxels; None where they follow the header itself.

    Raises:
        FormatError: if the header names a list, a pattern, or a file of another folder: it could be any file of this
            machine.
    """
    found = _DATA_FILE.search(_head(path))
    if found is None:
        if path.name.lower().endswith(DETACHED):
            raise FormatError("its header names no file of voxels.")
        return None
    name = found[1].decode("utf-8", "surrogateescape")
    if name.upper() == "LOCAL":
        return None
    if not name or name.upper().startswith("LIST") or "%" in name or "/" in name or "\\" in name or ".." in name:
        raise FormatError(
            "its header names voxels outside its folder, or a list of files: expected one file beside it."
        )
    return name


def read_header(path: Path, rules: FileRules) -> Header:
    """Read the header of a ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd``.

    Raises:
        FormatError: if it cannot be read, holds no volume, is cut off, or (NRRD) does not say which way its axes run.
    """
    reader = _open(path)
    size = tuple(int(number) for number in reader.GetSize())
    num_volumes = int(reader.GetNumberOfComponents())
    if len(size) == 4:
        num_volumes *= size[3]
    shape = check_shape(size[:3])
    if math.prod(shape) * num_volumes > 2**36:
        raise FormatError(f"{' x '.join(map(str, shape))} voxels {num_volumes} times: too large to be true.")
    _check_length(path, math.prod(shape) * num_volumes * _bytes_per_value(reader))
    dimension = reader.GetDimension()
    direction = np.array(reader.GetDirection(), dtype=np.float64).reshape(dimension, dimension)[:3, :3]
    spacing = np.array(reader.GetSpacing(), dtype=np.float64)[:3]
    if path.name.lower().endswith((".nrrd", ".nhdr")) and not _space(reader):
        if not rules.orientation:
            raise FormatError(
                "it has no space, so left and right are unknown: set files: orientation in the recipe if you know them."
            )
        affine = affine_from_letters(rules.orientation, np.abs(spacing).tolist(), shape)
        check_affine(affine)
        return Header(shape, affine, num_volumes, (f"orientation {rules.orientation} is the recipe's word",))
    affine = np.eye(4)
    affine[:3, :3] = direction * spacing
    affine[:3, 3] = np.array(reader.GetOrigin(), dtype=np.float64)[:3]
    affine[:2] *= -1  # ITK's space is LPS
    check_affine(affine)
    return Header(shape, affine, num_volumes)


def read_array(path: Path, volume: int | None) -> np.ndarray:
    """Read the voxels (X, Y, Z), or one of several volumes.

    Returns:
        int16 where that is exact, else float32.

    Raises:
        FormatError: if they cannot be read.
    """
    import SimpleITK as sitk

    reader = _open(path)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise FormatError("its voxels cannot be read: is it cut off?") from error
    values = sitk.GetArrayViewFromImage(image)  # (T, Z, Y, X) or (Z, Y, X, C)
    if volume is not None:
        values = values[volume] if image.GetDimension() == 4 else values[..., volume]
    if values.ndim == 4:
        values = values[0]
    return rescale(values.transpose(2, 1, 0), 1.0, 0.0)


def _open(path: Path) -> Any:
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # warnings hold paths
    beside = data_file_of(path)
    if beside is not None and not (path.parent / beside).is_file():
        raise FormatError("the file of its voxels is not beside it.")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise FormatError("it cannot be read as NRRD or MetaImage.") from error
    return reader


def _check_length(path: Path, num_bytes: int) -> None:
    if _COMPRESSED.search(_head(path)):
        return
    beside = data_file_of(path)
    size = (path.parent / beside if beside else path).stat().st_size
    if size < num_bytes:
        raise FormatError(f"it has {size} bytes, its header promises {num_bytes}: it is cut off.")


def _bytes_per_value(reader: Any) -> int:
    import SimpleITK as sitk

    name = sitk.GetPixelIDValueAsString(reader.GetPixelID()).lower()
    bits = re.search(r"(\d+)-bit", name)
    if "complex" in name or bits is None or "label" in name:
        raise FormatError("its values are no plain numbers.")
    return int(bits[1]) // 8


def _space(reader: Any) -> str:
    return reader.GetMetaData("NRRD_space") if reader.HasMetaDataKey("NRRD_space") else ""


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError as error:
        raise FormatError(f"it cannot be opened ({error.strerror or type(error).__name__}).") from error
    end = re.search(rb"\n\r?\n" if head.startswith(b"NRRD") else rb"ElementDataFile[^\n]*\n?", head, re.IGNORECASE)
    return head[: end.end()] if end else head
