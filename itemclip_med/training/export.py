"""Model folders written during training."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from torch import nn

from itemclip_med.training.ranks import is_main, unwrapped

logger = logging.getLogger(__name__)


class ExportModel:
    """Write ``ItemizedCLIP.save_pretrained`` folders: weights, configuration, tokenizer and preprocessing.

    Attached to the evaluator with ``metric`` it keeps the best model, attached to the trainer without one the last.
    Its state (the best value so far) can be saved in the run's checkpoints, so that a resumed run goes on comparing.

    Args:
        model: the model, possibly wrapped by DDP.
        folder: the model folder.
        metric: name of the metric to compare, larger is better; None writes after every epoch.
        dtype: of the written weights, "float32" or "float16".
    """

    def __init__(self, model: nn.Module, folder: str | Path, metric: str | None = None, dtype: str = "float32") -> None:
        self.model = model
        self.folder = Path(folder)
        self.metric = metric
        self.dtype = dtype
        self.best: float = -math.inf
        self.best_epoch = 0

    def attach(self, engine: Engine) -> None:
        """Listen to the end of an epoch; for the last model to the end of the run too."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)
        if self.metric is None:
            engine.add_event_handler(Events.COMPLETED, self._tell)

    def __call__(self, engine: Engine) -> None:
        """Write the folder, if this is the best model so far or every epoch counts."""
        if self.metric is not None:
            value = float(engine.state.metrics[self.metric])
            if not value > self.best:
                return
            self.best, self.best_epoch = value, engine.state.epoch
            epoch, folder = engine.state.epoch, self.folder
            logger.info("epoch %d: best %s so far, %.4f, kept in %s", epoch, self.metric, value, folder)
        if is_main():
            model: Any = unwrapped(self.model)
            model.save_pretrained(self.folder, dtype=self.dtype)

    def _tell(self, engine: Engine) -> None:
        logger.info("done after epoch %d, the last model is in %s", engine.state.epoch, self.folder)

    def state_dict(self) -> dict[str, Any]:
        """Best value and its epoch."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on comparing with an earlier run's best."""
        self.best, self.best_epoch = float(state["best"]), int(state["best_epoch"])
