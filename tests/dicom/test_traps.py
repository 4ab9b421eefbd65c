"""What real exports break, one test per trap, on files made for it."""

from __future__ import annotations

import os
import shutil
import zlib

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from itemclip_med.dicom import (
    convert,
    discover,
    discover_folder,
    inspect,
    load_series,
    scan_source,
    select_series,
)
from itemclip_med.errors import DicomError, GeometryError, PixelError
from itemclip_med.transforms import LoadSeries
from tests.dicom.making import write_series

DEFLATED = "1.2.840.10008.1.2.1.99"
SAGITTAL = (0, 1, 0, 0, 0, -1)


def one_volume(folder):
    (study,) = discover_folder(folder).studies
    (series,) = study.volumes
    return series


def first_voxels(folder):
    return load_series(one_volume(folder)).array[0, 0].tolist()


def accounted(inventory):
    return inventory.files_found == inventory.files_used + sum(inventory.skipped.values())


def rewrite(paths, change):
    for number, path in enumerate(paths):
        dataset = dcmread(path, force=True)
        change(dataset, number)
        dataset.save_as(path)


def replace_element(path, keyword_tag, representation, value):
    """Write an element's bytes without pydicom's opinion of them; explicit little endian, short length."""
    data = path.read_bytes()
    head = keyword_tag + representation
    place = data.index(head)
    length = int.from_bytes(data[place + 6 : place + 8], "little")
    value += b" " * (len(value) % 2)
    path.write_bytes(data[: place + 6] + len(value).to_bytes(2, "little") + value + data[place + 8 + length :])


# Geometry


def test_a_localizer_within_an_axial_series_is_found_by_its_plane(tmp_path):
    write_series(tmp_path / "a", num=5, study_uid="1.2", series_uid="1.2.3")
    write_series(tmp_path / "b", num=1, study_uid="1.2", series_uid="1.2.3", orientation=SAGITTAL, size=(9, 9))
    inventory = discover_folder(tmp_path)
    assert inventory.skipped == {"localizer (its plane cuts the other slices)": 1}
    assert inventory.files_used == 5


def test_matrix_sizes_that_differ_are_series_of_their_own(tmp_path):
    write_series(tmp_path / "a", num=4, study_uid="1.2", series_uid="1.2.3")
    write_series(tmp_path / "b", num=3, study_uid="1.2", series_uid="1.2.3", size=(9, 9))
    (study,) = discover_folder(tmp_path).studies
    assert sorted(series.shape for series in study.volumes) == [(6, 8, 4), (9, 9, 3)]


def test_pixel_spacing_is_between_rows_first(tmp_path):
    write_series(tmp_path, num=3, PixelSpacing=[2.0, 3.0])
    assert load_series(one_volume(tmp_path)).spacing_mm == pytest.approx((3, 2, 5))


def test_stale_tags_of_place_and_spacing_are_not_asked(tmp_path):
    write_series(
        tmp_path, num=4, SpacingBetweenSlices=-3, SliceThickness=9, GantryDetectorTilt=18,
        each=lambda k: {"SliceLocation": -k, "InstanceNumber": 7},
    )  # fmt: skip
    volume = load_series(one_volume(tmp_path))
    assert volume.spacing_mm == pytest.approx((3, 2, 5)) and not volume.is_tilted
    assert volume.array[0, 0].tolist() == [-24, -23, -22, -21]


def test_slices_far_apart_with_a_pair_close_together_do_not_become_a_giant(tmp_path):
    write_series(tmp_path, positions=np.array([[0, 0, z] for z in (0, 0.5, 1.0, 5000.0)]))
    with pytest.raises(GeometryError, match="no volume without a guess"):
        load_series(one_volume(tmp_path), on_gap="report")


@pytest.mark.parametrize("value", [["1", "0", "0"], ["0"] * 6, ["1", "0", "0", "1", "0", "0"], ["nan"] * 6])
def test_an_orientation_that_is_none_is_missing_geometry(tmp_path, value):
    paths = write_series(tmp_path, num=3)
    for path in paths:
        replace_element(path, b"\x20\x00\x37\x00", b"DS", "\\".join(value).encode())
    assert discover_folder(tmp_path).skipped == {"missing geometry": 3}


