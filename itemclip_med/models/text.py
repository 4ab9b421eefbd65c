"""The text tower: any Hugging Face encoder, or the small one that ships with the package."""

from __future__ import annotations

import dataclasses
import html
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from itemclip_med.errors import ModelError
from itemclip_med.models.config import SMALL_TEXT, TextConfig
from itemclip_med.models.text_sources import build_encoder, loading

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SMALL_TOKENIZER_DIR = Path(__file__).resolve().parent / "assets" / "text_small"
SMALL_TEXT_WEIGHTS = SMALL_TOKENIZER_DIR / "model.safetensors"

_ENCODER_BATCH = 256
_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"'})
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
# How the first byte of a UTF-8 character looks when it was read as a Western single-byte text.
_MOJIBAKE_SIGNS = ("Ã", "Â", "â€", "Î", "Ï", "ï¬", "ï»")


def clean_text(text: str) -> str:
    """Repair what exports do to text: broken encodings, HTML entities, odd quotes, stray whitespace.

    Args:
        text: one item or prompt.

    Returns:
        One line in composed Unicode; letter case and wording are left alone.

    Sources:
        golden/README.md 6.
    """
    if any(sign in text for sign in _MOJIBAKE_SIGNS):
        text = _undo_wrong_decoding(text)
    text = html.unescape(html.unescape(text))
    text = unicodedata.normalize("NFC", text.translate(_QUOTES).translate(_LIGATURES))
    kept = (c if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf") else "" for c in text)
    return " ".join("".join(kept).split())


def _undo_wrong_decoding(text: str) -> str:
    """Read a text again as UTF-8 if it is UTF-8 that was read as cp1252 or latin-1."""
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return text


class TextTokenizer:
    """Texts to padded token ids; picklable, for data loader workers.

    Args:
        tokenizer: a fast or slow Hugging Face tokenizer with a padding token.
        context_length: text tokens per text at most.

    Raises:
        ModelError: if the tokenizer has no padding token.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, context_length: int) -> None:
        if tokenizer.pad_token_id is None:
            raise ModelError(
                "Tokenizer without a padding token: batches of texts need one; set pad_token in its files."
            )
        self.tokenizer = tokenizer
        self.context_length = context_length

    def __len__(self) -> int:
        """Size of the vocabulary."""
        return len(self.tokenizer)

    def __call__(self, texts: Sequence[str], context_length: int | None = None, pad: bool = False) -> dict[str, Tensor]:
        """Tokenize texts.

        Args:
            texts: R texts.
            context_length: cut longer texts there; None takes the tokenizer's.
            pad: pad to ``context_length`` instead of to the longest text.

        Returns:
            ``input_ids`` and ``attention_mask``, (R, T) int64.

        Raises:
            ModelError: if ``texts`` is a single text.
        """
        if isinstance(texts, str):
            raise ModelError("One text instead of a list of texts: put it into a list.")
        encoded = self.tokenizer(
            [clean_text(text) for text in texts],
            padding="max_length" if pad else "longest",
            truncation=True,
            max_length=context_length or self.context_length,
            return_tensors="pt",
        )
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into a folder."""
        self.tokenizer.save_pretrained(str(folder))


def load_tokenizer(source: str | Path = SMALL_TEXT, context_length: int = 256) -> TextTokenizer:
    """Load a tokenizer.

    Args:
        source: "small" for the one that ships with the package, else a folder or a Hugging Face name. A folder with a
            ``vocab.txt`` alone is taken as an uncased BERT's.
        context_length: text tokens per text at most.

    Returns:
        The tokenizer.

    Raises:
        ModelError: if it cannot be loaded.
    """
    from transformers import BertTokenizerFast, PreTrainedTokenizerFast

    if str(source) == SMALL_TEXT:
        source = SMALL_TOKENIZER_DIR
    folder = Path(source)
    if (folder / "tokenizer.json").is_file():
        # Not AutoTokenizer: in a model folder it would look for a Hugging Face model's config.json.
        tokenizer = loading(lambda: PreTrainedTokenizerFast.from_pretrained(str(folder)), "tokenizer", source)
    elif (folder / "vocab.txt").is_file():
        tokenizer = loading(lambda: BertTokenizerFast.from_pretrained(str(folder)), "tokenizer", source)
    else:
        tokenizer = loading(lambda: _named_tokenizer(str(source)), "tokenizer", source)
    return TextTokenizer(tokenizer, context_length)


def _named_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """A tokenizer by its name; one that would run code of its own (CXR-BERT's) is read as a BERT's."""
    from transformers import AutoTokenizer, BertTokenizerFast

    try:
        return AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except ValueError:
        tokenizer = BertTokenizerFast.from_pretrained(source)
        if len(tokenizer) <= len(tokenizer.all_special_tokens):  # a folder without any vocabulary gives these alone
            raise
        return tokenizer


class TextTower(nn.Module):
    """A text encoder, its first token, and a projection into the shared space.

    Args:
        config: which encoder.
        embed_dim: E.
        tokenizer: the tokenizer to use; None loads the one that ``config`` names.
        context_length: text tokens per text at most.
        pretrained: load the source's weights (those of "small" ship with the package); False builds the encoder from
            ``config.architecture`` alone, for weights that are loaded afterwards.

    Raises:
        ModelError: if the encoder or its tokenizer cannot be loaded, or has too few positions or too small a
            vocabulary.
    """

    def __init__(
        self,
        config: TextConfig,
        embed_dim: int,
        *,
        context_length: int,
        tokenizer: TextTokenizer | None = None,
        pretrained: bool = True,
    ) -> None:
        super().__init__()
        self.tokenizer = tokenizer or load_tokenizer(config.tokenizer or config.source, context_length)
        self.encoder: Any = build_encoder(config, self.tokenizer, context_length, pretrained)
        # Poolers would get no gradient, which DDP takes for an error.
        if getattr(self.encoder, "pooler", None) is not None:
            self.encoder.pooler = None
        settings = self.encoder.config
        positions = getattr(settings, "max_position_embeddings", None)
        if positions is not None and positions < context_length:
            raise ModelError(f"Text encoder with {positions} positions, context_length is {context_length}: lower it.")
        if settings.vocab_size < len(self.tokenizer):
            raise ModelError(
                f"Text encoder with a vocabulary of {settings.vocab_size}, its tokenizer has {len(self.tokenizer)}: "
                "they do not belong together."
            )
        if config.trained != "all":
            self.encoder.requires_grad_(False)
        if config.trained == "norms":
            for module in self.encoder.modules():
                if isinstance(module, nn.LayerNorm):
                    module.requires_grad_(True)
        self.proj = nn.Linear(settings.hidden_size, embed_dim, bias=False)
        nn.init.normal_(self.proj.weight, std=settings.hidden_size**-0.5)
        if pretrained and config.source == SMALL_TEXT and config.architecture is None:
            _load_small(self)
        self.config = dataclasses.replace(config, architecture=settings.to_diff_dict())

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Embed texts.

        Args:
            input_ids: (R, T) int64.
            attention_mask: (R, T), 0 at padding; None: wherever the padding token stands.

        Returns:
            (R, E), not normalized.
        """
        if attention_mask is None:
            attention_mask = (input_ids != self.tokenizer.tokenizer.pad_token_id).long()
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.proj(hidden[:, 0])

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Embed any number of texts, (R, E), some at a time."""
        device = self.proj.weight.device
        parts = []
        for start in range(0, len(texts), _ENCODER_BATCH):
            tokens = self.tokenizer(texts[start : start + _ENCODER_BATCH])
            parts.append(self(**{name: values.to(device) for name, values in tokens.items()}))
        return torch.cat(parts) if parts else self.proj.weight.new_zeros((0, self.proj.out_features))


def _load_small(tower: TextTower) -> None:
    """Start from the weights that ship with the package, made by ``tools/pretrain_text_small.py``.

    An encoder of another width or with another tokenizer stays as it is; so does the projection into another dimension,
    and positions beyond those that were trained.
    """
    from safetensors.torch import load_file

    weights = load_file(SMALL_TEXT_WEIGHTS)
    own = tower.state_dict()
    positions = "encoder.embeddings.position_embeddings.weight"
    resized = [
        name for name, value in weights.items() if name in own and name != positions and own[name].shape != value.shape
    ]
    if set(own) != set(weights) or any(name.startswith("encoder.") for name in resized):
        return
    known = min(len(own[positions]), len(weights[positions]))
    with torch.no_grad():
        for name, value in weights.items():
            if name == positions:
                own[name][:known] = value[:known].float()
            elif name not in resized:
                own[name].copy_(value)
