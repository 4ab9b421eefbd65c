"""From the slices of a series to a volume in HU (CT) or rescaled units (MR)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from itemclip_med.dicom.discover import DicomSeries
from itemclip_med.dicom.geometry import Stack, build_affine, order_slices
from itemclip_med.dicom.headers import SliceFile, parse_file
from itemclip_med.dicom.volume import AIR_HU, Volume
from itemclip_med.errors import GeometryError, PixelError

_MAX_VOXELS = 2**31
_FINEST_MM = 1.0


def load_series(
    series: DicomSeries,
    *,
    on_gap: Literal["refuse", "report"] = "refuse",
    on_uneven: Literal["resample", "refuse"] = "resample",
    padding: Literal["keep", "air"] = "keep",
) -> Volume:
    """Load one series.

    Args:
        series: from :func:`itemclip_med.dicom.discover`.
        on_gap: where slices are missing: refuse the series, or interpolate them linearly and say so.
        on_uneven: where the spacing changes within the series: interpolate to one spacing, or refuse.
        padding: what becomes of PixelPaddingValue in CT: kept, or air (-1024 HU).

    Returns:
        The volume with axes (columns, rows, slices), slices ascending along row x column direction.

    Raises:
        GeometryError: if the slices make no volume, or one is missing; names the places.
        PixelError: if a slice cannot be decoded, names its number; or the volume would have more than 2**31 voxels.
    """
    if series.reason is not None:
        raise GeometryError(f"The series is no volume: {series.reason}.")
    files = series.slices
    stack = order_slices(files[0].orientation, np.array([file.position for file in files]))
    ordered = [files[index] for index in stack.order]
    warnings: list[str] = []
    _judge(stack, on_gap, on_uneven, warnings)
    array = stack_slices(ordered, padding=padding if series.modality == "CT" else "keep")
    if any("01" in file.text("LossyImageCompression") for file in ordered[:1]):
        warnings.append("lossy compressed: values are not exact")
    if ordered[0].text("PhotometricInterpretation") == "MONOCHROME1":
        warnings.append("MONOCHROME1: values are as stored, not inverted")
    first, step = ordered[0].position, stack.step_mm
    uids = tuple(file.text("SOPInstanceUID") for file in ordered)
    if not stack.is_even:
        array, step = _to_even(array, ordered, stack)
        uids = ()
    if stack.is_tilted:
        warnings.append("tilted gantry: the affine is sheared")
    affine = build_affine(files[0].orientation, files[0].spacing_mm, first, step)
    return Volume(array, affine, series.modality, series.name, tuple(warnings), uids, stack.is_tilted)


def _judge(stack: Stack, on_gap: str, on_uneven: str, warnings: list[str]) -> None:
    distances = np.diff(stack.offsets_mm)
    median = float(np.median(distances))
    if stack.gaps:
        places = ", ".join(
            f"{distances[index]:.2f} mm between slices {index + 1} and {index + 2}" for index, _ in stack.gaps[:3]
        )
        missing = sum(number for _, number in stack.gaps)
        if on_gap == "refuse":
            raise GeometryError(
                f"{places}, {median:.2f} mm elsewhere: {missing} slice(s) missing. Export the series again, or set "
                "on_gap: report to interpolate."
            )
        warnings.append(f"gap: {missing} slice(s) missing were interpolated ({places})")
    elif not stack.is_even:
        text = f"distances between slices from {distances.min():.2f} to {distances.max():.2f} mm"
        if on_uneven == "refuse":
            raise GeometryError(f"{text}: no single spacing. Set on_uneven: resample to interpolate.")
        warnings.append(f"uneven: {text}, interpolated to one spacing")


def stack_slices(files: Sequence[SliceFile], *, padding: Literal["keep", "air"] = "keep") -> np.ndarray:
    """Decode and rescale slices, each by its own slope and intercept.

    Returns:
        (X, Y, Z) = (columns, rows, slices): int16 where all values are whole and fit, else float32.

    Raises:
        PixelError: as :func:`load_series`.
    """
    rows, columns = int(files[0].dataset.Rows), int(files[0].dataset.Columns)
    if rows * columns * len(files) > _MAX_VOXELS:
        raise PixelError(f"{columns} x {rows} x {len(files)} voxels, at most {_MAX_VOXELS} can be read.")
    scales = [(file.number("RescaleSlope", 1.0), file.number("RescaleIntercept", 0.0)) for file in files]
    whole = all(slope.is_integer() and intercept.is_integer() for slope, intercept in scales)
    stacked = np.empty((len(files), rows, columns), dtype=np.int32 if whole else np.float32)
    for number, (file, (slope, intercept)) in enumerate(zip(files, scales, strict=True)):
        stored = decode(file, number + 1)
        out = stacked[number]
        if whole:
            np.multiply(stored, int(slope), out=out, casting="unsafe")
            out += int(intercept)
        else:
            np.multiply(stored, np.float64(slope), out=out, casting="unsafe")
            out += np.float32(intercept)
        if padding == "air":
            is_padding = _padding_mask(file, stored)
            if is_padding is not None:
                out[is_padding] = AIR_HU
    if whole and stacked.min() >= -32768 and stacked.max() <= 32767:
        stacked = stacked.astype(np.int16)
    elif whole:
        stacked = stacked.astype(np.float32)
    return np.ascontiguousarray(stacked.transpose(2, 1, 0))


def decode(file: SliceFile, number: int) -> np.ndarray:
    """Stored values (rows, columns) of one slice, integers, as its header describes them.

    Raises:
        PixelError: if the pixel data are missing, short, or in a syntax without a decoder; names the syntax.
    """
    if not file.has_pixels:
        file = parse_file(file.path, with_pixels=True)
        if file.reason not in (None, "localizer"):
            raise PixelError(f"Slice {number}: {file.reason}. Export the series again.")
    dataset = file.dataset
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    allocated = int(dataset.get("BitsAllocated") or 16)
    if (syntax is None or not syntax.is_compressed) and allocated in (8, 16):
        return _plain_pixels(dataset, big_endian=syntax is not None and not syntax.is_little_endian)
    try:
        values = dataset.pixel_array
    except Exception as error:  # decoders raise their own kinds
        name = getattr(syntax, "name", "unknown transfer syntax")
        raise PixelError(f"Slice {number} cannot be decoded ({name}). Export it again, uncompressed.") from error
    if values.shape != (int(dataset.Rows), int(dataset.Columns)):
        raise PixelError(f"Slice {number} decodes to {values.shape}, expected {(dataset.Rows, dataset.Columns)}.")
    return values


def _plain_pixels(dataset: object, *, big_endian: bool) -> np.ndarray:
    """Uncompressed values; junk above HighBit is masked and the sign extended (DICOM PS3.5 8.1.1)."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    allocated, stored = int(dataset.get("BitsAllocated") or 16), int(dataset.get("BitsStored") or 16)
    high = int(dataset.get("HighBit", stored - 1) or stored - 1)
    is_signed = int(dataset.get("PixelRepresentation") or 0) == 1
    dtype = np.dtype(f"{'>' if big_endian else '<'}{'i' if is_signed else 'u'}{allocated // 8}")
    values = np.frombuffer(dataset.PixelData, dtype=dtype, count=rows * columns).reshape(rows, columns)
    if stored < allocated or high != allocated - 1:
        left = allocated - 1 - high
        native = values.astype(dtype.newbyteorder("="))
        values = (native << left) >> (allocated - stored)  # arithmetic for signed types: extends the sign
    return values