# Intensities


def test_values_above_32767_are_not_wrapped(tmp_path):
    write_series(tmp_path, num=3, intercept=0, PixelData=np.full((8, 6), 65535, "<u2").tobytes())
    assert first_voxels(tmp_path) == [65535] * 3


def test_slope_and_intercept_of_each_slice(tmp_path):
    write_series(tmp_path, num=3, each=lambda k: {"RescaleSlope": f"{1 + 0.5 * k}", "RescaleIntercept": f"{-k}"})
    assert first_voxels(tmp_path) == [1000, 1001 * 1.5 - 1, 1002 * 2 - 2]


def test_a_scale_that_is_no_number_does_not_lose_the_image(tmp_path):
    for path in write_series(tmp_path, num=3):
        replace_element(path, b"\x28\x00\x53\x10", b"DS", b"one")
    assert first_voxels(tmp_path) == [-24, -23, -22]


@pytest.mark.parametrize(("value", "limit"), [(995, 1000), (1000, 995)])
def test_a_range_of_padding_becomes_air(tmp_path, value, limit):
    write_series(tmp_path, num=3, PixelPaddingValue=value, PixelPaddingRangeLimit=limit)
    volume = load_series(one_volume(tmp_path), padding="air")
    assert volume.array[0, 0].tolist() == [-1024, -23, -22]


def test_negative_padding_that_is_written_unsigned_is_found(tmp_path):
    pixels = np.array([[-2000, 5]] * 2, "<i2")
    paths = write_series(tmp_path, num=3, size=(2, 2), intercept=0, PixelRepresentation=1, PixelData=pixels.tobytes())
    rewrite(paths, lambda dataset, _: dataset.add_new(0x00280120, "US", 65536 - 2000))
    assert load_series(one_volume(tmp_path), padding="air").array[:, 0, 0].tolist() == [-1024, 5]


def test_monochrome1_is_kept_in_files_and_inverted_for_models(tmp_path):
    write_series(tmp_path, num=3, PhotometricInterpretation="MONOCHROME1")
    series = one_volume(tmp_path)
    kept, inverted = load_series(series), load_series(series, monochrome1="invert")
    assert "MONOCHROME1: values are as stored, not inverted" in kept.warnings
    assert "MONOCHROME1: inverted" in inverted.warnings
    assert np.array_equal(inverted.array, int(kept.array.max()) + int(kept.array.min()) - kept.array)
    model_input = LoadSeries()(series)
    assert model_input.meta["warnings"] == ["MONOCHROME1: inverted"]
    assert sorted(model_input.flatten().tolist()) == sorted(inverted.array.ravel().tolist())


def test_padding_of_monochrome1_stays_out_of_the_inversion(tmp_path):
    pixels = np.array([[0, 1000], [1001, 1002]], "<u2")
    write_series(
        tmp_path, num=3, size=(2, 2), PixelData=pixels.tobytes(), PhotometricInterpretation="MONOCHROME1",
        PixelPaddingValue=0,
    )  # fmt: skip
    volume = load_series(one_volume(tmp_path), monochrome1="invert", padding="air")
    assert volume.array[:, :, 0].T.tolist() == [[-1024, -22], [-23, -24]]


def test_lossy_compression_is_flagged(tmp_path):
    write_series(tmp_path / "a", num=3, LossyImageCompression="01")
    assert "lossy compressed: values are not exact" in load_series(one_volume(tmp_path / "a")).warnings
    rewrite(write_series(tmp_path / "b", num=3, size=(64, 64)), lambda d, _: d.compress(JPEG2000, j2k_cr=[4]))
    assert all("LossyImageCompression" not in dcmread(path) for path in (tmp_path / "b").iterdir())
    assert "lossy compressed: values are not exact" in load_series(one_volume(tmp_path / "b")).warnings


