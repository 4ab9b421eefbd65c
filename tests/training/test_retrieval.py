"""Retrieval during validation, put together as the bundle does it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from itemclip_med.models.pooling import AttentionPool
from itemclip_med.records import Item, Report
from itemclip_med.training import ItemRetrieval
from itemclip_med.zeroshot.retrieval import item_scores, retrieval_numbers

WIDTH = 8
REPORTS = {
    "a": Report("a", (Item("bleed"), Item("no shift", "absent"), Item("bleed")), False),
    "b": Report("b", (Item("fracture"), Item("cyst", "uncertain")), False),
    "c": Report("c", (Item("fine", "absent"),), False),
}


class Model(nn.Module):
    """Texts are rows of a table, tokens are given."""

    def __init__(self, scoring: str = "pool") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.pool = AttentionPool(WIDTH, 2)
        self.config = SimpleNamespace(scoring=scoring)
        self.words = {word: torch.randn(WIDTH) for word in ("bleed", "no shift", "fracture", "cyst", "fine")}
        self.asked: list[list[str]] = []

    def encode_text(self, texts):
        self.asked.append(texts)
        return torch.stack([self.words[text] for text in texts])


def validate(model: Model, ids: list[str], tokens: torch.Tensor, mask=None, **settings) -> dict[str, float]:
    """One validation, two studies a batch."""
    retrieval = ItemRetrieval(
        SimpleNamespace(reports=REPORTS), ids, item_scores, retrieval_numbers, **{"absent": "drop"} | settings
    )

    def step(engine, rows):
        found = tokens[rows]
        masked = None if mask is None else mask[rows]
        retrieval.see(model, SimpleNamespace(tokens=found, token_mask=masked, global_=found.mean(1)))

    engine = Engine(step)
    engine.network = model
    engine.state.metrics = {}
    retrieval.attach(engine, "retrieval")

    class Batch(list):
        def __getitem__(self, key):
            return [ids[row] for row in self] if key == "study_id" else super().__getitem__(key)

    engine.run([Batch(range(start, min(start + 2, len(ids)))) for start in range(0, len(ids), 2)])
    return engine.state.metrics


def test_numbers_are_those_of_the_scores_of_all_items():
    model, tokens = Model(), torch.randn(3, 5, WIDTH)
    found = validate(model, ["a", "b", "c"], tokens)
    assert model.asked == [["bleed", "fracture", "cyst"]]
    scores = item_scores(model.pool, tokens[:2], model.encode_text(["bleed", "fracture", "cyst"]))
    expected = retrieval_numbers(scores, torch.tensor([0, 1, 1]), item_ks=(1,), study_ks=(1,), complete_ks=())
    assert found["item_to_study@1"] == pytest.approx(expected["text_to_image@1"])
    assert found["study_to_item@1"] == pytest.approx(expected["image_to_text@1"])
    assert found["item_worst_rank"] == pytest.approx(expected["worst_rank"])
    assert found["item_to_study@5"] == found["study_to_item@10"] == 1


def test_patch_tokens_of_padding_series_are_not_asked():
    tokens = torch.randn(2, 6, WIDTH)
    mask = torch.tensor([[True] * 6, [True] * 3 + [False] * 3])
    spoiled = tokens.clone()
    spoiled[1, 3:] = 100.0
    assert validate(Model(), ["a", "b"], tokens, mask) == validate(Model(), ["a", "b"], spoiled, mask)


def test_a_model_without_pool_compares_whole_studies():
    model = Model("global")
    tokens = torch.stack([model.words["bleed"], model.words["fracture"] + model.words["cyst"]])[:, None].expand(
        -1, 4, -1
    )
    found = validate(model, ["a", "b"], tokens)
    assert found["item_to_study@1"] == found["study_to_item@1"] == 1


@pytest.mark.parametrize(("ids", "settings"), [(["c"], {}), (["a", "b"], {"max_studies": 0}), (["x"], {})])
def test_no_items_no_numbers(ids, settings):
    assert validate(Model(), ids, torch.randn(len(ids), 5, WIDTH), **settings) == {}
