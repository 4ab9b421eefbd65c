"""Thresholds, areas, calibration and comparisons against scikit-learn, statsmodels and slow references."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn import metrics as reference
from sklearn.calibration import _SigmoidCalibration, calibration_curve

from itemclip_med.errors import TaskError
from itemclip_med.zeroshot.calibration import calibration_numbers, fit_platt
from itemclip_med.zeroshot.curves import average_precision, choose_threshold, numbers_at, numbers_on_grid, roc
from itemclip_med.zeroshot.delong import delong, delong_difference


def make(num=120, seed=0, decimals=2, shift=1.0):
    """Labels at 30 % and scores with many ties."""
    random = np.random.default_rng(seed)
    labels = (random.random(num) < 0.3).astype(float)
    return (random.normal(size=num) + shift * labels).round(decimals), labels


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("decimals", [1, 6])
def test_curve_equals_scikit_learns(seed, decimals):
    scores, labels = make(seed=seed, decimals=decimals)
    alarms, sensitivity, thresholds = reference.roc_curve(labels, scores, drop_intermediate=False)
    curve = roc(scores, labels)
    np.testing.assert_allclose(curve.sensitivity, sensitivity, atol=1e-12)
    np.testing.assert_allclose(curve.false_positive_rate, alarms, atol=1e-12)
    np.testing.assert_array_equal(curve.thresholds, thresholds)


def test_weighted_curve_equals_repeated_studies():
    scores, labels = make(num=40)
    weights = np.random.default_rng(1).integers(0, 3, 40)
    whole = roc(np.repeat(scores, weights), np.repeat(labels, weights))
    weighted = roc(scores, labels, weights)
    grid = np.linspace(0, 1, 50)
    np.testing.assert_allclose(
        np.interp(grid, weighted.false_positive_rate, weighted.sensitivity),
        np.interp(grid, whole.false_positive_rate, whole.sensitivity),
        atol=1e-12,
    )


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_average_precision_equals_scikit_learns(decimals):
    scores, labels = make(decimals=decimals)
    assert average_precision(scores, labels) == pytest.approx(reference.average_precision_score(labels, scores), 1e-12)
    assert average_precision(scores, np.ones_like(labels)) is None


@pytest.mark.parametrize("seed", range(3))
def test_thresholds_equal_a_search_over_every_score(seed):
    scores, labels = make(num=60, seed=seed)
    candidates = sorted(set(scores), reverse=True)
    found = [numbers_at(scores, labels, each) for each in candidates]
    youden = max(candidates, key=lambda t: found[candidates.index(t)]["balanced_accuracy"])
    assert numbers_at(scores, labels, choose_threshold(scores, labels, "youden"))["balanced_accuracy"] == pytest.approx(
        found[candidates.index(youden)]["balanced_accuracy"]
    )
    distance = [(1 - each["sensitivity"]) ** 2 + (1 - each["specificity"]) ** 2 for each in found]
    assert choose_threshold(scores, labels, "closest") == candidates[int(np.argmin(distance))]
    reaching = [t for t, each in zip(candidates, found, strict=True) if each["sensitivity"] >= 0.9]
    assert choose_threshold(scores, labels, "sensitivity:0.9") == max(reaching)


@pytest.mark.parametrize("rule", ["best", "sensitivity", "sensitivity:2", "sensitivity:x"])
def test_an_unknown_rule_is_refused(rule):
    with pytest.raises(TaskError, match="No threshold rule"):
        choose_threshold(*make(), rule)


def test_numbers_at_a_threshold_equal_scikit_learns():
    scores, labels = make()
    numbers = numbers_at(scores, labels, 0.4)
    predicted = scores >= 0.4
    assert numbers == pytest.approx(
        {
            "sensitivity": reference.recall_score(labels, predicted),
            "specificity": reference.recall_score(labels, predicted, pos_label=0),
            "balanced_accuracy": reference.balanced_accuracy_score(labels, predicted),
            "f1": reference.f1_score(labels, predicted),
            "precision": reference.precision_score(labels, predicted),
            "accuracy": reference.accuracy_score(labels, predicted),
        },
        abs=1e-12,
    )
    assert numbers_at(scores, labels, 100.0)["precision"] is None


def test_counts_on_a_grid_equal_a_confusion_matrix_each():
    scores, labels = make(num=50)
    grid = np.linspace(-1, 1, 41)
    expected = [reference.confusion_matrix(labels, scores > t, labels=[0, 1]).ravel() for t in grid]
    np.testing.assert_array_equal(numbers_on_grid(scores, labels, grid), expected)


def slow_delong(scores, labels):
    """Variance from every pair, as the paper writes it."""
    yes, no = scores[labels == 1], scores[labels == 0]
    kernel = (yes[:, None] > no) + 0.5 * (yes[:, None] == no)
    area = kernel.mean()
    first = ((kernel.mean(axis=1) - area) ** 2).sum() / (len(yes) - 1)
    second = ((kernel.mean(axis=0) - area) ** 2).sum() / (len(no) - 1)
    return area, np.sqrt(first / len(yes) + second / len(no))


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_delong_equals_the_formula_over_pairs(decimals):
    scores, labels = make(decimals=decimals)
    found, (area, error) = delong(scores, labels), slow_delong(scores, labels)
    assert (found.auc, found.standard_error) == pytest.approx((area, error), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((area - 1.96 * error, area + 1.96 * error), abs=1e-4)
    assert delong([0.1, 0.2, 0.3], [1, 0, 0]) is None


def test_delong_of_two_models_equals_the_jackknife_and_is_not_significant_for_equals():
    scores, labels = make(num=400, seed=2)
    other = scores + np.random.default_rng(3).normal(size=400)
    difference, error, p_value = delong_difference(scores, other, labels)
    areas = np.array(
        [
            reference.roc_auc_score(np.delete(labels, i), np.delete(scores, i))
            - reference.roc_auc_score(np.delete(labels, i), np.delete(other, i))
            for i in range(400)
        ]
    )
    jackknife = np.sqrt((399 / 400) * ((areas - areas.mean()) ** 2).sum())
    assert difference == pytest.approx(reference.roc_auc_score(labels, scores) - reference.roc_auc_score(labels, other))
    assert error == pytest.approx(jackknife, rel=0.01)
    assert 0 < p_value < 0.05
    assert delong_difference(scores, scores, labels) == (0, 0, 1)


@pytest.mark.parametrize("shift", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_platt_scaling_equals_scikit_learns(shift, scale):
    scores, labels = make(shift=shift)
    scores = scores * scale
    found, expected = fit_platt(scores, labels), _SigmoidCalibration().fit(scores, labels)
    np.testing.assert_allclose(found.probabilities(scores), expected.predict(scores), atol=2e-4)


def test_platt_scaling_has_the_greatest_likelihood():
    scores, labels = make()
    num_positive, num_negative = (labels == 1).sum(), (labels == 0).sum()
    targets = np.where(labels == 1, (num_positive + 1) / (num_positive + 2), 1 / (num_negative + 2))
    fitted = sm.GLM(targets, sm.add_constant(scores), family=sm.families.Binomial()).fit(tol=1e-14)
    found = fit_platt(scores, labels)
    assert (found.intercept, found.slope) == pytest.approx(tuple(fitted.params), abs=1e-8)
    assert fit_platt(scores, np.zeros_like(labels)) is None


def test_calibration_equals_statsmodels_and_scikit_learn():
    scores, labels = make(num=500, decimals=8)
    probabilities = 1 / (1 + np.exp(-scores))
    found = calibration_numbers(probabilities, labels)
    fitted = sm.Logit(labels, sm.add_constant(scores)).fit(disp=0, tol=1e-14)
    assert (found["intercept"], found["slope"]) == pytest.approx(tuple(fitted.params), abs=1e-7)
    assert found["brier"] == pytest.approx(reference.brier_score_loss(labels, probabilities), abs=1e-12)
    observed, predicted = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(found["curve"]["observed"], observed, atol=1e-12)
    np.testing.assert_allclose(found["curve"]["predicted"], predicted, atol=1e-12)
    gaps = np.abs(observed - predicted) * found["curve"]["num"]
    assert found["ece"] == pytest.approx(gaps.sum() / 500, abs=1e-12)


def test_separated_classes_have_no_calibration_slope():
    found = calibration_numbers([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert found["slope"] is None
    assert found["brier"] == pytest.approx(0.025)
