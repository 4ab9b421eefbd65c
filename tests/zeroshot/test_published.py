"""The published evaluation's scores and numbers: recorded cases, an independent reference, and what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from itemclip_med.errors import TaskError
from itemclip_med.models import AttentionPool, ItemizedCLIP, ItemizedCLIPConfig, StudyEncoding, TextConfig
from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.published import (
    PUB_BRAIN_5,
    balanced_accuracy,
    binary_numbers,
    chest_ct_prompt,
    grid_threshold,
    pub_brain_5_numbers,
)
from itemclip_med.zeroshot.retrieval import item_scores, retrieval_numbers
from tests.golden import assert_close, golden_cases, pool_weights, read_case, require_golden

MODELS = golden_cases("zeroshot_*_model.json")
THRESHOLDS = golden_cases("zeroshot_metrics.json")
BRAIN = golden_cases("zeroshot_pub_brain_5.json")
RETRIEVAL = golden_cases("retrieval_*.json")
BINARY = {"accuracy": "accuracy", "f1_weighted": "f1_weighted", "recall": "recall", "precision": "precision"}
# As the published code names them.
PER_CLASS = {
    "acc (balanced)": "accuracy",
    "f1 (weighted)": "f1_weighted",
    "recall": "recall",
    "precision": "precision",
}
RETRIEVAL_NAMES = {"T2I": "text_to_image", "I2T": "image_to_text", "I2T_COMPLETE": "image_to_text_complete"}


@pytest.mark.golden
def test_cases_are_found():
    require_golden(MODELS, THRESHOLDS, BRAIN, RETRIEVAL)


@pytest.mark.golden
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_scores_studies_as_published(path):
    case, tensors = read_case(path)
    config = ItemizedCLIPConfig(
        image_size=(8, 8, 8),
        patch_size=(8, 8, 8),
        width=12,
        num_heads=1,
        block_levels=("study",),
        embed_dim=case["D"],
        pool_heads=case["n_head"],
        text=TextConfig(width=8, layers=1, heads=1),
        context_length=8,
    )
    model = ItemizedCLIP(config).eval()
    model.pool.load_state_dict(pool_weights(tensors))
    tokens = tensors["in.image_tokens"]
    assert list(tokens.shape) == [case["n_studies"], case["L"], case["D"]]
    study = StudyEncoding(tokens.mean(dim=1), tokens, (1, 1, case["L"]), 1)
    scores = model.score(study, tensors["in.text_features"])
    assert_close(scores, tensors["out.scores"], "scores")
    assert len(case["prompts"]) == scores.shape[1]
    if "classes" in case:
        assert [chest_ct_prompt(name) for name in case["classes"]] == case["prompts"]
        check_classes(case, tensors["out.scores"].numpy(), tensors["in.labels"].numpy())
    assert sorted(name for name in tensors if name.startswith("out.")) == ["out.scores"]


def check_classes(case, scores, labels):
    assert list(case["per_class"]) == case["classes"]
    columns = []
    for column, expected in enumerate(case["per_class"].values()):
        threshold = grid_threshold(scores[:, column], labels[:, column])
        found = vars(binary_numbers(scores[:, column] > threshold, labels[:, column]))
        found = {name: found[ours] for name, ours in PER_CLASS.items()}
        found |= {"threshold": threshold, "auc": metrics.auc(scores[:, column], labels[:, column])}
        assert found == pytest.approx(expected, abs=1e-9)
        columns.append(found)
    means = {f"zero shot mean {name}": np.mean([each[name] for each in columns]) for name in [*PER_CLASS, "auc"]}
    assert means == pytest.approx(case["mean"], abs=1e-9)


@pytest.mark.golden
@pytest.mark.parametrize("path", THRESHOLDS, ids=lambda path: path.stem)
def test_thresholds_and_their_numbers_are_the_published_ones(path):
    for case in json.loads(path.read_text()):
        scores, labels = np.array(case["scores"]), np.array(case["labels"])
        assert metrics.auc(scores, labels) == pytest.approx(case["auc"], abs=1e-9), case["name"]
        grids = [name for name in case if name.startswith("grid_")]
        assert grids
        for grid in grids:
            expected = case[grid]
            threshold = grid_threshold(scores, labels, int(grid.removeprefix("grid_")))
            assert threshold == pytest.approx(expected["threshold"], abs=1e-9), (case["name"], grid)
            predictions = (scores > threshold).astype(int)
            assert predictions.tolist() == expected["predictions"]
            found = vars(binary_numbers(predictions, labels))
            assert {name: found[ours] for name, ours in BINARY.items()} == pytest.approx(
                {name: expected[name] for name in BINARY}, abs=1e-9
            )


@pytest.mark.golden
@pytest.mark.parametrize("path", BRAIN, ids=lambda path: path.stem)
def test_pub_brain_5_numbers_are_the_published_ones(path):
    for case in json.loads(path.read_text()):
        assert tuple(case["columns"]) == PUB_BRAIN_5
        labels = np.array(case["labels"])
        assert (labels.sum(axis=1) == 1).all()
        found = pub_brain_5_numbers(case["scores"], labels.argmax(axis=1))
        assert found.keys() == case["expected"].keys()
        for name, expected in case["expected"].items():
            assert found[name] == pytest.approx(expected, abs=1e-9), (case["name"], name)


@pytest.mark.golden
@pytest.mark.parametrize("path", RETRIEVAL, ids=lambda path: path.stem)
def test_retrieval_numbers_are_the_published_ones(path):
    case, tensors = read_case(path)
    pool = AttentionPool(case["D"], case["n_head"])
    pool.load_state_dict(pool_weights(tensors))
    mask = tensors["in.textmask"] > 0
    assert list(mask.shape) == [case["n_studies"], case["K"]]
    assert mask.sum(dim=1).tolist() == case["item_counts"]
    tokens = tensors["in.image_tokens"]
    assert list(tokens.shape) == [case["n_studies"], case["L"], case["D"]]
    scores = item_scores(pool, tokens, tensors["in.text_features"][mask.flatten()])
    study_of_item = mask.nonzero()[:, 0]
    ks = {name: [] for name in RETRIEVAL_NAMES}
    wanted = {}
    for name, value in case["expected"].items():
        match = re.fullmatch(r"TCSimRank(T2[iI]|I2T|I2T_COMPLETE)@(\d+)", name)
        if match is None:
            wanted[{"TCSim_Rank_All_Entry": "mean_rank", "TCSim_Rank_Worst_Entry": "worst_rank"}[name]] = value
            continue
        kind = "T2I" if match[1] == "T2i" else match[1]
        ks[kind].append(int(match[2]))
        wanted[f"{RETRIEVAL_NAMES[kind]}@{match[2]}"] = value
    found = retrieval_numbers(
        scores, study_of_item, item_ks=ks["I2T"], study_ks=ks["T2I"], complete_ks=ks["I2T_COMPLETE"]
    )
    assert found == pytest.approx(wanted, rel=1e-6)  # recorded in single precision


@pytest.mark.parametrize("seed", range(5))
def test_numbers_agree_with_scikit_learn(seed):
    random = np.random.default_rng(seed)
    labels, predictions = random.integers(0, 2, (2, 30))
    found = binary_numbers(predictions, labels)
    assert found.accuracy == pytest.approx(sklearn_metrics.accuracy_score(labels, predictions))
    assert found.balanced_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(labels, predictions))
    assert found.f1_weighted == pytest.approx(sklearn_metrics.f1_score(labels, predictions, average="weighted"))
    assert found.recall == pytest.approx(sklearn_metrics.recall_score(labels, predictions))
    assert found.precision == pytest.approx(sklearn_metrics.precision_score(labels, predictions))
    classes, guesses = random.integers(0, 4, (2, 40))
    assert balanced_accuracy(guesses, classes) == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(classes, guesses)
    )


def test_numbers_of_one_class_are_zero_and_not_an_error():
    found = binary_numbers([0, 0, 1], [0, 0, 0])
    assert (found.recall, found.precision) == (0, 0)
    assert found.balanced_accuracy == pytest.approx(2 / 3)


def slow_ranks(scores, study_of_item):
    """Mean and worst rank of a study's own items, and whether each item's study comes first; loops only."""
    means, worsts, firsts = [], [], []
    for study, row in enumerate(scores):
        ranks = [sum(other > row[item] for other in row) for item in range(len(row)) if study_of_item[item] == study]
        means.append(np.mean(ranks))
        worsts.append(max(ranks))
    for item, study in enumerate(study_of_item):
        firsts.append(all(scores[study][item] >= other[item] for other in scores))
    return np.mean(means), np.mean(worsts), np.mean(firsts)


def test_ranks_agree_with_counting():
    torch.manual_seed(0)
    scores, study_of_item = torch.randn(4, 9), torch.tensor([0, 0, 1, 1, 1, 2, 3, 3, 3])
    found = retrieval_numbers(scores, study_of_item)
    expected = slow_ranks(scores.tolist(), study_of_item.tolist())
    assert (found["mean_rank"], found["worst_rank"], found["text_to_image@1"]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        (lambda: grid_threshold([0.1, 0.2], [1, 1]), "one class is missing"),
        (lambda: grid_threshold([0.1, 0.2], [1]), "one label per score"),
        (lambda: grid_threshold([0.1, float("nan")], [1, 0]), "finite scores"),
        (lambda: binary_numbers([0, 1], [2, 0]), "0 or 1"),
        (lambda: pub_brain_5_numbers(np.zeros((2, 4)), [0, 1]), "expected 5 finite ones each"),
        (lambda: pub_brain_5_numbers(np.zeros((4, 5)), [0, 1, 2, 3]), "No study of class metastasis"),
        (lambda: retrieval_numbers(torch.zeros(2, 3), torch.zeros(2).long()), "studies of items for scores"),
        (lambda: retrieval_numbers(torch.zeros(2, 2), torch.tensor([0, 0])), "1 of 2 studies have no item"),
        (lambda: retrieval_numbers(torch.zeros(2, 2), torch.tensor([0, 2])), "outside 0 to 1"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(call, pattern):
    with pytest.raises(TaskError, match=pattern):
        call()
