"""What is told where a run's numbers make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine

from itemclip_med.errors import ItemClipError


def stop_for_numbers(engine: Engine, what: str) -> None:
    """End a run whose numbers make no sense.

    Raises:
        ItemClipError: always; names the step, the terms and the studies of the batch.
    """
    state: Any = engine.state
    pred = state.output.get("pred")
    terms = pred if isinstance(pred, Mapping) else {}
    scalars = {name: value.item() for name, value in terms.items() if getattr(value, "ndim", 1) == 0}
    shown = ", ".join(f"{name} {value:.6g}" for name, value in scalars.items())
    studies = state.batch.get("study_id", []) if isinstance(state.batch, Mapping) else []
    # ignite tells an exception twice before it passes it on
    engine.logger.addFilter(lambda record: "terminating due to exception" not in record.getMessage())
    raise ItemClipError(
        f"Step {state.iteration} (epoch {state.epoch}): {what} ({shown or 'no terms'}). Studies of the "
        f"batch: {', '.join(map(str, studies)) or 'unknown'}. Nothing was overwritten: look at these studies, or lower "
        "the learning rate; the same command goes on from the last checkpoint."
    )
