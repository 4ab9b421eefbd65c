"""What a prediction is made with: a model, its preprocessing, and the findings that are asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from itemclip_med.errors import ModelError
from itemclip_med.records import Finding
from itemclip_med.resources import bundles_dir
from itemclip_med.zeroshot import load_task, read_prompts

_SHIPPED = {"head_ct_itemclip": "head_ct_phantom"}


@dataclass(frozen=True)
class Asked:
    """What a prediction is made with.

    Attributes:
        model: folder, hub id or shipped name.
        recipe: name or path of the preprocessing; "" for the one of the model's domain.
        findings: what is asked for; empty for the findings of the domain's task.
    """

    model: str
    recipe: str = ""
    findings: tuple[Finding, ...] = ()


def from_bundle(name: str, model: str = "", prompts: Path | None = None, task: str = "") -> Asked:
    """What a bundle's ``inference.json`` says, with a model, prompts or task in place of its own.

    Raises:
        ModelError: if there is no such bundle, or neither it nor the user names weights.
        TaskError: if prompts or task are none.
    """
    folder = bundles_dir() / name
    path = folder / "configs" / "inference.json"
    if Path(name).name != name or not path.is_file():
        known = ", ".join(sorted(found.parents[1].name for found in bundles_dir().glob("*/configs/inference.json")))
        raise ModelError(f"No bundle {name!r}: there are {known}.")
    values = json.loads(path.read_text(encoding="utf-8"))
    own = folder / "models"
    model = model or values.get("model") or (str(own) if (own / "config.json").is_file() else _SHIPPED.get(name, ""))
    if not model:
        raise ModelError(f"Bundle {name} comes without weights: name a model folder or hub id with --model.")
    return Asked(model, values.get("recipe", ""), ask_for(prompts, task or values.get("task", "")))


def ask_for(prompts: Path | None, task: str = "") -> tuple[Finding, ...]:
    """Findings from a prompts file, or of a task; of a task in the file's words where both are given.

    Raises:
        TaskError: if the file is no prompts file, or there is no such task.
    """
    known = {finding.name: finding for finding in load_task(task).findings} if task else {}
    if prompts is None:
        return tuple(known.values())
    return tuple(
        Finding(name, known[name].title if name in known else name, words.positive, words.negative)
        for name, words in read_prompts(prompts).items()
    )
