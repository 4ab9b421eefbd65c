"""What a prediction is made with: a model, its preprocessing, and the findings that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from itemclip_med.errors import ModelError
from itemclip_med.predict.bundles import find_bundle, find_weights, read_inference
from itemclip_med.preprocess.recipe import list_recipes
from itemclip_med.records import Finding
from itemclip_med.resources import bundles_dir
from itemclip_med.zeroshot import load_task, read_prompts

_SHIPPED = {"head_ct_itemclip": "head_ct_phantom"}


@dataclass(frozen=True)
class Asked:
    """What a prediction is made with.

    Attributes:
        model: folder, hub id or shipped name, or the folder of a bundle with weights.
        recipe: name or path of the preprocessing; "" for the one of the model's domain.
        findings: what is asked for; empty for the findings of the domain's task.
    """

    model: str
    recipe: str = ""
    findings: tuple[Finding, ...] = ()


def from_bundle(name: str, model: str = "", prompts: Path | None = None, task: str = "") -> Asked:
    """What a bundle's ``inference.json`` says, with a model, prompts or task in place of its own.

    Args:
        name: of a shipped bundle, or the folder of a copy.
        model: folder, hub id or shipped name; "": the weights in the bundle.
        prompts: file of prompts.
        task: name of a task.

    Raises:
        ModelError: if there is no such bundle, neither it nor the user names weights, or it names a recipe that does
            not ship with the package.
        TaskError: if prompts or task are none.
    """
    folder = find_bundle(name)
    values = read_inference(folder)
    shipped = _SHIPPED.get(folder.name, "") if folder.parent.samefile(bundles_dir()) else ""
    model = model or str(values.get("model") or "") or find_weights(folder) or shipped
    if not model:
        raise ModelError(
            f"Bundle {folder.name} comes without weights: name a model folder or hub id with --model.", misuse=True
        )
    recipe = str(values.get("recipe", ""))
    if recipe and recipe not in list_recipes():  # a recipe of a bundle's own could name any code
        raise ModelError(f"Bundle {folder.name}: there is no recipe {recipe!r}; name one with --recipe.")
    return Asked(model, recipe, ask_for(prompts, task or str(values.get("task", ""))))


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
