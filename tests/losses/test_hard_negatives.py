"""Texts that a study denies, at -1 in the item mask."""

from __future__ import annotations

import pytest
import torch

from itemclip_med.losses import ItemizedCLIPLoss
from itemclip_med.models.pooling import AttentionPool
from tests.losses.test_itemized import E, H, compute, make_inputs

NEGATIVE = [[1, 1, -1], [1, -1, 0], [1, 1, 1], [-1, 1, 1]]
WITHOUT = [[max(value, 0) for value in row] for row in NEGATIVE]


@pytest.fixture
def pool():
    torch.manual_seed(0)
    return AttentionPool(E, H)


@pytest.mark.parametrize("term", ["ila", "kta"])
def test_each_hard_negative_adds_its_own_sigmoid_loss_to_its_study(pool, term):
    weights = dict.fromkeys(("ila", "kta", "mps", "iis")) | {term: 1.0}
    loss = ItemizedCLIPLoss(**weights, keep_rate=1.0)
    with_them = compute(loss, make_inputs(pool, NEGATIVE), details=True)
    without = compute(loss, make_inputs(pool, WITHOUT), details=True)
    logits = with_them[f"{term}_logits"]  # own columns of study b begin at b, for all studies before it give one text
    denied = [logits[b, b + k] for b, row in enumerate(NEGATIVE) for k, value in enumerate(row) if value < 0]
    added = sum(torch.nn.functional.softplus(value) for value in denied) / len(NEGATIVE)
    torch.testing.assert_close(with_them[term], without[term] + added)


@pytest.mark.parametrize("term", ["mps", "iis"])
def test_they_stand_in_no_other_term(pool, term):
    weights = dict.fromkeys(("ila", "kta", "mps", "iis")) | {term: 1.0}
    loss = ItemizedCLIPLoss(**weights)
    with_them, without = (compute(loss, make_inputs(pool, mask))[term] for mask in (NEGATIVE, WITHOUT))
    torch.testing.assert_close(with_them, without)


def test_gradients_study_by_study_are_those_of_autograd(pool):
    found = []
    for by_study in (True, False):
        inputs = make_inputs(pool, NEGATIVE)
        inputs["image_tokens"].requires_grad_()
        compute(ItemizedCLIPLoss(by_study=by_study), inputs)["total"].backward()
        found.append(inputs["image_tokens"].grad)
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


def test_a_study_with_hard_negatives_only_contributes_nothing(pool):
    nothing = [[0, 0, 0], *WITHOUT[1:]]
    only = [[-1, -1, -1], *WITHOUT[1:]]
    loss = ItemizedCLIPLoss()
    torch.testing.assert_close(
        compute(loss, make_inputs(pool, only))["total"], compute(loss, make_inputs(pool, nothing))["total"]
    )
