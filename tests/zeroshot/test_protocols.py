"""Named protocols on official label files with planted scores: known counts, AUCs of an independent reference."""

from __future__ import annotations

import csv
import random
import re

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from itemclip_med.errors import FormatError, TaskError
from itemclip_med.zeroshot import load_task, score_files
from itemclip_med.zeroshot.volumes import VolumeTables

CT_RATE_18 = (
    "Medical material", "Arterial wall calcification", "Cardiomegaly", "Pericardial effusion",
    "Coronary artery wall calcification", "Hiatal hernia", "Lymphadenopathy", "Emphysema", "Atelectasis",
    "Lung nodule", "Lung opacity", "Pulmonary fibrotic sequela", "Pleural effusion", "Mosaic attenuation pattern",
    "Peribronchial thickening", "Consolidation", "Bronchiectasis", "Interlobular septal thickening",
)  # fmt: skip
RAD_POSITIVES = {
    "Lung nodule": 2874, "Lung opacity": 1955, "Atelectasis": 1082, "Emphysema": 992, "Pleural effusion": 727,
    "Bronchiectasis": 575, "Pericardial effusion": 563, "Consolidation": 505, "Pulmonary fibrotic sequela": 478,
    "Hiatal hernia": 425, "Cardiomegaly": 394, "Peribronchial thickening": 308, "Interlobular septal thickening": 252,
}  # fmt: skip
CQ500_POSITIVES = {
    "ICH": 205, "IPH": 134, "SAH": 60, "SDH": 53, "IVH": 28, "EDH": 13, "BleedLocation-Left": 131,
    "BleedLocation-Right": 129, "MassEffect": 127, "MidlineShift": 65, "Fracture": 39,
}  # fmt: skip
QUICK = {"num_bootstraps": 100, "num_permutations": 0}


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def planted(labels, spell, path, *, missing=0, strangers=(), seed=0):
    """Write scores for ``{id: {finding: label}}`` in other spellings, rows and columns shuffled, some rows missing.

    Returns:
        ``{id: {finding: score}}`` of the studies that were written.
    """
    draw = random.Random(seed)
    names = list(next(iter(labels.values())))
    draw.shuffle(names)
    ids = list(labels)
    draw.shuffle(ids)
    scores = {key: {name: round(draw.gauss(0, 1) + labels[key][name], 3) for name in names} for key in ids[missing:]}
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names[:2], "study_id", *names[2:]])
        for key, row in [*scores.items(), *((each, dict.fromkeys(names, 9.0)) for each in strangers)]:
            values = [row[name] for name in names]
            writer.writerow([*values[:2], spell(key, draw) if key in scores else key, *values[2:]])
    return scores


def check_areas(result, labels, scores, left_out=frozenset()):
    """Counts and AUCs against scikit-learn on what the label file says."""
    common = sorted((labels.keys() & scores.keys()) - left_out)
    assert result["num_studies"] == len(common)
    areas = []
    for name, numbers in result["findings"].items():
        truth = [labels[key][name] for key in common]
        areas.append(roc_auc_score(truth, [scores[key][name] for key in common]))
        assert numbers["num_positive"] == sum(truth)
        assert numbers["num_negative"] == len(truth) - sum(truth)
        assert numbers["auc"] == pytest.approx(areas[-1], abs=1e-9)
    assert result["mean"]["auc"] == pytest.approx(np.mean(areas), abs=1e-9)


@pytest.fixture
def ct_rate(shared_dir):
    rows = rows_of(shared_dir("data/labels") / "ct_rate_valid_labels.csv")
    return {row["VolumeName"].removesuffix(".nii.gz"): {name: int(row[name]) for name in CT_RATE_18} for row in rows}


