"""From the slices of a series to a volume in HU (CT) or rescaled units (MR)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from itemclip_med.dicom.geometry import Stack, build_affine, order_slices
from itemclip_med.dicom.series import DicomSeries
from itemclip_med.dicom.slices import SliceFile
from itemclip_med.dicom.stacking import MAX_VOXELS, stack_slices
from itemclip_med.dicom.volume import Volume
from itemclip_med.errors import GeometryError

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
    even = np.empty((len(wanted), *array.shape[1::-1]), dtype=array.dtype).transpose(2, 1, 0)
    for index, (top, weight) in enumerate(zip(upper, share, strict=True)):
        between = array[..., top - 1] * (1 - weight) + array[..., top] * weight
        even[..., index] = between if array.dtype != np.int16 else np.rint(between)
    return even, direction * spacing
