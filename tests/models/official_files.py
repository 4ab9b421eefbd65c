"""A model of the published layout at tiny size: a tokenizer, and configurations from what was recorded beside it."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.golden import block_levels

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def write_tokenizer(folder: Path, vocab_size: int) -> Path:
    """A WordPiece tokenizer of exactly ``vocab_size`` entries, padding first."""
    words = [*SPECIAL.values(), *(f"w{number}" for number in range(vocab_size - len(SPECIAL)))]
    tokenizer = Tokenizer(models.WordPiece({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL).save_pretrained(str(folder))
    return folder


def config_of(expected: dict) -> dict:
    """The ``config.json`` of a recorded tiny checkpoint."""
    vision = expected["vision"]
    names = vision.get("use_series_names", False)
    return {
        "image_size": vision["img_size"],
        "patch_size": vision["patch_size"],
        "width": vision["embed_dim"],
        "num_heads": vision["num_heads"],
        "block_levels": block_levels(vision),
        "series_names": names,
        "series_name_depth": vision["series_name_encoder"]["depth"] if names else 3,
        "max_series": vision.get("max_num_series") or vision["max_num_scans"],
        "embed_dim": expected["embed_dim"],
        "pool_heads": expected["n_head_pool"],
        "text": {"source": "nobody/nothing", "architecture": {"model_type": "bert", **expected["text"]}},
        "context_length": expected["context_length"],
    }
