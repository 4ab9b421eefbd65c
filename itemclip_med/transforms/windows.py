"""HU windows: one CT volume becomes what a radiologist looks at, as channels or as named series."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from torch import Tensor

from itemclip_med.errors import ModelError
from itemclip_med.transforms.scaling import HEAD_WINDOWS_HU, check_windows, window_bounds


class HUWindows(Transform):
    """Cut windows out of a CT volume in HU and scale each to 0..1; one channel per window.

    Args:
        windows_hu: name to (center, width) in HU; None: brain 40/80, blood 80/200, bone 600/2800.

    Raises:
        ModelError: if a window has no width or is no pair of numbers.
    """

    def __init__(self, windows_hu: Mapping[str, Sequence[float]] | None = None) -> None:
        self.windows_hu = check_windows(HEAD_WINDOWS_HU if windows_hu is None else windows_hu)

    def __call__(self, volume: Tensor) -> Tensor:
        """Turn (1, …) HU into (W, …) float32 in 0..1; a MetaTensor keeps its affine and its history.

        Raises:
            ModelError: if the volume has more than one channel.
        """
        if volume.shape[0] != 1:
            raise ModelError(f"HUWindows got {volume.shape[0]} channels, expected 1 channel in HU.")
        values = volume.as_tensor() if isinstance(volume, MetaTensor) else torch.as_tensor(volume)
        out = torch.empty((len(self.windows_hu), *values.shape[1:]), dtype=torch.float32, device=values.device)
        for channel, window in zip(out, self.windows_hu.values(), strict=True):
            low, high = window_bounds(window)
            torch.sub(values[0], low, out=channel)
            channel.div_(high - low).clamp_(0, 1)
        return MetaTensor(out).copy_meta_from(volume) if isinstance(volume, MetaTensor) else out


class HUWindowsd(MapTransform):
    """:class:`HUWindows` on entries of a dictionary.

    Args:
        keys: entries with one HU volume (1, …) each.
        windows_hu: as in :class:`HUWindows`.
        windows_as: "channels" puts the windows into the entry as W channels; "series" replaces the entry by one
            entry ``<key>_<window>`` of 1 channel per window.
        allow_missing_keys: skip entries that are not there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        windows_hu: Mapping[str, Sequence[float]] | None = None,
        windows_as: Literal["channels", "series"] = "channels",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if windows_as not in ("channels", "series"):
            raise ModelError(f"windows_as is {windows_as!r}, expected channels or series.")
        self.windows = HUWindows(windows_hu)
        self.windows_as = windows_as

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Window every entry; see :class:`HUWindows`."""
        out = dict(data)
        for key in self.key_iterator(data):
            channels = self.windows(data[key])
            if self.windows_as == "channels":
                out[key] = channels
                continue
            del out[key]
            for number, name in enumerate(self.windows.windows_hu):
                out[f"{key}_{name}"] = channels[number : number + 1]
        return out
