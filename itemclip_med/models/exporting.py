"""Image tower and pool without this package: as ``torch.export`` programs or ONNX, each held to the model's numbers."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.errors import MissingPackageError, ModelError
from itemclip_med.models.series_names import NAME_LENGTH, SeriesNameEncoder, end_positions, name_tokens

if TYPE_CHECKING:
    from itemclip_med.models.itemclip import ItemizedCLIP

TOLERANCE = 1e-4
FORMATS = ("torch", "onnx")
_SUFFIX = {"torch": "pt2", "onnx": "onnx"}
_NUM_TEXTS = 3  # of the example; any number of texts can be asked afterwards


class ImageTower(nn.Module):
    """Images and names of series to the study's embedding and patch tokens.

    Args:
        model: its image tower is copied.
    """

    def __init__(self, model: ItemizedCLIP) -> None:
        super().__init__()
        self.visual: Any = copy.deepcopy(model.visual)
        self.visual.gradient_checkpointing = False
        self.proj = copy.deepcopy(model.visual_proj)
        if self.visual.name_encoder is not None:
            self.visual.name_encoder = _PlainNames(self.visual.name_encoder)

    def forward(self, images: Tensor, names: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Encode one study.

        Args:
            images: (1, N, C, D, H, W).
            names: (1, N, 110) int64, for models that read names.

        Returns:
            (1, E) and (1, P, E), not normalized.
        """
        encoded = self.proj(self.visual(images, names))
        return encoded[:, 0], encoded[:, 1:]


