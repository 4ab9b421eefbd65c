"""What several processes of one training run agree on."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn


def is_main() -> bool:
    """True in the process that writes files: rank 0, or the only one."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


def num_ranks() -> int:
    """Processes of the run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def mean_over_ranks(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Means of scalars over all ranks; every rank must call it with the same names."""
    if not values or num_ranks() == 1:
        return dict(values)
    stacked = torch.stack([value.detach().double() for value in values.values()])
    dist.all_reduce(stacked)
    return dict(zip(values, stacked / dist.get_world_size(), strict=True))


def unwrapped(module: nn.Module) -> nn.Module:
    """The module itself where DDP wraps it."""
    return module.module if isinstance(module, nn.parallel.DistributedDataParallel) else module


def first_position(num_studies: int) -> int:
    """Where this rank's studies stand in a global batch to which every rank brings equally many."""
    return 0 if num_ranks() == 1 else dist.get_rank() * num_studies
