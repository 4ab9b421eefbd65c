"""Models on disk: a folder with configuration, weights, tokenizer and preprocessing. Nothing is ever unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from itemclip_med.errors import ModelError
from itemclip_med.models.config import SMALL_TEXT, ItemizedCLIPConfig
from itemclip_med.models.text import load_tokenizer
from itemclip_med.resources import weights_dir

if TYPE_CHECKING:
    from itemclip_med.models.itemclip import ItemizedCLIP

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
PREPROCESSING_FILE = "preprocessing.json"
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_MAX_JSON_BYTES = 4 * 2**20
_HUB_FILES = ["*.json", "*.safetensors", "*.txt", "README.md"]
_NUM_NAMED = 4
_SAME_SAVE = "Take config.json and model.safetensors from the same save."


def save_pretrained(model: ItemizedCLIP, folder: str | Path, *, dtype: str = "float32") -> Path:
    """Write a model: ``config.json``, ``model.safetensors``, tokenizer files and ``preprocessing.json``.

    Args:
        model: any device, any precision.
        folder: is made if it does not exist; a model there is replaced.
        dtype: of the stored numbers: float32, float16 or bfloat16.

    Returns:
        The folder.

    Raises:
        ModelError: if ``dtype`` is another one, or a weight is not finite in it.
    """
    from safetensors.torch import save_file

    if dtype not in _DTYPES:
        raise ModelError(f"dtype is {dtype!r}, expected one of {', '.join(_DTYPES)}.")
    tensors = {name: _stored(name, value, _DTYPES[dtype]) for name, value in model.state_dict().items()}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.tokenizer.save(folder)
    config = model.config.to_dict()
    # A folder on this machine means nothing elsewhere; the architecture beside it says all.
    for name in ("source", "tokenizer"):
        value = config["text"][name]
        if value is not None and value != SMALL_TEXT and Path(value).is_dir():
            config["text"][name] = Path(value).name if name == "source" else None
    _write_json(folder / CONFIG_FILE, config)
    if model.preprocessing is not None:
        _write_json(folder / PREPROCESSING_FILE, model.preprocessing)
    else:
        (folder / PREPROCESSING_FILE).unlink(missing_ok=True)
    part = folder / f".{WEIGHTS_FILE}.part"
    save_file(tensors, str(part), metadata={"format": "pt"})
    os.replace(part, folder / WEIGHTS_FILE)
    return folder


def load_pretrained(
    name: str | Path,
    *,
    model_class: type[ItemizedCLIP] | None = None,
    revision: str | None = None,
    device: torch.device | str = "cpu",
) -> ItemizedCLIP:
    """Load a model in float32, in evaluation mode.

    Args:
        name: a folder, the name of a model that ships with the package, or an id on the Hugging Face hub; looked for
            in this order.
        model_class: class to build; None is :class:`~itemclip_med.models.ItemizedCLIP`.
        revision: branch, tag or commit on the hub.
        device: where to put it.

    Returns:
        The model, with its ``preprocessing``.

    Raises:
        ModelError: if there is no such model, a file is missing or damaged, or weights and configuration do not fit.
    """
    from itemclip_med.models.itemclip import ItemizedCLIP

    folder = find_model(name, revision=revision)
    config = ItemizedCLIPConfig.from_dict(read_json(folder / CONFIG_FILE))
    weights_path = folder / WEIGHTS_FILE
    if not weights_path.is_file():
        pickled = sorted(path.name for pattern in ("*.pt", "*.pth", "*.bin") for path in folder.glob(pattern))
        hint = f" {pickled[0]} is not read, because loading it could run code." if pickled else ""
        raise ModelError(f"Model {folder.name}: {WEIGHTS_FILE} is missing.{hint} Save it with save_pretrained.")
    preprocessing = None
    if (folder / PREPROCESSING_FILE).is_file():
        preprocessing = read_json(folder / PREPROCESSING_FILE)
    tokenizer = load_tokenizer(folder, config.context_length)
    model = (model_class or ItemizedCLIP)(config, preprocessing, tokenizer=tokenizer, pretrained_text=False)
    load_weights(model, read_weights(weights_path), name=folder.name)
    return model.to(device).eval()


def find_model(name: str | Path, *, revision: str | None = None) -> Path:
    """The folder of a model: ``name`` itself, a shipped model of that name, or the hub's, downloaded.

    Raises:
        ModelError: if none of them is there; lists the shipped models.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    text = str(name)
    if text in shipped_models():
        return weights_dir() / text
    shipped = ", ".join(shipped_models()) or "none"
    is_hub_id = text.count("/") == 1 and not folder.is_absolute() and not text.startswith((".", "~"))
    if not is_hub_id:
        raise ModelError(
            f"Model {text}: no such folder, and no shipped model of that name (shipped: {shipped}).", misuse=True
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(text, revision=revision, allow_patterns=_HUB_FILES))
    except Exception as error:  # the hub's client raises its own, requests' and the system's errors
        raise ModelError(
            f"Model {text}: no such folder or shipped model (shipped: {shipped}), and the Hugging Face hub gave "
            f"{type(error).__name__}. Check the name and the connection."
        ) from error


