"""Cut a volume into patches and project each of them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.errors import ModelError


class PatchEmbed(nn.Module):
    """A 3D convolution whose kernel is its stride, computed as one matrix product.

    Args:
        patch_size: voxels (D, H, W) of one patch.
        in_channels: C.
        width: of the patch tokens.
    """

    def __init__(self, patch_size: tuple[int, int, int], in_channels: int, width: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.in_channels = in_channels
        # Conv3d's layout, (width, C, D, H, W), so that published weights fit without reshaping.
        self.weight = nn.Parameter(torch.empty(width, in_channels, *patch_size))
        self.bias = nn.Parameter(torch.zeros(width))
        bound = math.sqrt(6 / (width + self.weight[0].numel()))
        nn.init.uniform_(self.weight, -bound, bound)

    def grid(self, size: tuple[int, ...]) -> tuple[int, int, int]:
        """Patches (d, h, w) in a volume of (D, H, W) voxels.

        Raises:
            ModelError: if an axis is empty or no multiple of the patch.
        """
        if any(voxels < patch or voxels % patch for voxels, patch in zip(size, self.patch_size, strict=True)):
            raise ModelError(
                f"Image of {'x'.join(map(str, size))} voxels (D, H, W), expected multiples of the patch "
                f"{'x'.join(map(str, self.patch_size))}: resize or pad it first (transforms.ModelInput does)."
            )
        depth, height, width = (voxels // patch for voxels, patch in zip(size, self.patch_size, strict=True))
        return depth, height, width

    def forward(self, volumes: Tensor) -> Tensor:
        """Embed (S, C, D, H, W) volumes as (S, d, h, w, width) patch tokens."""
        count, channels, *size = volumes.shape
        (d, h, w), (pd, ph, pw) = self.grid(tuple(size)), self.patch_size
        patches = volumes.reshape(count, channels, d, pd, h, ph, w, pw).permute(0, 2, 4, 6, 1, 3, 5, 7)
        patches = patches.reshape(count, d, h, w, channels * pd * ph * pw)
        return F.linear(patches, self.weight.flatten(1), self.bias)
