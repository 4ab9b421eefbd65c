"""Encoded studies on disk, so that new prompts cost milliseconds: by what the model is, and what the study is."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from itemclip_med.errors import TaskError
from itemclip_med.records import Study

if TYPE_CHECKING:
    from itemclip_med.zeroshot.plugins import StudyScorer

_DTYPES = {"float32": torch.float32, "float16": torch.float16}
_TOKENS, _GLOBAL, _WHOLE = "tokens", "global", "whole"


class EmbeddingCache:
    """A folder of encoded studies, one safetensors file each; several processes may share it.

    Names of files are hashes of the model's image weights and preprocessing, and of the study's source, recipe and
    series, so that another model or a study that was made anew is never mistaken. A damaged file is made again.

    Args:
        folder: made when needed.
        dtype: "float32" (scores are the same as without), or "float16" (half the space, scores within about 0.001).

    Raises:
        TaskError: if the type is neither.
    """

    def __init__(self, folder: Path | str, dtype: str = "float32") -> None:
        if dtype not in _DTYPES:
            raise TaskError(f"Embeddings as {dtype!r}: expected float32 or float16.")
        self.folder = Path(folder)
        self.dtype = dtype

    def read(self, model_digest: str, study: Study) -> Any | None:
        """The encoding of one study (B = 1), or None where it is not there or damaged."""
        from safetensors import SafetensorError, safe_open

        path = self._path(model_digest, study)
        if not path.is_file():
            return None
        try:
            with safe_open(str(path), framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                values = json.loads((file.metadata() or {})["encoding"])
        except (SafetensorError, OSError, KeyError, ValueError):
            return None
        tensors = {
            name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in tensors.items()
        }
        return _rebuilt(tensors, values)

    def write(self, model_digest: str, study: Study, encoding: Any) -> None:
        """Keep the encoding of one study (B = 1); what has no tensors is not kept."""
        from safetensors.torch import save

        taken = _taken_apart(encoding)
        if taken is None:
            return
        tensors, values = taken
        stored = {
            name: (tensor.to(_DTYPES[self.dtype]) if tensor.is_floating_point() else tensor).cpu().contiguous()
            for name, tensor in tensors.items()
        }
        path = self._path(model_digest, study)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as stream:
            try:
                stream.write(save(stored, metadata={"encoding": json.dumps(values)}))
                stream.flush()
                os.replace(stream.name, path)
            except BaseException:
                os.unlink(stream.name)
                raise

    def _path(self, model_digest: str, study: Study) -> Path:
        name = hashlib.sha256(f"{study_digest(study)} {self.dtype}".encode()).hexdigest()[:40]
        return self.folder / model_digest[:32] / f"{name}.safetensors"


def scoring_digest(model: StudyScorer) -> str | None:
    """A digest of all that a score depends on beside study and prompt; None for a plug-in without ``digest``."""
    from itemclip_med.models import ItemizedCLIP

    encoder = model_digest(model)
    if encoder is None or not isinstance(model, ItemizedCLIP):
        return encoder
    digest = hashlib.sha256(encoder.encode())
    _add_tensors(digest, model, "")
    return digest.hexdigest()


def model_digest(model: StudyScorer) -> str | None:
    """A digest of all that an encoded study depends on; None for a plug-in that names no ``digest``."""
    from itemclip_med.models import ItemizedCLIP

    own = getattr(model, "digest", None)
    if isinstance(own, str) and own:
        return hashlib.sha256(f"plug-in {own} {_as_json(model.preprocessing)}".encode()).hexdigest()
    if not isinstance(model, ItemizedCLIP):
        return None
    digest = hashlib.sha256()
    config = {name: value for name, value in model.config.to_dict().items() if name != "text"}
    digest.update(_as_json([config, model.preprocessing]).encode())
    for part in ("visual", "visual_proj"):
        _add_tensors(digest, getattr(model, part), f"{part}.")
    return digest.hexdigest()


def _add_tensors(digest: Any, module: torch.nn.Module, prefix: str) -> None:
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{prefix}{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())


def study_digest(study: Study) -> str:
    """A digest of a study's arrays, by the source and recipe they were made of; labels do not count."""
    series = [[each.name, list(each.shape), each.dtype, each.affine, each.sha256] for each in study.series]
    return hashlib.sha256(
        _as_json([study.study_id, study.source_digest, study.recipe_digest, series]).encode()
    ).hexdigest()


def split_batch(encoding: Any, num_studies: int, num_series: list[int]) -> list[Any] | None:
    """The encodings of single studies, padding series taken out; None where only the model knows how to split it.

    Args:
        encoding: of B studies.
        num_studies: B.
        num_series: real series of each.
    """
    from itemclip_med.models import StudyEncoding

    if isinstance(encoding, StudyEncoding):
        patches = encoding.grid[0] * encoding.grid[1] * encoding.grid[2]
        return [
            StudyEncoding(
                encoding.global_[row : row + 1], encoding.tokens[row : row + 1, : count * patches], encoding.grid, count
            )
            for row, count in enumerate(num_series)
        ]
    if isinstance(encoding, Tensor) and len(encoding) == num_studies:
        return [encoding[row : row + 1] for row in range(num_studies)]
    if isinstance(encoding, Mapping) and all(
        isinstance(v, Tensor) and len(v) == num_studies for v in encoding.values()
    ):
        return [{name: value[row : row + 1] for name, value in encoding.items()} for row in range(num_studies)]
    return None


def to_device(encoding: Any, device: str) -> Any:
    """An encoding read from disk, where the model is."""
    taken = _taken_apart(encoding)
    if taken is None:
        return encoding
    tensors, values = taken
    return _rebuilt({name: tensor.to(device) for name, tensor in tensors.items()}, values)


def _taken_apart(encoding: Any) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    from itemclip_med.models import StudyEncoding

    if isinstance(encoding, StudyEncoding):
        values = {"kind": "study", "grid": list(encoding.grid), "num_series": encoding.num_series}
        return {_GLOBAL: encoding.global_, _TOKENS: encoding.tokens}, values
    if isinstance(encoding, Tensor):
        return {_WHOLE: encoding}, {"kind": "tensor"}
    if isinstance(encoding, Mapping) and all(isinstance(value, Tensor) for value in encoding.values()):
        return dict(encoding), {"kind": "mapping"}
    return None


def _rebuilt(tensors: dict[str, Tensor], values: Mapping[str, Any]) -> Any:
    from itemclip_med.models import StudyEncoding

    if values["kind"] == "study":
        grid = tuple(int(size) for size in values["grid"])
        return StudyEncoding(tensors[_GLOBAL], tensors[_TOKENS], grid, int(values["num_series"]))  # type: ignore[arg-type]
    return tensors[_WHOLE] if values["kind"] == "tensor" else tensors


def _as_json(values: Any) -> str:
    return json.dumps(values, sort_keys=True, default=str)
