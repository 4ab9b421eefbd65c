"""The moving average of the weights."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from ignite.engine import Engine

from itemclip_med.training import WeightAverage
from itemclip_med.training.parts import remembered


def engine_at(iteration: int, steps: int = 1) -> SimpleNamespace:
    return SimpleNamespace(accumulation_steps=steps, state=SimpleNamespace(iteration=iteration, epoch_length=100))


def test_the_average_follows_the_formula():
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    average = WeightAverage(model, 0.5)
    expected = 1.0
    for step in range(1, 30):
        model.weight.data.fill_(float(step))
        average(engine_at(step))
        decay = min(0.5, step / (9 + step))
        expected = decay * expected + (1 - decay) * step
    assert average.module.weight.item() == pytest.approx(expected, rel=1e-6)
    assert not average.module.weight.requires_grad


def test_batches_between_optimizer_steps_do_not_count():
    average = WeightAverage(torch.nn.Linear(1, 1), 0.9)
    average(engine_at(1, steps=2))
    average(engine_at(2, steps=2))
    assert average.count == 1


def test_without_decay_the_model_itself_is_validated():
    model = torch.nn.Linear(1, 1)
    average, engine = WeightAverage(model), Engine(lambda *_: None)
    average.attach(engine)
    assert average.module is model
    assert remembered(engine) == {}


def test_its_state_comes_back():
    model = torch.nn.Linear(2, 2)
    first, engine = WeightAverage(model, 0.9), Engine(lambda *_: None)
    first.attach(engine)
    first(engine_at(1))
    model.weight.data.add_(1)
    second = WeightAverage(model, 0.9)
    second.load_state_dict(remembered(engine)["weight_average"].state_dict())
    assert second.count == 1
    assert torch.equal(second.module.weight, first.module.weight)


def test_a_decay_of_one_is_refused():
    with pytest.raises(ValueError, match="decay is 1"):
        WeightAverage(torch.nn.Linear(1, 1), 1.0)
