"""From a file to its series, and from a series to the volume that every source format gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from itemclip_med.errors import FormatError
from itemclip_med.formats import itk, nifti, npz
from itemclip_med.formats.files import FORMATS, FileGroup, format_of
from itemclip_med.formats.hu import require_hu
from itemclip_med.formats.rules import FileRules
from itemclip_med.formats.series import FileSeries, FileStudy, Header
from itemclip_med.formats.voxels import rescale
from itemclip_med.volumes import AIR_HU, Volume, is_sheared

_MIN_SLICES = 3
_TILT = 1e-2


def read_group(group: FileGroup) -> FileStudy:
    """Read the headers of a study's files; what cannot be read becomes a series with a reason."""
    study = FileStudy(group.name, digest=group.digest)
    if group.problem is not None:
        study.series = [
            FileSeries(path, name, "", group.rules, group.rules.modality, reason=group.problem)
            for path, name in zip(group.files, group.names, strict=True)
        ]
        return study
    for path, name in zip(group.files, group.names, strict=True):
        study.series += _series_of(path, name, group.rules)
    return study


def load_file_series(series: FileSeries) -> Volume:
    """Load one series.

    Returns:
        The volume with axes (X, Y, Z); HU for CT.

    Raises:
        FormatError: if it is no volume, cannot be read, or (CT) is not in Hounsfield units; never names the file.
    """
    if series.header is None or series.reason is not None:
        raise FormatError(f"The file is no volume: {series.reason}")
    array = _read_array(series)
    if array.shape != series.header.shape:
        raise FormatError(f"The file holds {array.shape} voxels, its header said {series.header.shape}.")
    warnings = list(series.header.warnings)
    if array.dtype.kind == "f":
        array = _without_nan(array, series.modality, warnings)
    rules = series.rules
    if (rules.slope, rules.intercept) != (1.0, 0.0):
        array = rescale(array, rules.slope, rules.intercept)
    if series.modality == "CT" and rules.check_hu:
        require_hu(array)
    affine = series.header.affine
    name = series.name or series.format.upper()
    return Volume(array, affine, series.modality, name, tuple(warnings), is_tilted=is_sheared(affine, _TILT))


def read_volume(path: Path | str, rules: FileRules | None = None) -> Volume:
    """Read one file by itself.

    Args:
        path: a file of one of ``FORMATS``.
        rules: what the file does not say; without them it is CT where values below -200 say so, else MR.

    Raises:
        FormatError: if it cannot be read or holds not exactly one volume; names the file.
    """
    path = Path(path)
    guessed = rules is None
    rules = rules or FileRules("MR")
    try:
        (series, *others) = _series_of(path, path.name, rules)
        if others:
            raise FormatError(f"it holds {1 + len(others)} volumes, expected one.")
        if series.reason is not None:
            raise FormatError(series.reason)
        volume = load_file_series(series)
    except FormatError as error:
        raise FormatError(f"{path.name}: {error}") from error
    if guessed and volume.array.min() < -200:
        return Volume(volume.array, volume.affine, "CT", volume.name, volume.warnings, is_tilted=volume.is_tilted)
    return volume


def _series_of(path: Path, name: str, rules: FileRules) -> list[FileSeries]:
    found = format_of(path.name)
    kind = found[0] if found else ""
    try:
        header = _read_header(path, kind, rules)
    except FormatError as error:
        return [FileSeries(path, name, kind, rules, rules.modality, reason=str(error))]
    series = FileSeries(path, name, kind, rules, rules.modality, header=header)
    if min(header.shape) < _MIN_SLICES:
        series.reason = f"too few slices for a volume (fewer than {_MIN_SLICES})"
    if header.num_volumes == 1:
        return [series]
    if rules.on_4d == "refuse":
        series.reason = "several volumes in one file (set files: on_4d: split in the recipe)"
        return [series]
    return [
        FileSeries(path, f"{name}:{number:04d}", kind, rules, rules.modality, header=header, volume=number,
                   reason=series.reason)
        for number in range(header.num_volumes)
    ]  # fmt: skip


def _read_header(path: Path, kind: str, rules: FileRules) -> Header:
    if kind == "nifti":
        return nifti.read_header(path, rules)
    if kind == "npz":
        return npz.read_header(path, rules)
    if kind == "itk":
        return itk.read_header(path, rules)
    suffixes = ", ".join(suffix for names in FORMATS.values() for suffix in names)
    raise FormatError(f"it is of no known format, expected {suffixes}.")


def _read_array(series: FileSeries) -> np.ndarray:
    if series.format == "nifti":
        return nifti.read_array(series.path, series.volume)
    if series.format == "npz":
        return npz.read_array(series.path, series.rules)
    return itk.read_array(series.path, series.volume)


def _without_nan(array: np.ndarray, modality: str, warnings: list[str]) -> np.ndarray:
    bad = ~np.isfinite(array)
    num_bad = int(bad.sum())
    if not num_bad:
        return array
    if num_bad == array.size:
        raise FormatError("The file holds no finite number.")
    fill = float(AIR_HU) if modality == "CT" else float(array[~bad].min())
    warnings.append(f"{num_bad} voxels without a number became {fill:g}")
    return np.where(bad, np.float32(fill), array)
