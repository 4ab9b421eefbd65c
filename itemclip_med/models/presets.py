"""Ready configurations: published models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from itemclip_med.errors import ModelError
from itemclip_med.models.config import ItemizedCLIPConfig, TextConfig

BIOMEDBERT = "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"
CXR_BERT = "microsoft/BiomedVLP-CXR-BERT-specialized"

# Both published text towers have BERT-base's shape; with it here, no download is needed to rebuild one.
BERT_BASE: Mapping[str, Any] = MappingProxyType(
    {
        "model_type": "bert",
        "vocab_size": 30522,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "pad_token_id": 0,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
    }
)
_SCALING = {"mean": 0.449, "std": 0.226}


@dataclass(frozen=True)
class Preset:
    """A published model.

    Attributes:
        config: what its weights demand.
        preprocessing: how studies become its input, as ``transforms.ModelInput.to_dict()`` writes it.
    """

    config: ItemizedCLIPConfig
    preprocessing: Mapping[str, Any]


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
        text=TextConfig(source=BIOMEDBERT, architecture=dict(BERT_BASE)),
        context_length=256,
    )


def brain_mri_config() -> ItemizedCLIPConfig:
    """The published brain-MRI model: the architecture of :func:`head_ct_config`, one named series per sequence."""
    return head_ct_config()


def chest_ct_config() -> ItemizedCLIPConfig:
    """The published chest-CT model: ViT-B on 112x336x336, attention within slices and scan, CXR-BERT.

    ``context_length`` is that of the published evaluation; training used 256, with the text encoder frozen but for its
    LayerNorms.

    Sources:
        ItemizedCLIP (arXiv 2512.11141); golden/README.md 5 and 6.
    """
    return ItemizedCLIPConfig(
        image_size=(112, 336, 336),
        patch_size=(8, 24, 24),
        in_channels=1,
        width=768,
        num_heads=12,
        block_levels=("slice", "slice", "series") * 4,
        drop_path=0.2,
        max_series=1,
        embed_dim=512,
        pool_heads=8,
        text=TextConfig(source=CXR_BERT, architecture=dict(BERT_BASE), trained="norms"),
        context_length=77,
    )


def published_preset(name: str) -> Preset:
    """A published model by its name: brain_mri, head_ct or chest_ct.

    Raises:
        ModelError: if there is no preset of that name.

    Sources:
        golden/README.md 8. The head-CT windows are the usual ones: the published files do not say which were used.
    """
    brain_input = {**_SCALING, "grid": [48, 224, 224], "in_plane_size": 256, "depth_mode": "nearest-exact"}
    presets = {
        "brain_mri": (brain_mri_config, {"modality": "MR", "depth": "auto", "percentiles": [0.5, 99.5], **brain_input}),
        "head_ct": (
            head_ct_config,
            {
                "modality": "CT",
                "windows_hu": {"brain": [40.0, 80.0], "blood": [80.0, 200.0], "bone": [600.0, 2800.0]},
                "windows_as": "series",
                **brain_input,
            },
        ),
        "chest_ct": (
            chest_ct_config,
            {
                "modality": "CT",
                "grid": [112, 336, 336],
                "windows_hu": {"chest": [-400.0, 1500.0]},
                "fit": "crop",
                "max_series": 1,
                **_SCALING,
            },
        ),
    }
    if name not in presets:
        raise ModelError(f"No published model is called {name}; there are {', '.join(sorted(presets))}.")
    config, preprocessing = presets[name]
    return Preset(config(), {"format": "itemclip_med.model_input", "version": 1, **preprocessing})


PUBLISHED = ("brain_mri", "chest_ct", "head_ct")
