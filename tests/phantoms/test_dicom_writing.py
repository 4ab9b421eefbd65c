"""The written series is valid CT Image Storage and holds the phantom's HU where the phantom has them."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom import config
from pydicom.uid import UID

from itemclip_med.phantoms.dicom_writing import CT_IMAGE_STORAGE, Plane, SeriesWriter, make_uid


@pytest.fixture
def strict():
    """pydicom refuses invalid values instead of warning."""
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    yield
    config.settings.reading_validation_mode = before


@pytest.fixture
def volume():
    """HU that tell their place, and an affine with three different spacings."""
    rng = np.random.default_rng(0)
    affine = np.diag([0.7123456789, 1.1, 4.5, 1.0])
    affine[:3, 3] = -110.7248, -116.7143, -62.1195
    return rng.integers(-1024, 3072, (12, 10, 6)).astype(np.int16), affine


def write(folder, volume, *, signed=False, head_first=False):
    writer = SeriesWriter({"Modality": "CT", "PatientName": "A"}, ("test", signed), signed=signed)
    writer.write_volume(folder, *volume, head_first=head_first)
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def hu_at(dataset, volume_hu, affine):
    """Phantom HU at the center of every pixel of one file, found through world coordinates."""
    position, (dr, dc) = np.array(dataset.ImagePositionPatient, float), map(float, dataset.PixelSpacing)
    along, down = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
    rows, columns = np.mgrid[: dataset.Rows, : dataset.Columns]
    lps = position + columns[..., None] * dc * along + rows[..., None] * dr * down
    ras = lps * [-1, -1, 1]
    index = (ras - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    assert np.abs(index - index.round()).max() < 1e-6
    return volume_hu[tuple(np.moveaxis(index.round().astype(int), -1, 0))]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("head_first", [False, True])
def test_every_pixel_is_the_hu_at_its_place(tmp_path, volume, signed, head_first, strict):
    datasets = write(tmp_path / "s", volume, signed=signed, head_first=head_first)
    assert len(datasets) == 6
    for dataset in datasets:
        hu = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
        np.testing.assert_array_equal(hu, hu_at(dataset, *volume))
        assert dataset.PixelRepresentation == int(signed)
    heights = [float(dataset.ImagePositionPatient[2]) for dataset in datasets]
    assert heights == sorted(heights, reverse=head_first)
    assert [dataset.InstanceNumber for dataset in datasets] == [1, 2, 3, 4, 5, 6]


def test_another_reader_finds_the_same_volume(tmp_path, volume):
    import SimpleITK as sitk

    write(tmp_path / "s", volume)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "s")))
    image = reader.Execute()
    array, (volume_hu, affine) = sitk.GetArrayFromImage(image), volume
    for x, y, z in ((0, 0, 0), (11, 9, 5), (3, 7, 2)):
        ras = affine @ [x, y, z, 1]
        i, j, k = image.TransformPhysicalPointToIndex((-ras[0], -ras[1], ras[2]))
        assert array[k, j, i] == volume_hu[x, y, z]
    np.testing.assert_allclose(image.GetSpacing(), np.diag(affine)[:3], atol=1e-6)


def test_the_files_are_standard_part_10(tmp_path, volume, strict):
    for dataset in write(tmp_path / "s", volume):
        pydicom.dataset.validate_file_meta(dataset.file_meta, enforce_standard=True)
        meta = dataset.file_meta
        assert meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert meta.MediaStorageSOPClassUID == dataset.SOPClassUID == CT_IMAGE_STORAGE
        assert meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        tags = [element.tag for element in dataset]
        assert tags == sorted(tags)


def test_pydicom_writes_the_same_bytes(tmp_path, volume):
    for dataset in write(tmp_path / "s", volume):
        dataset.save_as(tmp_path / "again.dcm", enforce_file_format=True)
        assert (tmp_path / "again.dcm").read_bytes() == (tmp_path / "s" / dataset_name(dataset)).read_bytes()


def dataset_name(dataset):
    return f"CT{dataset.InstanceNumber - 1:06d}.dcm"


def test_images_of_two_planes_share_a_series(tmp_path):
    planes = [Plane((0, 0, 0), (0, 1, 0), (0, 0, -1), (2, 1)), Plane((5, 0, 0), (1, 0, 0), (0, 0, -1), (2, 1))]
    writer = SeriesWriter({"Modality": "CT"}, ("two",))
    writer.write_images(tmp_path / "s", [np.zeros((4, 6), np.int16)] * 2, planes)
    first, second = (pydicom.dcmread(path) for path in sorted((tmp_path / "s").iterdir()))
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert list(first.ImageOrientationPatient) == [0, 1, 0, 0, 0, -1]
    assert list(second.ImageOrientationPatient) == [1, 0, 0, 0, 0, -1]


def test_a_rotated_volume_is_refused(tmp_path, volume):
    volume_hu, affine = volume
    affine[0, 1] = 0.1
    with pytest.raises(ValueError, match="axes must run to the patient's right, front and head"):
        write(tmp_path / "s", (volume_hu, affine))


def test_uids_are_valid_and_follow_from_their_parts():
    assert make_uid("a", 1) == make_uid("a", 1)
    assert make_uid("a", 1) != make_uid("a", 2)
    assert UID(make_uid("a", 1)).is_valid
    assert make_uid("a").startswith("2.25.")
