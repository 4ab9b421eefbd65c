"""Parameter groups and what happens around an optimizer step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from torch import Tensor, nn

from itemclip_med.training.numbers import stop_for_numbers


def parameter_groups(
    model: nn.Module, weight_decay: float, *, learning_rate: float | None = None, text_lr_share: float = 1.0
) -> list[dict[str, Any]]:
    """Split the trainable parameters into those without and with weight decay, and those of the text tower.

    Norms, biases, the logit scale and bias and every other parameter of fewer than two dimensions are not decayed.
    Chosen by shape and not by parts of names, so that a module called ``blnd`` is not mistaken for a norm.

    Args:
        model: frozen parameters are left out.
        weight_decay: for the second group.
        learning_rate: of the optimizer; needed with ``text_lr_share``.
        text_lr_share: learning rate of ``model.text`` as a share of the others'. A text encoder that knows texts
            already should not unlearn what the image tower cannot use yet.

    Returns:
        Two groups for an optimizer, without and with decay, in the model's order; two more for the text tower where
        its learning rate differs.

    Raises:
        ValueError: if ``text_lr_share`` is not above 0, or comes without a learning rate.
    """
    if text_lr_share == 1.0:
        return _by_decay(model.parameters(), weight_decay)
    if text_lr_share <= 0 or learning_rate is None:
        raise ValueError(f"parameter_groups: text_lr_share {text_lr_share}, expected above 0, with a learning_rate.")
    text: Any = model.text
    of_text = {id(parameter) for parameter in text.parameters()}
    groups = _by_decay((p for p in model.parameters() if id(p) not in of_text), weight_decay)
    text_groups = _by_decay(text.parameters(), weight_decay)
    return groups + [group | {"lr": learning_rate * text_lr_share} for group in text_groups]


def _by_decay(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": weight_decay},
    ]


class LossScaling:
    """Scale the loss in half precision alone: bfloat16 has the exponents of float32, and nothing to rescue.

    MONAI's trainer scales with any AMP, and a scaler skips steps with gradients that are no numbers, on and on. Name
    it before :class:`Resume` among the trainer's handlers: what is resumed is the scaler's state.

    Args:
        dtype: of AMP, "float16" or "bfloat16".
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def attach(self, engine: Engine) -> None:
        """Listen to the start of the run, when the trainer has made a scaler."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Put a scaler that does nothing in place of the trainer's, where the loss needs none."""
        if self.dtype != "float16" and getattr(engine, "scaler", None) is not None:
            setattr(engine, "scaler", torch.amp.GradScaler(enabled=False))  # noqa: B010 - ignite declares none


class GradClip:
    """Clip the norm of all gradients before an optimizer step.

    With gradient accumulation only the iterations that step are clipped; with AMP gradients are unscaled first. A norm
    that is no finite number ends the run before the weights are touched. In half precision a loss scaler skips such
    steps and scales less; the run ends where a scale below 1 does not help either.

    Args:
        max_norm: largest allowed norm.

    Raises:
        ItemClipError: if the norm is not finite, and no smaller scale is left to try.
    """

    def __init__(self, max_norm: float = 1.0) -> None:
        self.max_norm = max_norm

    def attach(self, engine: Engine) -> None:
        """Listen to the end of a backward pass."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Clip, if the engine is about to step."""
        if not is_stepping(engine):
            return
        trainer: Any = engine
        scaler = getattr(trainer, "scaler", None)
        if scaler is not None:
            scaler.unscale_(trainer.optimizer)
        norm = nn.utils.clip_grad_norm_(_parameters(trainer.optimizer), self.max_norm)
        if (scaler is None or not scaler.is_enabled() or scaler.get_scale() < 1) and not bool(torch.isfinite(norm)):
            stop_for_numbers(engine, "the gradients are no finite numbers")


def is_stepping(engine: Engine) -> bool:
    """Whether the optimizer steps in this iteration: in every one, or where accumulated batches are complete."""
    steps = getattr(engine, "accumulation_steps", 1)
    iteration, length = engine.state.iteration, engine.state.epoch_length
    local = (iteration - 1) % length + 1 if length else iteration
    return local % steps == 0 or local == length


def _parameters(optimizer: torch.optim.Optimizer) -> Iterable[Tensor]:
    return (parameter for group in optimizer.param_groups for parameter in group["params"])


class LogScaleClamp:
    """Keep the learned log-scale in [0, ln 100] after each step, as the published training does.

    Args:
        model: holds the parameter ``logit_scale`` (logarithm of the scale).
        max_scale: upper bound of the scale itself.

    Sources:
        golden/README.md 2.7.
    """

    def __init__(self, model: nn.Module, max_scale: float = 100.0) -> None:
        self.model: Any = model
        self.max_log_scale = math.log(max_scale)

    def attach(self, engine: Engine) -> None:
        """Listen to the end of an iteration."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Clamp."""
        with torch.no_grad():
            self.model.logit_scale.clamp_(0.0, self.max_log_scale)
