"""From files to studies and series, every file accounted for."""

from __future__ import annotations

import shutil
import zipfile

import numpy as np
import pytest

from itemclip_med.dicom import convert, discover, discover_folder, inspect, load_series
from itemclip_med.errors import GeometryError, PixelError, SourceError
from itemclip_med.volumes import Volume, is_sheared
from tests.dicom.making import write_series


def one_volume(folder):
    (study,) = discover_folder(folder).studies
    (series,) = study.volumes
    return series


def accounted(inventory):
    return inventory.files_found == inventory.files_used + sum(inventory.skipped.values())


def test_a_series_is_stacked_by_position_and_rescaled(tmp_path):
    write_series(tmp_path, num=5)
    volume = load_series(one_volume(tmp_path))
    assert volume.array.shape == (6, 8, 5)
    assert volume.array.dtype == np.int16
    assert volume.array[2, 3].tolist() == [1000 + k + 2 - 1024 for k in range(5)]
    assert volume.affine @ [0, 0, 0, 1] == pytest.approx([20, 30, 40, 1])


def test_names_of_files_say_nothing_and_junk_is_counted(tmp_path):
    write_series(tmp_path / "a b", num=4)
    (tmp_path / "AUTORUN.INF").write_text("[autorun]")
    (tmp_path / "empty.dcm").touch()
    inventory = discover(tmp_path)
    assert inventory.skipped == {"empty file": 1, "not DICOM": 1}
    assert (inventory.files_found, inventory.files_used) == (6, 4)


def test_studies_are_never_joined(tmp_path):
    write_series(tmp_path, num=3)
    write_series(tmp_path / "more", num=3, series_uid="1.2.3")
    assert len(discover(tmp_path).studies) == 2


def test_a_truncated_file_leaves_a_gap_that_is_refused(tmp_path):
    paths = write_series(tmp_path, num=6)
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    inventory = discover_folder(tmp_path)
    assert accounted(inventory)
    with pytest.raises((GeometryError, PixelError)):
        load_series(inventory.studies[0].volumes[0])


def test_a_missing_slice_is_refused_and_named(tmp_path):
    write_series(tmp_path, num=6, skip=(2,))
    with pytest.raises(GeometryError, match=r"10\.00 mm between slices 2 and 3, 5\.00 mm elsewhere"):
        load_series(one_volume(tmp_path))


def test_a_missing_slice_is_interpolated_on_request_and_reported(tmp_path):
    write_series(tmp_path, num=6, skip=(2,))
    volume = load_series(one_volume(tmp_path), on_gap="report")
    assert volume.array.shape[2] == 6
    assert volume.array[0, 0].tolist() == [1000 + k - 1024 for k in range(6)]
    assert "missing" in volume.warnings[0]


def test_uneven_spacing_is_resampled_or_refused(tmp_path):
    positions = np.array([[0.0, 0.0, z] for z in (0, 4, 8, 9, 15, 22)])
    write_series(tmp_path, positions=positions)
    assert any("uneven" in warning for warning in load_series(one_volume(tmp_path)).warnings)
    with pytest.raises(GeometryError, match="no single spacing"):
        load_series(one_volume(tmp_path), on_uneven="refuse")


def test_slices_on_no_line_are_refused(tmp_path):
    positions = np.array([[30.0 * (k % 2), 0.0, z] for k, z in enumerate((0, 4, 8, 9, 15, 22))])
    write_series(tmp_path, positions=positions)
    with pytest.raises(GeometryError, match="neither on one line"):
        load_series(one_volume(tmp_path))


def test_a_tilted_stack_keeps_its_shear_and_can_be_straightened(tmp_path):
    positions = np.array([[0.0, 1.0 * k, 5.0 * k] for k in range(6)])
    write_series(tmp_path, positions=positions)
    volume = load_series(one_volume(tmp_path))
    straight = volume.straightened(-1024)
    axes = straight.affine[:3, :3] / np.linalg.norm(straight.affine[:3, :3], axis=0)
    assert volume.is_tilted and not straight.is_tilted
    assert axes.T @ axes == pytest.approx(np.eye(3), abs=1e-6)
    # The same place in the patient holds the same value.
    world = volume.affine @ [2, 4, 3, 1]
    index = np.rint(np.linalg.inv(straight.affine) @ world).astype(int)
    assert straight.array[tuple(index[:3])] == volume.array[2, 4, 3]


def test_straightening_keeps_every_slice_and_moves_it_by_its_drift():
    rng = np.random.default_rng(0)
    for _ in range(20):
        drift_mm, spacing_mm, depth_mm = rng.uniform(-3, 3), rng.uniform(0.3, 1), rng.uniform(0.5, 6)
        turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        affine = np.eye(4)
        affine[:3, :3] = turned @ [[spacing_mm, 0, 0], [0, spacing_mm, drift_mm], [0, 0, depth_mm]]
        affine[:3, 3] = rng.uniform(-200, 200, 3)
        x, y, z = np.meshgrid(np.arange(5), np.arange(9), np.arange(6), indexing="ij")
        values = (100 * z + 10 * y + x).astype(np.float32)  # linear, so that interpolation is exact
        volume = Volume(values, affine, "CT", "", is_tilted=True).straightened(-1024)
        assert not is_sheared(volume.affine)
        places = np.stack(np.meshgrid(*map(np.arange, volume.array.shape), indexing="ij"), -1)
        source = (places @ volume.affine[:3, :3].T + volume.affine[:3, 3] - affine[:3, 3]) @ np.linalg.inv(
            affine[:3, :3]
        ).T
        inside = ((source > 1e-4) & (source < np.array([4, 8, 5]) - 1e-4))[..., 1]
        wanted = 100 * source[..., 2] + 10 * source[..., 1] + source[..., 0]
        assert np.allclose(volume.array[inside], wanted[inside], atol=0.01)
        assert all(inside[..., k].any() for k in range(6))