@pytest.mark.parametrize(("modality", "asked"), [("PT", {}), ("PT", {"modality": ["PT"]})])
def test_pet_is_converted_and_taken_by_a_recipe_only_when_asked_for(tmp_path, modality, asked):
    write_series(tmp_path / "in", num=3, modality=modality, intercept=0, RescaleSlope="2.5")
    (study,) = discover_folder(tmp_path / "in").studies
    chosen, left_out = select_series(study, asked)
    assert (len(chosen), dict(left_out)) == ((1, {}) if asked else (0, {"modality PT": 1}))
    (entry,) = convert(tmp_path / "in", tmp_path / "out")["series"]
    assert entry["modality"] == "PT" and entry["output"] == "001_AX_PT.nii.gz"


def test_burned_in_text_is_flagged_and_left_out_unless_asked_for(tmp_path):
    write_series(tmp_path, num=3, BurnedInAnnotation="YES")
    (study,) = discover_folder(tmp_path).studies
    assert select_series(study, {})[1] == {"burned-in annotation": 1}
    assert len(select_series(study, {"keep_burned_in": True})[0]) == 1
    assert "burned-in annotation: the pixels may hold text" in load_series(study.volumes[0]).warnings


# Objects and encodings


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DEFLATED])
def test_encodings_of_headers(tmp_path, syntax):
    write_series(tmp_path, num=4, syntax=syntax, PixelPaddingValue=1000)
    inventory = discover_folder(tmp_path)
    assert len(inventory.studies) == 1 and inventory.files_used == 4
    volume = load_series(one_volume(tmp_path), padding="air")
    assert volume.array[0, 0].tolist() == [-1024, -23, -22, -21]
    assert scan_source(tmp_path).studies[0].token  # found in the first bytes, so that studies are never mixed


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_slices(tmp_path, syntax):
    rewrite(write_series(tmp_path, num=4, size=(64, 64)), lambda dataset, _: dataset.compress(syntax))
    assert first_voxels(tmp_path) == [-24, -23, -22, -21]


def test_two_transfer_syntaxes_in_one_series_are_one_volume(tmp_path):
    paths = write_series(tmp_path, num=4, size=(64, 64))
    rewrite(paths[:2], lambda dataset, _: dataset.compress(JPEG2000Lossless))
    rewrite(paths[2:3], lambda dataset, _: dataset.compress(RLELossless))
    assert first_voxels(tmp_path) == [-24, -23, -22, -21]


def test_a_copy_in_another_transfer_syntax_is_a_duplicate(tmp_path):
    paths = write_series(tmp_path, num=4, size=(64, 64))
    uid = dcmread(paths[1]).SOPInstanceUID
    shutil.copy(paths[1], tmp_path / "copy")
    rewrite([tmp_path / "copy"], lambda dataset, _: dataset.compress(RLELossless, generate_instance_uid=False))
    assert dcmread(tmp_path / "copy").SOPInstanceUID == uid
    assert discover_folder(tmp_path).skipped == {"duplicate": 1}


def j2k(values, bits):
    from openjpeg.utils import encode_array

    return encode_array(values, bits_stored=bits, photometric_interpretation=2)


@pytest.mark.parametrize(
    ("values", "bits", "header", "wanted"),
    [
        (np.array([-5, 7], "<i2").view("<u2") & 0xFFF, 12, {"BitsStored": 12, "PixelRepresentation": 1}, [-5, 7]),
        (np.array([-5, 7], "<i2"), 12, {"BitsStored": 12, "PixelRepresentation": 0}, [4091, 7]),
        (np.array([5000, 7], "<u2"), 16, {"BitsStored": 12, "PixelRepresentation": 0}, [5000, 7]),
        (np.array([200, 7], "u1"), 8, {"BitsStored": 12, "PixelRepresentation": 0}, [200, 7]),
    ],
)  # fmt: skip
def test_a_codestream_is_believed_before_the_header_and_signed_as_the_header_says(
    tmp_path, values, bits, header, wanted
):
    from pydicom.encaps import encapsulate

    stored = np.tile(values, (32, 16))
    paths = write_series(tmp_path, num=3, size=(32, 32), intercept=0, HighBit=11, **header)

    def compress(dataset, _):
        dataset.PixelData = encapsulate([j2k(np.ascontiguousarray(stored), bits)])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless

    rewrite(paths, compress)
    assert load_series(one_volume(tmp_path)).array[:2, 0, 0].tolist() == wanted


