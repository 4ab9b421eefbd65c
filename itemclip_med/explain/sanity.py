"""What a heatmap is worth: does it hang on what the model learned, and do the places it shows carry the score?

Attention is not attribution until shown. Two checks from the literature, for one study and its items, with numbers to
print beside the map.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.explain.heatmap import LoadedStudy
from itemclip_med.explain.patch_maps import map_patches, occluded

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from itemclip_med.models import ItemizedCLIP

PARTS = ("pool", "image tower", "all")
_STEPS = 10
_RANDOM_ORDERS = 5
_BATCH = 8


@dataclass(frozen=True)
class Sanity:
    """What was measured of one item's map.

    Attributes:
        randomized: part of the model whose weights were shuffled, to the rank correlation of its map with the true one;
            near 1: the map does not hang on what that part learned.
        deletion: mean score while patches are blanked, the map's strongest first.
        deletion_random: the same in random order, mean of five; a map that means something lies below it.
        insertion: mean score while patches are brought back, the strongest first.
        insertion_random: the same in random order; a map that means something lies above it.
    """

    randomized: Mapping[str, float]
    deletion: float
    deletion_random: float
    insertion: float
    insertion_random: float

    def rows(self) -> list[tuple[str, str]]:
        """Name and value, for people."""
        names = [
            (f"Rank correlation with the map of shuffled weights, {part}", f"{value:.2f}")
            for part, value in self.randomized.items()
        ]
        return [
            *names,
            ("Deletion: mean score, lower is better (random order)",
             f"{self.deletion:.3f} ({self.deletion_random:.3f})"),
            ("Insertion: mean score, higher is better (random order)",
             f"{self.insertion:.3f} ({self.insertion_random:.3f})"),
        ]  # fmt: skip


def check_maps(
    loaded: LoadedStudy, items: Sequence[str], texts: Tensor, *, method: str = "attention", seed: int = 0
) -> dict[str, Sanity]:
    """Measure the maps of one study.

    Args:
        loaded: the study and the model.
        items: K texts.
        texts: (K, E) their embeddings; they stay as they are when weights are shuffled.
        method: what the maps are made of.
        seed: of the shuffled weights and the random orders.

    Returns:
        Item to what was measured.

    Sources:
        Adebayo et al., Sanity Checks for Saliency Maps (NeurIPS 2018); Petsiuk et al., RISE (BMVC 2018): deletion and
        insertion.
    """
    true = loaded.map(texts, method).values
    randomized: dict[str, list[float]] = {}
    for part in PARTS:
        model = randomize(loaded.model, part, seed)
        other = map_patches(model, loaded.batch, texts, method=method, device=loaded.device).values
        randomized[part] = [rank_correlation(one, two) for one, two in zip(true, other, strict=True)]
    found = {}
    for index, item in enumerate(items):
        text = texts[index : index + 1]
        deletion, insertion = curves(loaded, text, true[index].flatten().argsort(descending=True))
        random = _random_curves(loaded, text, true[index].numel(), seed)
        found[item] = Sanity(
            randomized={part: values[index] for part, values in randomized.items()},
            deletion=float(np.mean(deletion)),
            deletion_random=random[0],
            insertion=float(np.mean(insertion)),
            insertion_random=random[1],
        )
    return found


def randomize(model: ItemizedCLIP, part: str = "all", seed: int = 0) -> ItemizedCLIP:
    """A copy of a model with the weights of a part shuffled within each tensor: the same sizes, nothing learned.

    Args:
        model: stays as it is.
        part: "pool", "image tower" or "all" (both; the text tower is kept, so that the same words are asked).
        seed: of the shuffling.
    """
    import torch

    if part not in PARTS:
        raise ValueError(f"part is {part!r}, expected {', '.join(PARTS)}")
    other = copy.deepcopy(model)
    modules: dict[str, list[Module]] = {"pool": [other.pool], "image tower": [other.visual, other.visual_proj]}
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in modules.get(part, [*modules["pool"], *modules["image tower"]]):
            for parameter in module.parameters():
                order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return other.eval()


def rank_correlation(one: Any, two: Any) -> float:
    """Spearman's correlation of two maps; 0 where one of them is constant."""
    from scipy.stats import rankdata

    first, second = (rankdata(np.asarray(values).ravel()) for values in (one, two))
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def curves(loaded: LoadedStudy, text: Tensor, order: Tensor) -> tuple[list[float], list[float]]:
    """Scores of an item while patches are blanked, and while they are brought back, in an order.

    Args:
        loaded: the study and the model.
        text: (1, E).
        order: (N * d * h * w,), all patches.

    Returns:
        11 scores each, from none to all patches.
    """
    import torch

    image = loaded.batch["image"].to(loaded.device)
    grid = tuple(size // patch for size, patch in zip(image.shape[3:], loaded.model.config.patch_size, strict=True))
    places = list(np.ndindex(image.shape[1], *grid))
    boxes = [(number, slice(d, d + 1), slice(h, h + 1), slice(w, w + 1)) for number, d, h, w in places]
    chosen = order.tolist()
    cuts = [round(len(chosen) * step / _STEPS) for step in range(_STEPS + 1)]
    images = [occluded(image, grid, [boxes[index] for index in chosen[:cut]]) for cut in cuts]
    images += [occluded(image, grid, [boxes[index] for index in chosen[cut:]]) for cut in cuts]
    scores: list[float] = []
    mask = loaded.batch["series_mask"].to(loaded.device)
    with torch.inference_mode():
        for first in range(0, len(images), _BATCH):
            part = torch.cat(images[first : first + _BATCH])
            names = list(loaded.batch["series"]) * len(part)
            encoding = loaded.model.encode_study(part, names, mask.expand(len(part), -1))
            scores += loaded.model.score(encoding, text)[:, 0].float().cpu().tolist()
    return scores[: len(cuts)], scores[len(cuts) :]


def _random_curves(loaded: LoadedStudy, text: Tensor, num_patches: int, seed: int) -> tuple[float, float]:
    """Mean scores of deletion and insertion over random orders."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    found = [curves(loaded, text, torch.randperm(num_patches, generator=generator)) for _ in range(_RANDOM_ORDERS)]
    deletion, insertion = np.mean(found, axis=(0, 2))
    return float(deletion), float(insertion)


def write_checks(path: Path, checks: Mapping[str, Sanity]) -> None:
    """Write the numbers as JSON."""
    path.write_text(json.dumps({item: asdict(check) for item, check in checks.items()}, indent=1), encoding="utf-8")
