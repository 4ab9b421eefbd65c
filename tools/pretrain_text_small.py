"""Teach the small text encoder to tell findings, sides and places apart, from texts alone.

    itemclip-med phantom make head-ct phantoms --num 4500 --seed 2
    python tools/pretrain_text_small.py phantoms/reports.jsonl

Items of phantom reports are drawn together on two levels (supervised contrastive loss): those of the same finding and
status, and among them those of the same side and place. So "subdural hematoma" lies near the left and the right one,
and these apart. Without it a small encoder that starts from nothing unlearns what it cannot use yet: left
and right got the same embedding, and stayed so. Writes ``itemclip_med/models/assets/text_small/model.safetensors``.

Source: P. Khosla et al., Supervised Contrastive Learning, NeurIPS 2020 (arXiv 2004.11362), equation 2.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from itemclip_med.models.config import TextConfig
from itemclip_med.models.text import SMALL_TEXT_WEIGHTS, TextTower
from itemclip_med.training import parameter_groups

EMBED_DIM, CONTEXT_LENGTH = 128, 48
BATCH, TEMPERATURE, LEARNING_RATE, WARMUP = 256, 0.1, 1e-3, 50
PLACES = (
    "frontal", "parietal", "temporal", "occipital", "basal ganglia", "thalam", "cerebell", "pons|brainstem",
    "convexity", "falx", "tentori", "cistern", "sylvian|fissure", "sulc", "third ventricle", "fourth ventricle",
    "lateral ventricle",
)  # fmt: skip


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+", help="reports.jsonl of phantom sets")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=SMALL_TEXT_WEIGHTS)
    options = parser.parse_args()
    kinds = read_kinds(options.reports)
    print(f"{sum(map(len, kinds.values()))} texts of {len(kinds)} kinds")
    tower = train(kinds, options.steps, options.seed)
    weights = {name: tensor.half().contiguous() for name, tensor in tower.state_dict().items()}
    save_file(weights, options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


def read_kinds(paths: list[Path]) -> dict[tuple[str, ...], list[str]]:
    """Texts by what they say; kinds of one text alone teach nothing and are left out."""
    kinds: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            for item in json.loads(line)["items"]:
                kinds[kind_of(item)][item["text"]] = None
    return {kind: list(texts) for kind, texts in sorted(kinds.items()) if len(texts) > 1}


def kind_of(item: dict[str, str]) -> tuple[str, ...]:
    """Finding, status (an uncertain finding counts as present), sides and places of an item."""
    text = item["text"].lower()
    status = item["status"] if item["status"] in ("absent", "normal") else "present"
    sides = [side for side in ("left", "right") if side in text]
    return (item.get("finding") or "", status, *sides, *(place for place in PLACES if re.search(place, text)))


def contrast(scores: torch.Tensor, labels: torch.Tensor, itself: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive loss of scores (R, R) and labels (R,); ``itself`` is the diagonal."""
    same = (labels[:, None] == labels[None]) & ~itself
    return -((scores - scores.logsumexp(1, keepdim=True)) * same).sum(1).div(same.sum(1)).mean()


def train(kinds: dict[tuple[str, ...], list[str]], steps: int, seed: int) -> TextTower:
    """Two texts of each drawn kind a step; frequent kinds are drawn by the root of their number of texts."""
    torch.manual_seed(seed)
    draw, choose = np.random.default_rng(seed), random.Random(seed)
    names = list(kinds)
    families = sorted({name[:2] for name in names})  # finding and status
    weights = np.sqrt([len(kinds[name]) for name in names])
    tower = TextTower(TextConfig(), EMBED_DIM, context_length=CONTEXT_LENGTH, pretrained=False)
    optimizer = torch.optim.AdamW(parameter_groups(tower, 0.05), lr=LEARNING_RATE, betas=(0.9, 0.98))
    levels = [torch.tensor([families.index(name[:2]) for name in names]), torch.arange(len(names))]
    itself = torch.eye(BATCH, dtype=torch.bool)
    for step in range(steps):
        drawn = draw.choice(len(names), BATCH // 2, p=weights / weights.sum())
        pairs = [choose.sample(kinds[names[index]], 2) for index in drawn]
        embeddings = F.normalize(tower.embed([text for side in zip(*pairs, strict=True) for text in side]), dim=-1)
        scores = (embeddings @ embeddings.T / TEMPERATURE).masked_fill(itself, -1e9)
        chosen = torch.from_numpy(np.tile(drawn, 2))
        loss = torch.stack([contrast(scores, level[chosen], itself) for level in levels]).mean()
        rate = LEARNING_RATE * min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return tower.eval()


if __name__ == "__main__":
    main()