def _padding_mask(file: SliceFile, stored: np.ndarray) -> np.ndarray | None:
    value = file.dataset.get("PixelPaddingValue")
    if value is None or isinstance(value, bytes):
        return None
    limit = file.dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None or isinstance(limit, bytes) else limit)))
    return (stored >= low) & (stored <= high)


def _to_even(array: np.ndarray, files: Sequence[SliceFile], stack: Stack) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate slices linearly between their real positions to one spacing.

    Raises:
        GeometryError: if slices also move within their plane otherwise than along one line.
    """
    positions = np.array([file.position for file in files])
    offsets = stack.offsets_mm - stack.offsets_mm[0]
    direction = (positions[-1] - positions[0]) / offsets[-1]  # LPS mm per mm along the normal
    if np.abs(positions - positions[0] - offsets[:, None] * direction).max() > 1.0:
        raise GeometryError("Slices lie neither on one line nor evenly spaced: no volume without a guess.")
    spacing = float(np.diff(offsets).min())
    if not stack.gaps:
        spacing = max(spacing, min(_FINEST_MM, float(np.median(np.diff(offsets)))))
    else:
        spacing = float(np.median(np.diff(offsets)))
    wanted = np.arange(int(offsets[-1] / spacing + 1e-3) + 1) * spacing
    upper = np.clip(np.searchsorted(offsets, wanted, side="left"), 1, len(offsets) - 1)
    share = ((wanted - offsets[upper - 1]) / (offsets[upper] - offsets[upper - 1])).clip(0, 1).astype(np.float32)
    even = np.empty((*array.shape[:2], len(wanted)), dtype=np.float32)
    for index, (top, weight) in enumerate(zip(upper, share, strict=True)):
        even[..., index] = array[..., top - 1] * (1 - weight) + array[..., top] * weight
    if array.dtype == np.int16:
        even = np.rint(even).astype(np.int16)
    return even, direction * spacing
