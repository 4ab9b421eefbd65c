"""Slices are stacked in int16 where that holds all of them, and in float32 where one does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from itemclip_med.dicom import discover_folder, load_series
from tests.dicom.making import write_series


def load(folder, **options):
    (study,) = discover_folder(folder).studies
    return load_series(study.volumes[0], **options).array


def one_value(value):
    return np.full((8, 6), value, "<u2").tobytes()


def test_one_slice_beyond_int16_makes_all_of_them_float32(tmp_path):
    write_series(tmp_path, num=4, intercept=-10, each=lambda k: {"PixelData": one_value(40000 if k == 2 else k)})
    array = load(tmp_path)
    assert array.dtype == np.float32
    assert array[0, 0].tolist() == [-10, -9, 39990, -7]


@pytest.mark.parametrize(
    ("slope", "intercept", "stored", "wanted"),
    [
        ("1", "-1024", 33000, 31976),  # only fits once it is rescaled
        ("-1", "0", 32768, -32768),
        ("2", "-65536", 40000, 14464),
        ("3", "-3", 1000, 2997),
        ("1", "-40000", 40001, 1),  # an intercept that int16 does not hold
    ],
)
def test_values_that_fit_after_rescaling_are_int16(tmp_path, slope, intercept, stored, wanted):
    write_series(tmp_path, num=3, RescaleSlope=slope, RescaleIntercept=intercept, PixelData=one_value(stored))
    array = load(tmp_path)
    assert array.dtype == np.int16 and set(array.ravel().tolist()) == {wanted}


def test_padding_beyond_int16_does_not_cost_the_type_once_it_is_air(tmp_path):
    pixels = np.full((8, 6), 1000, "<u2")
    pixels[0] = 63536
    write_series(tmp_path, num=3, PixelPaddingValue=63536, PixelData=pixels.tobytes())
    assert load(tmp_path).dtype == np.float32
    air = load(tmp_path, padding="air")
    assert air.dtype == np.int16
    assert (air[0, 0, 0], air[0, 1, 0]) == (-1024, -24)


def test_a_slice_of_padding_alone_is_air(tmp_path):
    write_series(
        tmp_path, num=3, PixelPaddingValue=5, each=lambda k: {"PixelData": one_value(5 if k == 1 else 1024)}
    )  # fmt: skip
    assert load(tmp_path, padding="air")[0, 0].tolist() == [0, -1024, 0]


@pytest.mark.parametrize(("bits", "high", "signed"), [(12, 11, 0), (12, 11, 1), (12, 14, 0), (10, 12, 1)])
def test_junk_beside_the_stored_bits_is_masked_where_pixels_lie(tmp_path, bits, high, signed):
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**16, (8, 6)).astype(np.uint16)
    write_series(
        tmp_path, num=3, intercept=0, BitsStored=bits, HighBit=high, PixelRepresentation=signed,
        PixelData=words.astype("<u2").tobytes(),
    )  # fmt: skip
    wanted = (words.astype(int) >> (high + 1 - bits)) % 2**bits
    if signed:
        wanted = np.where(wanted >= 2 ** (bits - 1), wanted - 2**bits, wanted)
    assert np.array_equal(load(tmp_path)[..., 0].T, wanted)


def test_a_file_that_shrinks_after_it_was_found_is_an_error(tmp_path):
    from itemclip_med.errors import PixelError

    paths = write_series(tmp_path, num=3)
    (study,) = discover_folder(tmp_path).studies
    paths[0].write_bytes(paths[0].read_bytes()[:-30])
    with pytest.raises(PixelError, match=r"Slice 1 of 3: the pixel data end after 66 of 96 bytes"):
        load_series(study.volumes[0])


def test_slices_lie_one_after_the_other_in_memory(tmp_path):
    """What follows works slice by slice, and is several times slower where they do not."""
    write_series(tmp_path, num=3)
    assert load(tmp_path).transpose(2, 1, 0).flags.c_contiguous
