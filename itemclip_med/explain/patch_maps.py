"""Maps of a study on the model's patches: attention, gradient x attention, saliency, and what occlusion costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from itemclip_med.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

    from itemclip_med.models import ItemizedCLIP

METHODS = ("attention", "gradient", "saliency", "occlusion")
MAX_ITEM_CHARACTERS = 2000
Box = tuple[int, slice, slice, slice]
_MAX_OCCLUSIONS = 512
_BATCH = 8


@dataclass(frozen=True, eq=False)
class PatchMaps:
    """K items over the patches of one study.

    Attributes:
        scores: (K,) cosine of each item with the study.
        values: (K, N, d, h, w) float32, relative to an even spread: 1 everywhere where nothing stands out; all 0 where
            the method finds nothing.
        heads: (K, H, N, d, h, w) attention of each head of the pool; None where it was not asked for.
        empty: (K,) share of the attention that looked nowhere, 0 to 1.
    """

    scores: Tensor
    values: Tensor
    heads: Tensor | None
    empty: Tensor


def check_items(items: Sequence[str]) -> list[str]:
    """Items fit to be asked, white space made single.

    Raises:
        ModelError: if there is none, or one is empty or longer than 2,000 characters.
    """
    if isinstance(items, str):
        items = [items]
    cleaned = [" ".join(item.split()) for item in items]
    if not cleaned or not all(cleaned):
        raise ModelError("No finding in words was given: pass at least one item, none of them empty.")
    longest = max(map(len, cleaned))
    if longest > MAX_ITEM_CHARACTERS:
        raise ModelError(
            f"An item has {longest:,} characters, at most {MAX_ITEM_CHARACTERS:,} are taken: ask for one finding."
        )
    return cleaned


def map_patches(
    model: ItemizedCLIP,
    batch: dict[str, Any],
    texts: Tensor,
    *,
    method: str = "attention",
    per_head: bool = False,
    device: str = "cpu",
) -> PatchMaps:
    """Make the maps of one study.

    Args:
        model: in evaluation mode.
        batch: one study from ``data.collate_studies``.
        texts: (K, E) embeddings of the items.
        method: "attention": the pool's weights when the item is scored, averaged over its heads; "gradient": weights
            times the score's gradient in them, negative products cut, summed over the heads (Chefer et al., ICCV 2021);
            "saliency": the size of the score's gradient in the voxels, summed over each patch (Simonyan et al., 2014);
            "occlusion": the loss of score when a block of patches is replaced by the series' mean (Zeiler and Fergus,
            ECCV 2014).
        per_head: keep the heads apart too; of attention only.
        device: where the model runs.

    Raises:
        ModelError: if the method is unknown, or the model has no pool that looks anywhere.
    """
    import torch

    if method not in METHODS:
        raise ModelError(f"Unknown method {method!r}: expected {', '.join(METHODS)}.")
    names, mask = batch["series"], batch["series_mask"].to(device)
    image = batch["image"].to(device)
    with torch.inference_mode():
        encoding = model.encode_study(image, names, mask)
        scores = model.score(encoding, texts)[0].float().cpu()
        weights, empty = model.attend(encoding, texts, return_empty=True)  # (1, K, N, d, h, w), (1, K)
        heads = None
        if per_head and method == "attention":
            heads = model.attend(encoding, texts, per_head=True)[0].float().cpu()
    weights, empty = weights[0].float().cpu(), empty[0].float().cpu()
    num_patches = weights[0].numel()
    if method == "attention":
        return PatchMaps(scores, weights * num_patches, None if heads is None else heads * num_patches, empty)
    if method == "gradient":
        values = _gradient_times_attention(model, image, names, mask, texts)
    elif method == "saliency":
        values = _saliency(model, image, names, mask, texts)
    else:
        values = _occlusion(_scorer(model, names, mask, texts), image, encoding.grid)
    return PatchMaps(scores, relative(values), None, empty)


def relative(values: Tensor) -> Tensor:
    """Maps (K, …) divided by their means; a map of zeros stays one."""
    means = values.flatten(1).mean(dim=1).clamp_min(1e-12)
    return values / means.view(-1, *[1] * (values.dim() - 1))


def _gradient_times_attention(
    model: ItemizedCLIP, image: Tensor, names: Sequence[Sequence[str]], mask: Tensor, texts: Tensor
) -> Tensor:
    import torch
    import torch.nn.functional as F

    with torch.no_grad():
        encoding = model.encode_study(image, names, mask)
    with torch.enable_grad():
        unit = F.normalize(texts.detach().clone().to(encoding.tokens), dim=-1)[None]
        tokens = F.normalize(encoding.tokens, dim=-1).detach().requires_grad_()
        pooled, weights = model.pool(unit, tokens, encoding.token_mask, need_weights=True)
        scores = (F.normalize(pooled, dim=-1) * unit).sum()  # each item's score depends on its own weights alone
        (slope,) = torch.autograd.grad(scores, weights)
    product = (slope * weights).detach()[0, ..., :-1].clamp_min(0).sum(dim=0)  # (K, P)
    values: Tensor = product.float().cpu().unflatten(-1, (encoding.num_series, *encoding.grid))
    return values


def _saliency(
    model: ItemizedCLIP, image: Tensor, names: Sequence[Sequence[str]], mask: Tensor, texts: Tensor
) -> Tensor:
    """How much the score hangs on each patch's voxels (K, N, d, h, w): through the whole image tower, not the pool."""
    import torch

    values = []
    with torch.enable_grad():
        voxels = image.detach().clone().requires_grad_()  # (1, N, C, D, H, W)
        encoding = model.encode_study(voxels, names, mask)
        scores = model.score(encoding, texts.detach().clone())[0]
        for number, score in enumerate(scores):
            (slope,) = torch.autograd.grad(score, voxels, retain_graph=number + 1 < len(scores))
            values.append(_patch_sums(slope[0].abs(), encoding.grid))
    return torch.stack(values).float().cpu()


