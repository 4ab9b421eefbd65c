"""Ready configurations: the small model of the demo and the published head-CT model."""

from __future__ import annotations

from itemclip_med.models.config import ItemizedCLIPConfig, TextConfig

BIOMEDBERT = "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"


def small_phantom_config() -> ItemizedCLIPConfig:
    """The demo's model: 32x128x128, three windows as channels, 256 patch tokens, small text tower."""
    return ItemizedCLIPConfig(
        image_size=(32, 128, 128),
        patch_size=(8, 16, 16),
        in_channels=3,
        width=96,
        num_heads=4,
        block_levels=("series", "series", "study"),
        max_series=4,
        embed_dim=128,
        pool_heads=4,
        text=TextConfig(width=96, layers=2, heads=4),
        context_length=48,
    )


def head_ct_config() -> ItemizedCLIPConfig:
    """The published head-CT model: ViT-B on 48x224x224, windows as named series, BiomedBERT.

    Sources:
        ItemizedCLIP (arXiv 2512.11141); golden/README.md 3 and 6.
    """
    return ItemizedCLIPConfig(
        image_size=(48, 224, 224),
        patch_size=(8, 16, 16),
        in_channels=1,
        width=768,
        num_heads=12,
        block_levels=("series", "series", "study") * 4,
        drop_path=0.2,
        series_names=True,
        max_series=40,
        embed_dim=512,
        pool_heads=8,
        text=TextConfig(source=BIOMEDBERT),
        context_length=256,
    )
