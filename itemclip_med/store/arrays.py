"""Arrays of a store: Blosc2 files, chunked so that a crop reads its chunks only, and never a pickle."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from itemclip_med.errors import StoreError
from itemclip_med.records import Series
from itemclip_med.store.files import write_whole

DTYPES = ("int16", "uint16", "uint8")
_MAX_VOXELS = 2**32
_BLOCK = 2**20
_SLICES_AT_ONCE = 8


@dataclass(frozen=True)
class ArraySettings:
    """How an array is compressed; readers need none of it.

    Attributes:
        codec: a name of Blosc2's codecs, in capitals.
        level: 1 (fast) to 9 (small).
        filter: what is done before: "SHUFFLE" (bytes of one place together) or "BITSHUFFLE" (bits).
        chunk: voxels along (X, Y, Z) that are compressed together, at most.
        block: voxels of a chunk that are decompressed together, at most; None leaves it to Blosc2.
    """

    codec: str = "ZSTD"
    level: int = 1
    filter: str = "SHUFFLE"
    chunk: tuple[int, int, int] = (128, 128, 32)
    block: tuple[int, int, int] | None = None


SETTINGS = ArraySettings()
"""What a store is written with, as measured by ``benchmarks/bench_store.py`` on head CT phantoms and real CT.

Level 1 takes about a third of the processor time of level 3 to write and 1 to 2 % more room. LZ4 reads nearly twice as
fast and takes a third to a half more room; bits shuffled instead of bytes take a fifth more. Chunks and blocks from
64 x 64 x 16 up to the whole volume change the room of small volumes by no more than 3 %.
"""


def encode_array(array: np.ndarray, settings: ArraySettings = SETTINGS) -> bytes:
    """The file of an array (X, Y, Z): the same bytes for the same voxels, whatever the machine's number of cores.

    Raises:
        StoreError: if the array is not (X, Y, Z) of a stored type, or has no voxel.
    """
    import blosc2

    if array.ndim != 3 or array.dtype.name not in DTYPES or not array.size:
        raise StoreError(f"Array {array.shape} of {array.dtype}, expected (X, Y, Z) of {', '.join(DTYPES)}.")
    chunks = tuple(min(size, limit) for size, limit in zip(array.shape, settings.chunk, strict=True))
    blocks = settings.block and tuple(min(size, limit) for size, limit in zip(chunks, settings.block, strict=True))
    encoded = blosc2.asarray(
        _contiguous(array),
        chunks=chunks,
        blocks=blocks,
        cparams={
            "codec": blosc2.Codec[settings.codec],
            "clevel": settings.level,
            "filters": [blosc2.Filter[settings.filter]],
            "filters_meta": [0],
            "nthreads": 1,
        },
        dparams={"nthreads": 1},
    )
    return encoded.to_cframe()


def _contiguous(array: np.ndarray) -> np.ndarray:
    """``np.ascontiguousarray``, twice as fast where slices lie one after the other in memory."""
    if array.flags.c_contiguous or abs(array.strides[2]) <= abs(array.strides[0]):
        return np.ascontiguousarray(array)
    out = np.empty(array.shape, array.dtype)
    for start in range(0, array.shape[2], _SLICES_AT_ONCE):
        part = slice(start, start + _SLICES_AT_ONCE)
        out[..., part] = array[..., part]
    return out


def write_array(path: Path, array: np.ndarray) -> str:
    """Write an array (X, Y, Z); the file is there whole or not at all.

    Encoded in memory and written by Python, because the library's own writing says nothing where the disk is full.

    Returns:
        SHA-256 of the file, in hex.

    Raises:
        StoreError: if the array is not (X, Y, Z) of a stored type.
        OSError: if the disk does not take it.
    """
    data = encode_array(array)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, [data])
    return hashlib.sha256(data).hexdigest()


def locate(root: Path, series: Series) -> Path:
    """The file of a series.

    Raises:
        StoreError: if it is missing or would lie outside the store.
    """
    path = (root / series.path).resolve()
    if not path.is_relative_to(root.resolve()):
        raise StoreError("The manifest names an array outside the store: it was tampered with.")
    if not path.is_file():
        raise StoreError(f"The array {series.path} is missing: run the preprocessing again.")
    return path


def read_array(root: Path, series: Series, box: tuple[slice, slice, slice] | None = None) -> np.ndarray:
    """Read (X, Y, Z) or a box of it; shape and type are checked against the manifest before anything is allocated.

    Raises:
        StoreError: if the file is missing, lies outside the store, or is not what the manifest says.
    """
    import blosc2

    path = locate(root, series)
    try:
        stored = blosc2.open(str(path), mode="r", dparams={"nthreads": 1})
        found = tuple(stored.shape), stored.dtype.name
    except Exception as error:  # blosc2 raises RuntimeError, ValueError and others on a torn file
        raise _unreadable(series) from error
    if found != (tuple(series.shape), series.dtype) or math.prod(series.shape) > _MAX_VOXELS:
        raise StoreError(
            f"The array {series.path} is {found[0]} of {found[1]}, the manifest says {tuple(series.shape)} of "
            f"{series.dtype}: run `itemclip-med store check`."
        )
    try:
        return stored[box if box is not None else (slice(None),) * 3]
    except Exception as error:  # a chunk that cannot be decompressed
        raise _unreadable(series) from error


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex; a megabyte of it in memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _unreadable(series: Series) -> StoreError:
    return StoreError(f"The array {series.path} cannot be read: delete its study and preprocess it again.")
