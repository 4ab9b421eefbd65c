"""Label files: by column name, by majority, in any spelling of the ids."""

from __future__ import annotations

import csv
import itertools
import re
from pathlib import Path

import pytest

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels import (
    CQ500_FINDINGS,
    CT_RATE_FINDINGS,
    LABEL_READERS,
    normalize_cq500_id,
    normalize_ct_rate_id,
    normalize_plain_id,
    normalize_rad_chestct_id,
    read_cq500_reads,
    read_csv_labels,
    read_ct_rate_labels,
    read_labels,
    read_rad_chestct_labels,
    read_table,
)

READERS = ("R1", "R2", "R3")


def write_reads(path: Path, studies: dict[str, dict[str, tuple]], *, reverse: bool = False) -> Path:
    """A reads.csv: ``studies`` gives the three readers' cells of some findings, all others are 0."""
    columns = ["name", "Category", *(f"{r}:{f}" for r in READERS for f in CQ500_FINDINGS)]
    if reverse:
        columns.reverse()
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for name, cells in studies.items():
            row = {f"{r}:{f}": cells.get(f, (0, 0, 0))[i] for i, r in enumerate(READERS) for f in CQ500_FINDINGS}
            writer.writerow({"name": name, "Category": "B1", **row})
    return path


@pytest.mark.parametrize(
    "spelling",
    ["CQ500-CT-12", "CQ500CT12", "CQ500CT012", "CQ500CT12 CQ500CT12", "cq500_ct_12", " CQ500CT12.zip", "CQ500-CT-12-2"],
)
def test_every_spelling_of_a_cq500_id_becomes_one(spelling):
    assert normalize_cq500_id(spelling) == "CQ500-CT-12"


def test_number_zero_keeps_its_digit():
    assert normalize_cq500_id("CQ500CT000") == "CQ500-CT-0"


@pytest.mark.parametrize("text", ["", "12", "CT-12", "CQ500-CT-", "study CQ500-CT-12", "CQ500CT1 CQ500CT2"])
def test_other_texts_are_no_cq500_ids(text):
    with pytest.raises(LabelsError, match="no CQ500 study id"):
        normalize_cq500_id(text)


def test_an_empty_id_is_refused():
    with pytest.raises(LabelsError, match="empty study id"):
        normalize_plain_id("  ")


@pytest.mark.parametrize("cells", list(itertools.product((0, 1), repeat=3)))
def test_two_of_three_readers_decide(tmp_path, cells):
    path = write_reads(tmp_path / "reads.csv", {"CQ500-CT-3": {"SDH": cells}})
    assert read_cq500_reads(path)["CQ500-CT-3"]["SDH"] == int(sum(cells) >= 2)


@pytest.mark.parametrize(
    ("cells", "expected"), [((1, 1, ""), 1), (("", 0, 0), 0), ((1, "", 0), None), ((1, "", ""), None)]
)
def test_with_a_cell_missing_the_others_must_agree(tmp_path, cells, expected):
    path = write_reads(tmp_path / "reads.csv", {"CQ500-CT-3": {"SDH": cells}})
    assert read_cq500_reads(path)["CQ500-CT-3"]["SDH"] is expected


def test_order_of_columns_does_not_matter(tmp_path):
    studies = {"CQ500CT7": {"MassEffect": (1, 1, 0)}, "CQ500-CT-8": {"MidlineShift": (1, 1, 1)}}
    plain = read_cq500_reads(write_reads(tmp_path / "a.csv", studies))
    reversed_ = read_cq500_reads(write_reads(tmp_path / "b.csv", studies, reverse=True))
    assert plain == reversed_
    assert plain["CQ500-CT-7"]["MassEffect"] == 1
    assert plain["CQ500-CT-7"]["MidlineShift"] == 0


def test_a_study_in_two_rows_is_refused_across_spellings(tmp_path):
    path = write_reads(tmp_path / "reads.csv", {"CQ500-CT-3": {}, "CQ500CT003": {}})
    with pytest.raises(LabelsError, match="CQ500-CT-3 stands in more than one row"):
        read_cq500_reads(path)


def test_a_missing_column_is_named(tmp_path):
    path = write_reads(tmp_path / "reads.csv", {"CQ500-CT-3": {}})
    path.write_text(path.read_text().replace("R2:EDH", "R2:Epidural"))
    with pytest.raises(FormatError, match="'R2:EDH'"):
        read_cq500_reads(path)


def test_a_column_twice_is_refused(tmp_path):
    path = write_reads(tmp_path / "reads.csv", {"CQ500-CT-3": {}})
    path.write_text(path.read_text().replace("R2:EDH", "R1:EDH"))
    with pytest.raises(FormatError, match="'R1:EDH' stands there twice"):
        read_cq500_reads(path)


