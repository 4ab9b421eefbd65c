"""A bundle made ready for others: for MONAI's model zoo and for a model hub, with the weights and what they are."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itemclip_med.errors import FormatError, SourceError
from itemclip_med.training.model_card import model_card, performance_text

_HEAD_FILES = ("head.json", "head.safetensors")
_NO_WEIGHTS = re.compile(r"\s+No\s+weights\s+are\s+included\.")
_PUBLISHED = re.compile(r"Published\s+for")
LARGE_FILE_BYTES = 25_000_000  # above, the zoo wants a link in large_files.yml instead of the file


@dataclass(frozen=True)
class Publication:
    """What is said of published weights.

    Attributes:
        metrics: contents of ``metrics.json`` of an evaluation; None: the card says that there are none.
        trained_on: what the model was trained on, in a sentence.
        license_id: of the weights, as model hubs name licenses; "other" points to the bundle's data license.
        weights_url: where ``models/model.pt`` will lie, for ``large_files.yml``.
    """

    metrics: Mapping[str, Any] | None = None
    trained_on: str = ""
    license_id: str = "other"
    weights_url: str = ""


def copy_bundle(
    source: Path, dest: Path, *, model: str | Path = "", publication: Publication | None = None
) -> list[str]:
    """Copy a bundle, with a model's weights if one is named.

    With a model the copy also holds a model folder at its top (``config.json``, ``model.safetensors``, tokenizer and
    preprocessing: what ``ItemizedCLIP.from_pretrained`` reads from a hub), the same weights as ``models/model.pt``
    (what MONAI loads), configurations and metadata of just that network, and a model card.

    Args:
        source: the bundle.
        dest: a new or empty folder.
        model: folder, hub id or shipped name.
        publication: what the card says.

    Returns:
        What is left to do, in sentences.

    Raises:
        SourceError: if ``dest`` is not empty.
        ModelError: if the model cannot be read, or was saved without its preprocessing.
    """
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise SourceError(f"{dest} exists and is not an empty folder; name a new one.")
    network = None
    if str(model):
        from itemclip_med.models import ItemizedCLIP
        from itemclip_med.transforms import ModelInput

        network = ItemizedCLIP.from_pretrained(model)
        ModelInput.from_dict(network.preprocessing)
    shutil.copytree(source, dest, dirs_exist_ok=True)
    if network is None:
        return []
    publication = publication or Publication()
    left = _write_weights(network, model, dest, publication)
    for name in ("train.json", "inference.json"):
        _edit_json(dest / "configs" / name, lambda values: _set_network(values, network))
    _edit_json(dest / "configs" / "metadata.json", lambda values: _describe_network(values, network, publication))
    readme = dest / "docs" / "README.md"
    text = _with_performance(readme.read_text(encoding="utf-8"), performance_text(publication.metrics))
    readme.write_text(text, encoding="utf-8")
    metadata = json.loads((dest / "configs" / "metadata.json").read_text(encoding="utf-8"))
    data_license = (dest / "docs" / "data_license.txt").read_text(encoding="utf-8")
    card = model_card(source.name, metadata, text, data_license, publication)
    (dest / "README.md").write_text(card, encoding="utf-8")
    if not publication.trained_on:
        left.append("Say in README.md what the model was trained on (--trained-on).")
    if publication.metrics is None:
        left.append("No results are given (--metrics metrics.json of an evaluation).")
    return left


def read_metrics(path: Path) -> dict[str, Any]:
    """A ``metrics.json``.

    Raises:
        FormatError: if it is none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(f"{path.name} is not JSON: give the metrics.json of an evaluation.") from error
    if not isinstance(values, dict) or not {"task", "findings", "mean"} <= set(values):
        raise FormatError(f"{path.name} holds no task, findings and mean: give the metrics.json of an evaluation.")
    return values


def _write_weights(network: Any, model: str | Path, dest: Path, publication: Publication) -> list[str]:
    """Model folder and ``models/model.pt``; what is left to do about their size."""
    import torch

    network.save_pretrained(dest)
    for name in _HEAD_FILES:
        if (Path(model) / name).is_file():
            shutil.copy(Path(model) / name, dest / name)
    path = dest / "models" / "model.pt"
    path.parent.mkdir(exist_ok=True)
    torch.save(network.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if publication.weights_url:
        lines = ["large_files:", '  - path: "models/model.pt"', f'    url: "{publication.weights_url}"']
        lines += [f'    hash_val: "{digest}"', '    hash_type: "sha256"']
        (dest / "large_files.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return []
    if path.stat().st_size > LARGE_FILE_BYTES:
        return [
            f"models/model.pt has {path.stat().st_size / 1e6:.0f} MB; the zoo takes 25: host it and name the place "
            f"(--weights-url), its sha256 is {digest}."
        ]
    return []


def _set_network(values: dict[str, Any], network: Any) -> None:
    """Put ``model_input`` and ``model_config`` of just this network into a configuration, open to overrides."""

    def plain(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name not in ("format", "version")}

    model_input = plain(network.preprocessing)
    values["model_input"] = {"_target_": "itemclip_med.transforms.ModelInput", **model_input}
    config = plain(network.config.to_dict())
    values["model_config"] = {"_target_": "itemclip_med.models.ItemizedCLIPConfig", **config}
    if "random_crop" in values and model_input["fit"] != "crop":
        values["random_crop"] = False  # there is nothing to crop from


def _describe_network(values: dict[str, Any], network: Any, publication: Publication) -> None:
    """Inputs, outputs and results of just this network."""
    formats = values["network_data_format"]
    image = formats["inputs"]["image"]
    image["num_channels"] = network.config.in_channels
    image["spatial_shape"] = list(network.config.image_size)
    windows = network.preprocessing.get("windows_hu") or {}
    if network.preprocessing.get("windows_as") == "channels" and network.preprocessing.get("modality") == "CT":
        image["channel_def"] = {str(index): f"{name} window" for index, name in enumerate(windows)}
    if not network.config.series_names:
        formats["inputs"].pop("series", None)
    formats["outputs"]["pred"]["num_channels"] = network.config.embed_dim
    if publication.metrics is not None:
        mean = publication.metrics["mean"].get("auc")
        values["eval_metrics"] = {f"{publication.metrics['task']}_mean_auc": mean}
    if publication.trained_on:
        values["data_source"] = publication.trained_on


def _with_performance(readme: str, results: str) -> str:
    """The bundle's README with what is true of a copy that has weights."""
    start, end = readme.index("## Performance"), readme.index("## Usage")
    published = _PUBLISHED.split(readme[start:end], maxsplit=1)[1].strip()
    section = f"## Performance\n\n{results}\n\nFor comparison, published for {published}\n\n"
    return _NO_WEIGHTS.sub("", readme[:start]) + section + readme[end:]


def _edit_json(path: Path, change: Any) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