def test_a_duplicate_is_dropped_and_counted(tmp_path):
    paths = write_series(tmp_path, num=4)
    shutil.copy(paths[1], tmp_path / "copy of it")
    inventory = discover(tmp_path)
    assert inventory.skipped == {"duplicate": 1}
    assert inventory.studies[0].volumes[0].shape == (6, 8, 4)


def test_two_orientations_under_one_uid_are_two_series(tmp_path):
    write_series(tmp_path / "a", num=3, study_uid="1.2", series_uid="1.2.3")
    write_series(tmp_path / "b", num=3, study_uid="1.2", series_uid="1.2.3", orientation=(0, 1, 0, 0, 0, -1))
    (study,) = discover(tmp_path).studies
    assert sorted(series.plane for series in study.volumes) == ["axial", "sagittal"]


def test_localizers_and_captures_have_their_reasons(tmp_path):
    write_series(tmp_path / "a", num=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(tmp_path / "b", num=1, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    write_series(tmp_path / "c", num=2)
    assert set(discover(tmp_path).skipped) == {
        "localizer",
        "secondary capture",
        "too few slices for a volume (fewer than 3)",
    }


def test_all_slices_at_one_position_are_no_volume(tmp_path):
    write_series(tmp_path, positions=np.zeros((4, 3)))
    assert next(iter(discover(tmp_path).skipped)).startswith("all slices at one position")


def test_signed_values_with_junk_above_the_high_bit(tmp_path):
    pixels = np.full((8, 6), 0xF000 | 0x0FFF, np.uint16)  # -1 in 12 bits, junk above
    write_series(
        tmp_path, num=3, intercept=0, BitsStored=12, HighBit=11, PixelRepresentation=1, PixelData=pixels.tobytes()
    )
    assert np.unique(load_series(one_volume(tmp_path)).array).tolist() == [-1]


def test_padding_becomes_air_on_request(tmp_path):
    write_series(tmp_path, num=3, PixelPaddingValue=1000)
    series = one_volume(tmp_path)
    assert load_series(series).array[0, 0, 0] == -24
    assert load_series(series, padding="air").array[0, 0, 0] == -1024


def test_a_folder_without_dicom_is_refused_with_what_is_there(tmp_path):
    with pytest.raises(SourceError, match="no file in it"):
        discover(tmp_path)
    (tmp_path / "notes.txt").write_text("x" * 500)
    with pytest.raises(SourceError, match=r"none of its 1 files is DICOM \(1 not DICOM\)"):
        discover(tmp_path)


def test_a_source_that_does_not_exist_or_is_no_archive_is_refused(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        discover(tmp_path / "nothing")
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(SourceError, match="no folder, zip or tar"):
        discover(tmp_path / "a.txt")


def test_a_zip_is_read_and_one_that_leaves_its_folder_refused(tmp_path):
    paths = write_series(tmp_path / "in", num=3)
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    assert discover(tmp_path / "good.zip").files_used == 3
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../outside", b"x")
    with pytest.raises(SourceError, match="leaves it"):
        discover(tmp_path / "bad.zip")


def test_conversion_writes_the_inventory_and_no_identifier(tmp_path):
    write_series(tmp_path / "in", num=4, SeriesDescription="Doe Jane BRAIN")
    values = convert(tmp_path / "in", tmp_path / "out")
    assert values["files_found"] == values["files_used"] == 4
    assert values["series"][0]["shape"] == [6, 8, 4]
    text = (tmp_path / "out" / "inventory.json").read_text() + " ".join(p.name for p in (tmp_path / "out").iterdir())
    assert "Doe" not in text and "SECRET" not in text
    with pytest.raises(SourceError, match="not an empty folder"):
        convert(tmp_path / "in", tmp_path / "out")


def test_inspection_holds_no_uid(tmp_path):
    write_series(tmp_path, num=4, study_uid="1.2.99999")
    assert "1.2.99999" not in str(inspect(tmp_path))


@pytest.mark.parametrize(("min_slices", "used"), [(3, 0), (2, 2)])
def test_two_slices_are_a_volume_only_where_that_is_asked_for(tmp_path, min_slices, used):
    write_series(tmp_path, num=2)
    inventory = discover_folder(tmp_path, min_slices=min_slices)
    assert inventory.files_used == used
    assert inventory.skipped == ({} if used else {"too few slices for a volume (fewer than 3)": 2})


@pytest.mark.parametrize(("drift_mm", "code"), [(0.0, 1), (1.5, 0)])
def test_a_sheared_affine_is_written_without_a_qform(tmp_path, drift_mm, code):
    import nibabel as nib

    write_series(tmp_path / "in", positions=np.array([[0, drift_mm * k, 5.0 * k] for k in range(5)]))
    (entry,) = convert(tmp_path / "in", tmp_path / "out")["series"]
    image = nib.load(tmp_path / "out" / entry["output"])
    assert image.get_qform(coded=True)[1] == code and image.get_sform(coded=True)[1] == 1
