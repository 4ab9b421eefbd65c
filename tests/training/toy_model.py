"""A model small enough to train in milliseconds, with the interface that the training pieces use."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.losses.loss_reference_pool import ReferencePool

WIDTH, NUM_SLOTS = 16, 2
WORDS = {"": 0, "bleed": 1, "fracture": 2, "normal": 3, "shift": 4}


class ToyModel(nn.Module):
    """Patch tokens are linear in the voxels, texts are single words."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Linear(4, WIDTH)
        self.words = nn.Embedding(len(WORDS), WIDTH)
        self.visual_attn = ReferencePool(WIDTH, 4)
        self.dropout = nn.Dropout(0.1)
        self.logit_scale = nn.Parameter(torch.tensor(2.0))
        self.logit_bias = nn.Parameter(torch.tensor(-2.0))

    def encode_study(self, image: Tensor, series=None, series_mask=None) -> Tensor:
        return self.dropout(self.patches(image.flatten(1).unflatten(1, (-1, 4))))

    def encode_text(self, texts: list[str]) -> Tensor:
        return self.words(tokenize(texts)["input_ids"][:, 0])

    def score(self, tokens: Tensor, texts: Tensor) -> Tensor:
        return torch.cosine_similarity(tokens.mean(1)[:, None], texts[None], dim=-1)

    def forward(self, image: Tensor, series=None, text=None, series_mask=None, item_mask=None):
        tokens = self.encode_study(image)
        if text is None:
            return tokens.mean(1)
        return {
            "image_features": tokens.mean(1),
            "image_tokens": tokens,
            "text_features": self.words(text["input_ids"][:, 0]),
            "pool": self.visual_attn,
            "logit_scale": self.logit_scale.exp(),
            "logit_bias": self.logit_bias,
        }

    def save_pretrained(self, folder: Path, dtype: str = "float32") -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "config.json").write_text(json.dumps({"dtype": dtype, "bias": self.logit_bias.item()}))


def tokenize(texts: list[str]) -> dict[str, Tensor]:
    ids = torch.tensor([[WORDS[text]] for text in texts])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


class ToyStudies(torch.utils.data.Dataset):
    """Ten studies; the epoch decides the order of the items."""

    def __init__(self) -> None:
        self.epoch = 0
        self.images = torch.randn(10, 1, 1, 2, 4, 4, generator=torch.Generator().manual_seed(0))

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        items = [list(WORDS)[1 + index % 4], ""]
        image = self.images[index].clone()
        image.view(-1, 4)[:, index % 4] += 2.0  # what the item says can be seen
        return {
            "image": image,
            "items": items[:: 1 if self.epoch % 2 else -1],
            "labels": {"bleed": index % 2, "shift": None},
            "study_id": f"study{index}",
        }


def collate(batch):
    items = [study["items"] for study in batch]
    return {
        "image": torch.stack([study["image"] for study in batch]),
        "items": items,
        "text": tokenize([item for study in items for item in study]),
        "item_mask": torch.tensor([[float(item != "") for item in study] for study in items]),
        "is_normal": torch.tensor([float("normal" in study) for study in items]),
        "labels": [study["labels"] for study in batch],
        "study_id": [study.get("study_id", str(i)) for i, study in enumerate(batch)],
    }
