"""Scores against labels: nothing is scored that has no label, nothing is lost without being counted."""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import sys

import pytest

from itemclip_med.errors import FormatError, LabelsError, TaskError
from itemclip_med.zeroshot import format_report, load_task, score_files
from itemclip_med.zeroshot.metrics import auc
from itemclip_med.zeroshot.tables import read_scores, read_studies
from itemclip_med.zeroshot.task import task_from_dict

TASK = task_from_dict(
    {
        "name": "two",
        "title": "Two findings",
        "protocol": "as it comes",
        "study_id": "cq500",
        "labels": {"reader": "csv"},
        "metrics": ["auc"],
        "exclude": {"CQ500-CT-9": "broken"},
        "findings": {"A": {"prompts": ["a"]}, "B": {"title": "Finding B", "prompts": ["b"]}},
        "published": [{"method": "Peer", "source": "a paper", "mean": {"auc": 0.876}}],
    }
)
SCORES = "study_id,A,B\nCQ500CT1,0.1,0.5\nCQ500CT2,0.2,0.4\nCQ500CT3,0.3,0.3\nCQ500CT4,0.4,0.2\n"
LABELS = "study_id,A,B\nCQ500-CT-1,0,1\nCQ500-CT-2,1,0\nCQ500-CT-3,0,0\nCQ500-CT-4,1,0\n"


@pytest.fixture
def files(tmp_path):
    """A function that writes the named texts and returns their paths."""

    def write(scores=SCORES, labels=LABELS, studies=None):
        for name, text in (("scores", scores), ("labels", labels), ("studies", studies)):
            if text is not None:
                (tmp_path / f"{name}.csv").write_text(text)
        return tmp_path / "scores.csv", tmp_path / "labels.csv", tmp_path / "out"

    return write


def test_metrics_file_holds_what_the_contract_names(files):
    result = score_files(TASK, *files())
    written = json.loads((files()[2] / "metrics.json").read_text())
    assert written == result
    assert {"task", "protocol", "num_studies", "excluded", "findings", "mean", "multiclass"} <= written.keys()
    assert written["task"] == "two"
    assert written["num_studies"] == 4
    assert written["findings"]["A"]["num_positive"] == 2
    assert written["findings"]["A"]["num_negative"] == 2
    assert written["findings"]["A"]["auc"] == 0.75
    assert written["findings"]["B"]["auc"] == 1.0
    assert written["mean"]["auc"] == 0.875
    assert len(written["findings"]["A"]["auc_ci"]) == 2


def test_threshold_metrics_are_null_without_a_separate_split(files):
    numbers = score_files(TASK, *files())["findings"]["A"]
    assert numbers["threshold"] is numbers["sensitivity"] is numbers["specificity"] is None


def test_order_of_rows_and_columns_and_spelling_of_ids_do_not_matter(files):
    plain = score_files(TASK, *files())
    shuffled = score_files(
        TASK,
        *files(
            scores="B,A,study_id\n0.2,0.4,CQ500-CT-4\n0.3,0.3,CQ500CT003\n0.4,0.2,CQ500CT2\n0.5,0.1,CQ500-CT-1\n",
            labels="B,study_id,A\n0,CQ500CT4,1\n1,CQ500CT001,0\n0,CQ500CT3,0\n0,CQ500CT2,1\n",
        ),
    )
    assert shuffled == plain


def test_studies_in_one_file_only_are_listed_and_never_scored(files):
    scores = SCORES + "CQ500CT7,9.0,9.0\n"
    labels = LABELS + "CQ500CT8,1,1\n"
    result = score_files(TASK, *files(scores, labels))
    assert result["num_studies"] == 4
    assert result["mean"]["auc"] == 0.875
    assert result["excluded"] == {"no labels": 1, "labels, but no scores": 1}
    assert result["excluded_studies"] == {"no labels": ["CQ500-CT-7"], "labels, but no scores": ["CQ500-CT-8"]}


def test_excluded_studies_are_counted_and_not_scored(files):
    result = score_files(TASK, *files(SCORES + "CQ500CT9,-9,-9\n", LABELS + "CQ500CT9,1,1\n"))
    assert result["excluded"] == {"excluded by the protocol": 1}
    assert result["num_studies"] == 4


def test_one_class_only_gives_null_and_a_reason(files):
    result = score_files(TASK, *files(labels=re.sub(r",\d$", ",0", LABELS, flags=re.M)))
    assert result["findings"]["B"]["auc"] is None
    assert result["findings"]["B"]["auc_ci"] is None
    assert result["findings"]["B"]["reason"] == "no positive study: an AUC needs both"
    assert result["mean"] == {**result["mean"], "auc": 0.75, "num_findings": 1, "undefined": ["B"]}


def test_unknown_labels_are_counted_and_left_out(files):
    result = score_files(TASK, *files(labels=LABELS.replace("CQ500-CT-3,0,0", "CQ500-CT-3,,0")))
    assert result["findings"]["A"]["num_unknown"] == 1
    assert result["findings"]["A"]["num_negative"] == 1
    assert result["findings"]["A"]["auc"] == 1.0


