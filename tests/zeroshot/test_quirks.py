"""Defects of the released evaluations: impossible in our numbers, repeated beside them on demand."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn import metrics as reference

from itemclip_med.cli.main import main
from itemclip_med.errors import TaskError
from itemclip_med.labels import CQ500_FINDINGS
from itemclip_med.zeroshot import format_report, load_task, score_files

QUICK = {"num_bootstraps": 100, "num_permutations": 0}
TASK = load_task("cq500-10")


def write_reads(path, labels):
    """CQ500's reads.csv in which all three readers agree; findings that are not given are absent."""
    header = ["name", "Category", *(f"R{reader}:{name}" for reader in (1, 2, 3) for name in CQ500_FINDINGS)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for key, row in labels.items():
            writer.writerow([key, "", *([row.get(name, 0) for name in CQ500_FINDINGS] * 3)])
    return path


def write_scores(path, scores):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["study_id", *TASK.names])
        writer.writerows([key, *(row[name] for name in TASK.names)] for key, row in scores.items())
    return path


@pytest.fixture
def files(tmp_path):
    """Perfect scores in [-1, 1] for 60 studies in which mass effect and midline shift differ; five are not scored."""
    random = np.random.default_rng(0)
    labels = {f"CQ500-CT-{i}": {name: int(random.random() < 0.4) for name in TASK.names} for i in range(60)}
    scores = {
        key: {name: round(0.3 + 0.4 * row[name] + 0.1 * random.random(), 6) for name in TASK.names}
        for key, row in labels.items()
        if int(key.rsplit("-", 1)[1]) < 55
    }
    return (
        write_scores(tmp_path / "s.csv", scores),
        write_reads(tmp_path / "reads.csv", labels),
        tmp_path / "out",
        labels,
        scores,
    )


def test_our_numbers_are_the_same_with_and_without_quirks(files):
    scores, labels, out, *_ = files
    plain = score_files(TASK, scores, labels, out, **QUICK)
    both = score_files(TASK, scores, labels, out, published_quirks=True, **QUICK)
    assert "published_quirks" not in plain
    assert {key: value for key, value in both.items() if key != "published_quirks"} == plain


def test_columns_are_swapped_in_the_quirks_alone(files):
    path, reads, out, labels, scores = files
    result = score_files(TASK, path, reads, out, published_quirks=True, **QUICK)
    assert result["findings"]["MassEffect"]["auc"] == result["findings"]["MidlineShift"]["auc"] == 1.0
    there = result["published_quirks"]["findings"]
    keys = sorted(labels)
    for name, other in (("MassEffect", "MidlineShift"), ("MidlineShift", "MassEffect")):
        truth = [labels[key][name] for key in keys]
        values = [scores.get(key, dict.fromkeys(TASK.names, 0.0))[other] for key in keys]
        assert there[name]["auc"] == pytest.approx(reference.roc_auc_score(truth, values), abs=1e-9)
        assert there[name]["auc"] < 0.7


def test_missing_studies_count_as_zero_in_the_quirks_alone(files):
    path, reads, out, labels, _ = files
    result = score_files(TASK, path, reads, out, published_quirks=True, **QUICK)
    assert result["num_studies"] == 55
    assert result["excluded"] == {"labels, but no scores": 5}
    assert all(numbers["auc"] == 1.0 for numbers in result["findings"].values())
    there = result["published_quirks"]
    assert there["num_studies"] == 60
    assert there["missing_as_zero"] == [f"CQ500-CT-{i}" for i in range(55, 60)]
    missed = [name for name in TASK.names if any(labels[f"CQ500-CT-{i}"][name] for i in range(55, 60))]
    assert missed and all(there["findings"][name]["auc"] < 1 for name in missed)