class TextPool(nn.Module):
    """Patch tokens and text embeddings to scores, and where each text looks.

    Args:
        model: its pool is copied.
        num_series: N.
        grid: patches (d, h, w) of one series.
    """

    def __init__(self, model: ItemizedCLIP, num_series: int, grid: tuple[int, int, int]) -> None:
        super().__init__()
        self.pool: Any = copy.deepcopy(model.pool)
        # One of two ways to the same numbers, whatever the number of texts.
        self.pool._folding_pays = lambda num_texts: True
        self.layout = (num_series, *grid)

    def forward(self, tokens: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Ask the patch tokens of one study.

        Args:
            tokens: (1, P, E) from :class:`ImageTower`.
            texts: (K, E) embeddings of texts, not normalized.

        Returns:
            Cosines (1, K) and attention (1, K, N, d, h, w), the mean over heads.
        """
        texts = F.normalize(texts, dim=-1)[None]
        pooled, weights = self.pool(texts, F.normalize(tokens, dim=-1), need_weights=True)
        scores = (F.normalize(pooled, dim=-1) * texts).sum(-1)
        return scores, weights.mean(dim=1)[..., :-1].unflatten(-1, self.layout)


class _PlainNames(nn.Module):
    """The encoder of series names without the shortcuts that depend on the names at hand."""

    def __init__(self, encoder: SeriesNameEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = encoder.width

    def forward(self, tokens: Tensor) -> Tensor:
        flat = tokens.flatten(0, 1)  # (N, 110)
        end = end_positions(flat)
        positions = self.encoder.position_table.expand(len(flat), -1, -1)
        x = torch.cat([self.encoder.embed(flat), positions], dim=-1)
        key_mask = torch.arange(NAME_LENGTH, device=flat.device) <= end[:, None]
        for layer in self.encoder.layers:
            x = layer(x, key_mask)
        last = x.gather(1, end[:, None, None].expand(-1, 1, x.shape[-1]))[:, 0]
        return last.view(*tokens.shape[:-1], self.width)


def export_model(
    model: ItemizedCLIP, folder: str | Path, format: Literal["torch", "onnx"] = "torch", num_series: int = 1
) -> dict[str, float]:
    """Write ``image_tower`` and ``pool`` as ``.pt2`` or ``.onnx``, and ``export.json`` about their inputs.

    Each is read back and compared with the model on random input; what differs by more than :data:`TOLERANCE` is not
    kept. One study at a time, a fixed number of series, any number of texts.

    Args:
        model: to export.
        folder: where files go; made if needed.
        format: "torch" for ``torch.export``, "onnx".
        num_series: N, series of the studies that the image tower will be given.

    Returns:
        File to the largest absolute difference found.

    Raises:
        ModelError: if the format is unknown, the model takes fewer series, or the numbers differ.
        MissingPackageError: if the packages for ONNX are not installed.
    """
    if format not in FORMATS:
        raise ModelError(f"Export format {format!r}, expected {' or '.join(FORMATS)}.")
    if model.config.scoring == "global":
        raise ModelError("This model scores studies as a whole (scoring is global): it has no pool to export.")
    limit = model.config.max_series if not model.config.series_names else num_series
    if not 1 <= num_series <= limit:
        raise ModelError(f"{num_series} series, expected 1 to {limit} for this model.")
    if format == "onnx":
        _require_onnx()
    model = model.to("cpu").float().eval()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    config = model.config
    images = torch.randn(1, num_series, config.in_channels, *config.image_size, generator=generator)
    names = name_tokens([[f"AX_T{n}" for n in range(num_series)]], num_series) if config.series_names else None
    inputs = {"images": images} | ({} if names is None else {"names": names})
    texts = torch.randn(_NUM_TEXTS, config.embed_dim, generator=generator)
    with torch.inference_mode():
        study = model.encode_study(images, names)
        expected = {
            "image_tower": (study.global_, study.tokens),
            "pool": (model.score(study, texts), model.attend(study, texts)),
        }
    pool = TextPool(model, num_series, study.grid).eval()
    parts: dict[str, tuple[nn.Module, dict[str, Tensor], dict[str, Any]]] = {
        "image_tower": (ImageTower(model).eval(), inputs, {}),
        "pool": (pool, {"tokens": study.tokens.clone(), "texts": texts}, {"texts": {0: "texts"}}),
    }
    outputs = {"image_tower": ["study_embedding", "patch_tokens"], "pool": ["scores", "attention"]}
    differences = {}
    for name, (module, example, dynamic) in parts.items():
        path = folder / f"{name}.{_SUFFIX[format]}"
        write = _write_torch if format == "torch" else _write_onnx
        found = write(module, example, dynamic, outputs[name], path)
        worst = max(float((a - b).abs().max()) for a, b in zip(found, expected[name], strict=True))
        if not worst <= TOLERANCE:
            path.unlink()
            raise ModelError(f"{path.name} differs from the model by {worst:.1e}, expected at most {TOLERANCE:.0e}.")
        differences[path.name] = worst
    _describe(model, folder, parts, outputs, num_series, differences)
    return differences


def _write_torch(
    module: nn.Module, example: dict[str, Tensor], dynamic: dict[str, Any], outputs: list[str], path: Path
) -> tuple[Tensor, ...]:
    """Export, save, load and run."""
    shapes = {name: dict.fromkeys(dynamic.get(name, {}), torch.export.Dim.AUTO) for name in example}
    with torch.no_grad():
        program = torch.export.export(module, (), kwargs=example, dynamic_shapes=shapes)
    torch.export.save(program, str(path))
    with torch.inference_mode():
        return torch.export.load(str(path)).module()(**example)


def _write_onnx(
    module: nn.Module, example: dict[str, Tensor], dynamic: dict[str, Any], outputs: list[str], path: Path
) -> tuple[Tensor, ...]:
    """Export, save, load and run with onnxruntime."""
    import onnxruntime

    shapes = {name: dict.fromkeys(dynamic.get(name, {}), torch.export.Dim.DYNAMIC) for name in example}
    with torch.no_grad():
        program = torch.onnx.export(
            module, (), kwargs=example, dynamic_shapes=shapes, output_names=outputs, dynamo=True, verbose=False
        )
    assert program is not None
    program.save(str(path), external_data=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(outputs, {name: value.numpy() for name, value in example.items()})
    return tuple(torch.from_numpy(value) for value in found)


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(str(error.name), extra="onnx", purpose="Exporting to ONNX") from error


def _describe(
    model: ItemizedCLIP,
    folder: Path,
    parts: dict[str, tuple[nn.Module, dict[str, Tensor], dict[str, Any]]],
    outputs: dict[str, list[str]],
    num_series: int,
    differences: dict[str, float],
) -> None:
    """``export.json``: what goes in and out, and the preprocessing that makes the images."""
    values = {
        "format": "itemclip_med.export",
        "version": 1,
        "num_series": num_series,
        "parts": {
            name: {
                "inputs": {
                    key: ["any" if axis in dynamic.get(key, {}) else size for axis, size in enumerate(value.shape)]
                    for key, value in example.items()
                },
                "outputs": outputs[name],
            }
            for name, (_, example, dynamic) in parts.items()
        },
        "largest_difference": differences,
        "preprocessing": model.preprocessing,
    }
    (folder / "export.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
