"""A series of any source format as MetaTensor, ready for any MONAI pipeline."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from itemclip_med.dicom import DicomSeries, load_series
from itemclip_med.formats import FileSeries, load_file_series, read_volume
from itemclip_med.volumes import AIR_HU, Volume


class LoadSeries(Transform):
    """Load one series into (1, X, Y, Z), axes flipped and permuted to the nearest R, A, S.

    A tilted stack is resampled to right angles. Metadata hold ``affine``, ``name``, ``modality``, ``warnings`` and
    ``sop_uids``.

    Args:
        padding: CT: what becomes of voxels outside the scanner's circle, "air" (-1024 HU) or "keep"; in files that do
            not mark them, of voxels below air.
        on_gap: DICOM: "refuse" a series with missing slices, or "report": interpolate them and say so.
        on_uneven: DICOM: "resample" a series with changing spacing, or "refuse" it.
        monochrome1: DICOM: "invert" what is stored with dark and bright exchanged (max + min - x over the volume), or
            "keep".
    """

    def __init__(
        self,
        padding: Literal["keep", "air"] = "air",
        on_gap: Literal["refuse", "report"] = "refuse",
        on_uneven: Literal["resample", "refuse"] = "resample",
        monochrome1: Literal["keep", "invert"] = "invert",
    ) -> None:
        self.padding = padding
        self.on_gap = on_gap
        self.on_uneven = on_uneven
        self.monochrome1 = monochrome1

    def __call__(self, series: DicomSeries | FileSeries | Volume | str | Path) -> MetaTensor:
        """Load a series found by :mod:`itemclip_med.dicom` or :mod:`itemclip_med.formats`, or a file by its path.

        Raises:
            GeometryError: if the slices make no volume.
            PixelError: if a slice cannot be decoded.
            FormatError: if a file is no volume that can be read.
        """
        if isinstance(series, Volume):
            volume = series
        elif isinstance(series, DicomSeries):
            volume = load_series(
                series,
                on_gap=self.on_gap,
                on_uneven=self.on_uneven,
                padding=self.padding,
                monochrome1=self.monochrome1,
            )
        else:
            volume = load_file_series(series) if isinstance(series, FileSeries) else read_volume(series)
            if volume.modality == "CT" and self.padding == "air":
                air = np.asarray(AIR_HU, volume.array.dtype)
                volume = replace(volume, array=np.maximum(volume.array, air))
        fill = float(AIR_HU) if volume.modality == "CT" else float(volume.array.min())
        volume = volume.straightened(fill).to_canonical()
        array = volume.array
        if min(array.strides) < 0:  # flipped axes; the copy keeps slices together, as they are read
            array = array.copy(order="K")
        tensor = torch.from_numpy(array)[None]
        meta = {
            "name": volume.name,
            "modality": volume.modality,
            "warnings": list(volume.warnings),
            "sop_uids": list(volume.sop_uids),
        }
        return MetaTensor(tensor, affine=torch.as_tensor(volume.affine, dtype=torch.float64), meta=meta)


class LoadSeriesd(MapTransform):
    """:class:`LoadSeries` for entries of a dictionary; arguments as there."""

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False, **options: Any) -> None:
        super().__init__(keys, allow_missing_keys)
        self.load = LoadSeries(**options)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Load the series under each key."""
        loaded = dict(data)
        for key in self.key_iterator(loaded):
            loaded[key] = self.load(loaded[key])
        return loaded
