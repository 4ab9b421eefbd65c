"""Image tower, text tower, attention pool, and models on disk."""

from itemclip_med.models.building import build_or_load
from itemclip_med.models.checkpoints import find_model, shipped_models
from itemclip_med.models.config import ItemizedCLIPConfig, TextConfig
from itemclip_med.models.describe import describe_model
from itemclip_med.models.encoder import HierarchicalViT
from itemclip_med.models.init_2d import init_from_2d_vit
from itemclip_med.models.itemclip import ItemizedCLIP, StudyEncoding
from itemclip_med.models.official import ImportedModel, import_official
from itemclip_med.models.pooling import AttentionPool
from itemclip_med.models.presets import brain_mri_config, chest_ct_config, head_ct_config
from itemclip_med.models.prompt_cache import PromptCache
from itemclip_med.models.text import TextTokenizer, TextTower, clean_text, load_tokenizer

__all__ = [
    "AttentionPool",
    "HierarchicalViT",
    "ImportedModel",
    "ItemizedCLIP",
    "ItemizedCLIPConfig",
    "PromptCache",
    "StudyEncoding",
    "TextConfig",
    "TextTokenizer",
    "TextTower",
    "brain_mri_config",
    "build_or_load",
    "chest_ct_config",
    "clean_text",
    "describe_model",
    "find_model",
    "head_ct_config",
    "import_official",
    "init_from_2d_vit",
    "load_tokenizer",
    "shipped_models",
]