def test_a_codestream_of_another_size_than_the_header_is_refused_before_it_is_decoded(tmp_path):
    paths = write_series(tmp_path, num=3, size=(64, 64))
    rewrite(paths, lambda dataset, _: dataset.compress(JPEG2000Lossless))
    for path in paths:
        data = bytearray(path.read_bytes())
        place = data.index(b"\xff\x4f\xff\x51")
        data[place + 8 : place + 16] = (60000).to_bytes(4, "big") * 2
        path.write_bytes(data)
    with pytest.raises(PixelError, match="Slice 1 of 3: it decodes to 60000 x 60000 x 1, its header says 64 x 64 x 1"):
        load_series(one_volume(tmp_path))


def test_a_syntax_without_a_decoder_is_named(tmp_path):
    rewrite(write_series(tmp_path, num=3, size=(64, 64)), lambda dataset, _: dataset.compress(RLELossless))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.9\0"))
    with pytest.raises(PixelError, match="Slice 1 of 3: "):
        load_series(one_volume(tmp_path))


def test_a_deflated_bomb_is_refused(tmp_path, monkeypatch):
    from itemclip_med.dicom import pixel_source

    monkeypatch.setattr(pixel_source, "MAX_INFLATED_BYTES", 200)
    write_series(tmp_path, num=3, syntax=DEFLATED)
    inventory = discover_folder(tmp_path)
    assert inventory.skipped == {"the deflated data set is larger than 512 MiB": 3}


def test_a_deflated_data_set_that_is_damaged_is_reported(tmp_path):
    paths = write_series(tmp_path, num=4, syntax=DEFLATED)
    paths[0].write_bytes(paths[0].read_bytes()[:-40] + b"\xff" * 40)
    inventory = discover_folder(tmp_path)
    assert accounted(inventory) and inventory.files_used < 4


@pytest.mark.parametrize("num_junk", [0, 1])
def test_files_without_preamble_and_meta_are_read(tmp_path, num_junk):
    for path in write_series(tmp_path, num=3, syntax=ImplicitVRLittleEndian):
        data = path.read_bytes()
        length = int.from_bytes(data[140:144], "little")
        path.write_bytes(data[144 + length :])
    for number in range(num_junk):
        (tmp_path / f"junk{number}").write_bytes(b"\x08\x00\x05\x00" + bytes(range(256)) * 3)
    inventory = discover_folder(tmp_path)
    assert inventory.files_used == 3 and accounted(inventory)
    assert first_voxels(tmp_path) == [-24, -23, -22]


def test_uih_vframe_is_refused_by_name(tmp_path):
    write_series(tmp_path, num=3, modality="MR", ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"])
    (reason,) = discover_folder(tmp_path).skipped
    assert reason.startswith("UIH VFRAME")


def test_mosaic_is_refused_by_name(tmp_path):
    write_series(tmp_path, num=3, modality="MR", ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    (reason,) = discover_folder(tmp_path).skipped
    assert reason.startswith("mosaic")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, "DICOMDIR"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.3"}, "unsupported SOP class"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2"}, "secondary capture"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "color image"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "color image"),
        ({"NumberOfFrames": 2}, "multi-frame object without functional groups (not read)"),
        ({"BitsAllocated": 64}, "unsupported pixel format"),
        ({"BitsAllocated": 16, "BitsStored": 30}, "unsupported pixel format"),
        ({"Rows": 0}, "no pixel data"),
        ({"Rows": 65535, "Columns": 65535}, "more than 67108864 pixels in one slice"),
        ({"Rows": 4000, "Columns": 4000}, "truncated"),
    ],
)
def test_what_is_no_slice_is_counted_with_its_reason(tmp_path, changes, reason):
    write_series(tmp_path, num=3, **changes)
    inventory = discover_folder(tmp_path)
    assert inventory.skipped == {reason: 3}
    assert accounted(inventory)


