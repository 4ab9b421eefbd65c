"""What a model is made of, as plain values that survive a trip through JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from itemclip_med.errors import ModelError

CONFIG_VERSION = 1
LEVELS = ("slice", "series", "study")
SERIES_POSITIONS = ("first", "shuffled", "published")
SMALL_TEXT = "small"
TRAINED_PARTS = ("all", "norms", "none")

# A configuration comes from a file that may be anybody's: no number may ask for more than this.
_LARGEST = {
    "image_size": 4096,
    "patch_size": 512,
    "in_channels": 64,
    "stem_width": 1024,
    "width": 8192,
    "num_heads": 256,
    "mlp_ratio": 64,
    "max_series": 4096,
    "embed_dim": 8192,
    "pool_heads": 256,
    "context_length": 8192,
    "series_name_depth": 64,
    "text.width": 8192,
    "text.layers": 128,
    "text.heads": 256,
}
_MAX_BLOCKS = 256


@dataclass(frozen=True)
class TextConfig:
    """The text tower.

    Attributes:
        source: "small" for the encoder that ships with the package, else a Hugging Face encoder: a folder or a name.
        width: of the small encoder.
        layers: of the small encoder.
        heads: attention heads of the small encoder.
        dropout: of the small encoder while training.
        tokenizer: folder of another tokenizer; None takes the one of ``source``.
        architecture: the Hugging Face configuration, filled in when a model is built and saved with it, so that a
            saved model is rebuilt without its source.
        trained: parameters of the encoder that training changes: "all", "norms" (its LayerNorms alone, as published for
            chest CT) or "none". The projection into the shared space is always trained.
    """

    source: str = SMALL_TEXT
    width: int = 96
    layers: int = 2
    heads: int = 4
    dropout: float = 0.0
    tokenizer: str | None = None
    architecture: Mapping[str, Any] | None = None
    trained: Literal["all", "norms", "none"] = "all"


@dataclass(frozen=True)
class ItemizedCLIPConfig:
    """Every choice that shapes a model's weights.

    Attributes:
        image_size: voxels (D, H, W) of one series; other multiples of the patch are taken too, with resampled tables.
        patch_size: voxels (D, H, W) of one patch.
        in_channels: C, channels of one series (windows given as channels).
        stem_patch: voxels (D, H, W) of a small patch, of which a patch is made; the image tower then looks at small
            patches first, each through the same few features, and at patches through these. None: at patches at once,
            as published. From scratch on few studies the small patches learn several times faster.
        stem_width: features of a small patch.
        width: of the image tower; a multiple of 6 (three axes, sine and cosine) and of ``num_heads``.
        num_heads: attention heads of the image tower.
        block_levels: for every block who sees whom: "slice" (patches of one row of patches along depth), "series",
            "study" (all series together).
        mlp_ratio: hidden width of the blocks' MLPs over ``width``.
        drop_path: rate of stochastic depth in the last block, growing linearly from 0 in the first.
        series_names: tell series apart by their names (a character encoder) instead of by their place in a table.
        series_name_depth: layers of the character encoder.
        max_series: rows of the table of series positions; 1: no table, and one series only.
        series_positions: rows that the series of a study get: "first" N rows; "shuffled": while training rows in
            random order, the same for a batch; "published": as the published code, random rows in evaluation too
            unless the batch holds one study.
        embed_dim: E, shared by image and text.
        pool_heads: attention heads of the pool.
        text: the text tower: a :class:`TextConfig`, a mapping of its fields, or its ``source`` alone.
        context_length: text tokens per text at most.
        init_log_scale: logarithm of the logit scale before training.
        init_bias: logit bias before training; None for a model without one.
        scoring: what a text is compared with when a study is scored: what it pools from the patch tokens ("pool"), or
            the study's global embedding ("global", for models trained without the pool).
        gradient_checkpointing: recompute image blocks in the backward pass, for less memory.

    Raises:
        ModelError: if the values do not fit together; names the field.
    """

    image_size: tuple[int, int, int] = (48, 224, 224)
    patch_size: tuple[int, int, int] = (8, 16, 16)
    in_channels: int = 1
    stem_patch: tuple[int, int, int] | None = None
    stem_width: int = 32
    width: int = 768
    num_heads: int = 12
    block_levels: tuple[str, ...] = ("series", "series", "study") * 4
    mlp_ratio: int = 4
    drop_path: float = 0.0
    series_names: bool = False
    series_name_depth: int = 3
    max_series: int = 40
    series_positions: Literal["first", "shuffled", "published"] = "first"
    embed_dim: int = 512
    pool_heads: int = 8
    text: TextConfig = field(default_factory=TextConfig)
    context_length: int = 256
    init_log_scale: float = 2.65926
    init_bias: float | None = -10.0
    scoring: Literal["pool", "global"] = "pool"
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        for name in ("image_size", "patch_size", *(["stem_patch"] if self.stem_patch is not None else [])):
            size = _as_tuple(self, name)
            if len(size) != 3:
                raise ModelError(f"Model configuration: {name} has {len(size)} numbers, expected 3 (D, H, W).")
        _as_tuple(self, "block_levels")
        object.__setattr__(self, "text", _as_text_config(self.text))
        self._check_numbers()
        self._check_fit()

    @property
    def grid(self) -> tuple[int, int, int]:
        """Patches (d, h, w) of one series of ``image_size``."""
        depth, height, width = (size // patch for size, patch in zip(self.image_size, self.patch_size, strict=True))
        return depth, height, width

    def to_dict(self) -> dict[str, Any]:
        """The configuration as it is written to ``config.json``, with format and version."""
        values = dataclasses.asdict(self)
        for name in ("image_size", "patch_size", "block_levels"):
            values[name] = list(values[name])
        values["stem_patch"] = None if self.stem_patch is None else list(self.stem_patch)
        return {"format": "itemclip_med.model", "version": CONFIG_VERSION, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ItemizedCLIPConfig:
        """Build a configuration from what :meth:`to_dict` wrote.

        Raises:
            ModelError: if the version is newer than this package, or a field is unknown.
        """
        values = dict(values)
        values.pop("format", None)
        version = values.pop("version", CONFIG_VERSION)
        if version != CONFIG_VERSION:
            raise ModelError(
                f"Model configuration of version {version!r}, expected {CONFIG_VERSION}: "
                "use the release of itemclip_med that wrote it, or a newer one."
            )
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ModelError(f"Model configuration: unknown fields {', '.join(unknown)}. Is it one of itemclip_med?")
        try:
            return cls(**values)
        except TypeError as error:
            raise ModelError(f"Model configuration: {error}") from error

    def replace(self, **changes: Any) -> ItemizedCLIPConfig:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def _check_numbers(self) -> None:
        for name, largest in _LARGEST.items():
            owner, _, attribute = name.rpartition(".")
            value = getattr(self.text if owner else self, attribute)
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= largest:
                    raise ModelError(
                        f"Model configuration: {name} is {number!r}, expected an integer from 1 to {largest}."
                    )
        for name, rate in (("drop_path", self.drop_path), ("text.dropout", self.text.dropout)):
            if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate < 1:
                raise ModelError(f"Model configuration: {name} is {rate!r}, expected at least 0 and below 1.")

    def _check_fit(self) -> None:
        wrong = sorted({str(level) for level in self.block_levels} - set(LEVELS))
        if wrong or not 1 <= len(self.block_levels) <= _MAX_BLOCKS:
            found = ", ".join(wrong) if wrong else f"{len(self.block_levels)} blocks"
            raise ModelError(
                f"Model configuration: block_levels holds {found}, expected 1 to {_MAX_BLOCKS} of {', '.join(LEVELS)}."
            )
        if self.series_positions not in SERIES_POSITIONS:
            raise ModelError(
                f"Model configuration: series_positions is {self.series_positions!r}, "
                f"expected one of {', '.join(SERIES_POSITIONS)}."
            )
        if self.text.trained not in TRAINED_PARTS:
            raise ModelError(
                f"Model configuration: text.trained is {self.text.trained!r}, "
                f"expected one of {', '.join(TRAINED_PARTS)}."
            )
        if self.scoring not in ("pool", "global"):
            raise ModelError(f"Model configuration: scoring is {self.scoring!r}, expected pool or global.")
        for size, patch in zip(self.image_size, self.patch_size, strict=True):
            if size % patch:
                raise ModelError(
                    f"Model configuration: image_size {self.image_size} is no multiple of patch_size {self.patch_size}."
                )
        if self.stem_patch is not None and any(
            isinstance(small, bool) or not isinstance(small, int) or small < 1 or patch % small
            for patch, small in zip(self.patch_size, self.stem_patch, strict=True)
        ):
            raise ModelError(
                f"Model configuration: stem_patch is {self.stem_patch}, expected sizes that divide patch_size "
                f"{self.patch_size}."
            )
        multiples = [("width", self.width, 6), ("width", self.width, self.num_heads)]
        multiples.append(("embed_dim", self.embed_dim, self.pool_heads))
        if self.text.source == SMALL_TEXT:
            multiples.append(("text.width", self.text.width, self.text.heads))
        for name, value, divisor in multiples:
            if value % divisor:
                raise ModelError(f"Model configuration: {name} is {value}, expected a multiple of {divisor}.")


def _as_tuple(config: ItemizedCLIPConfig, name: str) -> tuple[Any, ...]:
    """Turn the list that JSON made of a field into a tuple again."""
    value = getattr(config, name)
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise ModelError(f"Model configuration: {name} is {value!r}, expected a list.")
    value = tuple(value)
    object.__setattr__(config, name, value)
    return value


def _as_text_config(value: Any) -> TextConfig:
    """A text configuration from any of its three spellings."""
    if isinstance(value, TextConfig):
        return value
    if isinstance(value, str):
        return TextConfig(source=value)
    if isinstance(value, Mapping):
        try:
            return TextConfig(**value)
        except TypeError as error:
            raise ModelError(f"Model configuration: text: {error}") from error
    raise ModelError(f"Model configuration: text is {value!r}, expected a name, a folder or a mapping.")
