"""Steps hold the same studies whatever the number of ranks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itemclip_med.data import BlockSampler


def blocks(num: int, batch_size: int, ranks: int, epoch: int) -> list[list[list[int]]]:
    """Step, rank, rows."""
    samplers = [BlockSampler(range(num), batch_size, ranks, rank, seed=3) for rank in range(ranks)]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    drawn = [list(sampler) for sampler in samplers]
    assert [len(rows) for rows in drawn] == [len(sampler) for sampler in samplers]
    steps = max(len(drawn[0]) // batch_size, 1)
    size = batch_size if num >= batch_size * ranks else num
    return [[rows[step * size : (step + 1) * size] for rows in drawn] for step in range(steps)]


@settings(deadline=None)
@given(st.integers(6, 60), st.sampled_from([(6, 1), (3, 2), (2, 3), (1, 6)]), st.integers(0, 3))
def test_a_step_holds_the_studies_of_one_process_in_their_order(num, sizes, epoch):
    batch_size, ranks = sizes
    whole = blocks(num, 6, 1, epoch)
    parts = blocks(num, batch_size, ranks, epoch)
    assert [[row for rows in step for row in rows] for step in parts] == [step[0] for step in whole]


def test_no_study_comes_twice_in_an_epoch():
    drawn = [row for step in blocks(23, 2, 2, epoch=1) for rows in step for row in rows]
    assert len(drawn) == len(set(drawn)) == 20


def test_another_epoch_has_another_order():
    assert blocks(23, 2, 2, epoch=1) != blocks(23, 2, 2, epoch=2)


def test_fewer_studies_than_a_batch_are_one_step():
    assert sorted(row for rows in blocks(5, 4, 2, epoch=0)[0] for row in rows) == [0, 1, 2, 3, 4]


def test_fewer_studies_than_ranks_are_refused():
    with pytest.raises(ValueError, match="2 studies for 3 ranks"):
        BlockSampler(range(2), 1, 3)