@pytest.mark.labels
@pytest.mark.parametrize(("name", "num"), [("ctrate16", 16), ("ctrate18", 18)])
def test_ct_rate_with_shuffled_tables_other_spellings_and_missing_volumes(ct_rate, shared_dir, tmp_path, name, num):
    def spell(key, draw):
        return key + draw.choice(["", ".nii", ".nii.gz"])

    scores = planted(ct_rate, spell, tmp_path / "s.csv", missing=7, strangers=["valid_9999_a_1"])
    task = load_task(name)
    labels_path = shared_dir("data/labels") / "ct_rate_valid_labels.csv"
    result = score_files(task, tmp_path / "s.csv", labels_path, tmp_path / "out", **QUICK)
    assert len(result["findings"]) == num
    assert result["num_expected"] == len(ct_rate) == 3039
    assert result["excluded"] == {"no labels": 1, "labels, but no scores": 7}
    assert result["num_patients"] == len({key.rsplit("_", 2)[0] for key in scores})
    check_areas(result, ct_rate, scores)


@pytest.mark.labels
def test_ct_rate_per_study_takes_the_first_volume_of_each_study(ct_rate, shared_dir, tmp_path):
    scores = planted(ct_rate, lambda key, _: key, tmp_path / "s.csv")
    first = {}
    for key in ct_rate:
        study, number = key.rsplit("_", 1)
        first[study] = min(first.get(study, 10**6), int(number))
    chosen = {f"{study}_{number}" for study, number in first.items()}
    task = load_task("ctrate18").with_volumes("per_study")
    labels_path = shared_dir("data/labels") / "ct_rate_valid_labels.csv"
    result = score_files(task, tmp_path / "s.csv", labels_path, tmp_path / "out", **QUICK)
    assert result["num_studies"] == 1564
    assert result["excluded"] == {"another volume of the study counts": 3039 - 1564}
    assert result["protocol"].startswith("volumes: per_study;")
    check_areas(result, ct_rate, scores, left_out=frozenset(ct_rate) - chosen)


@pytest.mark.labels
def test_ct_rate_dedup_takes_the_smallest_pixels_and_drops_repeated_reports(ct_rate, shared_dir, tmp_path):
    metadata = shared_dir("data/labels") / "ct_rate_valid_metadata.csv"
    pixel = {
        row["VolumeName"].removesuffix(".nii.gz"): float(row["XYSpacing"].strip("[]").split(",")[0])
        for row in rows_of(metadata)
    }
    studies = {}
    for key in ct_rate:
        studies.setdefault(key.rsplit("_", 1)[0], []).append(key)
    first, second = list(studies)[:2]
    reports = tmp_path / "reports.csv"
    with reports.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["VolumeName", "Findings_EN", "Impressions_EN"])
        for key in ct_rate:
            study = key.rsplit("_", 1)[0]
            writer.writerow([f"{key}.nii.gz", "as " + (first if study == second else study), "Not given."])
    planted(ct_rate, lambda key, _: key, tmp_path / "s.csv")
    task = load_task("ctrate16").with_volumes("dedup")
    labels_path = shared_dir("data/labels") / "ct_rate_valid_labels.csv"
    result = score_files(
        task, tmp_path / "s.csv", labels_path, tmp_path / "out", tables=VolumeTables(metadata, reports), **QUICK
    )
    assert result["num_studies"] == 1563
    assert result["excluded"]["the report repeats that of an earlier study"] == 1
    left = {key for ids in result["excluded_studies"].values() for key in ids}
    for study, volumes in studies.items():
        kept = [key for key in volumes if key not in left]
        assert len(kept) == (study != second)
        assert all(pixel[key] == min(pixel[each] for each in volumes) for key in kept)
    assert result["by_scanner"]
    assert sum(group["num_studies"] for group in result["by_scanner"].values()) == 1563
    used = {row["study_id"]: row for row in rows_of(tmp_path / "out" / "studies.csv")}
    assert all(key.startswith(row["patient_id"] + "_") and row["scanner"] for key, row in used.items())


