"""Which study comes in which step, on which rank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import Any

import torch
from torch.utils.data import DistributedSampler


class BlockSampler(DistributedSampler[Any]):
    """Shuffled studies in global batches, of which every rank takes a block.

    The studies of a step are the same for any number of ranks as long as ``batch_size * num_replicas`` is, and the rows
    of rank 0 come first, then those of rank 1, and on: what one process would have in one batch. Studies that do not
    fill a last global batch are left out of that epoch; another epoch leaves out others. Fewer studies than one global
    batch are one step, divided as evenly as possible.

    Args:
        dataset: anything with a length.
        batch_size: studies a step and rank.
        num_replicas: ranks.
        rank: this one.
        seed: of the order, together with the epoch (``set_epoch``, which MONAI's trainer calls).
        groups: for each study its group, to take equally many of each group in an epoch (``status_groups`` of the data
            set: normal and other studies). Those of a small group come several times, of a large one some are left out,
            others in another epoch. None: every study comes once.

    Raises:
        ValueError: if there are fewer studies than ranks, or not a group for each study.
    """

    def __init__(
        self,
        dataset: Sized,
        batch_size: int,
        num_replicas: int = 1,
        rank: int = 0,
        seed: int = 0,
        groups: Sequence[int] | None = None,
    ) -> None:
        anything: Any = dataset  # its own type asks for more than a length
        super().__init__(anything, num_replicas=num_replicas, rank=rank, shuffle=True, seed=seed)
        if len(dataset) < num_replicas:
            raise ValueError(f"BlockSampler: {len(dataset)} studies for {num_replicas} ranks: start fewer processes.")
        if groups is not None and len(groups) != len(dataset):
            raise ValueError(f"BlockSampler: {len(groups)} groups for {len(dataset)} studies, expected one each.")
        self.groups = None if groups is None else torch.tensor(list(groups))
        self.batch_size = batch_size
        self.num_studies = len(dataset)
        self.num_steps = len(dataset) // (batch_size * num_replicas)
        self._skipped_steps = 0

    def skip_steps(self, steps: int) -> None:
        """Leave out the first steps of the next pass, which a run that goes on has done already."""
        self._skipped_steps = int(steps)

    def __iter__(self) -> Iterator[int]:
        rows = self._rows()
        first, self._skipped_steps = self._skipped_steps * self.batch_size, 0
        return iter(rows[first:])

    def _rows(self) -> list[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(self.num_studies, generator=generator)
        if self.groups is not None:
            order = self._balanced(order, generator)
        if not self.num_steps:
            return order.tensor_split(self.num_replicas)[self.rank].tolist()
        blocks = order[: self.num_steps * self.batch_size * self.num_replicas]
        return blocks.view(self.num_steps, self.num_replicas, self.batch_size)[:, self.rank].flatten().tolist()

    def _balanced(self, order: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """As many rows as in ``order``, equally many of every group."""
        groups = self.groups
        assert groups is not None
        kinds = groups.unique()
        share = -(-len(order) // len(kinds))
        rows, places = [], []
        for kind in kinds:
            members = order[groups[order] == kind]
            copies = -(-share // len(members))
            rows.append(members.repeat(copies)[:share])
            # copies of a study lie in different parts of the epoch, hardly ever in one batch
            part = torch.arange(copies).repeat_interleave(len(members))[:share]
            places.append((part + torch.rand(share, generator=generator)) / copies)
        chosen = torch.rand(share * len(kinds), generator=generator).argsort()[: len(order)]  # the rest by chance
        chosen = chosen[torch.cat(places)[chosen].argsort()]
        return torch.cat(rows)[chosen]

    def __len__(self) -> int:
        if not self.num_steps:
            return len(torch.arange(self.num_studies).tensor_split(self.num_replicas)[self.rank])
        return self.num_steps * self.batch_size
