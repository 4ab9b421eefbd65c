"""AUC, its intervals over patients, and the permutation test, against slow references and recorded numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from itemclip_med.errors import TaskError
from itemclip_med.zeroshot.metrics import auc, bootstrap_auc_ci, mean_auc, permutation_test


def make_scores(num=200, num_findings=3, shift=1.0, seed=0):
    """Labels at 30 % and Gaussian scores that differ by ``shift``."""
    random = np.random.default_rng(seed)
    labels = (random.random((num, num_findings)) < 0.3).astype(float)
    return random.normal(size=labels.shape) + shift * labels, labels


def pairs_auc(scores, labels):
    """The definition, pair by pair."""
    wins = [
        (positive > negative) + 0.5 * (positive == negative)
        for positive in scores[labels == 1]
        for negative in scores[labels == 0]
    ]
    return float(np.mean(wins))


@pytest.mark.parametrize("decimals", [8, 1, 0])
def test_auc_is_the_share_of_ordered_pairs_with_ties_as_half(decimals):
    scores, labels = make_scores(num=60, num_findings=1)
    scores = scores.round(decimals)[:, 0]
    assert auc(scores, labels[:, 0]) == pytest.approx(pairs_auc(scores, labels[:, 0]), abs=1e-12)
    assert auc(scores, labels[:, 0]) == pytest.approx(roc_auc_score(labels[:, 0], scores), abs=1e-12)


def test_unknown_labels_are_left_out():
    assert auc([0.1, 0.9, 0.5], [0, 1, np.nan]) == 1.0


@pytest.mark.parametrize("labels", [[1, 1], [0, 0], [np.nan, np.nan], [np.nan, 1]])
def test_one_class_has_no_auc(labels):
    assert auc([0.1, 0.2], labels) is None


def test_mean_is_over_the_findings_that_have_an_auc():
    scores, labels = make_scores()
    labels[:, 1] = 0
    assert mean_auc(scores, labels) == pytest.approx(
        (auc(scores[:, 0], labels[:, 0]) + auc(scores[:, 2], labels[:, 2])) / 2
    )
    assert mean_auc(scores[:, 1:2], labels[:, 1:2]) is None


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, np.nan], [0, 1], "1 of 2 scores are not finite"),
        ([0.1, np.inf], [0, 1], "1 of 2 scores are not finite"),
        ([0.1, 0.2], [0, 2], "Labels other than 0, 1"),
        ([0.1, 0.2, 0.3], [0, 1], "one label per score"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(scores, labels, message):
    with pytest.raises(TaskError, match=message):
        auc(scores, labels)


def test_interval_equals_a_plain_bootstrap_that_repeats_studies():
    scores, labels = make_scores(num=40, num_findings=2)
    patients = [f"p{i // 2}" for i in range(40)]
    intervals, mean = bootstrap_auc_ci(scores, labels, patients, num=400, seed=5)
    random, share = np.random.default_rng(5), np.full(20, 1 / 20)
    names = sorted(set(patients))
    draws = []
    for counts in random.multinomial(20, share, size=400):
        rows = [
            i
            for name, count in zip(names, counts, strict=True)
            for _ in range(count)
            for i in range(40)
            if patients[i] == name
        ]
        draws.append([pairs_auc(scores[rows, column], labels[rows, column]) for column in range(2)])
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    for column, interval in enumerate(intervals):
        assert interval.bounds == pytest.approx([low[column], high[column]], abs=1e-9)
    assert mean.bounds == pytest.approx(np.percentile(np.mean(draws, axis=1), [2.5, 97.5]), abs=1e-9)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    # Two Gaussians one standard deviation apart: AUC = Phi(1 / sqrt(2)) = 0.7602.
    covered = 0
    for seed in range(60):
        interval = bootstrap_auc_ci(*make_scores(num=150, num_findings=1, seed=seed), num=300, seed=seed)[0][0]
        covered += interval.low <= 0.7602 <= interval.high
    assert covered >= 52


def test_studies_of_one_patient_make_a_wider_interval():
    scores, labels = make_scores(num=60, num_findings=1)
    scores, labels = np.repeat(scores, 4, axis=0), np.repeat(labels, 4, axis=0)
    patients = np.repeat(np.arange(60), 4).astype(str)
    by_patient = bootstrap_auc_ci(scores, labels, patients)[0][0]
    by_study = bootstrap_auc_ci(scores, labels)[0][0]
    assert by_patient.high - by_patient.low > 1.6 * (by_study.high - by_study.low)


def test_interval_says_why_there_is_none():
    scores, labels = make_scores(num_findings=1)
    assert "0 of 2000 draws" in bootstrap_auc_ci(scores, np.zeros_like(labels))[0][0].reason
    assert bootstrap_auc_ci(scores[:1], labels[:1])[0][0].reason == "fewer than two patients"


def test_patients_must_be_as_many_as_studies():
    with pytest.raises(TaskError, match="200 studies but 3 patients"):
        bootstrap_auc_ci(*make_scores(), ["a", "b", "c"])


def test_permuted_labels_give_one_half_and_the_true_ones_lie_outside():
    scores, labels = make_scores(num=300, num_findings=10)
    test = permutation_test(scores, labels, num=1000)
    assert test.num == 1000
    assert test.mean == pytest.approx(0.5, abs=0.005)
    assert test.low < 0.5 < test.high < test.observed
    assert test.outside
    assert test.p_value == pytest.approx(1 / 1001)


def test_scores_without_signal_lie_inside_the_permutations():
    test = permutation_test(*make_scores(num=300, num_findings=10, shift=0.0))
    assert not test.outside
    assert test.p_value > 0.01


def test_permutation_equals_a_loop_with_unknown_labels():
    scores, labels = make_scores(num=30, num_findings=2)
    labels[:5, 1] = np.nan
    test = permutation_test(scores, labels, num=20, seed=3)
    random = np.random.default_rng(3)
    orders = random.permuted(np.tile(np.arange(30), (20, 1)), axis=1)
    values = [mean_auc(scores, labels[order]) for order in orders]
    assert (test.mean, test.low, test.high) == pytest.approx((np.mean(values), min(values), max(values)))


def test_nothing_to_permute_without_two_classes():
    scores, labels = make_scores()
    assert permutation_test(scores, np.ones_like(labels)) is None


@pytest.mark.golden
def test_auc_equals_the_recorded_values(shared_dir):
    cases = json.loads((shared_dir("golden") / "zeroshot_metrics.json").read_text())
    found = 0

    def visit(node):
        nonlocal found
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            visit(value)
        if isinstance(node, dict) and {"labels", "scores"} <= node.keys() and (recorded := recorded_aucs(node)):
            found += 1
            assert auc(node["scores"], node["labels"]) == pytest.approx(recorded[0], abs=1e-9)

    visit(cases)
    assert found


def recorded_aucs(case):
    """Values stored under a name that holds "auc", at any depth of a case."""
    found = []
    for key, value in case.items():
        if "auc" in key.lower() and isinstance(value, (int, float)):
            found.append(value)
        elif isinstance(value, dict):
            found += recorded_aucs(value)
    return found
