"""Cut a volume into patches and project each of them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.errors import ModelError


class PatchEmbed(nn.Module):
    """A 3D convolution whose kernel is its stride, computed as one matrix product; or two of them, one after another.

    Args:
        patch_size: voxels (D, H, W) of one patch.
        in_channels: C.
        width: of the patch tokens.
        stem_patch: voxels (D, H, W) of a small patch; sizes that divide ``patch_size``. Each small patch becomes
            ``stem_width`` features, normalized and through a GELU, and a patch is projected from those of its small
            patches. None: patches are projected from their voxels.
        stem_width: features of a small patch.

    Sources:
        golden/README.md 3.1; the small patches: hierarchical MLP stem, Touvron et al., arXiv 2203.09795.
    """

    def __init__(
        self,
        patch_size: tuple[int, int, int],
        in_channels: int,
        width: int,
        stem_patch: tuple[int, int, int] | None = None,
        stem_width: int = 32,
    ) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.in_channels = in_channels
        self.stem_patch = stem_patch
        kernel, channels = patch_size, in_channels
        if stem_patch is not None:
            self.stem = nn.Linear(in_channels * math.prod(stem_patch), stem_width)
            self.stem_norm = nn.LayerNorm(stem_width)
            depth, height, breadth = (patch // small for patch, small in zip(patch_size, stem_patch, strict=True))
            kernel = (depth, height, breadth)
            channels = stem_width
        # Conv3d's layout, (width, C, D, H, W), so that published weights fit without reshaping.
        self.weight = nn.Parameter(torch.empty(width, channels, *kernel))
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
        d, h, w = self.grid(tuple(size))
        if self.stem_patch is None:
            pd, ph, pw = self.patch_size
            patches = volumes.reshape(count, channels, d, pd, h, ph, w, pw).permute(0, 2, 4, 6, 1, 3, 5, 7)
            return F.linear(patches.reshape(count, d, h, w, -1), self.weight.flatten(1), self.bias)
        a, b, c = self.weight.shape[2:]  # small patches in a patch
        pd, ph, pw = self.stem_patch
        small = volumes.reshape(count, channels, d, a, pd, h, b, ph, w, c, pw)
        small = small.permute(0, 2, 5, 8, 3, 6, 9, 1, 4, 7, 10).reshape(count, d, h, w, a * b * c, -1)
        features = F.gelu(self.stem_norm(self.stem(small)))  # (S, d, h, w, abc, stem_width)
        return F.linear(features.flatten(-2), self.weight.permute(0, 2, 3, 4, 1).flatten(1), self.bias)
