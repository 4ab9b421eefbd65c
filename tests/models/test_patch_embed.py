"""Patches and the small patches they may be made of."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F

from itemclip_med.errors import ModelError
from itemclip_med.models import ItemizedCLIPConfig
from itemclip_med.models.patch_embed import PatchEmbed


def test_patches_are_a_convolution_with_its_kernel_as_stride():
    embed = PatchEmbed((2, 4, 2), 3, 6)
    volumes = torch.randn(2, 3, 4, 8, 6)
    expected = F.conv3d(volumes, embed.weight, embed.bias, stride=(2, 4, 2)).permute(0, 2, 3, 4, 1)
    torch.testing.assert_close(embed(volumes), expected, atol=1e-5, rtol=1e-5)


def test_small_patches_are_a_convolution_before_that_of_the_patches():
    embed = PatchEmbed((4, 8, 6), 2, 6, stem_patch=(2, 4, 3), stem_width=5)
    volumes = torch.randn(2, 2, 8, 16, 12)
    kernel = embed.stem.weight.view(5, 2, 2, 4, 3)
    small = F.conv3d(volumes, kernel, embed.stem.bias, stride=(2, 4, 3))
    small = F.gelu(embed.stem_norm(small.movedim(1, -1))).movedim(-1, 1)
    expected = F.conv3d(small, embed.weight, embed.bias, stride=(2, 2, 2)).movedim(1, -1)
    torch.testing.assert_close(embed(volumes), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("stem_patch", [(3, 4, 4), (2, 4, 0), (2, 4)])
def test_small_patches_that_do_not_divide_a_patch_are_refused(stem_patch):
    with pytest.raises(ModelError, match="stem_patch"):
        ItemizedCLIPConfig(patch_size=(8, 16, 16), stem_patch=stem_patch)


@pytest.mark.parametrize("stem_patch", [None, (2, 4, 4)])
def test_a_configuration_survives_json(stem_patch):
    config = ItemizedCLIPConfig(stem_patch=stem_patch, stem_width=16)
    assert ItemizedCLIPConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
