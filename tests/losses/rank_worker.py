"""What every rank runs in the tests of several ranks; a module of its own, so that started processes can import it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from itemclip_med.losses import ItemizedCLIPLoss, LossDraws
from itemclip_med.models.pooling import AttentionPool
from tests.losses.recorded import loss_of

P, E, H = 10, 16, 4
SEED = 11


class ToyStep(nn.Module):
    """A training step with parameters on both sides of the loss, one of which both towers use."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.shared, self.image, self.item = nn.Linear(E, E), nn.Linear(E, E), nn.Linear(E, E)
        self.pool = AttentionPool(E, H)
        self.log_scale, self.bias = nn.Parameter(torch.tensor(1.5)), nn.Parameter(torch.tensor(-2.0))
        self.loss = loss

    def forward(self, tokens: Tensor, items: Tensor, item_mask: Tensor, is_normal: Tensor, token_mask: Tensor) -> dict:
        tokens = self.image(self.shared(tokens))
        return self.loss(
            image_tokens=tokens,
            image_features=tokens.mean(1),
            item_features=self.item(self.shared(items)),
            item_mask=item_mask,
            is_normal=is_normal,
            pool=self.pool,
            logit_scale=self.log_scale.exp(),
            logit_bias=self.bias,
            token_mask=token_mask,
            generator=torch.Generator().manual_seed(SEED),
        )


def make_studies(item_counts: list[list[int]], num_slots: list[int]) -> list[dict[str, Tensor]]:
    """Random studies of every rank, with these numbers of items in so many slots."""
    generator = torch.Generator().manual_seed(5)
    ranks = []
    for counts, slots in zip(item_counts, num_slots, strict=True):
        mask = (torch.arange(slots) < torch.tensor(counts)[:, None]).float()
        token_mask = torch.ones(len(counts), P, dtype=torch.bool)
        token_mask[0, 7:] = False
        ranks.append({
            "tokens": torch.randn(len(counts), P, E, generator=generator),
            "items": torch.randn(len(counts), slots, E, generator=generator),
            "item_mask": mask.roll(1, dims=1),  # real items need not come first
            "is_normal": (torch.arange(len(counts)) % 2 == 0).float(),
            "token_mask": token_mask,
        })  # fmt: skip
    return ranks


def run_global(case: dict, rank: int) -> dict[str, Tensor]:
    """One step of one rank under DDP: terms, and the gradients after DDP's averaging."""
    # DDP averages no bucket that holds a parameter the loss does not reach, unless it is told to look for such.
    loss = ItemizedCLIPLoss(**case["settings"])
    step = DistributedDataParallel(ToyStep(loss), find_unused_parameters=loss.ila is None)
    result = step(**make_studies(case["item_counts"], case["num_slots"])[rank])
    result["total"].backward()
    gradients = {f"grad.{name}": value.grad for name, value in step.module.named_parameters()}
    return {name: value.detach() for name, value in result.items()} | gradients


def run_recorded(case: dict, rank: int) -> dict[str, Tensor]:
    """One rank of a recorded case: terms, and the gradients before any averaging."""
    path = Path(case["path"])
    recorded, tensors = json.loads(path.read_text()), load_file(path.with_suffix(".safetensors"))
    settings = recorded["hyper_parameters"]
    loss = loss_of(settings, published=True, ranks="published", by_study=case["by_study"])
    pool = AttentionPool(recorded["D"], recorded["n_head"])
    names = {name: name.replace("norm_", "ln_") for name in pool.state_dict()}
    names = {name: other if other.startswith("ln_") else f"attn.{other}" for name, other in names.items()}
    pool.load_state_dict({name: tensors[f"w.visual_attn.{other}"] for name, other in names.items()})
    own = {name.removeprefix(f"rank{rank}.in."): value for name, value in tensors.items() if f"rank{rank}.in." in name}
    shared = {name: tensors[f"in.{name}"] for name in ("logit_scale", "logit_bias") if f"in.{name}" in tensors}
    leaves = {name: own[name] for name in ("image_features", "image_tokens", "text_features")} | shared
    leaves = {name: value.clone().requires_grad_() for name, value in leaves.items()}
    masks = {other: own[f"ila_mask.text_of_rank{other}"].bool() for other in range(recorded["world_size"])}
    result = loss(
        image_tokens=leaves["image_tokens"],
        image_features=leaves["image_features"],
        item_features=leaves["text_features"].view(recorded["B"], settings["K"], -1),
        item_mask=own["textmask"],
        is_normal=own["normals"],
        pool=pool,
        logit_scale=leaves["logit_scale"],
        logit_bias=leaves.get("logit_bias"),
        draws=LossDraws(own["combined_indices"], masks[rank], masks),
    )
    result["total"].backward()
    leaves |= {f"visual_attn.{names[name]}": value for name, value in pool.named_parameters()}
    gradients = {f"grad.{name}": value.grad for name, value in leaves.items()}
    return {name: value.detach() for name, value in result.items()} | gradients


def run_refused(case: dict, rank: int) -> dict[str, str]:
    """What a case that cannot be computed says."""
    try:
        ToyStep(ItemizedCLIPLoss(**case["settings"]))(**make_studies(case["item_counts"], case["num_slots"])[rank])
    except ValueError as error:
        return {"error": str(error)}
    return {"error": ""}


RUNS = {"global": run_global, "recorded": run_recorded, "refused": run_refused}


def work(rank: int, cases: dict[str, dict], folder: str) -> None:
    """Run the cases that have this rank, one process group after the other."""
    torch.set_num_threads(1)
    for name, case in cases.items():
        if rank >= case["num_ranks"]:
            continue
        dist.init_process_group(
            "gloo", init_method=f"file://{folder}/{name}.store", rank=rank, world_size=case["num_ranks"]
        )
        torch.save(RUNS[case["run"]](case, rank), f"{folder}/{name}.{rank}.pt")
        dist.destroy_process_group()
