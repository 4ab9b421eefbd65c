"""Which parameters of a text encoder are trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from itemclip_med.errors import ModelError
from itemclip_med.models import ItemizedCLIPConfig, TextConfig, chest_ct_config
from itemclip_med.models.text import TextTower


def tower(trained: str) -> TextTower:
    torch.manual_seed(0)
    config = TextConfig(width=12, layers=2, heads=2, trained=trained)
    return TextTower(config, 8, context_length=16)


def trained_modules(text: TextTower) -> set[str]:
    return {name.rsplit(".", 1)[0] for name, parameter in text.named_parameters() if parameter.requires_grad}


def test_all_parameters_are_trained_by_default():
    assert all(parameter.requires_grad for parameter in tower("all").parameters())


def test_norms_and_the_projection_alone_are_trained():
    text = tower("norms")
    norms = {name for name, module in text.named_modules() if isinstance(module, nn.LayerNorm)}
    assert trained_modules(text) == norms | {"proj"}
    assert len(norms) == 5


def test_a_frozen_encoder_trains_the_projection():
    text = tower("none")
    assert trained_modules(text) == {"proj"}
    text.embed(["midline shift"]).sum().backward()
    assert text.proj.weight.grad.abs().sum() > 0


def test_the_published_chest_model_trains_the_norms():
    assert chest_ct_config().text.trained == "norms"


def test_an_unknown_choice_is_refused():
    with pytest.raises(ModelError, match=r"text\.trained is 'some', expected one of all, norms, none"):
        ItemizedCLIPConfig(text=TextConfig(trained="some"))