def test_a_cell_that_is_no_label_is_named_by_line_and_column(tmp_path):
    path = write_reads(tmp_path / "reads.csv", {"CQ500-CT-3": {}, "CQ500-CT-4": {"EDH": (0, 2, 0)}})
    with pytest.raises(FormatError, match="line 3, column R2:EDH: '2'"):
        read_cq500_reads(path)


def test_plain_table_reads_zero_one_and_unknown(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("ICH,study_id,SDH\n1,a,\n0.0, b ,1\n")
    assert read_csv_labels(path) == {"a": {"ICH": 1, "SDH": None}, "b": {"ICH": 0, "SDH": 1}}


def test_plain_table_reads_only_the_findings_asked_for(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("study_id,age,ICH\na,71,1\n")
    assert read_csv_labels(path, findings=["ICH"]) == {"a": {"ICH": 1}}


def test_plain_table_without_id_column_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("case,ICH\na,1\n")
    with pytest.raises(FormatError, match="no column study_id"):
        read_csv_labels(path)


def test_plain_table_refuses_duplicates(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("study_id,ICH\na,1\na,1\n")
    with pytest.raises(LabelsError, match="study a stands in more than one row"):
        read_csv_labels(path)


def test_an_earlier_labels_csv_is_taken_where_the_official_file_is(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("study_id,ICH\nCQ500CT012,1\n")
    assert read_labels(path, "cq500_reads", normalize_id=normalize_cq500_id) == {"CQ500-CT-12": {"ICH": 1}}


def test_unknown_reader_lists_the_known_ones(tmp_path):
    with pytest.raises(LabelsError, match="cq500_reads, csv"):
        read_labels(tmp_path / "labels.csv", "qure")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"\xff\xfe\x00\x01", "not a CSV file in UTF-8"),
        (b"study_id,ICH\na\n", "line 2: 1 cells, but the header has 2"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    path = tmp_path / "labels.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_table(path)


def test_byte_order_mark_and_blank_lines_do_not_matter(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\xef\xbb\xbfstudy_id,ICH\r\n\r\na,1\r\n,\r\n")
    assert read_labels(path, "csv") == {"a": {"ICH": 1}}


@pytest.mark.labels
def test_published_reads_have_the_published_counts(shared_dir):
    folder = shared_dir("data/labels")
    # The counts stand in the folder's README ("ICH 205, IPH 134, …"), so another folder brings its own.
    text = " ".join((folder / "README.md").read_text().split())
    stated = re.search(r"Known counts \(majority of three readers, (\d+) studies\): ([^.]*)\.", text)
    assert stated, "the README of the label files states no counts"
    names = {
        "left": "BleedLocation-Left",
        "right": "BleedLocation-Right",
        "mass effect": "MassEffect",
        "midline shift": "MidlineShift",
        "fracture": "Fracture",
        "chronic bleed": "ChronicBleed",
    }
    labels = LABEL_READERS["cq500_reads"](folder / "cq500_reads.csv")
    assert len(labels) == int(stated[1])
    for title, count in re.findall(r"([A-Za-z ]+?) (\d+)(?:,|$)", stated[2]):
        name = names.get(title.strip(), title.strip())
        assert sum(row[name] == 1 for row in labels.values()) == int(count), name


@pytest.mark.labels
def test_recomputed_majority_equals_the_list_by_series(shared_dir):
    folder = shared_dir("data/labels")
    labels = read_cq500_reads(folder / "cq500_reads.csv")
    with (folder / "cq500_reads_by_series.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            study = labels.get(normalize_cq500_id(row["study"]))
            if study is not None and row["consensus_ICH"]:
                stated = {name: int(float(row[f"consensus_{name}"])) for name in CQ500_FINDINGS}
                assert study == stated, row["study"]


# Chest CT.


def test_ct_rate_labels_are_read_by_column_and_volume(tmp_path):
    columns = ["Lung nodule", "VolumeName", *(name for name in CT_RATE_FINDINGS if name != "Lung nodule")]
    rows = [["1", "valid_2_a_1.nii.gz", *["0"] * 17], ["0", "train_10_b_2.nii.gz", *["1"] * 16, ""]]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(",".join(row) for row in [columns, *rows]))
    labels = read_ct_rate_labels(path)
    assert list(labels) == ["valid_2_a_1", "train_10_b_2"]
    assert [name for name, value in labels["valid_2_a_1"].items() if value] == ["Lung nodule"]
    assert labels["train_10_b_2"][CT_RATE_FINDINGS[-1]] is None


def test_a_doubled_volume_of_ct_rate_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    row = ",".join(["valid_1_a_1.nii.gz", *["0"] * 18])
    path.write_text("\n".join([",".join(["VolumeName", *CT_RATE_FINDINGS]), row, row]))
    with pytest.raises(LabelsError, match="valid_1_a_1 stands in more than one row"):
        read_ct_rate_labels(path)


@pytest.mark.parametrize("text", ["valid_1_a", "../valid_1_a_1", "valid_1_a_1.png", ""])
def test_other_names_are_no_volumes_of_ct_rate(text):
    with pytest.raises(LabelsError, match=r"is no CT-RATE volume: expected valid_1_a_1\.nii\.gz"):
        normalize_ct_rate_id(text)


@pytest.mark.parametrize("text", ["trn1", "abc00001", "trn00001.nii.gz"])
def test_other_names_are_no_volumes_of_rad_chestct(text):
    with pytest.raises(LabelsError, match="is no Rad-ChestCT volume: expected trn00001"):
        normalize_rad_chestct_id(text)


def write_rad(path, ones):
    """A small table of Rad-ChestCT: ``ones`` gives the columns that are 1 of each volume."""
    sources = [
        "calcification", "cardiomegaly", "pericardial_effusion", "hernia", "lymphadenopathy", "emphysema",
        "atelectasis", "nodule", "opacity", "fibrosis", "pleural_effusion", "bronchial_wall_thickening",
        "consolidation", "bronchiectasis", "septal_thickening", "catheter_or_port",
    ]  # fmt: skip
    columns = [f"{source}*{where}" for source in sources for where in ("left_upper", "lung")]
    lines = [",".join(["NoteAcc_DEID", *columns])]
    lines += [",".join([name, *(f"{float(column in found)}" for column in columns)]) for name, found in ones.items()]
    path.write_text("\n".join(lines))
    return path


def test_an_abnormality_of_rad_chestct_counts_wherever_it_lies(tmp_path):
    path = write_rad(tmp_path / "t.csv", {"trn00001": ["nodule*left_upper", "catheter_or_port*lung"], "val00002": []})
    labels = read_rad_chestct_labels(path)
    assert {name for name, value in labels["trn00001"].items() if value} == {"Lung nodule", "Medical material"}
    assert set(labels["val00002"].values()) == {0}


def test_the_three_tables_of_rad_chestct_are_one(tmp_path):
    for split, name in (("train", "trn00001"), ("valid", "val00002"), ("test", "tst00003")):
        write_rad(tmp_path / f"img{split}_Abnormality_and_Location_Labels.csv", {name: ["calcification*lung"]})
    labels = read_labels(tmp_path, "rad_chestct")
    assert set(labels) == {"trn00001", "val00002", "tst00003"}
    assert all(row["Calcification"] == 1 for row in labels.values())


def test_tables_that_are_not_rad_chestcts_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("NoteAcc_DEID,size\ntrn00001,1\n")
    (tmp_path / "b.csv").write_text("NoteAcc_DEID,nodule*lung\ntrn00001,1\n")
    with pytest.raises(FormatError, match="is no label table of Rad-ChestCT"):
        read_rad_chestct_labels(tmp_path / "a.csv")
    with pytest.raises(FormatError, match=r"has no columns of .*expected abnormality\*location"):
        read_rad_chestct_labels(tmp_path / "b.csv")
    with pytest.raises(FormatError, match="holds no img"):
        read_rad_chestct_labels(tmp_path)


@pytest.mark.labels
def test_ct_rates_own_labels_are_read(shared_dir):
    path = shared_dir("data/labels") / "ct_rate_valid_labels.csv"
    labels = read_ct_rate_labels(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(labels) == len(rows)
    assert len({name.rsplit("_", 1)[0] for name in labels}) == 1564  # studies, as the data set states
    assert len({name.rsplit("_", 2)[0] for name in labels}) == 1304  # patients
    for name in CT_RATE_FINDINGS:
        assert sum(row[name] == 1 for row in labels.values()) == sum(row[name] == "1" for row in rows)


@pytest.mark.labels
def test_rad_chestcts_labels_have_the_published_counts(shared_dir):
    labels = read_labels(shared_dir("data/labels") / "rad_chestct_labels.csv", "rad_chestct")
    counts = {
        "Lung nodule": 2874, "Calcification": 2562, "Lung opacity": 1955, "Atelectasis": 1082, "Emphysema": 992,
        "Pleural effusion": 727, "Bronchiectasis": 575, "Pericardial effusion": 563, "Consolidation": 505,
        "Pulmonary fibrotic sequela": 478, "Hiatal hernia": 425, "Cardiomegaly": 394,
        "Peribronchial thickening": 308, "Interlobular septal thickening": 252,
    }  # fmt: skip
    assert len(labels) == 3630
    assert {name: sum(row[name] == 1 for row in labels.values()) for name in counts} == counts
    assert all(row["Lymphadenopathy"] is None for row in labels.values())
