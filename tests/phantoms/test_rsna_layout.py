"""Head CT phantoms in the layout of RSNA 2019: loose slices, repeated rows, the known damaged file."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pydicom
import pytest

from itemclip_med.labels import RSNA_FINDINGS, read_rsna_slices, read_rsna_studies
from itemclip_med.phantoms.export import PhantomSet, export_head_ct
from itemclip_med.phantoms.head_ct import make_head_ct
from itemclip_med.phantoms.rsna_layout import CORRUPT_SLICE, rsna_patient_id, rsna_study_id

NUM, SEED = 4, 5


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small set with the damaged file."""
    out = tmp_path_factory.mktemp("rsna") / "set"
    export_head_ct(out, PhantomSet(NUM, seed=SEED, layout="rsna", corrupt_file=True))
    return out / "rsna"


@pytest.fixture(scope="module")
def phantoms():
    """The phantoms of that set by their study's id."""
    return {rsna_study_id(SEED, index): make_head_ct(SEED, index) for index in range(NUM)}


@pytest.fixture(scope="module")
def slices(made):
    """The data sets of all files."""
    return {path.stem: pydicom.dcmread(path) for path in sorted((made / "stage_2_train").iterdir())}


def test_all_slices_lie_in_one_folder_and_only_headers_tell_their_study(slices, phantoms):
    assert all(re.fullmatch(r"ID_[0-9a-f]{9}", name) for name in slices)
    assert all(dataset.SOPInstanceUID == name for name, dataset in slices.items())
    counts = Counter(str(dataset.StudyInstanceUID) for dataset in slices.values())
    assert counts == {study_id: phantom.volume_hu.shape[2] for study_id, phantom in phantoms.items()}
    assert all(re.fullmatch(r"ID_[0-9a-f]{10}", str(dataset.SeriesInstanceUID)) for dataset in slices.values())


def test_sorted_by_position_the_slices_are_the_phantom(slices, phantoms):
    for study_id, phantom in phantoms.items():
        own = [one for name, one in slices.items() if one.StudyInstanceUID == study_id and name != CORRUPT_SLICE]
        own.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
        kept = [
            k
            for k in range(phantom.volume_hu.shape[2])
            if len(own) == phantom.volume_hu.shape[2] or k != phantom.volume_hu.shape[2] // 2
        ]
        for dataset, k in zip(own, kept, strict=True):
            hu = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
            np.testing.assert_array_equal(hu.T[::-1, ::-1], phantom.volume_hu[:, :, k])


def test_labels_of_slices_are_where_the_masks_are(made, slices, phantoms):
    labels = read_rsna_slices(made / "stage_2_train.csv")
    assert set(labels) == set(slices)
    for study_id, phantom in phantoms.items():
        own = sorted(
            (float(one.ImagePositionPatient[2]), name)
            for name, one in slices.items()
            if one.StudyInstanceUID == study_id
        )
        for name, target in (("EDH", "epidural"), ("SAH", "subarachnoid"), ("IVH", "intraventricular")):
            mask = phantom.masks.get(name)
            expected = [0] * len(own) if mask is None else (mask.sum(axis=(0, 1)) >= 3).astype(int).tolist()
            assert [labels[slice_id][target] for _, slice_id in own] == expected


def test_labels_of_studies_follow_from_the_slices(made, phantoms):
    studies = read_rsna_studies(made / "stage_2_train.csv")
    assert set(studies) == set(phantoms)
    for study_id, phantom in phantoms.items():
        assert tuple(studies[study_id]) == RSNA_FINDINGS
        assert studies[study_id]["any"] == phantom.labels()["ICH"]


def test_some_slices_stand_in_the_table_twice(made):
    rows = (made / "stage_2_train.csv").read_text().splitlines()[1:]
    twice = [row for row, count in Counter(rows).items() if count == 2]
    assert twice and len(twice) % 6 == 0 and len(rows) - len(set(rows)) == len(twice)


def test_the_damaged_file_has_too_few_pixels_and_a_label(made, slices):
    with pytest.raises(ValueError, match=r"(?i)length|bytes|pixel data"):
        _ = slices[CORRUPT_SLICE].pixel_array
    assert f"{CORRUPT_SLICE}_any," in (made / "stage_2_train.csv").read_text()


def test_without_the_request_no_file_is_damaged(tmp_path):
    export_head_ct(tmp_path / "set", PhantomSet(1, seed=SEED, layout="rsna"))
    files = [*(tmp_path / "set" / "rsna" / "stage_2_train").iterdir()]
    assert CORRUPT_SLICE not in {path.stem for path in files}
    assert all(pydicom.dcmread(path).pixel_array.size for path in files)


def test_patients_come_back():
    ids = [rsna_patient_id(SEED, index) for index in range(70)]
    assert len(set(ids)) == 60


def test_a_damaged_file_is_for_this_layout_only():
    with pytest.raises(ValueError, match="a corrupt file belongs to layout 'rsna'"):
        PhantomSet(1, layout="plain", corrupt_file=True)
