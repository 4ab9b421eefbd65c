"""Prompts: the words that ask for a finding. Several wordings of one finding are an ensemble, their scores averaged.

Words that deny the finding may stand beside them; the mean of their scores is taken off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from itemclip_med.errors import TaskError

MAX_PROMPT_CHARACTERS = 2000
_MAX_FILE_BYTES = 4 * 2**20


_KEYS = {"prompts", "negative_prompts"}


@dataclass(frozen=True)
class Wording:
    """The words for a finding.

    Attributes:
        positive: texts that ask for it.
        negative: texts that deny it; may be empty.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()


def read_prompts(path: Path | str) -> dict[str, Wording]:
    """Read a prompts file: YAML (or JSON), finding name to one text, a list of texts, or both kinds of prompts.

    ::

        SDH: Subdural hematoma
        MidlineShift:
          - Midline shift
          - Shift of the midline structures to one side
        Fracture:
          prompts: [Skull fracture]
          negative_prompts: [No fracture]

    Args:
        path: the file, UTF-8.

    Returns:
        Finding name to its words, in the file's order.

    Raises:
        TaskError: if the file cannot be read, is no such mapping, names a finding twice, or a prompt is empty or
            longer than 2,000 characters.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise TaskError(f"{path.name} is larger than {_MAX_FILE_BYTES // 2**20} MiB: is it a prompts file?")
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except OSError as error:
        raise TaskError(f"Prompts file {path.name} cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TaskError(f"{path.name} is no YAML file: {str(error).splitlines()[0]}.") from error
    if not isinstance(values, Mapping) or not values:
        raise TaskError(f"{path.name}: expected a mapping from findings to their prompts.")
    return {str(name): _wording(entry, f"{path.name}, {name}") for name, entry in values.items()}


def _wording(entry: object, where: str) -> Wording:
    if not isinstance(entry, Mapping):
        return Wording(check_prompts(entry, where=where))
    unknown = sorted(set(map(str, entry)) - _KEYS)
    if unknown or "prompts" not in entry:
        raise TaskError(f"{where}: expected prompts and perhaps negative_prompts, found {', '.join(map(str, entry))}.")
    negative = entry.get("negative_prompts")
    return Wording(
        check_prompts(entry["prompts"], where=where), () if not negative else check_prompts(negative, where=where)
    )


def check_prompts(prompts: object, *, where: str) -> tuple[str, ...]:
    """One text or a list of texts as a tuple, each fit to be asked.

    Args:
        prompts: a text or a list of texts.
        where: what they belong to, for messages.

    Raises:
        TaskError: if there is none, or one is no text, empty or longer than 2,000 characters.
    """
    texts = [prompts] if isinstance(prompts, str) else prompts
    if not isinstance(texts, (list, tuple)) or not texts or not all(isinstance(text, str) for text in texts):
        raise TaskError(f"{where}: expected a text or a list of texts.")
    cleaned = tuple(" ".join(text.split()) for text in texts)
    for text in cleaned:
        if not text:
            raise TaskError(f"{where}: a prompt is empty; write what to look for.")
        if len(text) > MAX_PROMPT_CHARACTERS:
            raise TaskError(
                f"{where}: a prompt has {len(text):,} characters, at most {MAX_PROMPT_CHARACTERS:,} are taken."
            )
    return cleaned


class _UniqueKeys(yaml.SafeLoader):
    """The safe loader, but a key that stands there twice is an error instead of a silent overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(twice)} stands there twice", None)
        return super().construct_mapping(node, deep)
