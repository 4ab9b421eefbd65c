"""The preprocessing contract of a model: from stored volumes to its input, saved beside its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from itemclip_med.errors import ModelError
from itemclip_med.transforms.fit import DEPTH_MODES, DepthMode, FitPlan, apply_plan, plan_crop, plan_resize
from itemclip_med.transforms.orient import Depth, depth_axcodes, reorient
from itemclip_med.transforms.scaling import (
    HEAD_WINDOWS_HU,
    MR_PERCENTILES,
    check_windows,
    percentile_bounds,
    window_bounds,
    windows_normalized,
)

if TYPE_CHECKING:
    from monai.transforms import Compose

MODEL_INPUT_VERSION = 1
_AIR_HU = -1024.0


@dataclass(frozen=True)
class ModelInput:
    """How volumes become a model's input; the same in training, evaluation and explanation.

    The input has axes (C, D, H, W), D through the slices. In axial slices anterior is in row 0 and the patient's left
    at the right edge, as on a radiologist's screen.

    Attributes:
        modality: "CT" or "MR".
        grid: voxels (D, H, W) of one series.
        windows_hu: CT: name to (center, width) in HU.
        windows_as: "series": every window is a series of its own with a name; "channels": windows are the channels
            of one series.
        percentiles: MR: lower and upper percentile that become 0 and 1; None for CT. uint8 is taken as scaled before.
        mean: subtracted after scaling to 0..1.
        std: divided by afterwards.
        max_series: acquisitions taken from one study at most, the first ones; the windows of one count as one.
        depth: plane of the slices; "auto": across the axis with the largest spacing.
        depth_mode: interpolation along depth.
        fit: "resize" stretches every volume to the grid; "crop" keeps its voxel size and pads or crops.
        in_plane_size: "resize": side of the resized slice before the crop to (H, W); None: no crop.

    Raises:
        ModelError: if the values do not fit together; names the field.

    Sources:
        golden/README.md 8.
    """

    modality: Literal["CT", "MR"] = "CT"
    grid: tuple[int, int, int] = (48, 224, 224)
    windows_hu: Mapping[str, tuple[float, float]] = field(default_factory=lambda: dict(HEAD_WINDOWS_HU))
    windows_as: Literal["series", "channels"] = "series"
    percentiles: tuple[float, float] | None = None
    mean: float = 0.449
    std: float = 0.226
    max_series: int = 10
    depth: Depth = "axial"
    depth_mode: DepthMode = "linear"
    fit: Literal["resize", "crop"] = "resize"
    in_plane_size: int | None = None

    def __post_init__(self) -> None:
        choices = {
            "modality": ("CT", "MR"),
            "windows_as": ("series", "channels"),
            "depth": ("auto", "axial", "coronal", "sagittal"),
            "depth_mode": DEPTH_MODES,
            "fit": ("resize", "crop"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ModelError(
                    f"Preprocessing: {name} is {getattr(self, name)!r}, expected one of {', '.join(allowed)}."
                )
        grid = self.grid
        if isinstance(grid, str) or len(grid) != 3 or any(int(n) != n or not 1 <= n <= 4096 for n in grid):
            raise ModelError(f"Preprocessing: grid is {grid!r}, expected three integers (D, H, W) from 1 to 4096.")
        object.__setattr__(self, "grid", tuple(int(n) for n in grid))
        if self.modality == "CT":
            object.__setattr__(self, "windows_hu", check_windows(self.windows_hu))
        elif self.percentiles is None:
            object.__setattr__(self, "percentiles", MR_PERCENTILES)
        if self.percentiles is not None:
            lower, upper = (float(value) for value in self.percentiles)
            if not 0 <= lower < upper <= 100:
                raise ModelError(
                    f"Preprocessing: percentiles are {self.percentiles!r}, expected 0 <= lower < upper <= 100."
                )
            object.__setattr__(self, "percentiles", (lower, upper))
        if not self.std > 0 or isinstance(self.max_series, bool) or self.max_series < 1:
            raise ModelError(f"Preprocessing: std {self.std}, max_series {self.max_series}; expected more than 0.")
        plan_resize(self.grid, self.grid, self.in_plane_size)

    @property
    def num_channels(self) -> int:
        """C of one series."""
        return len(self.windows_hu) if self.modality == "CT" and self.windows_as == "channels" else 1

    @property
    def series_per_volume(self) -> int:
        """Series that one volume becomes: its windows, or 1."""
        return len(self.windows_hu) if self.modality == "CT" and self.windows_as == "series" else 1

    @property
    def pad_value(self) -> float:
        """What fills padding before windows are cut: air, or what lies below every window; 0 for MR."""
        if self.modality == "MR":
            return 0.0
        return min(_AIR_HU, *(window_bounds(window)[0] for window in self.windows_hu.values()))

    def to_dict(self) -> dict[str, Any]:
        """The contract as it is written to ``preprocessing.json``."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        values["grid"] = list(self.grid)
        values["windows_hu"] = {name: list(window) for name, window in self.windows_hu.items()}
        values["percentiles"] = None if self.percentiles is None else list(self.percentiles)
        return {"format": "itemclip_med.model_input", "version": MODEL_INPUT_VERSION, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> ModelInput:
        """Build the contract from what :meth:`to_dict` wrote.

        Raises:
            ModelError: if there is nothing, the version is another one, or a field is unknown.
        """
        if not values:
            raise ModelError("The model was saved without its preprocessing: give a ModelInput when saving it.")
        values = dict(values)
        values.pop("format", None)
        version = values.pop("version", MODEL_INPUT_VERSION)
        if version != MODEL_INPUT_VERSION:
            raise ModelError(
                f"Preprocessing of version {version!r}, expected {MODEL_INPUT_VERSION}: "
                "use the release of itemclip_med that wrote it, or a newer one."
            )
        unknown = sorted(set(values) - {entry.name for entry in fields(cls)})
        if unknown:
            raise ModelError(f"Preprocessing: unknown fields {', '.join(unknown)}. Was it written by itemclip_med?")
        return cls(**values)

    def plan(self, size: Sequence[int]) -> FitPlan:
        """How a volume of ``size`` (D, H, W) comes onto the grid."""
        if self.fit == "crop":
            return plan_crop(size, self.grid)
        return plan_resize(size, self.grid, self.in_plane_size)

    def spatial(self) -> Compose:
        """The spatial part as invertible MONAI transforms: (1, X, Y, Z) MetaTensor to (1, D, H, W)."""
        from monai.transforms import Compose

        from itemclip_med.transforms.grid import DepthFirst, FitToGrid

        fit = FitToGrid(
            self.grid,
            fit=self.fit,
            in_plane_size=self.in_plane_size,
            depth_mode=self.depth_mode,
            pad_value=self.pad_value,
        )
        return Compose([DepthFirst(self.depth), fit])

    def spatial_array(self, array: np.ndarray | Tensor, affine: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """The spatial part on a plain array; the same numbers as :meth:`spatial`, without metadata.

        Args:
            array: (X, Y, Z), int16 HU, uint8, uint16 or floats.
            affine: (4, 4), voxel indices to RAS millimetres.

        Returns:
            (D, H, W) in the array's type (uint16 as int32), and its affine (4, 4), indices (d, h, w) to RAS mm.
        """
        affine = np.asarray(affine, dtype=np.float64)
        array, affine = reorient(np.asarray(array), affine, depth_axcodes(affine, self.depth))
        if array.dtype == np.uint16:
            array = array.astype(np.int32)
        volume = torch.from_numpy(np.ascontiguousarray(array))[None]
        plan = self.plan(volume.shape[1:])
        fitted = apply_plan(volume, plan, depth_mode=self.depth_mode, pad_value=self.pad_value)
        return fitted[0], affine @ plan.matrix()

    def intensity(self, volume: Tensor) -> Tensor:
        """Scale a volume's values: HU windows, or percentiles for MR; then mean and standard deviation.

        Args:
            volume: (D, H, W) or (1, D, H, W), in stored values.

        Returns:
            (S, C, D, H, W) float32: the series that the volume becomes.
        """
        volume = volume.as_tensor() if hasattr(volume, "as_tensor") else volume
        volume = volume[0] if volume.dim() == 4 else volume
        if self.modality == "CT":
            scaled = windows_normalized(volume, self.windows_hu, self.mean, self.std)
            return scaled[:, None] if self.windows_as == "series" else scaled[None]
        if volume.dtype == torch.uint8:
            scaled = volume.float() / 255
        else:
            low, high = percentile_bounds(volume, *(self.percentiles or MR_PERCENTILES))
            scaled = ((volume.float() - low) / max(high - low, 1e-6)).clamp_(0, 1)
        return ((scaled - self.mean) / self.std)[None, None]

    def series_names(self, name: str) -> list[str]:
        """Names of the series that the volume ``name`` becomes: with the window's name behind it, or as it is."""
        if self.series_per_volume == 1:
            return [name]
        return [f"{name}_{window[:1].upper()}{window[1:]}Window" for window in self.windows_hu]

    def assemble(self, fitted: Sequence[Tensor], names: Sequence[str]) -> tuple[Tensor, list[str], list[int]]:
        """Put the fitted volumes of one study together.

        Args:
            fitted: (D, H, W) each, from :meth:`spatial_array`.
            names: their names.

        Returns:
            Images (N, C, D, H, W) float32, N names, and for each of the N series the number of its volume.

        Raises:
            ModelError: if there is no volume, or names and volumes are not equally many.
        """
        if not fitted or len(fitted) != len(names):
            raise ModelError(f"{len(fitted)} volumes and {len(names)} names, expected equally many and at least one.")
        fitted, names = fitted[: self.max_series], names[: self.max_series]
        images = [self.intensity(volume) for volume in fitted]
        acquisition = [number for number, image in enumerate(images) for _ in range(len(image))]
        all_names = [series for name in names for series in self.series_names(name)]
        return images[0] if len(images) == 1 else torch.cat(images), all_names, acquisition

    def study_tensors(self, volumes: Sequence[Tensor], names: Sequence[str]) -> tuple[Tensor, list[str], list[int]]:
        """Turn the stored volumes of one study into the model's input.

        Args:
            volumes: MetaTensors (X, Y, Z) or (1, X, Y, Z) with their affine; plain tensors count as RAS.
            names: their names.

        Returns:
            As :meth:`assemble`.

        Raises:
            ModelError: as :meth:`assemble`.
        """
        fitted = []
        for volume in volumes[: self.max_series]:
            affine = volume.affine.numpy() if hasattr(volume, "affine") else np.eye(4)
            array = volume.as_tensor() if hasattr(volume, "as_tensor") else volume
            fitted.append(self.spatial_array(array[0] if array.dim() == 4 else array, affine)[0])
        return self.assemble(fitted, list(names)[: self.max_series])
