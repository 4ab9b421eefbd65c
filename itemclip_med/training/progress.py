"""A bar on a terminal; a log gets plain lines from :class:`LossLog`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any

from ignite.engine import Engine, Events

from itemclip_med.training.ranks import is_main, num_ranks


class Progress:
    """Show studies done, studies a second and the time left while standard error is a terminal.

    Args:
        shown: None: where standard error is a terminal.
    """

    def __init__(self, shown: bool | None = None) -> None:
        self.shown = sys.stderr.isatty() if shown is None else shown
        self._bar: Any | None = None
        self._stack = ExitStack()

    def attach(self, engine: Engine) -> None:
        """Listen to steps, where a bar is wanted."""
        if self.shown and is_main():
            engine.add_event_handler(Events.STARTED, self._open)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._advance)
            engine.add_event_handler(Events.COMPLETED, self._close)
            engine.add_event_handler(Events.TERMINATE, self._close)
            engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    def _open(self, engine: Engine) -> None:
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        state: Any = engine.state
        loader = getattr(engine, "data_loader", None)
        studies = (getattr(loader, "batch_size", None) or 1) * num_ranks()
        self._bar = tqdm(
            total=studies * state.epoch_length * state.max_epochs,
            initial=studies * state.iteration,
            unit=" studies",
            dynamic_ncols=True,
            desc=f"epoch {state.epoch + 1}/{state.max_epochs}",
        )
        self._studies = studies
        self._stack.enter_context(logging_redirect_tqdm())

    def _advance(self, engine: Engine) -> None:
        if self._bar is not None:
            self._bar.set_description(f"epoch {engine.state.epoch}/{engine.state.max_epochs}", refresh=False)
            self._bar.update(self._studies)

    def _close(self, engine: Engine) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._stack.close()

    def _fail(self, engine: Engine, error: BaseException) -> None:
        self._close(engine)
        raise error