def test_thresholds_of_the_test_set_exist_in_the_quirks_alone(files):
    path, reads, out, labels, scores = files
    result = score_files(TASK, path, reads, out, published_quirks=True, **QUICK)
    for name in TASK.names:
        ours, theirs = result["findings"][name], result["published_quirks"]["findings"][name]
        assert [ours[key] for key in ("threshold", "sensitivity", "balanced_accuracy", "accuracy", "brier")] == [
            None
        ] * 5
        assert theirs["threshold"] is not None
    keys = sorted(labels)
    truth = np.array([labels[key]["ICH"] for key in keys])
    values = np.array([scores.get(key, dict.fromkeys(TASK.names, 0.0))["ICH"] for key in keys])
    best = min(
        np.linspace(-1, 1, 1000),
        key=lambda t: (
            round(np.hypot(1 - (values > t)[truth == 1].mean(), (values > t)[truth == 0].mean()), 12),
            -t,
        ),
    )
    numbers = result["published_quirks"]["findings"]["ICH"]
    assert numbers["threshold"] == pytest.approx(best)
    assert numbers["accuracy"] == pytest.approx(reference.accuracy_score(truth, values > best))
    assert numbers["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(truth, values > best))
    assert numbers["accuracy"] != pytest.approx(numbers["balanced_accuracy"])


def test_both_results_are_printed_side_by_side_with_what_differs(files):
    path, reads, out, *_ = files
    text = format_report(score_files(TASK, path, reads, out, published_quirks=True, **QUICK), TASK)
    assert "Beside the released evaluation (55 studies, there 60)" in text
    assert '"acc (balanced)"' in text
    assert "MassEffect and MidlineShift are scored against each other's labels" in text
    assert "5 studies with labels and without scores count with the score 0" in text
    assert "plain accuracy is called balanced" in text
    assert "Quirk" not in format_report(score_files(TASK, path, reads, out, **QUICK), TASK)


def test_hlips_rule_for_two_calcification_scores_is_a_quirk_alone(tmp_path):
    task = load_task("radchest14")
    columns = [name for name in task.names if name != "Calcification"]
    header = ["study_id", *columns, "Arterial wall calcification", "Coronary artery wall calcification"]
    pairs = {"tst00001": (0.4, 0.1), "tst00002": (0.3, 0.2), "tst00003": (0.9, 0.1)}
    lines = [",".join([key, *["0.1"] * len(columns), *map(str, pair)]) for key, pair in pairs.items()]
    (tmp_path / "s.csv").write_text("\n".join([",".join(header), *lines]))
    truth = {"tst00001": 1, "tst00002": 0, "tst00003": 1}
    lines = [",".join([key, *["0"] * len(columns), str(value)]) for key, value in truth.items()]
    (tmp_path / "l.csv").write_text("\n".join([",".join(["study_id", *columns, "Calcification"]), *lines]))
    result = score_files(task, tmp_path / "s.csv", tmp_path / "l.csv", tmp_path / "out", published_quirks=True, **QUICK)
    assert result["findings"]["Calcification"]["auc"] == 1.0
    assert result["published_quirks"]["findings"]["Calcification"]["auc"] == 0.5


@pytest.mark.parametrize("path", ["itemclip_med/zeroshot/scoring.py", "itemclip_med/zeroshot/finding_numbers.py"])
def test_our_numbers_never_use_the_released_thresholds(repo_dir, path):
    assert "grid_threshold" not in (repo_dir / path).read_text()


def half(scores, start, stop):
    return {key: row for key, row in scores.items() if start <= int(key.rsplit("-", 1)[1]) < stop}


def test_thresholds_come_from_the_separate_split(files, tmp_path):
    _, reads, out, labels, scores = files
    evaluated = write_scores(tmp_path / "a.csv", half(scores, 0, 30))
    separate = write_scores(tmp_path / "b.csv", half(scores, 30, 55))
    result = score_files(TASK, evaluated, reads, out, threshold_scores=separate, **QUICK)
    assert result["threshold_split"] == {"rule": "youden", "num_studies": 25}
    assert result["excluded"] == {"in the separate split": 25, "labels, but no scores": 5}
    for name, numbers in result["findings"].items():
        positives = [row[name] for key, row in half(scores, 30, 55).items() if labels[key][name]]
        assert numbers["threshold"] == min(positives)  # perfect there: the lowest positive score
        truth = np.array([labels[key][name] for key in half(scores, 0, 30)])
        predicted = np.array([row[name] for row in half(scores, 0, 30).values()]) >= numbers["threshold"]
        assert numbers["sensitivity"] == pytest.approx(reference.recall_score(truth, predicted))
        assert numbers["balanced_accuracy_ci"][0] <= numbers["balanced_accuracy"] <= numbers["balanced_accuracy_ci"][1]
        assert 0 <= numbers["brier"] < 0.25
    assert "At thresholds chosen on a separate split of 25 studies (youden)" in format_report(result, TASK)


def test_a_split_that_shares_studies_or_patients_is_refused(files, tmp_path):
    _, reads, out, _, scores = files
    evaluated = write_scores(tmp_path / "a.csv", half(scores, 0, 30))
    same = write_scores(tmp_path / "b.csv", half(scores, 29, 40))
    with pytest.raises(TaskError, match=r"1 studies \(first: CQ500-CT-29\) are in b\.csv and among the evaluated"):
        score_files(TASK, evaluated, reads, out, threshold_scores=same, **QUICK)
    other = write_scores(tmp_path / "b.csv", half(scores, 30, 40))
    (tmp_path / "studies.csv").write_text("study_id,patient_id\nCQ500CT3,x\nCQ500CT33,x\n")
    with pytest.raises(TaskError, match=r"1 studies of b\.csv \(first: CQ500-CT-33\) are of patients who are"):
        score_files(TASK, evaluated, reads, out, threshold_scores=other, studies_path=tmp_path / "studies.csv", **QUICK)


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_command_writes_every_file_and_prints_both_results(files):
    path, reads, out, *_ = files
    done = run(
        "zeroshot", "score", "--task", "cq500-10", "--scores", path, "--labels", reads, "-o", out, "--published-quirks",
        "--bootstraps", 100,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Beside the released evaluation" in done.output
    written = {each.name for each in out.iterdir()}
    assert written == {
        "labels.csv", "metrics.json", "report.html", "report.md", "report.tex", "scores.csv", "studies.csv"
    }  # fmt: skip
    assert json.loads((out / "metrics.json").read_text())["published_quirks"]["num_studies"] == 60


def test_an_evaluation_over_its_own_folder_keeps_its_scores(files):
    path, reads, out, *_ = files
    out.mkdir()
    kept = out / "scores.csv"
    kept.write_bytes(path.read_bytes() + b"CQ500-CT-77" + b",0.5" * 10 + b"\n")
    before = kept.read_bytes()
    done = run("zeroshot", "score", "--task", "cq500-10", "--scores", kept, "--labels", reads, "-o", out)
    assert done.exit_code == 0, done.output
    assert kept.read_bytes() == before


def spoil(files, what):
    path, reads, *_ = files
    lines = path.read_text().splitlines()
    if what == "nan":
        lines[3] = lines[3].replace(lines[3].split(",")[1], "nan")
    elif what == "twice":
        lines.append(lines[1].replace("CQ500-CT-0", "CQ500CT000"))
    elif what == "unknown":
        lines = [f"{line},{'Tumor' if number == 0 else 1}" for number, line in enumerate(lines)]
    elif what == "strangers":
        lines = [lines[0], *(line.replace("CQ500-CT-", "CQ500-CT-9") for line in lines[1:])]
    path.write_text("\n".join(lines) + "\n")
    return path, reads


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nan", "'nan' is no score; expected a finite number"),
        ("twice", "study CQ500-CT-0 stands there twice"),
        ("unknown", "has unknown columns (Tumor): task cq500-10 knows ICH"),
        ("strangers", "are they of the same data set?"),
    ],
)
def test_bad_tables_end_with_status_2_and_a_reason(files, what, message):
    path, reads = spoil(files, what)
    done = run("zeroshot", "score", "--task", "cq500-10", "--scores", path, "--labels", reads, "-o", files[2])
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "cq500"], "No task 'cq500': there are"),
        (["--task", "ctrate18"], "has no column"),
        (["--task", "cq500-10", "--volumes", "all"], "has no volumes 'all'"),
        (["--task", "cq500-10", "--threshold-scores", "s.csv"], "among the evaluated"),
        (["--task", "cq500-10", "--threshold-rule", "best"], "No threshold rule 'best'"),
        ([], "has no column Category"),
    ],
)
def test_wrong_options_end_with_status_2(files, options, message, monkeypatch):
    path, reads, out, *_ = files
    monkeypatch.chdir(path.parent)
    done = run("zeroshot", "score", *options, "--scores", path, "--labels", reads, "-o", out)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


