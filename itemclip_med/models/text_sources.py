"""Where a text encoder and its weights come from; code that a source brings is never run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from itemclip_med.errors import ModelError
from itemclip_med.models.config import SMALL_TEXT, TextConfig

_SMALL_GAIN = 2.0  # of the linear layers of the small encoder, before training
_Loaded = TypeVar("_Loaded")


def build_encoder(config: TextConfig, tokenizer: Any, context_length: int, pretrained: bool) -> nn.Module:
    """The encoder of a text tower, from its source or from its architecture alone.

    Args:
        config: which encoder.
        tokenizer: a :class:`~itemclip_med.models.TextTokenizer`, for the small encoder's vocabulary.
        context_length: text tokens per text at most.
        pretrained: load the source's weights.

    Raises:
        ModelError: if it cannot be loaded.
    """
    from transformers import AutoConfig, AutoModel, BertConfig, BertModel

    if config.architecture is not None and not (pretrained and config.source != SMALL_TEXT):
        values = _checked_architecture(config.architecture)
        model_type = values.pop("model_type")
        return loading(
            lambda: AutoModel.from_config(AutoConfig.for_model(model_type, **values), trust_remote_code=False),
            "text encoder",
            f"of type {model_type}",
        )
    if config.source != SMALL_TEXT:
        return loading(lambda: _pretrained_encoder(config.source), "text encoder", config.source)
    settings = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=4 * config.width,
        max_position_embeddings=context_length,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        pad_token_id=tokenizer.tokenizer.pad_token_id,
    )
    encoder = BertModel(settings, add_pooling_layer=False)
    # BERT's 0.02 suits a width of 768. In a narrow encoder it leaves all texts with the same embedding (cosines of
    # 0.9999), and training stands still for hundreds of steps until they have parted. Words keep 0.02: they learn fast.
    for module in encoder.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=_SMALL_GAIN * config.width**-0.5)
    return encoder


def _pretrained_encoder(source: str) -> nn.Module:
    """An encoder with its weights; none of the code that it may bring is run.

    CXR-BERT calls itself a type of its own and brings code for heads that are not needed here: the rest is a BERT.
    """
    from transformers import CONFIG_MAPPING, AutoModel, BertConfig, BertModel, PretrainedConfig

    values, _ = PretrainedConfig.get_config_dict(source)
    if "auto_map" not in values or values.get("model_type") in CONFIG_MAPPING:
        return AutoModel.from_pretrained(source, trust_remote_code=False, dtype=torch.float32)
    foreign = ("auto_map", "architectures", "model_type", "_name_or_path")
    settings = BertConfig(**{name: value for name, value in values.items() if name not in foreign})
    loaded: Any = BertModel.from_pretrained(source, config=settings, dtype=torch.float32, output_loading_info=True)
    encoder, found = loaded
    missing = [name for name in found["missing_keys"] if not name.startswith("pooler")]
    if missing:
        raise ModelError(
            f"The text encoder {source} is of type {values.get('model_type')!r} and no BERT: {len(missing)} weights of "
            f"one are missing ({missing[0]}, …). Take another encoder."
        )
    return encoder


def _checked_architecture(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """An architecture from a file that may be anybody's: a known type, no code, no absurd sizes."""
    values = {name: value for name, value in architecture.items() if name not in ("auto_map", "transformers_version")}
    if not isinstance(values.get("model_type"), str):
        raise ModelError("Model configuration: text.architecture names no model_type.")
    for name, value in values.items():
        if isinstance(value, int) and value > 1_000_000:
            raise ModelError(f"Model configuration: text.architecture.{name} is {value}, expected at most 1000000.")
    return values


def loading(load: Callable[[], _Loaded], what: str, source: str | Path) -> _Loaded:
    """Call a loader of transformers and turn its many errors into one of ours.

    Raises:
        ModelError: if it cannot be loaded; says what of it.
    """
    try:
        return load()
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        name = Path(source).name if Path(source).is_absolute() else source
        raise ModelError(
            f"The {what} {name} cannot be loaded: {first_line[:200]} "
            'Give a folder with its files, a Hugging Face name while online, or "small".'
        ) from error
