"""Stored values of one slice, from plain or compressed pixel data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from itemclip_med.dicom.codestream import Codestream, read_codestream
from itemclip_med.dicom.pixel_source import PixelFormat
from itemclip_med.dicom.slices import SliceFile
from itemclip_med.errors import PixelError

_DECODERS = "pylibjpeg"  # and no other that happens to be installed: GDCM ends the process on some damaged files


def decode(file: SliceFile) -> np.ndarray:
    """Decode one slice.

    Returns:
        (rows, columns) integers as its header describes them, junk above HighBit masked and the sign extended.

    Raises:
        PixelError: if the pixel data are missing or short, say another size than the header, or are in a syntax
            without a decoder; names the syntax. The message is a clause: callers say which slice.
    """
    return decode_with_loss(file)[0]


def decode_with_loss(file: SliceFile, out: np.ndarray | None = None) -> tuple[np.ndarray, bool]:
    """As :func:`decode`, and whether the compression lost something.

    Args:
        file: the slice.
        out: int16 memory of a slice (rows, columns), which plain 16-bit values are read into; the values are a view of
            it then.

    Raises:
        PixelError: if there are no pixels, they cannot be decoded, or they are not as the header says.
    """
    if file.pixels is None:
        raise PixelError(file.reason or "no pixel data")
    form = file.pixels.format
    if out is not None and form.is_native16 and out.shape == (form.rows, form.columns) and out.flags.c_contiguous:
        file.pixels.read_frame_into(file.frame, out.data.cast("B"))
        return _without_junk(out if form.is_signed else out.view(np.uint16), form), False
    data = file.pixels.read_frame(file.frame)
    if not form.is_compressed:
        return plain_values(data, form), False
    syntax = UID(form.syntax)
    name = syntax.name if not syntax.is_private and syntax.name != form.syntax else "an unknown transfer syntax"
    stream = None if syntax == RLELossless else read_codestream(data)
    if stream is not None and (stream.rows, stream.columns, stream.components) != (form.rows, form.columns, 1):
        raise PixelError(
            f"it decodes to {stream.columns} x {stream.rows} x {stream.components}, its header says {form.columns} x "
            f"{form.rows} x 1"
        )
    try:
        with _quiet():
            frame = _as_dataset(data, form, stream)
            values, _ = get_decoder(syntax).as_array(frame, raw=True, index=0, decoding_plugin=_DECODERS)
    except BaseException as error:  # decoders raise their own kinds; a Rust one panics on runs that are too long
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise PixelError(f"it cannot be decoded ({name})") from error
    if values.shape != (form.rows, form.columns):
        raise PixelError(f"it decodes to the shape {values.shape}, its header says {(form.rows, form.columns)}")
    return values, stream is not None and stream.is_lossy


def plain_values(data: bytes, form: PixelFormat) -> np.ndarray:
    """Uncompressed values; junk above HighBit is masked and the sign extended.

    Sources:
        DICOM PS3.5 8.1.1.
    """
    order, kind = "<" if form.is_little_endian else ">", "i" if form.is_signed else "u"
    dtype = np.dtype(f"{order}{kind}{form.allocated // 8}")
    values = np.frombuffer(data, dtype=dtype, count=form.rows * form.columns).reshape(form.rows, form.columns)
    if form.has_junk_bits:
        values = _without_junk(values.astype(dtype.newbyteorder("=")), form)
    return values


def _without_junk(values: np.ndarray, form: PixelFormat) -> np.ndarray:
    """Mask what stands above HighBit and below the stored bits, and extend the sign, in place."""
    if form.has_junk_bits and not form.is_signed and form.high_bit == form.stored - 1:
        np.bitwise_and(values, 2**form.stored - 1, out=values)
    elif form.has_junk_bits:
        np.left_shift(values, form.allocated - 1 - form.high_bit, out=values)
        np.right_shift(values, form.allocated - form.stored, out=values)  # arithmetic for signed types
    return values


def _as_dataset(data: bytes, form: PixelFormat, stream: Codestream | None) -> Dataset:
    """One frame as an object of its own; where a codestream knows its precision, it is believed before the header."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(form.syntax)
    dataset.Rows, dataset.Columns = form.rows, form.columns
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.NumberOfFrames = 1, "MONOCHROME2", 1
    allocated, stored = form.allocated, form.stored
    if stream is not None and stream.is_exact:
        stored = stream.precision
        allocated = 8 if stored <= 8 else 16 if stored <= 16 else 32
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, stored, stored - 1
    dataset.PixelRepresentation = int(form.is_signed)
    dataset.PixelData = encapsulate([stream.data if stream is not None else data])
    dataset["PixelData"].is_undefined_length = True
    return dataset


@contextmanager
def _quiet() -> Iterator[None]:
    """What decoders log of a damaged frame is said in our own error."""
    logger = logging.getLogger("pydicom")
    was = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = was
