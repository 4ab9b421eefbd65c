"""Label files of Pub-Brain-5 and RSNA 2019."""

from __future__ import annotations

from collections import Counter

import pytest

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels import (
    PUB_BRAIN_5_FINDINGS,
    RSNA_FINDINGS,
    normalize_pub_brain_5_id,
    normalize_rsna_id,
    read_pub_brain_5,
    read_rsna_slices,
    read_rsna_studies,
)
from itemclip_med.preprocess.facts import read_facts
from itemclip_med.preprocess.recipe import load_recipe
from itemclip_med.preprocess.study_ids import IdMaker
from itemclip_med.zeroshot.task import load_task


def write_slices(path, labels, extra=()):
    """A stage_2_train.csv: {slice id: findings that are 1}."""
    rows = [f"{name}_{finding},{int(finding in found)}" for name, found in labels.items() for finding in RSNA_FINDINGS]
    path.write_text("\n".join(["ID,Label", *rows, *extra]) + "\n")
    return path


@pytest.mark.labels
@pytest.mark.parametrize(
    ("name", "counts"),
    [("pub_brain_5.csv", (3984, 2871, 1614, 1141, 8733)), ("pub_brain_5_gt.csv", (3984, 2372, 1350, 1000, 238))],
)
def test_pub_brain_5_has_the_published_counts(shared_dir, name, counts):
    labels = load_task("pub-brain-5").read_labels(shared_dir("data/labels") / name)
    assert len(labels) == sum(counts)
    found = [sum(row[finding] == 1 for row in labels.values()) for finding in PUB_BRAIN_5_FINDINGS]
    assert tuple(found) == counts


@pytest.mark.labels
def test_metastases_of_pub_brain_5_come_from_three_sources(shared_dir):
    labels = read_pub_brain_5(shared_dir("data/labels") / "pub_brain_5.csv")
    sources = [study_id.split("/")[0] for study_id, row in labels.items() if row["Metastasis"] == 1]
    assert {name: sources.count(name) for name in set(sources)} == {"nyu_mets": 8003, "ucsf_mets": 461, "brats23": 269}


@pytest.mark.labels
def test_the_studies_scored_by_others_all_have_an_rsna_id(shared_dir):
    texts = [
        line
        for path in sorted(shared_dir("data/labels").glob("rsna_studies_*.txt"))
        for line in path.read_text().split()
    ]
    assert len({normalize_rsna_id(text) for text in texts}) == len(texts) == 8364


def test_a_path_of_pub_brain_5_may_begin_above_its_source():
    assert normalize_pub_brain_5_id(" /data/pub_brain_5/stroke/sub-b74a5032/ ") == "stroke/sub-b74a5032"
    with pytest.raises(LabelsError, match="is no Pub-Brain-5 study"):
        normalize_pub_brain_5_id("elsewhere/sub-1")
    with pytest.raises(LabelsError, match="is no Pub-Brain-5 study"):
        normalize_pub_brain_5_id("data/stroke")