def test_a_header_without_pixel_data_is_reported(tmp_path):
    write_series(tmp_path, num=3, without=["PixelData"])
    assert discover_folder(tmp_path).skipped == {"no pixel data": 3}


# Grouping and housekeeping


@pytest.mark.parametrize("empty", [True, False])
def test_files_without_a_series_uid_are_grouped_by_what_remains(tmp_path, empty):
    for name, number in (("a", 1), ("b", 2)):
        options = {"SeriesInstanceUID": ""} if empty else {"without": ["SeriesInstanceUID"]}
        write_series(tmp_path / "in" / name, num=3, study_uid="1.2", SeriesNumber=number, **options)
    book = convert(tmp_path / "in", tmp_path / "out")
    assert [(entry["series_uid"], entry["num_files"]) for entry in book["series"]] == [("", 3), ("", 3)]
    assert book["files_used"] == 6


def test_files_without_a_study_uid_are_not_joined_over_folders_and_patients(tmp_path):
    for name in "ab":
        write_series(tmp_path / name, num=3, without=["StudyInstanceUID"], patient_id=name)
    assert len(discover_folder(tmp_path).studies) == 2


def test_empty_sop_uids_are_not_equal_uids(tmp_path):
    write_series(tmp_path, num=4, SOPInstanceUID="")
    assert discover_folder(tmp_path).files_used == 4
    parts = ["a", "b"]  # two echoes of an empty phantom: all pixels equal
    shutil.rmtree(tmp_path)
    for number, name in enumerate(parts):
        write_series(
            tmp_path / name, num=3, study_uid="1.2", series_uid="1.2.3", modality="MR", SOPInstanceUID="",
            EchoTime=str(5 + number),
        )  # fmt: skip
    inventory = discover_folder(tmp_path)
    assert inventory.files_used == 6 and len(inventory.studies[0].volumes) == 2


def test_copies_without_sop_uids_are_duplicates(tmp_path):
    paths = write_series(tmp_path, num=4, SOPInstanceUID="")
    shutil.copy(paths[1], tmp_path / "copy of it")
    assert discover_folder(tmp_path).skipped == {"duplicate": 1}


def test_equal_sop_uids_with_different_pixels_are_no_duplicates(tmp_path):
    write_series(tmp_path / "a", num=3, study_uid="1.2", series_uid="1.2.3", SOPInstanceUID="1.2.9", EchoTime="5")
    write_series(
        tmp_path / "b", num=3, study_uid="1.2", series_uid="1.2.3", SOPInstanceUID="1.2.9", EchoTime="9",
        PixelData=b"\1\0" * 48,
    )  # fmt: skip
    inventory = discover_folder(tmp_path)
    assert inventory.files_used == 6 and not inventory.skipped


def test_series_numbers_split_one_series_uid(tmp_path):
    for number in (1, 2):
        write_series(tmp_path / f"{number}", num=3, study_uid="1.2", series_uid="1.2.3", SeriesNumber=number)
    (study,) = discover_folder(tmp_path).studies
    assert [series.shape for series in study.volumes] == [(6, 8, 3)] * 2


def test_missing_numbers_do_not_matter(tmp_path):
    write_series(tmp_path, num=3, without=["SeriesNumber", "InstanceNumber", "Modality", "ImageType"])
    assert one_volume(tmp_path).modality == "CT"


@pytest.mark.parametrize(
    ("tag", "representation", "value"),
    [
        (b"\x28\x00\x30\x00", b"DS", b"2,000000\\3,000000"),
        (b"\x28\x00\x30\x00", b"DS", b"2.00000000000000000000001\\3.0000000000000000000000001"),
        (b"\x20\x00\x13\x00", b"IS", b"twelve"),
        (b"\x20\x00\x11\x00", b"IS", b"***"),
    ],
)
def test_a_bad_optional_value_does_not_lose_the_image(tmp_path, tag, representation, value):
    for path in write_series(tmp_path, num=3):
        replace_element(path, tag, representation, value)
    assert load_series(one_volume(tmp_path)).spacing_mm == pytest.approx((3, 2, 5))


