"""Files other than DICOM: the same volume from every format, and what is refused before it is read."""

from __future__ import annotations

import gzip
import struct
import zipfile

import nibabel as nib
import numpy as np
import pytest

from itemclip_med.errors import FormatError
from itemclip_med.formats import FileRules, read_volume
from tests.formats.making import (
    SPACING,
    make_affine,
    make_array,
    write_itk_file,
    write_nifti_file,
    write_npz_file,
)

CT = FileRules("CT")
NPZ = FileRules("CT", orientation="IPL", spacing_mm=(SPACING[2], SPACING[1], SPACING[0]))
ANY = FileRules("CT", check_hu=False)


def write_any(path):
    writers = {".npz": write_npz_file, ".gz": write_nifti_file, ".nii": write_nifti_file}
    return writers.get(path.suffix, write_itk_file)(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ", "a.npz", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
def test_every_format_gives_the_same_volume(name, tmp_path):
    path = write_any(tmp_path / name.lower()).rename(tmp_path / name)
    volume = read_volume(path, NPZ if name.endswith("npz") else CT).to_canonical()
    assert np.array_equal(volume.array, make_array())
    assert volume.array.dtype == np.int16 and volume.modality == "CT" and not volume.is_tilted
    assert volume.affine == pytest.approx(make_affine(), abs=1e-5)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_compressed_files_give_the_same_volume(name, tmp_path):
    volume = read_volume(write_itk_file(tmp_path / name, compress=True), CT).to_canonical()
    assert np.array_equal(volume.array, make_array())


@pytest.mark.parametrize("cut", [0.5, 0.9])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.npz", "a.nrrd", "a.mha", "z.nrrd", "z.mha"])
def test_a_file_that_is_cut_off_is_refused(name, cut, tmp_path, capfd):
    noise = np.random.default_rng(0).integers(-1000, 1000, (20, 20, 20), dtype=np.int16)
    path = tmp_path / name
    if name.startswith("z"):
        write_itk_file(path, noise, compress=True)
    else:
        {"npz": write_npz_file, "gz": write_nifti_file, "nii": write_nifti_file}.get(
            name.split(".")[-1], write_itk_file
        )(path, noise)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(FormatError, match=name.replace(".", r"\.")):
        read_volume(path, NPZ if name.endswith("npz") else CT)
    assert str(tmp_path) not in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.npz", "a.nrrd", "a.mha", "a.mhd"])
@pytest.mark.parametrize("content", [b"", b"junk" * 200])
def test_junk_is_refused(name, content, tmp_path, capfd):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError):
        read_volume(tmp_path / name, NPZ if name.endswith("npz") else CT)
    assert str(tmp_path) not in "".join(capfd.readouterr())


