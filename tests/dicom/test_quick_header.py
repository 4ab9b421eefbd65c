"""Headers that are read in one pass say what pydicom says of them; what is unusual is left to pydicom."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from itemclip_med.dicom import headers
from tests.dicom.making import write_series

DEFLATED = "1.2.840.10008.1.2.1.99"


def described(file):
    """All of a slice but its file, comparable."""
    pixels = None if file.pixels is None else replace(file.pixels, _fragments=None)
    pixels = pixels and {name: value for name, value in vars(pixels).items() if name != "_fragments"}
    places = [None if array is None else np.round(array, 12).tolist() for array in (file.orientation, file.position)]
    return dict(file.values), file.reason, pixels, file.modality, places, file.spacing_mm


def both_ways(path):
    """A file read quickly (None where that is not done), and by pydicom."""
    quick = headers._parse_quickly(path)
    with headers.no_remarks():
        (slow,) = headers._parse(path)
    return quick and described(quick), described(slow)


def nested(depth, *, undefined):
    """A sequence in sequences, with values that look like elements of their own."""
    item = Dataset()
    item.PixelSpacing = [9.0, 9.0]
    if depth:
        item.add_new(0x00081140, "SQ", Sequence([nested(depth - 1, undefined=undefined)]))
        item[0x00081140].is_undefined_length = undefined
    item.is_undefined_length_sequence_item = undefined
    return item


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("undefined", [True, False])
def test_a_usual_header_is_read_as_pydicom_does(tmp_path, syntax, undefined):
    paths = write_series(
        tmp_path, num=3, syntax=syntax, PixelPaddingValue=7, SeriesDescription="Köpf", EchoTime="5.5", StudyDate="",
        ImageComments="x" * 400,
    )  # fmt: skip
    for path in paths:
        dataset = dcmread(path)
        dataset.add_new(0x00081140, "SQ", Sequence([nested(2, undefined=undefined), nested(0, undefined=undefined)]))
        dataset[0x00081140].is_undefined_length = undefined
        dataset.private_block(0x0029, "MINE", create=True).add_new(1, "OB", b"\1\2" * 9)
        dataset.save_as(path)
        quick, slow = both_ways(path)
        assert quick == slow and quick[1] is None


def test_a_header_longer_than_the_first_bytes_is_read_further(tmp_path):
    (path,) = write_series(tmp_path, num=1)
    dataset = dcmread(path)
    dataset.private_block(0x0019, "MINE", create=True).add_new(1, "OB", bytes(100_000))
    dataset.save_as(path)
    quick, slow = both_ways(path)
    assert quick == slow and quick[2] is not None


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DEFLATED])
def test_other_encodings_are_left_to_pydicom(tmp_path, syntax):
    (path,) = write_series(tmp_path, num=1, syntax=syntax)
    assert both_ways(path)[0] is None


def out_of_order(data):
    place = data.index(b"\x28\x00\x10\x00US")
    return data[:place] + data[place + 10 : place + 20] + data[place : place + 10] + data[place + 20 :]


def unknown_representation(data):
    return data.replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00ZZ")


def without_preamble(data):
    return data[132:]


def implicit_in_name_only(data):
    return data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")


@pytest.mark.parametrize("change", [out_of_order, unknown_representation, without_preamble, implicit_in_name_only])
def test_what_is_unusual_is_left_to_pydicom(tmp_path, change):
    (path,) = write_series(tmp_path, num=1)
    data = path.read_bytes()
    path.write_bytes(change(data))
    assert path.read_bytes() != data
    assert headers._parse_quickly(path) is None


def test_any_cut_or_changed_header_is_read_as_pydicom_does_or_left_to_it(tmp_path):
    (path,) = write_series(tmp_path, num=1)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    variants = [whole[:end] for end in range(0, len(whole), 97)]
    for _ in range(200):
        data = bytearray(whole)
        data[rng.integers(132, len(whole))] = rng.integers(256)
        variants.append(bytes(data))
    num_quick = 0
    for data in variants:
        path.write_bytes(data)
        try:
            quick, slow = both_ways(path)
        except Exception as error:
            assert not isinstance(error, struct.error | IndexError), "the quick reader must not stumble"
            continue
        num_quick += quick is not None
        assert quick is None or quick == slow
    assert num_quick > 50


@pytest.mark.real_dicom
def test_real_headers_are_read_as_pydicom_does(shared_dir):
    num_quick = num_files = 0
    for path in sorted(shared_dir("data/dicom").glob("case*/**/*"))[::3]:
        if not path.is_file():
            continue
        try:
            quick, slow = both_ways(path)
        except Exception:  # no single-frame image
            continue
        num_files += 1
        num_quick += quick is not None
        assert quick is None or quick == slow, path.name
    assert num_quick > num_files / 2
