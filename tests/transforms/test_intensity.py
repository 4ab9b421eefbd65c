"""HU windows and percentiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from itemclip_med.errors import ModelError
from itemclip_med.transforms import HUWindows, HUWindowsd, PercentileScale, PercentileScaled


def test_windows_agree_with_the_formula_and_keep_the_affine():
    hu = MetaTensor(torch.linspace(-1100, 2500, 60).view(1, 3, 4, 5), affine=torch.eye(4).double() * 2)
    out = HUWindows()(hu)
    assert out.shape == (3, 3, 4, 5) and torch.equal(out.affine, hu.affine)
    for channel, (low, high) in zip(out.as_tensor(), ((0, 80), (-20, 180), (-800, 2000)), strict=True):
        torch.testing.assert_close(channel, ((hu.as_tensor()[0] - low) / (high - low)).clamp(0, 1))


def test_windows_become_entries_of_their_own():
    out = HUWindowsd("image", {"brain": (40, 80), "bone": (600, 2800)}, windows_as="series")(
        {"image": torch.zeros(1, 2, 2, 2)}
    )
    assert sorted(out) == ["image_bone", "image_brain"]
    assert out["image_brain"].shape == (1, 2, 2, 2)
    channels = HUWindowsd("image")({"image": torch.zeros(1, 2, 2, 2)})["image"]
    assert channels.shape == (3, 2, 2, 2)


def test_two_channels_or_a_wrong_word_are_refused():
    with pytest.raises(ModelError, match="got 2 channels"):
        HUWindows()(torch.zeros(2, 2, 2, 2))
    with pytest.raises(ModelError, match="windows_as is 'slices'"):
        HUWindowsd("image", windows_as="slices")


def test_percentiles_agree_with_numpy_and_are_undone():
    values = np.random.default_rng(0).gamma(2, 100, (2, 9, 10, 11)).astype(np.float32)
    transform = PercentileScale(1, 98)
    out = transform(torch.from_numpy(values))
    for channel, source in zip(out.as_tensor().numpy(), values, strict=True):
        low, high = np.percentile(source, [1, 98])
        np.testing.assert_allclose(channel, np.clip((source - low) / (high - low), 0, 1), atol=1e-5)
    back = transform.inverse(out).as_tensor().numpy()
    unclipped = (out.as_tensor().numpy() > 0) & (out.as_tensor().numpy() < 1)
    np.testing.assert_allclose(back[unclipped], values[unclipped], rtol=1e-4)


def test_a_constant_volume_becomes_zero_and_the_input_is_untouched():
    volume = torch.full((1, 3, 3, 3), 7.0)
    assert (PercentileScaled("image")({"image": volume})["image"] == 0).all()
    assert (volume == 7).all()


def test_the_dictionary_form_is_undone():
    transform = PercentileScaled("image", 0, 100)
    volume = torch.arange(8.0).view(1, 2, 2, 2)
    back = transform.inverse(transform({"image": volume}))["image"]
    torch.testing.assert_close(back.as_tensor(), volume)


def test_percentiles_out_of_order_are_refused():
    with pytest.raises(ModelError, match="expected 0 <= lower < upper"):
        PercentileScale(60, 40)
