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


@pytest.mark.parametrize(("num", "normal"), [(40, 4), (41, 30), (12, 12), (30, 1)])
def test_groups_come_equally_often(num, normal):
    groups = [int(row >= normal) for row in range(num)]
    sampler = BlockSampler(range(num), 1, seed=3, groups=groups)
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == num
    counts = [sum(groups[row] == group for row in drawn) for group in set(groups)]
    assert max(counts) - min(counts) <= 1
    for group in set(groups):
        times = [drawn.count(row) for row in range(num) if groups[row] == group]
        assert max(times) - min(times) <= 2


def test_copies_of_a_study_lie_far_apart():
    groups = [int(row >= 4) for row in range(40)]
    drawn = list(BlockSampler(range(40), 1, seed=3, groups=groups))
    halves = [{row for row in part if row < 4} for part in (drawn[:20], drawn[20:])]
    assert halves == [{0, 1, 2, 3}] * 2


def test_a_group_for_each_study_is_needed():
    with pytest.raises(ValueError, match="2 groups for 3 studies"):
        BlockSampler(range(3), 1, groups=[0, 1])


def test_skipped_steps_are_left_out_once():
    samplers = [BlockSampler(range(23), 3, 2, rank=1, seed=3) for _ in range(2)]
    samplers[1].skip_steps(2)
    whole, rest = (list(sampler) for sampler in samplers)
    assert rest == whole[6:]
    assert list(samplers[1]) == whole
