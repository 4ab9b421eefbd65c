"""Numbers that show which stored series are unlike the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from itemclip_med.errors import StoreError
from itemclip_med.records import Series, Study
from itemclip_med.store import Store

HU_EDGES = np.linspace(-1050.0, 1650.0, 55)
_UNUSUAL = 6.0  # in robust standard deviations
_LEAST = 5  # series of one kind that can say what is usual
# Name -> (unit, smallest standard deviation that is taken for real).
_CHECKED = {
    "spacing along x": ("mm", 0.05),
    "spacing along y": ("mm", 0.05),
    "spacing along z": ("mm", 0.25),
    "extent along x": ("mm", 10.0),
    "extent along y": ("mm", 10.0),
    "extent along z": ("mm", 20.0),
    "1st percentile": ("", 5.0),
    "median": ("", 5.0),
    "99th percentile": ("", 20.0),
    "share of the commonest value": ("%", 3.0),
}


@dataclass(frozen=True, eq=False)
class SeriesQuality:
    """One stored series, in numbers.

    Attributes:
        study_id: its study.
        number: its place in the study.
        series: its record.
        numbers: name to value, the names of ``_CHECKED``.
        histogram: share of voxels between ``HU_EDGES`` for CT, between the 0.5th and 99.5th percentile for others.
        remarks: what is unusual, the most unusual first, and the warnings of the record.
        unusual: largest deviation from the median of its kind, in robust standard deviations.
        slices: pictures, uint8 (rows, columns) each: three axial, a coronal, a sagittal one, radiological view.
    """

    study_id: str
    number: int
    series: Series
    numbers: Mapping[str, float]
    histogram: np.ndarray
    slices: tuple[np.ndarray, ...]
    remarks: tuple[str, ...] = ()
    unusual: float = 0.0


@dataclass
class Quality:
    """Series of a store, the most unusual first.

    Attributes:
        series: those that were looked at.
        num_studies: studies that were looked at.
        unreadable: what could not be read, in words.
    """

    series: list[SeriesQuality]
    num_studies: int
    unreadable: list[str] = field(default_factory=list)


def measure_quality(store: Store, *, max_studies: int = 200, seed: int = 0) -> Quality:
    """Look at the studies of a store.

    Args:
        store: an open store.
        max_studies: more are drawn from, except those whose records hold warnings, which come first.
        seed: of the draw.
    """
    found, unreadable = [], []
    studies = _some(store.studies, max_studies, seed)
    for study in studies:
        for number, series in enumerate(study.series):
            try:
                found.append(_measure(study.study_id, number, series, store.read(series)))
            except StoreError as error:
                unreadable.append(f"Study {study.study_id[:16]}, series {number}: {error}")
    judged = _judge(found)
    judged.sort(key=lambda entry: (-entry.unusual, not entry.remarks, entry.study_id, entry.number))
    return Quality(judged, len(studies), unreadable)


def _some(studies: Sequence[Study], num: int, seed: int) -> list[Study]:
    if len(studies) <= num:
        return list(studies)
    order = np.random.default_rng(seed).permutation(len(studies))
    warned = sorted(order, key=lambda index: not any(series.warnings for series in studies[index].series))
    return [studies[index] for index in sorted(warned[:num])]


def _measure(study_id: str, number: int, series: Series, array: np.ndarray) -> SeriesQuality:
    low, first, median, last, high = (float(value) for value in np.percentile(array, (0.5, 1, 50, 99, 99.5)))
    counts = np.unique(array[::2, ::2], return_counts=True)[1]
    extent = np.array(series.shape) * series.spacing_mm
    measured = (*series.spacing_mm, *extent, first, median, last, 100.0 * counts.max() / counts.sum())
    edges = HU_EDGES if series.modality == "CT" else np.linspace(low, max(high, low + 1), len(HU_EDGES))
    histogram = np.histogram(np.clip(array, edges[0], edges[-1]), edges)[0] / array.size
    window = _window(series, array) or (low, high)
    numbers = dict(zip(_CHECKED, (float(value) for value in measured), strict=True))
    return SeriesQuality(study_id, number, series, numbers, histogram, _pictures(array, series, window))


def _window(series: Series, array: np.ndarray) -> tuple[float, float] | None:
    """Lowest and highest HU shown of a CT: soft tissue of the chest where there is much lung, else of the brain."""
    if series.modality != "CT" or "BONE" in series.name:
        return None
    inner = array[tuple(slice(size // 4, max(3 * size // 4, size // 4 + 1)) for size in array.shape)]
    lung = ((inner > -950) & (inner < -600)).mean()
    return (-160.0, 240.0) if lung > 0.15 else (0.0, 80.0)


def _pictures(array: np.ndarray, series: Series, window: tuple[float, float]) -> tuple[np.ndarray, ...]:
    """Axial slices at 30, 50 and 70 % of the height, the middle coronal and sagittal ones; pixels are square in mm."""
    import nibabel as nib

    change = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(np.array(series.affine)), nib.orientations.axcodes2ornt("LAS")
    )
    array = nib.orientations.apply_orientation(array, change)
    spacing = np.array(series.spacing_mm)[np.argsort(change[:, 0])]
    planes = [(2, 0.3), (2, 0.5), (2, 0.7), (1, 0.5), (0, 0.5)]
    return tuple(_picture(array, spacing, axis, share, window) for axis, share in planes)


def _picture(
    array: np.ndarray, spacing: np.ndarray, axis: int, share: float, window: tuple[float, float], height: int = 120
) -> np.ndarray:
    plane = np.take(array, int(share * (array.shape[axis] - 1)), axis=axis)
    across, up = (spacing[other] * size for other, size in zip(_others(axis), plane.shape, strict=True))
    width = int(np.clip(round(height * across / up), height // 3, 3 * height))
    columns = np.linspace(0, plane.shape[0] - 1, width).round().astype(int)
    rows = np.linspace(plane.shape[1] - 1, 0, height).round().astype(int)
    values = plane[np.ix_(columns, rows)].T.astype(np.float32)
    low, high = window
    return np.clip(255 * (values - low) / max(high - low, 1e-6), 0, 255).astype(np.uint8)


def _others(axis: int) -> tuple[int, int]:
    first, second = (other for other in range(3) if other != axis)
    return first, second


def _judge(found: Iterable[SeriesQuality]) -> list[SeriesQuality]:
    """Hold each series against the median of its kind (modality and technical name)."""
    kinds: dict[tuple[str, str], list[SeriesQuality]] = defaultdict(list)
    for entry in found:
        kinds[entry.series.modality, entry.series.name].append(entry)
    judged = []
    for (_, name), entries in kinds.items():
        table = np.array([list(entry.numbers.values()) for entry in entries])
        usual = np.median(table, axis=0)
        least = np.array([smallest for _, smallest in _CHECKED.values()])
        spread = np.maximum(1.4826 * np.median(np.abs(table - usual), axis=0), least)
        deviations = np.abs(table - usual) / spread
        for entry, row, values in zip(entries, deviations, table, strict=True):
            remarks = list(entry.series.warnings)
            unusual = 0.0
            if len(entries) >= _LEAST:
                unusual = float(row.max())
                remarks[:0] = [
                    f"{list(_CHECKED)[index]} is {_with_unit(values[index], index)}, "
                    f"the median of {len(entries)} {name or 'series'} is {_with_unit(usual[index], index)}"
                    for index in np.argsort(-row)[:3]
                    if row[index] >= _UNUSUAL
                ]
            judged.append(
                SeriesQuality(
                    entry.study_id,
                    entry.number,
                    entry.series,
                    entry.numbers,
                    entry.histogram,
                    entry.slices,
                    tuple(remarks),
                    unusual if unusual >= _UNUSUAL else 0.0,
                )
            )
    return judged


def _with_unit(value: float, index: int) -> str:
    unit = list(_CHECKED.values())[index][0]
    return f"{value:.4g} {unit}".strip()