@pytest.mark.parametrize("cell", ["nan", "", "inf", "high"])
def test_a_score_that_is_no_number_is_refused(files, cell):
    with pytest.raises(TaskError, match=r"scores\.csv, line 3, A: .* is no score"):
        score_files(TASK, *files(scores=SCORES.replace("0.2,0.4", f"{cell},0.4")))


def test_a_study_twice_is_refused_across_spellings(files):
    with pytest.raises(TaskError, match="study CQ500-CT-1 stands there twice"):
        score_files(TASK, *files(scores=SCORES + "CQ500-CT-001,0.5,0.5\n"))
    with pytest.raises(LabelsError, match="CQ500-CT-1 stands in more than one row"):
        score_files(TASK, *files(labels=LABELS + "CQ500CT001,0,0\n"))
    with pytest.raises(TaskError, match=r"studies\.csv, line 3: study CQ500-CT-1 stands there twice"):
        score_files(
            TASK,
            *files(studies="study_id,patient_id\nCQ500CT1,a\nCQ500CT01,a\n"),
            studies_path=files()[0].with_name("studies.csv"),
        )


def test_a_missing_column_is_named(files):
    with pytest.raises(TaskError, match="no column B"):
        score_files(TASK, *files(scores=SCORES.replace("study_id,A,B", "study_id,A,C")))
    with pytest.raises(TaskError, match="no column study_id"):
        score_files(TASK, *files(scores=SCORES.replace("study_id", "case")))
    files(studies="case,patient_id\na,b\n")
    with pytest.raises(FormatError, match="no column study_id"):
        score_files(TASK, *files(), studies_path=files()[0].with_name("studies.csv"))


def test_labels_of_other_studies_are_refused(files):
    with pytest.raises(
        LabelsError, match=r"No study of scores\.csv \(4, such as CQ500-CT-1\) has labels in labels\.csv"
    ):
        score_files(TASK, *files(labels="study_id,A,B\nCQ500-CT-99,1,0\n"))


def test_patients_come_from_the_studies_table(files):
    paths = files(studies="study_id,patient_id,source\nCQ500CT1,p,site\nCQ500CT2,p,\nCQ500CT3,,\n")
    result = score_files(TASK, *paths, studies_path=paths[0].with_name("studies.csv"))
    assert result["num_patients"] == 3
    assert read_studies(paths[0].with_name("studies.csv"), TASK)["CQ500-CT-1"].source == "site"


def test_scores_of_another_id_kind_keep_their_ids(files):
    scores, _, _ = files(scores="study_id,A,B\n9f3a,0.1,0.2\n")
    assert list(read_scores(scores, TASK)) == ["9f3a"]


def test_report_shows_the_numbers_the_protocol_and_who_was_left_out(files):
    text = format_report(score_files(TASK, *files(labels=LABELS + "CQ500CT8,1,1\n")), TASK)
    assert "4 studies of 4 patients" in text
    assert re.search(r"Finding B +1 +3 +1\.000", text)
    assert re.search(r"mean of 2 .*0\.875 .* 0\.876", text)
    assert "Protocol two: as it comes" in text
    assert "1 labels, but no scores" in text
    assert "Peer: a paper." in text


@pytest.mark.labels
def test_true_labels_lie_outside_a_thousand_permutations(shared_dir, tmp_path):
    task = load_task("cq500-10")
    reads = shared_dir("data/labels") / "cq500_reads.csv"
    labels = task.read_labels(reads)
    draw = random.Random(0)
    path = tmp_path / "scores.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["study_id", *task.names])
        for study_id, row in labels.items():
            writer.writerow([study_id, *(draw.gauss(0, 1) + row[name] for name in task.names)])
    result = score_files(task, path, reads, tmp_path / "out")
    test = result["permutation"]
    assert test["num"] == 1000
    assert test["mean_auc"] == pytest.approx(0.5, abs=0.005)
    assert test["observed_outside"]
    assert result["mean"]["auc"] > test["range"][1]
    assert result["num_studies"] == len(labels.keys() - task.exclude.keys())
    assert result["findings"]["EDH"]["num_positive"] == sum(row["EDH"] == 1 for row in labels.values())


@pytest.mark.labels
def test_mass_effect_is_scored_against_its_own_column(shared_dir, tmp_path):
    task = load_task("cq500-10")
    reads = shared_dir("data/labels") / "cq500_reads.csv"
    labels = task.read_labels(reads)
    path = tmp_path / "scores.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["study_id", *task.names])
        writer.writerows([study_id, *(row[name] for name in task.names)] for study_id, row in labels.items())
    findings = score_files(task, path, reads, tmp_path / "out")["findings"]
    assert all(numbers["auc"] == 1.0 for numbers in findings.values())
    swapped = auc([row["MassEffect"] for row in labels.values()], [row["MidlineShift"] for row in labels.values()])
    assert swapped < 1.0


def test_evaluating_scores_needs_no_torch():
    code = "import sys, itemclip_med.zeroshot; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