def shipped_models() -> list[str]:
    """Names of the models that ship with the package."""
    return sorted(path.parent.name for path in weights_dir().glob(f"*/{CONFIG_FILE}"))


def read_json(path: Path) -> dict[str, Any]:
    """Read one of a model's JSON files.

    Raises:
        ModelError: if it is missing, too large, or no JSON object.
    """
    thing = f"Model {path.parent.name}: {path.name}"
    if not path.is_file():
        raise ModelError(f"{thing} is missing; a model folder is what save_pretrained writes.")
    if path.stat().st_size > _MAX_JSON_BYTES:
        raise ModelError(f"{thing} has {path.stat().st_size} bytes, expected at most {_MAX_JSON_BYTES}.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{thing} is not JSON ({error}); save the model again.") from error
    if not isinstance(values, dict):
        raise ModelError(f"{thing} holds a {type(values).__name__}, expected an object; save the model again.")
    return values


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        ModelError: if it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"Model {path.parent.name}: {path.name} is damaged or no safetensors file ({error}); get it again."
        ) from error


def load_weights(
    model: torch.nn.Module, weights: Mapping[str, Tensor], *, name: str = "", hint: str = _SAME_SAVE
) -> None:
    """Copy weights into a model, all of them and nothing else.

    Args:
        model: is changed in place; keeps its own precision.
        weights: one tensor for each entry of the model's state dict.
        name: what to call the model in errors.
        hint: what to do about weights that do not fit.

    Raises:
        ModelError: if entries are missing, unexpected, or of another shape; names some and counts all.
    """
    expected = model.state_dict()
    missing = [key for key in expected if key not in weights]
    unexpected = [key for key in weights if key not in expected]
    wrong = [
        f"{key} is {tuple(weights[key].shape)}, expected {tuple(value.shape)}"
        for key, value in expected.items()
        if key in weights and weights[key].shape != value.shape
    ]
    problems = [
        f"{len(keys)} {kind} ({', '.join(keys[:_NUM_NAMED])}{', …' if len(keys) > _NUM_NAMED else ''})"
        for kind, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", wrong))
        if keys
    ]
    if problems:
        raise ModelError(f"Model {name}: weights do not fit its configuration: {'; '.join(problems)}. {hint}")
    model.load_state_dict(dict(weights))


def _stored(name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor as it is written."""
    value = value.detach().to("cpu")
    if value.is_floating_point():
        value = value.to(dtype)
        if not bool(torch.isfinite(value).all()):
            raise ModelError(f"Weight {name} is not finite as {str(dtype).removeprefix('torch.')}; it was not saved.")
    return value.contiguous().clone()


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
