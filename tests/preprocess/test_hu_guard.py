"""The guard of Hounsfield units: every wrong rescale of CT-RATE's two versions is refused, no right one."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from itemclip_med.errors import FormatError
from itemclip_med.formats.hu import is_wrapped, refuse_shifted, require_hu, shift_of
from itemclip_med.phantoms.chest_ct import make_chest_ct
from itemclip_med.preprocess import run_recipe
from itemclip_med.transforms import UnwrapUnsigned
from tests.preprocess.test_checking import METADATA, place_of, write_table, write_volume


@pytest.fixture(scope="module")
def chests():
    """Volumes in HU: normal, full of disease, with contrast medium, with emphysema."""
    wanted = [[], ["Consolidation", "Pleural effusion"], ["Emphysema"], ["Medical material", "Cardiomegaly"]]
    return [make_chest_ct(3, index, findings=findings).volume_hu[::2, ::2] for index, findings in enumerate(wanted)]


def varied(volume, rng):
    """The volume as another scanner gives it: shifted a little, noisier, cropped, clipped, with padding about it."""
    values = volume.astype(np.int32) + int(rng.integers(-25, 26))
    values = values + np.rint(rng.normal(0, rng.uniform(0, 60), values.shape)).astype(np.int32)
    first = rng.integers(0, 8, 3)
    values = values[first[0] :, first[1] :, first[2] :]
    low = rng.choice([-1000, -1024, -1200])
    values = values.clip(low, rng.choice([1000, 3071]))
    if rng.random() < 0.5:  # what lies outside the scanner's circle
        x, y = np.indices(values.shape[:2])
        circle = (x - x.mean()) ** 2 + (y - y.mean()) ** 2 > (min(values.shape[:2]) / 2) ** 2
        values[circle] = rng.choice([-1024, -2000, -3024, -8192])
    return values


# What may go wrong: (what the file holds less the true HU, what is added while reading).
WRONG = {
    "version 1 read as version 2": [(1024, 0), (8192, 0)],
    "version 2 rescaled once more": [(0, -1024), (0, -8192)],
    "the other scanner's intercept": [(1024, -8192), (8192, -1024)],
    "version 1 rescaled twice": [(1024, -2048), (8192, -16384)],
    "rescaled before it was stored, and again": [(0, -1024)],
}
RIGHT = [(0, 0), (1024, -1024), (8192, -8192)]


def mixture(chests, cases, num, seed):
    """``num`` volumes as a reader would hand them over, of the cases in turn."""
    rng = np.random.default_rng(seed)
    for number in range(num):
        stored, added = cases[number % len(cases)]
        values = varied(chests[int(rng.integers(len(chests)))], rng) + stored + added
        yield number, values.clip(-32768, 32767).astype(np.int16)


def refused(values):
    try:
        require_hu(values)
    except FormatError:
        return True
    return False


def count_refused(chests, num, seed):
    wrong = [case for cases in WRONG.values() for case in cases]
    bad = sum(refused(values) for _, values in mixture(chests, wrong, num, seed))
    good = sum(refused(values) for _, values in mixture(chests, RIGHT, num, seed + 1))
    return bad, good


def test_of_100_wrong_rescales_all_and_of_100_right_ones_none_are_refused(chests):
    assert count_refused(chests, 100, 0) == (100, 0)


@pytest.mark.long
def test_the_guard_holds_on_2000_of_each(chests):
    assert count_refused(chests, 2000, 10) == (2000, 0)


@pytest.mark.parametrize(("name", "cases"), WRONG.items())
def test_each_kind_of_wrong_rescale_is_refused(chests, name, cases):
    assert all(refused(values) for _, values in mixture(chests, cases, 10, 5)), name


@pytest.mark.parametrize("shift", [-8192, -1024, 1024, 8192])
def test_the_shift_is_told_to_100_hu(chests, shift):
    assert shift_of(chests[0].astype(np.int32) + shift) == pytest.approx(shift, abs=100)


def test_a_doubled_volume_is_refused_after_its_air_was_clipped(chests):
    with pytest.raises(FormatError, match="no air near -1000 with soft tissue near 0"):
        require_hu((chests[0].astype(np.int32) - 1024).clip(-1000, 1000).astype(np.int16))


def test_a_mixture_of_both_versions_is_read_by_folder_and_refused_where_the_folder_lies(chests, tmp_path):
    top, right, wrong = tmp_path / "dataset", [], []
    rows = {"train": [], "valid": []}
    for number in range(12):
        split, scanner = ("train", "valid")[number % 2], (-1024, -8192)[number // 2 % 2]
        name, version = f"{split}_{number + 1}_a_1", 1 + number // 4 % 2
        holds_stored = version == 1
        if number in (2, 5, 9):  # one of version 2 in the folder of 1, two the other way round
            holds_stored = not holds_stored
            wrong.append(name)
        else:
            right.append(name)
        values = chests[number % 4].astype(np.int32) - (scanner if holds_stored else 0)
        write_volume(place_of(top, name, version), values.astype(np.int16), (3, 3, 5))
        rows[split].append([f"{name}.nii.gz", "Siemens", "x", scanner, 1, "[3.0, 3.0]", 5])
    for split, long in (("train", "train"), ("valid", "validation")):
        write_table(top / "metadata" / f"{long}_metadata.csv", METADATA, rows[split])
    summary = run_recipe("ct_rate", top, tmp_path / "store", workers=1, show_progress=False)
    from itemclip_med.store import Store

    assert {study.study_id for study in Store(tmp_path / "store").studies} == set(right)
    assert sorted(reason.split(":")[0].removeprefix("Study ") for reason in summary.failures) == sorted(wrong)


@pytest.mark.real_dicom
def test_real_ct_is_not_refused_and_refused_when_shifted(shared_dir):
    from itemclip_med.dicom import discover, load_series

    num = 0
    for folder in sorted(shared_dir("data/dicom").glob("case*_ct*")):
        for study in discover(folder).studies:
            for series in study.volumes:
                if series.modality != "CT":
                    continue
                values = load_series(series).array
                refuse_shifted(values)
                require_hu(values)
                for shift in (-1024, 1024, -8192, 8192):
                    with pytest.raises(FormatError, match="Hounsfield"):
                        require_hu(values.astype(np.int32) + shift)
                num += 1
    assert num


def test_wrapped_unsigned_values_come_back(tmp_path):
    import torch

    rng = np.random.default_rng(0)
    head = rng.normal(-1000, 10, (64, 64, 20))
    head[16:48, 16:48] = rng.normal(35, 8, (32, 32, 20))
    head = np.rint(head).clip(-1000, 3000).astype(np.int16)
    wrapped = np.where(head < 0, head + 4096, head).astype(np.int16)
    assert is_wrapped(wrapped) and not is_wrapped(head)
    unwrap = UnwrapUnsigned()
    assert np.array_equal(unwrap(torch.from_numpy(wrapped)[None])[0].numpy(), head)
    assert np.array_equal(unwrap(torch.from_numpy(head)[None])[0].numpy(), head)


def test_a_file_is_refused_with_its_name_and_the_shift(tmp_path, chests):
    from itemclip_med.formats import FileRules, read_volume

    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image((chests[0].astype(np.int32) + 1024).astype(np.int16), np.eye(4)), path)
    with pytest.raises(FormatError, match=r"a\.nii\.gz: The values lie about \d+ above Hounsfield units"):
        read_volume(path, FileRules("CT"))
    assert read_volume(path, FileRules("CT", intercept=-1024)).array.min() < -900
    assert read_volume(path, FileRules("CT", check_hu=False)).array.min() >= 0
