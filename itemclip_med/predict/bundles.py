"""The model of a bundle: of one that ships with the package, or of a copy with weights, wherever it lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itemclip_med.errors import ModelError
from itemclip_med.resources import bundles_dir
from itemclip_med.transforms import ModelInput

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP

INFERENCE = Path("configs") / "inference.json"
MONAI_WEIGHTS = Path("models") / "model.pt"
_MODEL_FILES = ("config.json", "model.safetensors")
_MAX_BYTES = 4 * 2**20


def find_bundle(name: str) -> Path:
    """The folder of a bundle: ``name`` itself where it is one, else the shipped bundle of that name.

    Raises:
        ModelError: if neither is there; lists the shipped ones.
    """
    if (Path(name) / INFERENCE).is_file():
        return Path(name).resolve()
    folder = bundles_dir() / name
    if Path(name).name != name or not (folder / INFERENCE).is_file():
        known = ", ".join(sorted(path.parents[1].name for path in bundles_dir().glob(f"*/{INFERENCE}")))
        raise ModelError(f"No bundle {name!r}: there are {known}; or give the folder of a copy.", misuse=True)
    return folder


def read_inference(folder: Path) -> dict[str, Any]:
    """What a bundle's ``inference.json`` holds; nothing in it is run.

    Raises:
        ModelError: if it is no JSON object, or too large.
    """
    path = folder / INFERENCE
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ModelError(f"Bundle {folder.name}: {INFERENCE} is no JSON object of reasonable size; copy it again.")
    return values


def find_weights(folder: Path) -> str:
    """Where a bundle's own weights are, for :func:`load_model`; "" for a bundle without weights."""
    for place in (folder, folder / "models"):
        if all((place / name).is_file() for name in _MODEL_FILES):
            return str(place)
    return str(folder) if (folder / MONAI_WEIGHTS).is_file() else ""


def load_model(name: str | Path) -> ItemizedCLIP:
    """A model folder, hub id or shipped model; or a bundle's folder whose weights are MONAI's ``models/model.pt``.

    Raises:
        ModelError: if there is no such model, or its parts do not fit together.
    """
    from itemclip_med.models import ItemizedCLIP

    folder = Path(name)
    if not (folder / _MODEL_FILES[0]).is_file() and (folder / MONAI_WEIGHTS).is_file():
        return _load_monai_weights(folder)
    return ItemizedCLIP.from_pretrained(name)


def _load_monai_weights(folder: Path) -> ItemizedCLIP:
    """The network that ``inference.json`` describes, with the weights of ``models/model.pt``; no code is run."""
    import torch

    from itemclip_med.models import build_or_load
    from itemclip_med.models.checkpoints import load_weights
    from itemclip_med.models.weight_files import read_weight_file

    values = read_inference(folder)
    model_input = ModelInput.from_dict(_plain(folder, values, "model_input", {}))
    known = {
        "$tuple(@model_input.grid)": tuple(model_input.grid),
        "$@model_input.num_channels": model_input.num_channels,
    }
    model = build_or_load(config=_plain(folder, values, "model_config", known), preprocessing=model_input.to_dict())
    weights = read_weight_file(folder / MONAI_WEIGHTS)
    if not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise ModelError(f"Bundle {folder.name}: {MONAI_WEIGHTS} holds more than weights, expected a state dict.")
    load_weights(
        model, weights, name=folder.name, hint=f"Take {INFERENCE} and {MONAI_WEIGHTS} from the same copy of the bundle."
    )
    return model


def _plain(folder: Path, values: Mapping[str, Any], name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a configuration's entry, ``known`` expressions replaced.

    Raises:
        ModelError: if there is none, or one of its values would have to be computed.
    """
    entry = values.get(name)
    if not isinstance(entry, dict):
        raise ModelError(f"Bundle {folder.name}: {INFERENCE} has no {name}, so its network cannot be built.")
    plain = {}
    for key, value in entry.items():
        if key.startswith("_"):  # _target_, _desc_: what is built is known
            continue
        value = known.get(value, value) if isinstance(value, str) else value
        if isinstance(value, str) and value.startswith(("$", "@", "%")):
            raise ModelError(
                f"Bundle {folder.name}: {name}::{key} is the expression {value!r}, and expressions of bundles are not "
                "run here: write its value, or name a model folder with --model."
            )
        plain[key] = value
    return plain