def test_columns_of_pub_brain_5_are_found_by_name(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("Metastasis,Stroke,study,Normal,Meningioma,Glioma\n0,1,stroke/sub-1,0,0,0\n")
    assert read_pub_brain_5(path)["stroke/sub-1"] == dict(zip(PUB_BRAIN_5_FINDINGS, (0, 1, 0, 0, 0), strict=True))


@pytest.mark.parametrize("cells", ["0,0,0,0,0", "1,1,0,0,0"])
def test_a_study_of_no_class_or_two_is_refused(tmp_path, cells):
    path = tmp_path / "list.csv"
    path.write_text(f"study,Normal,Stroke,Glioma,Meningioma,Metastasis\nstroke/sub-1,{cells}\n")
    with pytest.raises(LabelsError, match="line 2: study stroke/sub-1 has not exactly one of the five classes"):
        read_pub_brain_5(path)


def test_repeated_rows_of_a_slice_count_once(tmp_path):
    path = write_slices(tmp_path / "s.csv", {"ID_000000001": {"any", "subdural"}}, ["ID_000000001_any,1"])
    assert read_rsna_slices(path) == {
        "ID_000000001": {name: int(name in ("any", "subdural")) for name in RSNA_FINDINGS}
    }


def test_a_repeated_row_that_says_otherwise_is_refused(tmp_path):
    path = write_slices(tmp_path / "s.csv", {"ID_000000001": {"any"}}, ["ID_000000001_any,0"])
    with pytest.raises(LabelsError, match="line 8: ID_000000001_any was 1 before"):
        read_rsna_slices(path)


def test_a_slice_without_one_of_its_rows_is_refused(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("ID,Label\nID_000000001_any,1\n")
    with pytest.raises(LabelsError, match="slice ID_000000001 has no row for epidural, intraparenchymal"):
        read_rsna_slices(path)


def test_a_row_of_something_else_is_refused(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("ID,Label\nID_000000001_tumor,1\n")
    with pytest.raises(FormatError, match="line 2: 'ID_000000001_tumor' names no slice and finding"):
        read_rsna_slices(path)


def test_a_studys_label_is_the_greatest_of_its_slices(tmp_path):
    path = write_slices(
        tmp_path / "stage_2_train.csv",
        {"ID_000000001": {"any", "subdural"}, "ID_000000002": set(), "ID_000000003": set()},
    )
    (tmp_path / "slices.csv").write_text(
        "StudyInstanceUID,SOPInstanceUID\nID_00000000aa,ID_000000001\nID_00000000aa,ID_000000002\n"
        "RSNA_ID_00000000BB,ID_000000003\n"
    )
    studies = read_rsna_studies(path)
    assert {name for name, label in studies["ID_00000000aa"].items() if label} == {"any", "subdural"}
    assert not any(studies["ID_00000000bb"].values())
    assert load_task("rsna-ich").read_labels(path)["ID_00000000aa"]["subdural"] == 1


def test_without_the_table_of_slices_its_columns_are_named(tmp_path):
    path = write_slices(tmp_path / "stage_2_train.csv", {"ID_000000001": set()})
    with pytest.raises(FormatError, match=r"put a table slices\.csv beside it"):
        read_rsna_studies(path)


def test_a_slice_without_a_label_or_with_two_studies_is_refused(tmp_path):
    path = write_slices(tmp_path / "stage_2_train.csv", {"ID_000000001": set()})
    table = tmp_path / "slices.csv"
    table.write_text("SOPInstanceUID,StudyInstanceUID\nID_000000009,ID_00000000aa\n")
    with pytest.raises(LabelsError, match="line 2: slice 'ID_000000009' has no label"):
        read_rsna_studies(path)
    table.write_text("SOPInstanceUID,StudyInstanceUID\nID_000000001,ID_00000000aa\nID_000000001,ID_00000000bb\n")
    with pytest.raises(LabelsError, match="line 3: slice ID_000000001 belongs to two studies"):
        read_rsna_studies(path)


@pytest.mark.parametrize("text", ["ID_12345", "CQ500-CT-1", "ID_0123456789ab"])
def test_other_ids_are_no_rsna_studies(text):
    with pytest.raises(LabelsError, match="is no RSNA study id"):
        normalize_rsna_id(text)


@pytest.mark.labels
def test_ct_rates_metadata_tell_the_published_counts(shared_dir, tmp_path):
    """3,039 volumes of 1,304 patients; 850 of them stored from -8192 on, the rest from -1024."""
    source = shared_dir("data/labels") / "ct_rate_valid_metadata.csv"
    (tmp_path / "validation_metadata.csv").write_bytes(source.read_bytes())
    recipe = load_recipe("ct_rate")
    found = read_facts(recipe, tmp_path)
    assert found.problems == [] and len(found.facts) == recipe.expected["val"] == 3039
    rescales = Counter(fact.rescale for fact in found.facts.values())
    assert rescales == {(1.0, -1024.0): 2189, (1.0, -8192.0): 850}
    assert all(fact.spacing_mm and min(fact.spacing_mm) > 0.1 and fact.scanner for fact in found.facts.values())
    ids = IdMaker(recipe.study_id)
    assert len({ids.patient_id("", study_id) for study_id in found.facts}) == 1304
    assert {ids.split(study_id) for study_id in found.facts} == {"val"}


@pytest.mark.labels
def test_rad_chestcts_summary_tells_the_published_splits(shared_dir, tmp_path):
    source = shared_dir("data/labels") / "rad_chestct_summary.csv"
    (tmp_path / "Summary_3630.csv").write_bytes(source.read_bytes())
    recipe = load_recipe("rad_chestct")
    found = read_facts(recipe, tmp_path)
    ids = IdMaker(recipe.study_id)
    assert found.problems == [] and len(found.facts) == recipe.expected["studies"]
    splits = Counter(ids.split(study_id) for study_id in found.facts)
    assert splits == {name: recipe.expected[name] for name in ("train", "val", "test")}
    assert splits == {"train": 2286, "val": 984, "test": 360}
    assert all(fact.patient.startswith("mrn") for fact in found.facts.values())


@pytest.mark.labels
def test_pub_brain_5s_list_tells_the_published_sources_and_patients(shared_dir):
    recipe = load_recipe("pub_brain_5")
    ids = IdMaker(recipe.study_id)
    studies = list(read_pub_brain_5(shared_dir("data/labels") / "pub_brain_5.csv"))
    assert len(studies) == recipe.expected["studies"] == 18343
    sources = Counter(study_id.split("/")[0] for study_id in studies)
    assert sources == {
        "open_bhb": 3984,
        "stroke": 2871,
        "brats23": 1614 + 1141 + 269,
        "nyu_mets": 8003,
        "ucsf_mets": 461,
    }
    # A file within a study's folder leads to the study, whatever lies above it.
    for study_id in studies[:: len(studies) // 200]:
        assert ids.study_id(uid="", patient="", accession="", path=f"x/{study_id}/a/b") == study_id
        assert ids.patient_id("", study_id)


@pytest.mark.labels
def test_rsnas_scored_studies_fall_into_the_published_splits(shared_dir):
    counts = {
        path.stem.rsplit("_", 1)[1]: len(path.read_text().split())
        for path in shared_dir("data/labels").glob("rsna_studies_*.txt")
    }
    assert counts == {"train": 6692, "val": 818, "test": 854}


@pytest.mark.labels
def test_of_cq500_one_study_has_no_row_and_one_is_left_out_of_the_score(shared_dir):
    labels = load_task("cq500-10").read_labels(shared_dir("data/labels") / "cq500_reads.csv")
    known = load_recipe("cq500").known
    assert set(known) == {"CQ500-CT-120"} and not set(known) & set(labels)
    assert len(labels) == load_recipe("cq500").expected["studies"] - len(known)
    assert len(set(labels) - set(load_task("cq500-10").exclude)) == 489