def test_dedup_without_its_tables_says_which(tmp_path):
    (tmp_path / "s.csv").write_text("study_id," + ",".join(CT_RATE_18) + "\nvalid_1_a_1" + ",0" * 18 + "\n")
    (tmp_path / "l.csv").write_text("VolumeName," + ",".join(CT_RATE_18) + "\nvalid_1_a_1.nii.gz" + ",0" * 18 + "\n")
    with pytest.raises(TaskError, match=r"--metadata validation_metadata\.csv and --reports"):
        score_files(
            load_task("ctrate18").with_volumes("dedup"), tmp_path / "s.csv", tmp_path / "l.csv", tmp_path / "out"
        )
    with pytest.raises(TaskError, match="has no volumes 'first': it has all, per_study, dedup"):
        load_task("ctrate18").with_volumes("first")
    with pytest.raises(TaskError, match="has no volumes 'all': it has one set only"):
        load_task("rsna5").with_volumes("all")


@pytest.mark.labels
@pytest.mark.parametrize(("name", "num"), [("radchest14", 14), ("radchest15", 15)])
def test_rad_chestct_from_the_mapped_table(shared_dir, tmp_path, name, num):
    path = shared_dir("data/labels") / "rad_chestct_labels.csv"
    labels = {
        row["NoteAcc_DEID"]: {key: int(float(value)) for key, value in row.items() if key != "NoteAcc_DEID"}
        for row in rows_of(path)
    }
    scores = planted(labels, lambda key, draw: key + draw.choice(["", ".npz"]), tmp_path / "s.csv", missing=3)
    result = score_files(load_task(name), tmp_path / "s.csv", path, tmp_path / "out", **QUICK)
    assert len(result["findings"]) == num
    assert result["num_expected"] == len(labels) == 3630
    for table in (labels, scores):
        for row in table.values():  # the greater of the two, as the protocol says
            row["Calcification"] = max(row["Coronary artery wall calcification"], row["Arterial wall calcification"])
    check_areas(result, labels, scores)
    whole = {key: sum(row[key] for row in labels.values()) for key in RAD_POSITIVES}
    assert whole == RAD_POSITIVES
    assert sum(row["Calcification"] for row in labels.values()) == 2562


@pytest.mark.labels
@pytest.mark.parametrize("name", ["radchest16-std", "radchest16-ext"])
def test_the_mapped_table_is_refused_where_its_columns_mean_something_else(shared_dir, name):
    with pytest.raises(FormatError, match=r"mapped table of Rad-ChestCT.*Medical material.*official tables"):
        load_task(name).read_labels(shared_dir("data/labels") / "rad_chestct_labels.csv")


@pytest.mark.labels
@pytest.mark.parametrize(("name", "num"), [("cq500-10", 10), ("cq500-11", 11)])
def test_cq500_in_three_spellings_with_its_exclusions(shared_dir, tmp_path, name, num):
    path = shared_dir("data/labels") / "cq500_reads.csv"
    labels = {
        row["name"]: {
            finding: int(sum(int(row[f"R{reader}:{finding}"]) for reader in (1, 2, 3)) >= 2)
            for finding in CQ500_POSITIVES
        }
        for row in rows_of(path)
    }
    assert {key: sum(row[key] for row in labels.values()) for key in CQ500_POSITIVES} == CQ500_POSITIVES

    def spell(key, draw):
        number = int(key.rsplit("-", 1)[1])
        return draw.choice([f"CQ500-CT-{number}", f"CQ500CT{number}", f"CQ500CT{number:03d}"])

    scores = planted(labels, spell, tmp_path / "s.csv", strangers=["CQ500CT120"])
    result = score_files(load_task(name), tmp_path / "s.csv", path, tmp_path / "out", **QUICK)
    assert len(result["findings"]) == num
    assert result["num_studies"] == result["num_expected"] == 489
    assert result["excluded_studies"] == {
        "excluded by the protocol": ["CQ500-CT-163"], "no labels": ["CQ500-CT-120"]
    }  # fmt: skip
    check_areas(result, labels, scores, left_out={"CQ500-CT-163"})


