"""Which characters may come next in an answer: the schema of items as an automaton, and token masks from it.

A model that is held to it cannot write anything but ``{"items": [{"text": "…", "status": "present"}, …]}``. The state
of an answer is one small tuple, so that the mask of allowed tokens is made once a state and then only looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from itemclip_med.records import STATUSES

State = tuple[str, str]

START: State = ("lit", '{"items": [')
DONE: State = ("done", "")
_OBJECT = '{"text": "'
_AFTER_TEXT = ', "status": "'


def step(state: State, char: str) -> State | None:
    """The state behind one more character, None where it may not come.

    Args:
        state: from :data:`START` on.
        char: one character.
    """
    kind, rest = state
    if kind == "lit":
        if not rest.startswith(char):
            return None
        return ("lit", rest[1:]) if len(rest) > 1 else ("first", "")
    if kind in ("first", "next"):
        if char == "]":
            return ("end", "")
        if kind == "first":
            return ("obj", _OBJECT[1:]) if char == "{" else None
        return ("obj", " " + _OBJECT) if char == "," else None
    if kind == "obj":
        if not rest.startswith(char):
            return None
        return ("obj", rest[1:]) if len(rest) > 1 else ("text", "0")
    if kind in ("text", "esc"):
        return _in_text(kind, rest, char)
    if kind == "status":
        return _in_status(rest, char)
    if kind == "close":
        return ("next", "") if char == "}" else None
    if kind == "end":
        return DONE if char == "}" else None
    return None


def _in_text(kind: str, rest: str, char: str) -> State | None:
    if kind == "esc":
        return ("text", "1") if char in '"\\/' else None
    if char == '"':
        return ("status", _AFTER_TEXT + "|") if rest == "1" else None  # no empty text
    if char == "\\":
        return ("esc", "")
    if ord(char) < 32 or char == "�" or (char == " " and rest == "0"):
        return None
    return ("text", "1")


def _in_status(rest: str, char: str) -> State | None:
    fixed, _, word = rest.partition("|")
    if fixed:
        return ("status", f"{fixed[1:]}|") if fixed[0] == char else None
    if char == '"':
        return ("close", "") if word in STATUSES else None
    return ("status", f"|{word + char}") if any(status.startswith(word + char) for status in STATUSES) else None


def walk(state: State | None, text: str) -> State | None:
    """The state behind several characters.

    Args:
        state: to begin with.
        text: the characters.
    """
    for char in text:
        if state is None:
            return None
        state = step(state, char)
    return state


@dataclass(slots=True)
class _Node:
    """A beginning of tokens: what may follow it, and the tokens that it is the whole of."""

    below: dict[str, _Node] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)


class TokenTable:
    """Tokens of a vocabulary that may come next.

    Args:
        texts: the text of each token by id; "" for tokens without a text of their own, which never may.
        end_ids: tokens that end an answer; they may come when the object is closed, and only then.
    """

    def __init__(self, texts: Sequence[str], end_ids: Iterable[int]) -> None:
        self.end_ids = tuple(end_ids)
        self._texts = texts
        self._root = _Node()
        for number, text in enumerate(texts):
            if not text or number in self.end_ids:
                continue
            node = self._root
            for char in text:
                node = node.below.setdefault(char, _Node())
            node.ids.append(number)
        self._allowed: dict[State, tuple[int, ...]] = {}

    def allowed(self, state: State) -> tuple[int, ...]:
        """Ids of the tokens that may come next, never none.

        Args:
            state: of the answer so far.
        """
        if state == DONE:
            return self.end_ids
        if state not in self._allowed:
            found: list[int] = []
            self._collect(self._root, state, found)
            self._allowed[state] = tuple(sorted(found)) or self.end_ids
        return self._allowed[state]

    def advance(self, state: State, token: int) -> State:
        """The state behind a token.

        Args:
            state: before it.
            token: its id; one that may not come ends the answer.
        """
        return (walk(state, self._texts[token]) if token < len(self._texts) and self._texts[token] else None) or DONE

    def _collect(self, root: _Node, state: State, found: list[int]) -> None:
        stack = [(root, state)]
        while stack:
            node, here = stack.pop()
            found.extend(node.ids)
            for char, below in node.below.items():
                after = step(here, char)
                if after is not None:
                    stack.append((below, after))
