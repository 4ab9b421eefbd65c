"""Arrays of a store: Blosc2 files, chunked so that a crop reads its chunks only, and never a pickle."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from itemclip_med.errors import StoreError
from itemclip_med.records import Series

DTYPES = ("int16", "uint16", "uint8")
_CHUNK = (128, 128, 32)
_MAX_VOXELS = 2**32


def write_array(path: Path, array: np.ndarray) -> None:
    """Write (X, Y, Z) under a temporary name, flush it to the disk, rename it.

    Raises:
        StoreError: if the array is not (X, Y, Z) of a stored type.
    """
    import blosc2

    if array.ndim != 3 or array.dtype.name not in DTYPES:
        raise StoreError(f"Array {array.shape} of {array.dtype}, expected (X, Y, Z) of {', '.join(DTYPES)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    chunks = tuple(min(size, limit) for size, limit in zip(array.shape, _CHUNK, strict=True))
    blosc2.asarray(
        np.ascontiguousarray(array),
        urlpath=str(temporary),
        mode="w",
        chunks=chunks,
        cparams={"codec": blosc2.Codec.ZSTD, "clevel": 3, "nthreads": 1},
        dparams={"nthreads": 1},
    )
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def read_array(root: Path, series: Series, box: tuple[slice, slice, slice] | None = None) -> np.ndarray:
    """Read (X, Y, Z) or a box of it; shape and type are checked against the manifest before anything is allocated.

    Raises:
        StoreError: if the file is missing, lies outside the store, or is not what the manifest says.
    """
    import blosc2

    path = (root / series.path).resolve()
    if not path.is_relative_to(root.resolve()):
        raise StoreError("The manifest names an array outside the store: it was tampered with.")
    if not path.is_file():
        raise StoreError(f"The array {series.path} is missing: run the preprocessing again.")
    try:
        stored = blosc2.open(str(path), mode="r", dparams={"nthreads": 1})
        found = tuple(stored.shape), stored.dtype.name
    except Exception as error:  # blosc2 raises RuntimeError, ValueError and others on a torn file
        raise StoreError(
            f"The array {series.path} cannot be read: delete its study and preprocess it again."
        ) from error
    if found != (tuple(series.shape), series.dtype) or np.prod(series.shape) > _MAX_VOXELS:
        raise StoreError(
            f"The array {series.path} is {found[0]} of {found[1]}, the manifest says {tuple(series.shape)} of "
            f"{series.dtype}: run `itemclip-med store check`."
        )
    return stored[box if box is not None else (slice(None),) * 3]
