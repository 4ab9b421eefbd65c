"""What a run has to remember: every handler with a state names it to the engine that it is attached to."""

from __future__ import annotations

from typing import Any, Protocol

from ignite.engine import Engine

_ATTRIBUTE = "remembered_parts"


class HasState(Protocol):
    """Anything that a checkpoint can hold."""

    def state_dict(self) -> dict[str, Any]:
        """What is to be saved, tensors and plain values only."""

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Take it back."""


def remember(engine: Engine, name: str, part: HasState) -> None:
    """Have the state of ``part`` saved in the checkpoints of the run that ``engine`` belongs to."""
    if not hasattr(engine, _ATTRIBUTE):
        setattr(engine, _ATTRIBUTE, {})
    getattr(engine, _ATTRIBUTE)[name] = part


def remembered(*engines: Engine | None) -> dict[str, HasState]:
    """All that was named to these engines."""
    return {name: part for engine in engines for name, part in getattr(engine, _ATTRIBUTE, {}).items()}