def _patch_sums(voxels: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Sums over patches (N, d, h, w) of voxels (N, C, D, H, W)."""
    num_series = voxels.shape[0]
    split = [part for size, count in zip(voxels.shape[2:], grid, strict=True) for part in (count, size // count)]
    return voxels.sum(dim=1).reshape(num_series, *split).sum(dim=(2, 4, 6))


def _scorer(
    model: ItemizedCLIP, names: Sequence[Sequence[str]], mask: Tensor, texts: Tensor
) -> Callable[[Tensor], Tensor]:
    """A function from changed images (M, N, C, D, H, W) of the study to its scores (M, K)."""
    import torch

    def score(images: Tensor) -> Tensor:
        out = []
        with torch.inference_mode():
            for first in range(0, len(images), _BATCH):
                part = images[first : first + _BATCH]
                encoding = model.encode_study(part, list(names) * len(part), mask.expand(len(part), -1))
                out.append(model.score(encoding, texts).float().cpu())
        return torch.cat(out)

    return score


def _occlusion(score: Callable[[Tensor], Tensor], image: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """What each block of patches takes from the score (K, N, d, h, w), 0 where the score rises."""
    import torch

    num_series = image.shape[1]
    block = _block_size(num_series, grid)
    base = score(image)[0]
    values = torch.zeros(len(base), num_series, *grid)
    boxes: list[Box] = [
        (number, slice(d, d + block[0]), slice(h, h + block[1]), slice(w, w + block[2]))
        for number in range(num_series)
        for d, h, w in _corners(grid, block)
    ]
    for start in range(0, len(boxes), _BATCH):
        some = boxes[start : start + _BATCH]
        changed = torch.cat([occluded(image, grid, [box]) for box in some])
        for box, scores in zip(some, score(changed), strict=True):
            values[(slice(None), *box)] = (base - scores).clamp_min(0).view(-1, 1, 1, 1)
    return values


def occluded(image: Tensor, grid: tuple[int, int, int], boxes: Sequence[Box]) -> Tensor:
    """A copy of an image (1, N, C, D, H, W) with boxes of patches (series, d, h, w) at their series' mean."""
    out = image.clone()
    patch = [size // count for size, count in zip(image.shape[3:], grid, strict=True)]
    for number, *box in boxes:
        d, h, w = (slice(part.start * size, part.stop * size) for part, size in zip(box, patch, strict=True))
        out[:, number, :, d, h, w] = image[:, number].mean(dim=(2, 3, 4), keepdim=True)
    return out


def _block_size(num_series: int, grid: tuple[int, int, int]) -> tuple[int, int, int]:
    """Patches that are covered at once: one, or more where the study would need too many runs of the model."""
    block = [1, 1, 1]
    while num_series * len(_corners(grid, block)) > _MAX_OCCLUSIONS:
        widest = max(range(3), key=lambda axis: grid[axis] / block[axis])
        block[widest] += 1
    return block[0], block[1], block[2]


def _corners(grid: tuple[int, int, int], block: Sequence[int]) -> list[tuple[int, int, int]]:
    d, h, w = (range(0, size, step) for size, step in zip(grid, block, strict=True))
    return [(i, j, k) for i in d for j in h for k in w]
