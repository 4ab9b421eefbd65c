"""Checkpoints of the published training code: their names of weights, and the way from them to a model folder."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from itemclip_med import __version__
from itemclip_med.errors import ModelError
from itemclip_med.models.checkpoints import read_json
from itemclip_med.models.config import ItemizedCLIPConfig
from itemclip_med.models.itemclip import ItemizedCLIP
from itemclip_med.models.presets import PUBLISHED, Preset, published_preset
from itemclip_med.models.text import TextTokenizer, load_tokenizer
from itemclip_med.models.weight_files import read_weight_file

PROVENANCE_FILE = "provenance.json"
_PREFIX = "module."
_NUM_NAMED = 4
_MAX_NAME = 200

_NAMES = r"visual.trunk.serienameencoder."
_LAYER = r"^visual\.name_encoder\.layers\.(\d+)\."

# Ours to theirs, first match wins; golden/README.md 3 to 6 and ``checkpoint_keys_*``.
_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^visual_proj\.", "visual.head.proj."),
        (r"^visual\.patch_embed\.", "visual.trunk.patch_embed.proj."),
        (r"^visual\.spatial_table$", "visual.trunk.spatial_posemb"),
        (r"^visual\.series_table$", "visual.trunk.series_posemb"),
        (r"^visual\.name_proj\.", "visual.trunk.sne_proj."),
        (_LAYER + r"norm1\.", _NAMES + r"transformer.layers.\1.0.norm."),
        (_LAYER + r"qkv\.", _NAMES + r"transformer.layers.\1.0.fn.to_qkv."),
        (_LAYER + r"proj\.", _NAMES + r"transformer.layers.\1.0.fn.to_out.0."),
        (_LAYER + r"norm2\.", _NAMES + r"transformer.layers.\1.1.norm."),
        (_LAYER + r"fc1\.", _NAMES + r"transformer.layers.\1.1.fn.net.0."),
        (_LAYER + r"fc2\.", _NAMES + r"transformer.layers.\1.1.fn.net.3."),
        (r"^visual\.name_encoder\.", _NAMES),
        (r"^visual\.", "visual.trunk."),
        (r"^text\.encoder\.", "text.transformer."),
        (r"^pool\.norm_", "visual_attn.ln_"),
        (r"^pool\.", "visual_attn.attn."),
    )
)
# Written by old versions of transformers; a plain count from 0.
_IGNORED = frozenset({"text.transformer.embeddings.position_ids"})
# The scan encoder of the published code calls its table of series another name.
_ALIASES = {"visual.trunk.sequential_posemb": "visual.trunk.series_posemb"}


@dataclass(frozen=True)
class ImportedModel:
    """What an import made.

    Attributes:
        folder: the model folder.
        num_tensors: weights written.
        num_parameters: numbers in them.
        epoch: of the checkpoint, if it says so.
        has_preprocessing: whether the configuration said how studies become the model's input.
    """

    folder: Path
    num_tensors: int
    num_parameters: int
    epoch: int | None
    has_preprocessing: bool


def official_name(name: str) -> str:
    """The published name of one of our weights, without the ``module.`` of distributed training."""
    for pattern, replacement in _RULES:
        if pattern.search(name):
            return pattern.sub(replacement, name)
    return name


def empty_model(config: ItemizedCLIPConfig, tokenizer: TextTokenizer) -> ItemizedCLIP:
    """A model whose weights have names and shapes, but no memory yet (on torch's meta device)."""
    with torch.device("meta"):
        return ItemizedCLIP(config, tokenizer=tokenizer, pretrained_text=False)


def official_weights(checkpoint: Mapping[str, Any], *, name: str) -> dict[str, Tensor]:
    """The weights in a checkpoint, by their published names without ``module.``.

    Args:
        checkpoint: what the file holds: ``state_dict`` and more, or the weights alone.
        name: what to call the file in errors.

    Raises:
        ModelError: if there are none, or an entry is no tensor of floating-point numbers.
    """
    weights = checkpoint.get("state_dict", checkpoint)
    if not isinstance(weights, Mapping) or not weights or not any(isinstance(v, Tensor) for v in weights.values()):
        raise ModelError(
            f"Checkpoint {name} has no state_dict (it holds {_some(sorted(map(str, checkpoint)))}): is it a "
            "checkpoint of ItemizedCLIP's training?"
        )
    found: dict[str, Tensor] = {}
    for key, value in weights.items():
        plain = str(key).removeprefix(_PREFIX)
        plain = _ALIASES.get(plain, plain)
        if plain in _IGNORED:
            continue
        if not isinstance(value, Tensor) or not value.is_floating_point():
            kind = str(value.dtype).removeprefix("torch.") if isinstance(value, Tensor) else type(value).__name__
            raise ModelError(f"Checkpoint {name}: {key} is {kind}, expected a tensor of floating-point numbers.")
        if plain in found:
            raise ModelError(f"Checkpoint {name}: {plain} stands there twice; import one model at a time.")
        found[plain] = value
    return found


def convert_official(weights: Mapping[str, Tensor], model: torch.nn.Module, *, name: str) -> dict[str, Tensor]:
    """Rename published weights to ours, and hold every name and shape against what a model demands.

    Args:
        weights: from :func:`official_weights`.
        model: the model, or a module named as in it; may be empty.
        name: what to call the file in errors.

    Returns:
        One tensor for each entry of the model's state dict.

    Raises:
        ModelError: if weights are missing, unexpected or of another shape; names some and counts all.
    """
    expected = {official_name(key): (key, value.shape) for key, value in model.state_dict().items()}
    missing = [key for key in expected if key not in weights]
    unexpected = [key for key in weights if key not in expected]
    wrong = [
        f"{key} is {tuple(weights[key].shape)}, expected {tuple(shape)}"
        for key, (_, shape) in expected.items()
        if key in weights and weights[key].shape != shape
    ]
    problems = [
        f"{len(keys)} {kind} ({_some(keys)})"
        for kind, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", wrong))
        if keys
    ]
    if problems:
        raise ModelError(
            f"Checkpoint {name} does not fit the configuration: {'; '.join(problems)}. Choose the --config that it "
            "was trained with."
        )
    return {ours: weights[key] for key, (ours, _) in expected.items()}


def import_official(
    path: str | Path, config: str | Path, folder: str | Path, *, tokenizer: str | Path | None = None
) -> ImportedModel:
    """Make a model folder from a checkpoint of the published training code.

    Everything is checked before anything is written, and the folder appears whole or not at all.

    Args:
        path: the checkpoint; it is never unpickled beyond tensors and plain values.
        config: a published model's name (brain_mri, head_ct, chest_ct), or a JSON file: a model's ``config.json``,
            with the preprocessing under ``preprocessing`` if it is known.
        folder: the new model folder; must not exist, or be empty.
        tokenizer: folder or Hugging Face name; None takes the one that the configuration names.

    Returns:
        What was written.

    Raises:
        ModelError: if the file is no checkpoint, holds code or is truncated; if weights and configuration do not fit;
            if the tokenizer cannot be loaded; if the folder is not empty.
    """
    path, folder = Path(path), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelError(f"Folder {folder.name} exists and is not empty: give the name of a new one.")
    preset = _read_preset(config)
    checkpoint = read_weight_file(path)
    weights = official_weights(checkpoint, name=path.name)
    source = tokenizer if tokenizer is not None else preset.config.text.tokenizer or preset.config.text.source
    words = _load_tokenizer(source, preset.config.context_length)
    model = empty_model(preset.config, words)
    vocab_size = model.text.encoder.config.vocab_size
    if len(words) != vocab_size:
        raise ModelError(
            f"Tokenizer {Path(source).name} has {len(words)} entries, the text tower {vocab_size}: they do not belong "
            "together. Give the one of the text encoder that the model was trained with, with --tokenizer."
        )
    converted = convert_official(weights, model, name=path.name)
    model.load_state_dict(converted, assign=True)
    model.preprocessing = dict(preset.preprocessing) or None
    provenance = {
        "source_file": path.name,
        "source_sha256": _sha256(path),
        "epoch": _plain_int(checkpoint.get("epoch")),
        "name": _plain_text(checkpoint.get("name")),
        "config": config if config in PUBLISHED else Path(config).name,
        "tokenizer": Path(source).name if Path(source).is_dir() else str(source),
        "imported_by": f"itemclip_med {__version__}",
    }
    _write_whole(model, provenance, folder)
    return ImportedModel(
        folder=folder,
        num_tensors=len(converted),
        num_parameters=sum(value.numel() for value in converted.values()),
        epoch=provenance["epoch"],
        has_preprocessing=model.preprocessing is not None,
    )


def describe_official(path: str | Path) -> dict[str, Any]:
    """Say what a checkpoint file of the published training code is.

    Args:
        path: the file.

    Returns:
        ``file, bytes, epoch, name, entries, num_tensors, num_parameters`` and ``fits``: the published models that it
        has the weights of.

    Raises:
        ModelError: as :func:`import_official`, where the file is at fault.
    """
    path = Path(path)
    checkpoint = read_weight_file(path)
    weights = official_weights(checkpoint, name=path.name)
    fits = []
    for name in PUBLISHED:
        config = published_preset(name).config
        # Any tokenizer does: its vocabulary shapes no weight where the architecture is given.
        expected = empty_model(config, load_tokenizer(context_length=config.context_length)).state_dict()
        shapes = {official_name(key): value.shape for key, value in expected.items()}
        if shapes == {key: value.shape for key, value in weights.items()}:
            fits.append(name)
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "epoch": _plain_int(checkpoint.get("epoch")),
        "name": _plain_text(checkpoint.get("name")),
        "entries": sorted(map(str, checkpoint)) if "state_dict" in checkpoint else ["state_dict"],
        "num_tensors": len(weights),
        "num_parameters": sum(value.numel() for value in weights.values()),
        "fits": fits,
    }


