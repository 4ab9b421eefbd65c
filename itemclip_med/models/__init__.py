"""Image tower, text tower, attention pool, and models on disk."""

from itemclip_med.models.checkpoints import find_model, shipped_models
from itemclip_med.models.config import ItemizedCLIPConfig, TextConfig
from itemclip_med.models.encoder import HierarchicalViT
from itemclip_med.models.itemclip import ItemizedCLIP, StudyEncoding
from itemclip_med.models.pooling import AttentionPool
from itemclip_med.models.presets import head_ct_config, small_phantom_config
from itemclip_med.models.text import TextTokenizer, TextTower, clean_text, load_tokenizer

__all__ = [
    "AttentionPool",
    "HierarchicalViT",
    "ItemizedCLIP",
    "ItemizedCLIPConfig",
    "StudyEncoding",
    "TextConfig",
    "TextTokenizer",
    "TextTower",
    "clean_text",
    "find_model",
    "head_ct_config",
    "load_tokenizer",
    "shipped_models",
    "small_phantom_config",
]