@pytest.mark.labels
@pytest.mark.parametrize(("name", "file"), [("pubbrain5", "pub_brain_5"), ("pubbrain5-gt", "pub_brain_5_gt")])
def test_pub_brain_5_classes_pairs_and_sources(shared_dir, tmp_path, name, file):
    path = shared_dir("data/labels") / f"{file}.csv"
    classes = ["Normal", "Stroke", "Glioma", "Meningioma", "Metastasis"]
    labels = {row["study"]: {each: int(row[each]) for each in classes} for row in rows_of(path)}
    scores = planted(labels, lambda key, draw: draw.choice(["", "/data/pub_brain_5/"]) + key, tmp_path / "s.csv")
    result = score_files(load_task(name), tmp_path / "s.csv", path, tmp_path / "out", **QUICK)
    assert result["num_studies"] == result["num_expected"]
    check_areas(result, labels, scores)
    ids = sorted(labels)
    truth = np.array([[labels[key][each] for each in classes] for key in ids]).argmax(axis=1)
    values = np.array([[scores[key][each] for each in classes] for key in ids])
    for number, disease in enumerate(classes[1:], start=1):
        numbers = result["multiclass"][f"{disease.lower()}_detection_2way"]
        chosen = np.isin(truth, (0, number))
        pair, positive = values[chosen][:, [0, number]], truth[chosen] == number
        assert numbers["num_studies"] == chosen.sum()
        assert numbers["balanced_accuracy"] == pytest.approx(
            balanced_accuracy_score(positive, pair.argmax(axis=1)), abs=1e-9
        )
        assert numbers["auc"] == pytest.approx(roc_auc_score(positive, pair[:, 1] - pair[:, 0]), abs=1e-9)
        assert numbers["ci"][0] < numbers["balanced_accuracy"] < numbers["ci"][1]
    tumors = truth >= 2
    three, five = (result["multiclass"][key] for key in ("tumor_classification_3way", "disease_classification_5way"))
    assert three["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(truth[tumors] - 2, values[tumors][:, 2:].argmax(axis=1)), abs=1e-9
    )
    assert five["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, values.argmax(axis=1)), abs=1e-9)
    assert np.array(five["confusion"]).sum() == len(ids)
    assert result["mean"]["multiclass_balanced_accuracy"] == pytest.approx(
        np.mean([numbers["balanced_accuracy"] for numbers in result["multiclass"].values()])
    )
    sources = {key.split("/")[0] for key in ids}
    assert set(five["by_source"]) == set(result["by_source"]) == sources
    for source in sources:
        chosen = np.array([key.startswith(source + "/") for key in ids])
        right = (values.argmax(axis=1) == truth)[chosen].mean()
        assert five["by_source"][source]["correct"] == pytest.approx(right, abs=1e-12)
    if name == "pubbrain5":
        patients = {re.sub(r"_\d+$|(?<=\d)[A-Z]$|(?<=-\d{5})-\d+$", "", key) for key in ids}
        assert result["num_patients"] == len(patients) < len(ids)


def write_rad(path, columns, rows):
    lines = [",".join(["NoteAcc_DEID", *columns])]
    lines += [",".join([key, *(str(float(column in ones)) for column in columns)]) for key, ones in rows.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_each_mapping_of_rad_chestct_reads_its_own_sources(tmp_path):
    from itemclip_med.phantoms.chest_rad import LABEL_COLUMNS

    path = write_rad(
        tmp_path / "imgtest_Abnormality_and_Location_Labels.csv",
        LABEL_COLUMNS,
        {
            "tst00001": {"scarring*lung"},
            "tst00002": {"fibrosis*left_lung"},
            "tst00003": {"nodulegr1cm*right_upper"},
            "tst00004": {"groundglass*lung", "atherosclerosis*aorta"},
            "tst00005": {"calcification*heart", "stent*heart"},
        },
    )
    read = {name: load_task(name).read_labels(path) for name in ("radchest14", "radchest16-std", "radchest16-ext")}

    def ones(name, key):
        return {finding for finding, value in read[name][key].items() if value}

    assert ones("radchest16-std", "tst00001") == {"Pulmonary fibrotic sequela"} and not ones("radchest14", "tst00001")
    assert ones("radchest14", "tst00002") == {"Pulmonary fibrotic sequela"} and not ones("radchest16-std", "tst00002")
    assert ones("radchest16-std", "tst00003") == {"Lung nodule"} and not ones("radchest14", "tst00003")
    assert ones("radchest16-ext", "tst00004") == {"Lung opacity", "Calcification"}
    assert not ones("radchest16-std", "tst00004")
    assert ones("radchest16-std", "tst00005") == {"Calcification", "Medical material"}
    assert ones("radchest14", "tst00005") == {"Calcification"}


def test_earlier_names_of_tasks_still_load():
    for old, new in (("ct-rate-18", "ctrate18"), ("pub-brain-5", "pubbrain5"), ("rsna-ich", "rsna5")):
        assert load_task(old).name == new
    assert load_task("rad-chestct-16").name == "radchest16-std"


@pytest.mark.parametrize("name", ["rsna5", "rsna6"])
def test_rsna_in_the_official_layout(tmp_path, name):
    from itemclip_med.labels import RSNA_FINDINGS
    from itemclip_med.phantoms.rsna_layout import slices_csv, stage_2_train_csv

    draw = random.Random(1)
    studies, slices, labels = [], [], {}
    for number in range(120):
        study_id, names = f"ID_{number:010x}", [f"ID_{10 * number + k:09x}" for k in range(4)]
        studies.append((study_id, names))
        rows = [[int(draw.random() < 0.12) for _ in RSNA_FINDINGS] for _ in names]
        slices += [(each, tuple(row)) for each, row in zip(names, rows, strict=True)]
        labels[study_id] = dict(zip(RSNA_FINDINGS, map(max, zip(*rows, strict=True)), strict=True))
    (tmp_path / "stage_2_train.csv").write_text(stage_2_train_csv(slices))
    (tmp_path / "slices.csv").write_text(slices_csv(studies))
    scores = planted(
        labels, lambda key, draw: draw.choice(["", "RSNA_"]) + key, tmp_path / "s.csv", missing=4,
        strangers=["ID_ffffffffff"],
    )  # fmt: skip
    result = score_files(load_task(name), tmp_path / "s.csv", tmp_path / "stage_2_train.csv", tmp_path / "out", **QUICK)
    assert result["excluded"] == {"no labels": 1, "labels, but no scores": 4}
    assert len(result["findings"]) == int(name[-1])
    assert ("epidural" in result["findings"]) == (name == "rsna6")
    check_areas(result, labels, scores)


@pytest.mark.parametrize("name", ["radchest16-std", "radchest16-ext"])
def test_rad_chestct_16_in_the_official_layout(tmp_path, name):
    from itemclip_med.phantoms.chest_rad import LABEL_COLUMNS, label_file, labels_csv

    task, draw = load_task(name), random.Random(2)
    behind = {finding: set(sources) for finding, sources in task.sources.items()}
    tables, labels = {}, {}
    for number in range(60):
        key = f"{('trn', 'val', 'tst')[number % 3]}{number:05d}"
        ones = [column for column in LABEL_COLUMNS if draw.random() < 0.004]
        tables.setdefault(label_file(key), []).append((key, ones))
        present = {column.split("*")[0] for column in ones}
        labels[key] = {finding: int(bool(sources & present)) for finding, sources in behind.items()}
    for file, rows in tables.items():
        (tmp_path / file).write_bytes(labels_csv(rows))
    scores = planted(labels, lambda key, draw: key + draw.choice(["", ".npz"]), tmp_path / "s.csv", missing=2)
    result = score_files(task, tmp_path / "s.csv", tmp_path, tmp_path / "out", **QUICK)
    assert len(tables) == 3 and len(result["findings"]) == 16
    check_areas(result, labels, scores)
