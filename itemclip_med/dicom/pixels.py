"""From the slices of a series to a volume in HU (CT) or rescaled units (MR)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from itemclip_med.dicom.decoding import decode_with_loss
from itemclip_med.dicom.elements import numbers_of
from itemclip_med.dicom.geometry import Stack, build_affine, order_slices
from itemclip_med.dicom.headers import SliceFile
from itemclip_med.dicom.series import DicomSeries
from itemclip_med.dicom.volume import AIR_HU, Volume
from itemclip_med.errors import GeometryError, PixelError

MAX_VOXELS = 2**30  # 4 GiB while slices are stacked
_FINEST_MM = 1.0
_MAX_STRETCH = 64  # slices of an evenly spaced volume per slice that was acquired


def load_series(
    series: DicomSeries,
    *,
    on_gap: Literal["refuse", "report"] = "refuse",
    on_uneven: Literal["resample", "refuse"] = "resample",
    padding: Literal["keep", "air"] = "keep",
    monochrome1: Literal["keep", "invert"] = "keep",
) -> Volume:
    """Load one series.

    Args:
        series: from :func:`itemclip_med.dicom.discover`.
        on_gap: where slices are missing: refuse the series, or interpolate them linearly and say so.
        on_uneven: where the spacing changes within the series: interpolate to one spacing, or refuse.
        padding: what becomes of PixelPaddingValue and its range in CT: kept, or air (-1024 HU).
        monochrome1: where dark and bright are exchanged: keep the values, or invert them (max + min - x) and say so.

    Returns:
        The volume with axes (columns, rows, slices), slices ascending along row x column direction.

    Raises:
        GeometryError: if the slices make no volume, or one is missing; names the places.
        PixelError: if a slice cannot be decoded, names its number; or the volume would have more than 2**30 voxels.
    """
    if series.reason is not None:
        raise GeometryError(f"The series is no volume: {series.reason}.")
    files = series.slices
    stack = order_slices(files[0].orientation, np.array([file.position for file in files]))
    ordered = [files[index] for index in stack.order]
    warnings = list(series.notes)
    _judge(stack, on_gap, on_uneven, warnings)
    array, remarks = stack_slices(
        ordered, padding=padding if series.modality == "CT" else "keep", monochrome1=monochrome1
    )
    warnings += remarks
    if series.has_burned_in:
        warnings.append("burned-in annotation: the pixels may hold text")
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
        (X, Y, Z) = (columns, rows, slices), int16 where all values are whole and fit, else float32; and what a reader
        of the values should know.

    Raises:
        PixelError: as :func:`load_series`.
    """
    rows, columns = files[0].shape
    if rows * columns * len(files) > MAX_VOXELS:
        raise PixelError(f"{columns} x {rows} x {len(files)} voxels, at most {MAX_VOXELS} can be read.")
    scales = [(file.number("RescaleSlope", 1.0) or 1.0, file.number("RescaleIntercept", 0.0)) for file in files]
    whole = all(
        slope.is_integer() and intercept.is_integer() and abs(slope) * 2**16 + abs(intercept) < 2**31
        for slope, intercept in scales
    ) and all(file.pixels is None or file.pixels.format.allocated <= 16 for file in files)
    inverted = monochrome1 == "invert" and _is_monochrome1(files[0])
    stacked = np.empty((len(files), rows, columns), dtype=np.int32 if whole else np.float32)
    masks: list[np.ndarray | None] = []
    is_lossy = any("01" in file.text("LossyImageCompression") for file in files)
    for number, (file, (slope, intercept)) in enumerate(zip(files, scales, strict=True)):
        try:
            stored, lost = decode_with_loss(file)
        except PixelError as error:
            raise PixelError(f"Slice {number + 1} of {len(files)}: {error}. Export the series again.") from error
        is_lossy |= lost
        out = stacked[number]
        if whole:
            np.multiply(stored, int(slope), out=out, casting="unsafe", dtype=np.int32)
            out += int(intercept)
        else:
            out[...] = stored * np.float64(slope) + np.float64(intercept)
        if inverted:
            masks.append(padding_mask(file, stored))
        elif padding == "air" and (mask := padding_mask(file, stored)) is not None:
            out[mask] = AIR_HU
    warnings = ["lossy compressed: values are not exact"] if is_lossy else []
    if any(file.number("RescaleSlope", 1.0) == 0 for file in files):
        warnings.append("RescaleSlope 0 was taken as 1")
    if inverted:
        _invert(stacked, masks, padding)
        warnings.append("MONOCHROME1: inverted")
    elif _is_monochrome1(files[0]):
        warnings.append("MONOCHROME1: values are as stored, not inverted")
    if whole and stacked.min() >= -32768 and stacked.max() <= 32767:
        stacked = stacked.astype(np.int16)
    elif whole:
        stacked = stacked.astype(np.float32)
    return np.ascontiguousarray(stacked.transpose(2, 1, 0)), warnings


def _is_monochrome1(file: SliceFile) -> bool:
    return file.text("PhotometricInterpretation") == "MONOCHROME1"


def _invert(stacked: np.ndarray, masks: Sequence[np.ndarray | None], padding: str) -> None:
    """Turn dark into bright over the whole volume, in place; padding becomes air or stays what it is."""
    limits = []
    for out, mask in zip(stacked, masks, strict=True):
        values = out if mask is None else out[~mask]
        if values.size:
            limits.append((values.min(), values.max()))
    if not limits:
        return
    total = min(low for low, _ in limits) + max(high for _, high in limits)
    for out, mask in zip(stacked, masks, strict=True):
        if mask is None:
            np.subtract(total, out, out=out)
        else:
            out[~mask] = total - out[~mask]
            if padding == "air":
                out[mask] = AIR_HU


def padding_mask(file: SliceFile, stored: np.ndarray) -> np.ndarray | None:
    """Where stored values are padding: equal to PixelPaddingValue, or between it and PixelPaddingRangeLimit.

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
    num_wanted = int(offsets[-1] / spacing + 1e-3) + 1
    if num_wanted > _MAX_STRETCH * len(offsets) or num_wanted * array[..., 0].size > MAX_VOXELS:
        raise GeometryError(
            f"{len(offsets)} slices over {offsets[-1]:.0f} mm, the nearest {spacing:.2f} mm apart: no volume without a "
            "guess."
        )
    wanted = np.arange(num_wanted) * spacing
    upper = np.clip(np.searchsorted(offsets, wanted, side="left"), 1, len(offsets) - 1)
    share = ((wanted - offsets[upper - 1]) / (offsets[upper] - offsets[upper - 1])).clip(0, 1).astype(np.float32)
    even = np.empty((*array.shape[:2], len(wanted)), dtype=np.float32)
    for index, (top, weight) in enumerate(zip(upper, share, strict=True)):
        even[..., index] = array[..., top - 1] * (1 - weight) + array[..., top] * weight
    if array.dtype == np.int16:
        even = np.rint(even).astype(np.int16)
    return even, direction * spacing
