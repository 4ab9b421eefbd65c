"""Slices to one array: decoded, padding found, each rescaled by its own slope and intercept.

Nearly all series fit int16, so their pixels are read into the volume itself and rescaled where they lie: one volume of
memory, and the bytes of a slice are touched while they are in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from itemclip_med.dicom.decoding import decode_with_loss
from itemclip_med.dicom.elements import numbers_of
from itemclip_med.dicom.slices import SliceFile
from itemclip_med.dicom.volume import AIR_HU
from itemclip_med.errors import PixelError

MAX_VOXELS = 2**30
_INT16 = np.iinfo(np.int16)


def stack_slices(
    files: Sequence[SliceFile],
    *,
    padding: Literal["keep", "air"] = "keep",
    monochrome1: Literal["keep", "invert"] = "keep",
) -> tuple[np.ndarray, list[str]]:
    """Decode and rescale slices, each by its own slope and intercept.

    Args:
        files: D slices of one matrix, in order.
        padding: "air": what PixelPaddingValue or its range names becomes -1024 HU, compared on stored values.
        monochrome1: "invert": where the slices are MONOCHROME1, x becomes max + min - x over the volume, padding
            apart.

    Returns:
        (X, Y, Z) = (columns, rows, slices), a view whose slices lie one after the other in memory; int16 where all
        values are whole and fit, else float32. And what a reader of the values should know.

    Raises:
        PixelError: as :func:`itemclip_med.dicom.load_series`.
    """
    rows, columns = files[0].shape
    if rows * columns * len(files) > MAX_VOXELS:
        raise PixelError(f"{columns} x {rows} x {len(files)} voxels, at most {MAX_VOXELS} can be read.")
    scales = [(file.number("RescaleSlope", 1.0) or 1.0, file.number("RescaleIntercept", 0.0)) for file in files]
    is_whole = _are_whole(files, scales)
    is_inverted = monochrome1 == "invert" and _is_monochrome1(files[0])
    stacked = np.empty((len(files), rows, columns), dtype=np.int16 if is_whole else np.float32)
    masks: list[np.ndarray | None] = []
    is_lossy = any("01" in file.text("LossyImageCompression") for file in files)
    for number, (file, (slope, intercept)) in enumerate(zip(files, scales, strict=True)):
        try:
            stored, lost = decode_with_loss(file, stacked[number] if stacked.dtype == np.int16 else None)
        except PixelError as error:
            raise PixelError(f"Slice {number + 1} of {len(files)}: {error}. Export the series again.") from error
        is_lossy |= lost
        mask = padding_mask(file, stored) if is_inverted or padding == "air" else None
        beside = mask if padding == "air" else None
        if stacked.dtype == np.int16 and not _fits_int16(stored, beside, slope, intercept):
            stacked = _widened(stacked, number)
        _rescale(stored, slope, intercept, stacked[number], is_whole=is_whole)
        if beside is not None:
            stacked[number][beside] = AIR_HU
        masks.append(mask)
    warnings = ["lossy compressed: values are not exact"] if is_lossy else []
    if any(file.number("RescaleSlope", 1.0) == 0 for file in files):
        warnings.append("RescaleSlope 0 was taken as 1")
    if is_inverted:
        _invert(stacked, masks, padding)
        warnings.append("MONOCHROME1: inverted")
    elif _is_monochrome1(files[0]):
        warnings.append("MONOCHROME1: values are as stored, not inverted")
    return stacked.transpose(2, 1, 0), warnings


def _are_whole(files: Sequence[SliceFile], scales: Sequence[tuple[float, float]]) -> bool:
    """True where rescaled values are integers of at most 32 bits."""
    return all(
        slope.is_integer() and intercept.is_integer() and abs(slope) * 2**16 + abs(intercept) < 2**31
        for slope, intercept in scales
    ) and all(file.pixels is None or file.pixels.format.allocated <= 16 for file in files)


def _fits_int16(stored: np.ndarray, beside: np.ndarray | None, slope: float, intercept: float) -> bool:
    """Whether all rescaled values but those of padding can be held by int16."""
    values = stored if beside is None else stored[~beside]
    if not values.size:
        return True
    ends = [slope * int(end) + intercept for end in (values.min(), values.max())]
    return min(ends) >= _INT16.min and max(ends) <= _INT16.max


def _widened(stacked: np.ndarray, num_done: int) -> np.ndarray:
    wide = np.empty(stacked.shape, np.float32)
    wide[:num_done] = stacked[:num_done]
    return wide


def _rescale(stored: np.ndarray, slope: float, intercept: float, out: np.ndarray, *, is_whole: bool) -> None:
    """Write stored values x slope + intercept to ``out``, which may be the memory of the stored values."""
    if out.dtype == np.int16:
        # The results fit, as :func:`_fits_int16` says, so that what is cut off on the way makes no difference.
        np.copyto(out, stored, casting="unsafe")
        for operation, number in ((np.multiply, slope), (np.add, intercept)):
            if number != (operation is np.multiply):
                operation(out, np.int64(number).astype(np.int16), out=out)
    elif is_whole:
        values = np.multiply(stored, int(slope), casting="unsafe", dtype=np.int32)
        values += int(intercept)
        out[...] = values
    else:
        out[...] = stored * np.float64(slope) + np.float64(intercept)


def _is_monochrome1(file: SliceFile) -> bool:
    return file.text("PhotometricInterpretation") == "MONOCHROME1"


def _invert(stacked: np.ndarray, masks: Sequence[np.ndarray | None], padding: str) -> None:
    """Turn dark into bright over the whole volume, in place; padding becomes air or stays what it is."""
    limits = []
    for out, mask in zip(stacked, masks, strict=True):
        values = out if mask is None else out[~mask]
        if values.size:
            limits.append((values.min().item(), values.max().item()))
    if not limits:
        return
    total = min(low for low, _ in limits) + max(high for _, high in limits)
    for out, mask in zip(stacked, masks, strict=True):
        inverted = total - out.astype(np.int32 if out.dtype == np.int16 else out.dtype)
        if mask is None:
            out[...] = inverted
        else:
            out[~mask] = inverted[~mask]
            if padding == "air":
                out[mask] = AIR_HU


def padding_mask(file: SliceFile, stored: np.ndarray) -> np.ndarray | None:
    """Where stored values (rows, columns) are padding.

    They equal PixelPaddingValue, or lie between it and PixelPaddingRangeLimit.
    Files write a negative padding value as unsigned too, so it is read with the sign of the pixels.
    """
    found = [numbers_of(file.values.get(name)) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if not found[0]:
        return None
    allocated = file.pixels.format.allocated if file.pixels else 16
    values = [int(numbers[0]) for numbers in found if numbers]
    if file.pixels and file.pixels.format.is_signed:
        values = [value - 2**allocated if value >= 2 ** (allocated - 1) else value for value in values]
    else:
        values = [value + 2**allocated if value < 0 else value for value in values]
    return (stored >= min(values)) & (stored <= max(values))
