"""NPZ: one array of an archive, its header checked before anything is allocated, never a pickle."""

from __future__ import annotations

import contextlib
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from itemclip_med.errors import FormatError
from itemclip_med.formats.rules import FileRules
from itemclip_med.formats.series import Header
from itemclip_med.formats.voxels import affine_from_letters, axes_to_xyz, check_affine, check_shape, rescale


def read_header(path: Path, rules: FileRules) -> Header:
    """Read shape and type of the array; the recipe's ``orientation`` and ``spacing_mm`` say where it lies.

    Raises:
        FormatError: if it is no NPZ, has no such array, or the array is no volume of numbers.
    """
    if not rules.orientation or rules.spacing_mm is None:
        raise FormatError("an NPZ does not say where it lies: set files: orientation and spacing_mm in the recipe.")
    with _open(path, rules) as (_, shape, _, _):
        order = axes_to_xyz(rules.orientation)
        affine = affine_from_letters(
            "".join(rules.orientation[axis] for axis in order),
            [rules.spacing_mm[axis] for axis in order],
            [shape[axis] for axis in order],
        )
        check_affine(affine)
        x, y, z = (shape[axis] for axis in order)
        return Header((x, y, z), affine)


def read_array(path: Path, rules: FileRules) -> np.ndarray:
    """Read the voxels, axes brought into the order (X, Y, Z).

    Returns:
        int16 where that is exact, else float32.

    Raises:
        FormatError: as :func:`read_header`, or if the file is cut off.
    """
    with _open(path, rules) as (file, shape, fortran_order, dtype):
        num_bytes = math.prod(shape) * dtype.itemsize
        try:
            data = file.read(num_bytes)
            rest = file.read(1)  # at the end the archive compares its checksum
        except Exception as error:  # zipfile and zlib raise their own kinds
            raise FormatError(f"its voxels cannot be unpacked ({type(error).__name__}).") from error
    if len(data) != num_bytes or rest:
        raise FormatError(f"its array does not have the {num_bytes} bytes that its header promises.")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")
    return rescale(array.transpose(axes_to_xyz(rules.orientation)), 1.0, 0.0)


@contextlib.contextmanager
def _open(path: Path, rules: FileRules) -> Iterator[tuple[IO[bytes], tuple[int, ...], bool, np.dtype[Any]]]:
    """The open array of an archive: (file behind its header, shape, Fortran order, type)."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise FormatError(f"it cannot be read as NPZ ({type(error).__name__}).") from error
    with archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        wanted = f"{rules.array}.npy" if rules.array else None
        if wanted is None and len(names) != 1:
            raise FormatError(f"it has {len(names)} arrays: set files: array in the recipe.")
        if wanted is not None and wanted not in names:
            raise FormatError(f"it has no array {rules.array!r} among its {len(names)}.")
        try:
            file = archive.open(wanted or names[0])
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran_order, dtype = read(file)
        except Exception as error:  # zipfile, zlib and NumPy raise anything from NotImplementedError to SyntaxError
            raise FormatError(f"the header of its array cannot be read ({type(error).__name__}).") from error
        if dtype.hasobject or dtype.kind not in "iufb":
            raise FormatError(f"its array holds {dtype}, expected numbers; pickled objects are never read.")
        yield file, check_shape(shape), fortran_order, dtype
