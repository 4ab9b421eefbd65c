"""Two models compared on the same studies, numbers within groups, and the tables and page that show them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

from itemclip_med.cli.main import main
from itemclip_med.errors import TaskError
from itemclip_med.zeroshot import compare_files, score_files, write_reports
from itemclip_med.zeroshot.comparison import compare
from itemclip_med.zeroshot.errors_shown import confident_errors
from itemclip_med.zeroshot.groups import group_numbers
from itemclip_med.zeroshot.layout import Table
from itemclip_med.zeroshot.matching import Matched
from itemclip_med.zeroshot.task import task_from_dict

TASK = task_from_dict(
    {
        "name": "two",
        "title": "Two findings",
        "protocol": "as it comes",
        "study_id": "plain",
        "labels": {"reader": "csv"},
        "findings": {"A": {"prompts": ["a & b_c"]}, "B": {"title": "Finding <B>", "prompts": ["b"]}},
    }
)


def matched(scores, labels, patients=None, sources=None):
    ids = [f"s{index:03d}" for index in range(len(scores))]
    unknown = ["unknown"] * len(ids)
    return Matched(ids, scores, labels, patients or ids, sources or unknown, unknown)


def make(num=80, gain=1.0, seed=0):
    """Two models on the same studies; the first sees more of the finding."""
    random = np.random.default_rng(seed)
    labels = (random.random((num, 2)) < 0.4).astype(float)
    common = random.normal(size=labels.shape)
    return common + (0.8 + gain) * labels, common + random.normal(size=labels.shape) + 0.8 * labels, labels


def test_difference_and_interval_equal_a_plain_paired_bootstrap():
    first, second, labels = make(num=40)
    patients = [f"p{index // 2}" for index in range(40)]
    found = compare(
        ("A", "B"), matched(first, labels, patients), matched(second, labels, patients), num_bootstraps=120, seed=4
    )
    random = np.random.default_rng(4)
    names = sorted(set(patients))
    draws = []
    for counts in random.multinomial(20, np.full(20, 1 / 20), size=120):
        rows = np.concatenate(
            [
                [i for i, patient in enumerate(patients) if patient == name] * count
                for name, count in zip(names, counts, strict=True)
                if count
            ]
        ).astype(int)
        draws.append(
            [
                roc_auc_score(labels[rows, c], first[rows, c]) - roc_auc_score(labels[rows, c], second[rows, c])
                for c in range(2)
            ]
        )
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    for column, name in enumerate(("A", "B")):
        numbers = found["findings"][name]
        assert numbers["difference"] == pytest.approx(
            roc_auc_score(labels[:, column], first[:, column]) - roc_auc_score(labels[:, column], second[:, column])
        )
        assert numbers["ci"] == pytest.approx([low[column], high[column]], abs=1e-9)
        sides = [(np.array(draws)[:, column] <= 0).sum(), (np.array(draws)[:, column] >= 0).sum()]
        assert numbers["p_value"] == pytest.approx(min(1, 2 * (1 + min(sides)) / 121))
        assert numbers["delong_p_value"] is None  # two studies a patient
    assert found["mean"]["ci"] == pytest.approx(np.percentile(np.mean(draws, axis=1), [2.5, 97.5]), abs=1e-9)


def test_a_better_model_is_told_from_an_equal_one():
    first, second, labels = make(num=200)
    better = compare(("A", "B"), matched(first, labels), matched(second, labels), num_bootstraps=500, seed=0)
    assert better["mean"]["ci"][0] > 0 and better["mean"]["p_value"] < 0.02
    assert better["findings"]["A"]["delong_p_value"] < 0.01
    same = compare(("A", "B"), matched(first, labels), matched(first, labels), num_bootstraps=200, seed=0)
    assert (same["mean"]["difference"], same["mean"]["p_value"]) == (0, 1)
    assert same["findings"]["A"]["delong_p_value"] == 1


def write(path, values, header=("A", "B")):
    lines = [",".join(["study_id", *header]), *(",".join([key, *map(str, row)]) for key, row in values.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def files(tmp_path):
    first, second, labels = make(num=60)
    ids = [f"s{index:03d}" for index in range(60)]
    return (
        write(tmp_path / "first.csv", dict(zip(ids, first.tolist(), strict=True))),
        write(tmp_path / "second.csv", dict(zip(ids[2:], second[2:].tolist(), strict=True))),
        write(tmp_path / "labels.csv", dict(zip(ids, labels.astype(int).tolist(), strict=True))),
    )


def test_models_are_compared_on_studies_that_both_scored(files, tmp_path):
    result = compare_files(TASK, *files, num_bootstraps=100)
    assert result["num_studies"] == 58
    assert result["excluded_studies"]["scored by one model only"] == ["s000", "s001"]
    with pytest.raises(TaskError, match=r"No study is in both first\.csv and other\.csv"):
        compare_files(TASK, files[0], write(tmp_path / "other.csv", {"x": [0, 0]}), files[2])


def test_the_command_compares_and_writes_json(files, tmp_path):
    done = CliRunner().invoke(
        main,
        ["zeroshot", "compare", "--scores", str(files[0]), "--scores", str(files[1]), "--labels", str(files[2]),
         "-o", str(tmp_path / "out" / "c.json")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert re.search(r"mean +0\.\d{3} +0\.\d{3} +[+-]0\.\d{3}", done.output)
    assert json.loads((tmp_path / "out" / "c.json").read_text())["num_studies"] == 58


def test_groups_are_evaluated_apart():
    first, _, labels = make(num=60)
    sources = ["x"] * 40 + ["y"] * 20
    labels[40:, 1] = 0
    found = group_numbers(("A", "B"), matched(first, labels, sources=sources), sources)
    assert found["x"]["findings"]["A"]["auc"] == pytest.approx(roc_auc_score(labels[:40, 0], first[:40, 0]))
    assert found["y"]["findings"]["B"] == {"num_positive": 0, "num_negative": 20, "auc": None}
    assert found["y"]["auc"] == found["y"]["findings"]["A"]["auc"]
    assert (found["y"]["num_studies"], found["y"]["num_findings"]) == (20, 1)
    assert group_numbers(("A", "B"), matched(first, labels), ["unknown"] * 60) == {}


def test_confident_errors_are_the_worst_of_either_kind():
    scores = np.array([[0.9, 0], [0.8, 0], [0.1, 0], [0.95, 0], [0.2, 0], [0.3, 0]])
    labels = np.array([[1, 0], [1, 0], [1, 0], [0, 0], [0, 0], [0, 0]], dtype=float)
    found = confident_errors(TASK, matched(scores, labels))
    assert [(error.study_id, error.positive, error.finding) for error in found] == [
        ("s002", True, "A"), ("s003", False, "A")
    ]  # fmt: skip
    assert found[0].beaten == found[1].beaten == 1.0


def test_a_table_in_markdown_and_latex():
    table = Table("Of 50 % & more", ["finding", "n"], [["a_b|c", "1–2"]], ["mean", ""])
    assert table.markdown().splitlines()[2:] == [
        "| finding | n |",
        "| --- | ---: |",
        "| a_b\\|c | 1–2 |",
        "| **mean** |  |",
    ]
    latex = table.latex()
    assert r"\caption{Of 50 \% \& more}" in latex
    assert r"a\_b|c & 1--2 \\" in latex
    assert r"\begin{tabular}{lr}" in latex


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(files, tmp_path):
    out = tmp_path / "out"
    result = score_files(TASK, files[0], files[2], out, num_bootstraps=100, num_permutations=0)
    paths = write_reports(out, TASK, result)
    assert [path.name for path in paths] == ["report.html", "report.md", "report.tex"]
    page = paths[0].read_text()
    assert "Finding &lt;B&gt;" in page and "Finding <B>" not in page
    assert "a &amp; b_c" in page
    assert not re.search(r"(src|href)=.?https?:", page) and "<script" not in page
    assert page.count("class=band") == 2  # a band per ROC curve
    assert page.count("aria-label='Scores'") == 2
    assert "Pictures need the store" in page
