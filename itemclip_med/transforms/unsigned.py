"""CT whose negative values were written into 12 unsigned bits: brought back below zero."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from torch import Tensor

from itemclip_med.formats.hu import is_wrapped

_RANGE = 4096  # 12 bits
_LOWEST_HU = -1000


class UnwrapUnsigned(Transform):
    """Bring wrapped values back: ``(x + 1000) mod 4096 - 1000``, where a volume shows that it needs it.

    Some slices of RSNA 2019 have an intercept near 0 and no sign: what should be -1000 stands there as 3096. Such a
    volume holds no air and more than 2 % of its voxels above 2800 HU, which no head does; any other volume is returned
    as it is. Values that were not wrapped stay as they are.

    Sources:
        Solutions of the RSNA 2019 challenge on Kaggle, which share this correction.
    """

    def __call__(self, volume: Tensor) -> Tensor:
        """Unwrap (1, X, Y, Z); a MetaTensor keeps its affine and says in ``warnings`` that it was unwrapped."""
        values = volume.as_tensor() if isinstance(volume, MetaTensor) else torch.as_tensor(volume)
        if not is_wrapped(values.numpy()):
            return volume
        high = values >= _RANGE + _LOWEST_HU
        out = torch.where(high, values - _RANGE, values)
        if not isinstance(volume, MetaTensor):
            return out
        unwrapped = MetaTensor(out).copy_meta_from(volume)
        note = "values of 12 unsigned bits were brought back below zero"
        unwrapped.meta["warnings"] = [*volume.meta.get("warnings", []), note]
        return unwrapped


class UnwrapUnsignedd(MapTransform):
    """:class:`UnwrapUnsigned` on entries of a dictionary.

    Args:
        keys: entries (1, X, Y, Z) in Hounsfield units.
        allow_missing_keys: skip entries that are not there.
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = UnwrapUnsigned()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Unwrap every entry that needs it."""
        out = dict(data)
        for key in self.key_iterator(data):
            out[key] = self.transform(data[key])
        return out