def test_another_suffix_is_no_format(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(FormatError, match=r"a\.png: it is of no known format, expected \.nii\.gz"):
        read_volume(tmp_path / "a.png")


# NIfTI


def turned(degrees):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = make_affine()
    affine[:3, :3] = turn @ affine[:3, :3]
    return affine


def test_the_qform_is_taken_where_there_is_no_sform(tmp_path):
    volume = read_volume(write_nifti_file(tmp_path / "a.nii", affine=turned(10), sform=0), CT)
    assert volume.affine == pytest.approx(turned(10), abs=1e-4)


def test_the_sform_is_taken_where_both_differ_and_that_is_said(tmp_path):
    path = tmp_path / "a.nii"
    image = nib.Nifti1Image(make_array(), turned(0))
    image.set_sform(turned(0), code=1)
    image.set_qform(turned(60), code=1)
    image.to_filename(path)
    volume = read_volume(path, CT)
    assert volume.affine == pytest.approx(turned(0), abs=1e-4)
    assert volume.warnings == ("sform and qform differ: the sform is taken",)


def test_an_sform_that_is_no_place_gives_way_to_the_qform(tmp_path):
    path = write_nifti_file(tmp_path / "a.nii", affine=turned(10))
    data = bytearray(path.read_bytes())
    data[280:328] = bytes(48)
    path.write_bytes(data)
    assert read_volume(path, CT).affine == pytest.approx(turned(10), abs=1e-4)


def test_no_form_is_refused_unless_the_recipe_says_the_orientation(tmp_path):
    path = write_nifti_file(tmp_path / "a.nii", sform=0, qform=0)
    with pytest.raises(FormatError, match="left and right are unknown"):
        read_volume(path, CT)
    volume = read_volume(path, FileRules("CT", orientation="LPS"))
    assert nib.aff2axcodes(volume.affine) == ("L", "P", "S")
    assert volume.spacing_mm == pytest.approx(SPACING)


def test_metres_become_millimetres(tmp_path):
    header = nib.Nifti1Header()
    header.set_xyzt_units("meter")
    small = make_affine()
    small[:3] /= 1000
    volume = read_volume(write_nifti_file(tmp_path / "a.nii", affine=small, header=header), CT)
    assert volume.spacing_mm == pytest.approx(SPACING)


@pytest.mark.parametrize(
    ("slope", "inter", "dtype"), [(1, -1024, np.int16), (2, -8192, np.int16), (0.5, 1.25, np.float32)]
)
def test_the_headers_slope_and_intercept_are_applied(slope, inter, dtype, tmp_path):
    stored = make_array(low=0)
    volume = read_volume(write_nifti_file(tmp_path / "a.nii", stored, slope=slope, inter=inter), ANY)
    assert volume.array.dtype == dtype
    assert volume.array == pytest.approx(stored * slope + inter)


@pytest.mark.parametrize("slope", [0, np.nan])
def test_a_slope_that_is_none_changes_nothing(slope, tmp_path):
    volume = read_volume(write_nifti_file(tmp_path / "a.nii", make_array(), slope=slope, inter=0), CT)
    assert np.array_equal(volume.array, make_array())


def test_real_values_stay_real_and_missing_ones_become_air(tmp_path):
    array = make_array().astype(np.float32) + 0.25
    array[0, 0, 0] = np.nan
    volume = read_volume(write_nifti_file(tmp_path / "a.nii", array), CT)
    assert volume.array.dtype == np.float32 and volume.array[0, 0, 0] == -1024
    assert volume.warnings == ("1 voxels without a number became -1024",)
    assert np.array_equal(volume.array.ravel()[1:], array.ravel()[1:])


def test_whole_values_beyond_int16_are_kept(tmp_path):
    array = make_array().astype(np.int32) * 100
    volume = read_volume(write_nifti_file(tmp_path / "a.nii", array), CT)
    assert volume.array.dtype == np.float32 and np.array_equal(volume.array, array)


def test_a_ct_without_air_is_not_in_hounsfield_units(tmp_path):
    path = write_nifti_file(tmp_path / "a.nii", make_array(low=0))
    with pytest.raises(FormatError, match="show no air near -1000 with soft tissue near 0"):
        read_volume(path, CT)
    assert read_volume(path, FileRules("CT", intercept=-1024)).array.min() == -1024
    assert read_volume(path, ANY).array.min() == 0


def test_one_volume_in_four_dimensions_is_a_volume(tmp_path):
    assert read_volume(write_nifti_file(tmp_path / "a.nii", make_array()[..., None]), CT).array.shape == (7, 6, 5)


def patch_dims(path, dims):
    data = bytearray(path.read_bytes())
    data[40:56] = struct.pack("<8h", len(dims), *dims, *[1] * (7 - len(dims)))
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ((30000, 30000, 30000), "at most 2147483648 are read"),
        ((1000, 1000, 1000), "promises"),
        ((7, 6), "expected three dimensions"),
        ((7, 6, 5, 1, 3), "expected three dimensions"),
        ((7, 6, 1), "too few slices"),
        ((7, 0, 5), "at least 1|cannot be read"),
    ],
)
def test_absurd_dimensions_are_refused_before_anything_is_allocated(dims, message, tmp_path):
    path = write_nifti_file(tmp_path / "a.nii")
    patch_dims(path, dims)
    with pytest.raises(FormatError, match=message):
        read_volume(path, CT)


def test_a_small_gzip_cannot_promise_much(tmp_path):
    path = write_nifti_file(tmp_path / "a.nii")
    patch_dims(path, (1000, 1000, 1000))
    zipped = tmp_path / "a.nii.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(FormatError, match="cannot hold the 2000000000"):
        read_volume(zipped, CT)


def test_complex_values_are_refused(tmp_path):
    with pytest.raises(FormatError, match="expected whole or real numbers"):
        read_volume(write_nifti_file(tmp_path / "a.nii", make_array().astype(np.complex64)), CT)


