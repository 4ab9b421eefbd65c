"""A moving average of the weights, for validation and export."""

from __future__ import annotations

import copy
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import nn

from itemclip_med.training.optimizing import is_stepping
from itemclip_med.training.parts import remember


class WeightAverage:
    """Exponential moving average of a model's weights over optimizer steps.

    Args:
        model: the model that is trained.
        decay: weight of the past; grows to it from 0.1 over the first steps. 0: no average, ``module`` is the model.

    Attributes:
        module: what is validated and exported.

    Raises:
        ValueError: if ``decay`` is not in [0, 1).
    """

    def __init__(self, model: nn.Module, decay: float = 0.0) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"WeightAverage: decay is {decay}, expected from 0 to below 1.")
        self.model = model
        self.decay = decay
        self.count = 0
        self.module = model if decay == 0 else copy.deepcopy(model).requires_grad_(False).eval()

    def attach(self, engine: Engine) -> None:
        """Listen to steps, where there is an average."""
        if self.decay:
            remember(engine, "weight_average", self)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Engine) -> None:
        """Take the weights of this step in."""
        if not is_stepping(engine):
            return
        self.count += 1
        decay = min(self.decay, self.count / (9 + self.count))
        averaged = self.module.state_dict()
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                averaged[name].lerp_(value.to(averaged[name].dtype), 1 - decay)
            else:
                averaged[name].copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """The average, and over how many steps it goes."""
        return {"count": self.count, "module": self.module.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on averaging."""
        self.count = int(state["count"])
        self.module.load_state_dict(state["module"])