def _read_preset(config: str | Path) -> Preset:
    """A published model's configuration, or that of a JSON file."""
    if str(config) in PUBLISHED:
        return published_preset(str(config))
    path = Path(config)
    if not path.is_file():
        raise ModelError(f"Configuration {config}: no such file, and no published model ({', '.join(PUBLISHED)}).")
    values = read_json(path)
    preprocessing = values.pop("preprocessing", None) or {}
    if not isinstance(preprocessing, Mapping):
        raise ModelError(f"Configuration {path.name}: preprocessing is {preprocessing!r}, expected an object.")
    return Preset(ItemizedCLIPConfig.from_dict(values), preprocessing)


def _load_tokenizer(source: str | Path, context_length: int) -> TextTokenizer:
    try:
        return load_tokenizer(source, context_length)
    except ModelError as error:
        raise ModelError(
            f"{error} The checkpoint holds no tokenizer: give its folder (tokenizer.json, or vocab.txt) with "
            "--tokenizer."
        ) from error


def _write_whole(model: ItemizedCLIP, provenance: Mapping[str, Any], folder: Path) -> None:
    """Write a model folder beside its place, then move it there."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise ModelError(f"Folder {folder.name} cannot be made: {error.strerror}.") from error
    try:
        model.save_pretrained(part)
        text = json.dumps(provenance, indent=2, ensure_ascii=False) + "\n"
        (part / PROVENANCE_FILE).write_text(text, encoding="utf-8")
        part.chmod(0o755)  # mkdtemp's folder is private, a model need not be
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        raise ModelError(f"Folder {folder.name} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _plain_int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _plain_text(value: Any) -> str | None:
    return value[:_MAX_NAME] if isinstance(value, str) else None


def _some(keys: list[str]) -> str:
    """The first names of a list."""
    return ", ".join(keys[:_NUM_NAMED]) + (", …" if len(keys) > _NUM_NAMED else "")
