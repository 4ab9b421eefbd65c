"""MR intensities have no unit: percentiles of each volume become 0 and 1."""

from __future__ import annotations

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform
from monai.utils import TraceKeys
from torch import Tensor

from itemclip_med.errors import ModelError
from itemclip_med.transforms.mapped import MappedTransform
from itemclip_med.transforms.scaling import MR_PERCENTILES, percentile_bounds


class PercentileScale(InvertibleTransform):
    """Scale each channel so that two of its percentiles become 0 and 1, and clip what lies beyond.

    MONAI's ``ScaleIntensityRangePercentiles`` does the same without a way back and fails on large volumes with torch's
    quantile. The inverse gives the stored units again; what was clipped stays at the percentile.

    Args:
        lower: percentile that becomes 0, in percent.
        upper: percentile that becomes 1, in percent.

    Raises:
        ModelError: if they are no two percentiles in order.
    """

    def __init__(self, lower: float = MR_PERCENTILES[0], upper: float = MR_PERCENTILES[1]) -> None:
        if not 0 <= lower < upper <= 100:
            raise ModelError(f"PercentileScale: {lower} and {upper}, expected 0 <= lower < upper <= 100.")
        self.lower, self.upper = float(lower), float(upper)

    def __call__(self, volume: Tensor) -> MetaTensor:
        """Scale (C, …) of any type to float32 in 0..1; a channel of one value becomes 0."""
        volume = volume if isinstance(volume, MetaTensor) else MetaTensor(torch.as_tensor(volume))
        values = volume.as_tensor().to(torch.float32, copy=True)
        bounds = [percentile_bounds(channel, self.lower, self.upper) for channel in values]
        for channel, (low, high) in zip(values, bounds, strict=True):
            channel.sub_(low).div_(high - low if high > low else 1.0).clamp_(0, 1)
        out = MetaTensor(values).copy_meta_from(volume)
        self.push_transform(out, extra_info={"bounds": [list(pair) for pair in bounds]})
        return out

    def inverse(self, volume: MetaTensor) -> MetaTensor:
        """Back to the stored units, (C, X, Y, Z)."""
        bounds = self.pop_transform(volume)[TraceKeys.EXTRA_INFO]["bounds"]
        values = volume.as_tensor().to(torch.float32, copy=True)
        for channel, (low, high) in zip(values, bounds, strict=True):
            channel.mul_(float(high) - float(low)).add_(float(low))
        return MetaTensor(values).copy_meta_from(volume)


class PercentileScaled(MappedTransform):
    """:class:`PercentileScale` on entries of a dictionary.

    Args:
        keys: entries (C, …).
        lower: as in :class:`PercentileScale`.
        upper: as in :class:`PercentileScale`.
        allow_missing_keys: skip entries that are not there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        lower: float = MR_PERCENTILES[0],
        upper: float = MR_PERCENTILES[1],
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = PercentileScale(lower, upper)