def test_a_table_of_ones_own_needs_no_task(tmp_path):
    rows = [("x1", 1, 0.9), ("x2", 0, 0.2), ("x3", 1, 0.4), ("x4", 0, 0.5)]
    (tmp_path / "l.csv").write_text("study_id,BigLesion\n" + "".join(f"{k},{label}\n" for k, label, _ in rows))
    (tmp_path / "s.csv").write_text("study_id,BigLesion\n" + "".join(f"{k},{score}\n" for k, _, score in rows))
    done = run(
        "zeroshot", "score", "--scores", tmp_path / "s.csv", "--labels", tmp_path / "l.csv", "-o", tmp_path / "o"
    )
    assert done.exit_code == 0, done.output
    result = json.loads((tmp_path / "o" / "metrics.json").read_text())
    assert result["task"] == "own"
    assert result["findings"]["BigLesion"]["auc"] == 0.75


def test_one_class_only_is_not_defined_and_no_crash(files):
    path, reads, out, labels, _ = files
    for row in labels.values():
        row["EDH"] = 0
    write_reads(reads, labels)
    done = run(
        "zeroshot", "score", "--task", "cq500-10", "--scores", path, "--labels", reads, "-o", out, "--published-quirks"
    )
    assert done.exit_code == 0, done.output
    assert (
        "Epidural hemorrhage: not defined, no positive study: an AUC needs both (0 positive, 55 negative)"
        in done.output
    )
    assert "one class only" in (out / "report.html").read_text()