def test_odd_characters_and_dates_do_not_matter_and_do_not_show(tmp_path, recwarn, caplog):
    for path in write_series(tmp_path, num=3, SeriesDescription="x" * 10, StudyDate="20200101"):
        replace_element(path, b"\x08\x00\x3e\x10", b"LO", b"K\xf6pf \xff\xfe Doe")
        replace_element(path, b"\x08\x00\x20\x00", b"DA", b"***")
    one_volume(tmp_path)
    said = caplog.text + " ".join(str(warning.message) for warning in recwarn)
    assert "Doe" not in said and "Invalid value" not in said


def test_links_are_followed_to_files_and_counted_otherwise(tmp_path):
    paths = write_series(tmp_path / "in", num=4)
    source = tmp_path / "source"
    source.mkdir()
    for path in paths:
        (source / path.name).symlink_to(path)
    (source / "folder").symlink_to(tmp_path)
    (source / "loop").symlink_to(source / "loop")
    (source / "nothing").symlink_to(tmp_path / "nothing")
    os.mkfifo(source / "pipe")
    inventory = discover_folder(source)
    assert inventory.files_used == 4 and accounted(inventory)
    assert inventory.skipped == {
        "link to a folder (not followed; give the folder itself)": 1, "broken link": 2, "no regular file": 1,
    }  # fmt: skip


def test_names_say_nothing(tmp_path):
    names = ["I10", "a b.DCM", "x.IMA", "y.img", "report.pdf", "ünïcode"]
    for path, name in zip(write_series(tmp_path, num=6), names, strict=True):
        path.rename(tmp_path / name)
    assert first_voxels(tmp_path) == [-24 + k for k in range(6)]


def test_housekeeping_files_are_counted(tmp_path):
    write_series(tmp_path, num=3)
    for name, data in (
        (".DS_Store", b"\0\0\0\1Bud1" * 9),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0" * 99),
        ("a.jpg", b"\xff\xd8\xff\xe0" * 9),
    ):
        (tmp_path / name).write_bytes(data)
    assert discover_folder(tmp_path).skipped == {"not DICOM": 3}


def test_free_text_in_a_modality_gets_nowhere(tmp_path):
    write_series(tmp_path, num=3, Modality="Doe^Jane", SOPClassUID="1.2.840.10008.5.1.4.1.1.66")
    assert "Doe" not in str(inspect(tmp_path))


def test_no_error_or_inventory_holds_an_identifier(tmp_path):
    rewrite(write_series(tmp_path / "in", num=4, size=(64, 64)), lambda dataset, _: dataset.compress(RLELossless))
    path = next((tmp_path / "in").iterdir())
    data = path.read_bytes()
    path.write_bytes(data[:-200])
    inventory = discover_folder(tmp_path / "in")
    (study,) = inventory.studies
    with pytest.raises(DicomError) as caught:
        load_series(study.series[0])
    book = convert(tmp_path / "in", tmp_path / "out")
    said = f"{caught.value} {book} {[p.name for p in (tmp_path / 'out').iterdir()]}"
    assert "Doe" not in said and "SECRET" not in said and str(tmp_path) not in said
    assert book["files_found"] == book["files_used"] + sum(book["files_skipped"].values())


def test_a_volume_of_too_many_voxels_is_refused_before_it_is_allocated(tmp_path, monkeypatch):
    from itemclip_med.dicom import stacking

    monkeypatch.setattr(stacking, "MAX_VOXELS", 100)
    write_series(tmp_path, num=4)
    with pytest.raises(PixelError, match="6 x 8 x 4 voxels, at most 100"):
        load_series(one_volume(tmp_path))


def test_zlib_of_a_deflated_head_that_is_junk_is_no_crash(tmp_path):
    (path,) = write_series(tmp_path, num=1, syntax=DEFLATED)
    data = path.read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")
    path.write_bytes(data[:start] + zlib.compress(b"junk"))
    assert accounted(discover(tmp_path))