def test_a_bare_path_guesses_its_modality(tmp_path):
    assert read_volume(write_nifti_file(tmp_path / "a.nii")).modality == "CT"
    assert read_volume(write_nifti_file(tmp_path / "b.nii", make_array(low=0))).modality == "MR"


# NPZ


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


def test_a_pickle_is_never_read(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", ct=np.array([[[Evil()]]], dtype=object))
    with pytest.raises(FormatError, match="pickled objects are never read"):
        read_volume(tmp_path / "a.npz", NPZ)
    assert "unpickled" not in capsys.readouterr().out


def test_an_npz_needs_the_recipes_word_for_its_place(tmp_path):
    with pytest.raises(FormatError, match="set files: orientation and spacing_mm"):
        read_volume(write_npz_file(tmp_path / "a.npz"), CT)


def test_the_array_of_an_npz_is_named_where_there_are_several(tmp_path):
    path = write_npz_file(tmp_path / "a.npz", other=np.zeros(3))
    with pytest.raises(FormatError, match="it has 2 arrays"):
        read_volume(path, NPZ)
    rules = FileRules("CT", array="ct", orientation=NPZ.orientation, spacing_mm=NPZ.spacing_mm)
    assert np.array_equal(read_volume(path, rules).to_canonical().array, make_array())
    with pytest.raises(FormatError, match="no array 'x'"):
        read_volume(path, FileRules("CT", array="x", orientation="IPL", spacing_mm=(1, 1, 1)))


def test_an_npz_of_fortran_order_is_no_other_volume(tmp_path):
    np.savez(tmp_path / "a.npz", ct=np.asfortranarray(make_array().transpose(2, 1, 0)[::-1, ::-1, ::-1]))
    assert np.array_equal(read_volume(tmp_path / "a.npz", NPZ).to_canonical().array, make_array())


def test_an_npz_that_promises_more_than_it_holds_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("ct.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<i2", "fortran_order": False, "shape": (90, 90, 90)})
        file.write(bytes(1000))
    with pytest.raises(FormatError, match="does not have the 1458000 bytes"):
        read_volume(tmp_path / "a.npz", NPZ)


# NRRD and MetaImage


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../other.raw", "sub/other.raw", "LIST", "slice%03d.raw 1 5 1", "missing.raw"]
)
def test_a_header_cannot_name_files_elsewhere(name, tmp_path):
    path = write_itk_file(tmp_path / "in" / "a.mhd")
    (tmp_path / "other.raw").write_bytes((tmp_path / "in" / "a.raw").read_bytes())
    path.write_text(path.read_text().replace("a.raw", name))
    with pytest.raises(FormatError, match=r"outside its folder, or a list|not beside it"):
        read_volume(path, CT)


def test_a_detached_nrrd_cannot_name_files_elsewhere(tmp_path):
    path = write_itk_file(tmp_path / "in" / "a.nhdr")
    beside = next(path.parent.glob("a.raw*"))
    (tmp_path / beside.name).write_bytes(beside.read_bytes())
    path.write_text(path.read_text().replace(beside.name, f"../{beside.name}"))
    with pytest.raises(FormatError, match="outside its folder"):
        read_volume(path, CT)


def test_an_nrrd_without_space_is_refused_unless_the_recipe_says_the_orientation(tmp_path):
    path = write_itk_file(tmp_path / "a.nrrd")
    head, _, voxels = path.read_bytes().partition(b"\n\n")
    kept = [line for line in head.split(b"\n") if not line.startswith(b"space")]
    kept.append(b"space dimension: 3")
    path.write_bytes(b"\n".join(kept) + b"\n\n" + voxels)
    with pytest.raises(FormatError, match="left and right are unknown"):
        read_volume(path, CT)
    volume = read_volume(path, FileRules("CT", orientation="RAS"))
    assert nib.aff2axcodes(volume.affine) == ("R", "A", "S")


def test_metaimage_dimensions_that_are_absurd_are_refused(tmp_path):
    path = write_itk_file(tmp_path / "a.mha")
    path.write_bytes(path.read_bytes().replace(b"DimSize = 7 6 5", b"DimSize = 40000 40000 40000"))
    with pytest.raises(FormatError, match="at most 2147483648 are read"):
        read_volume(path, CT)
