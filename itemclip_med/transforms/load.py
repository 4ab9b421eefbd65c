"""A DICOM series or a NIfTI file as MetaTensor, ready for any MONAI pipeline."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from itemclip_med.dicom import AIR_HU, DicomSeries, Volume, load_series
from itemclip_med.errors import FormatError


class LoadSeries(Transform):
    """Load one series into (1, X, Y, Z), axes flipped and permuted to the nearest R, A, S.

    A tilted stack is resampled to right angles. Metadata hold ``affine``, ``name``, ``modality``, ``warnings`` and
    ``sop_uids``.

    Args:
        padding: CT: what becomes of voxels outside the scanner's circle, "air" (-1024 HU) or "keep".
        on_gap: "refuse" a series with missing slices, or "report": interpolate them and say so.
        on_uneven: "resample" a series with changing spacing, or "refuse" it.
        monochrome1: "invert" what is stored with dark and bright exchanged (max + min - x over the volume), or "keep".
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

    def __call__(self, series: DicomSeries | Volume | str | Path) -> MetaTensor:
        """Load a series found by :mod:`itemclip_med.dicom`, or a NIfTI file.

        Raises:
            GeometryError: if the slices make no volume.
            PixelError: if a slice cannot be decoded.
            FormatError: if a file is no 3D NIfTI.
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
            volume = _read_nifti(Path(series))
        fill = float(AIR_HU) if volume.modality == "CT" else float(volume.array.min())
        volume = volume.straightened(fill).to_canonical()
        tensor = torch.from_numpy(np.ascontiguousarray(volume.array))[None]
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


def _read_nifti(path: Path) -> Volume:
    import nibabel as nib

    try:
        image = nib.load(path)
        array = np.asarray(image.dataobj, dtype=np.float32)
    except Exception as error:  # nibabel raises its own kinds, zlib's and OSError
        raise FormatError(f"{path.name} cannot be read as NIfTI ({type(error).__name__}).") from error
    if array.ndim != 3:
        raise FormatError(f"{path.name} has {array.ndim} dimensions, expected three.")
    axes = image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
    is_tilted = bool(np.abs(axes.T @ axes - np.eye(3)).max() > 1e-2)
    modality = "CT" if array.min() < -200 else "MR"
    return Volume(array, np.asarray(image.affine), modality, "NIFTI", is_tilted=is_tilted)
