"""Draws: probabilities, independence, and that they depend on seed and study only."""

from __future__ import annotations

import pytest
import torch

from itemclip_med.losses import ItemizedCLIPLoss, draw_text_columns, draw_token_mask
from itemclip_med.losses.sampling import draw_token_drops
from itemclip_med.models.pooling import AttentionPool


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("keep_rate", [0.02, 0.5, 0.9, 0.95, 0.999])
def test_tokens_are_kept_one_by_one_at_the_keep_rate(keep_rate):
    mask = draw_token_mask((4, 8, 25, 2000), keep_rate, generator=seeded(0))
    count = mask.numel()
    spread = (keep_rate * (1 - keep_rate) / count) ** 0.5
    assert abs(mask.double().mean().item() - keep_rate) < 5 * spread
    hidden = ~mask
    for lag in (1, 2, 7):  # neighbors are hidden together as often as independent ones
        both = (hidden[..., lag:] & hidden[..., :-lag]).double().mean().item()
        chance = (1 - keep_rate) ** 2
        assert abs(both - chance) < 6 * (chance / count) ** 0.5 + 1e-9


def test_the_first_and_the_last_place_are_hidden_as_often_as_any():
    drops = draw_token_drops(0.8, generator=seeded(0))
    masks = torch.stack([drops.mask(study, (2, 3, 5)) for study in range(4000)])
    kept = masks.double().mean(0)
    assert (kept - 0.8).abs().max() < 5 * (0.8 * 0.2 / 4000) ** 0.5


def test_hidden_places_do_not_run_out():
    drops = draw_token_drops(0.95, generator=seeded(0))
    for study in range(50):
        for num_places in (1, 3, 100, 10000):
            positions = drops.positions(study, num_places)
            assert len(positions) == num_places or positions[-1] >= num_places
            assert torch.equal(positions, positions.unique())


def test_a_study_has_the_same_draws_in_any_batch():
    whole = draw_token_mask((5, 2, 3, 40), 0.7, generator=seeded(1))
    part = draw_token_mask((2, 2, 3, 40), 0.7, generator=seeded(1), first_study=3)
    assert torch.equal(whole[3:], part)
    assert not torch.equal(whole[0], whole[1])
    mask = torch.ones(5, 3)
    columns = draw_text_columns(mask, generator=seeded(1))
    assert torch.equal(columns[3:], draw_text_columns(mask, generator=seeded(1), rows=slice(3, 5)))


def test_nothing_is_drawn_where_everything_is_kept():
    generator = seeded(2)
    before = generator.get_state()
    assert draw_token_mask((1, 1, 1, 4), 1.0, generator=generator) is None
    assert torch.equal(generator.get_state(), before)


def test_a_cap_leaves_own_items_and_that_many_other_studies():
    generator, seen = seeded(3), set()
    for _ in range(60):
        columns = draw_text_columns(torch.ones(6, 2), generator=generator, max_negatives=3)
        assert columns.shape == (6, 5)
        assert torch.equal(columns, columns.sort(dim=1).values)
        for study, row in enumerate((columns // 2).tolist()):
            assert row.count(study) == 2
            others = [other for other in row if other != study]
            assert len(set(others)) == 3
            seen |= {(study, other) for other in others}
    assert len(seen) == 30


def test_a_cap_above_the_other_studies_changes_nothing():
    mask = torch.ones(4, 3)
    capped = draw_text_columns(mask, generator=seeded(4), max_negatives=3)
    assert torch.equal(capped, draw_text_columns(mask, generator=seeded(4)))


def test_a_cap_keeps_the_expected_loss():
    generator = seeded(5)
    torch.manual_seed(5)
    inputs = {
        "image_tokens": torch.randn(5, 6, 8, generator=generator),
        "image_features": torch.randn(5, 8, generator=generator),
        "item_features": torch.randn(5, 1, 8, generator=generator),
        "item_mask": torch.ones(5, 1),
        "pool": AttentionPool(8, 2),
        "logit_scale": torch.tensor(3.0),
    }
    settings = {"keep_rate": 1.0, "worst_positive_factor": 1.0, "key_share": 0.5}
    with torch.no_grad():
        whole = ItemizedCLIPLoss(**settings)(**inputs, generator=generator)
        capped = ItemizedCLIPLoss(**settings, max_negatives=2)
        drawn = [capped(**inputs, generator=generator) for _ in range(300)]
    for name in ("ila", "kta"):
        values = torch.stack([result[name] for result in drawn])
        assert abs(values.mean() - whole[name]) < 4 * values.std() / 300**0.5
        assert values.std() > 0


@pytest.mark.parametrize("name", ["max_negatives", "num_items"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0"):
        ItemizedCLIPLoss(**{name: 0})


def test_an_unknown_form_across_ranks_is_refused():
    with pytest.raises(ValueError, match="ranks is 'ring'"):
        ItemizedCLIPLoss(ranks="ring")


def test_more_slots_than_num_items_are_refused():
    with pytest.raises(ValueError, match="3 item slots per study, but num_items is 2"):
        ItemizedCLIPLoss(num_items=2)(
            image_tokens=torch.randn(1, 4, 8),
            image_features=torch.randn(1, 8),
            item_features=torch.randn(1, 3, 8),
            item_mask=torch.ones(1, 3),
            pool=AttentionPool(8, 2),
            logit_scale=torch.tensor(1.0),
        )


def test_num_items_sets_the_divisors_of_the_terms_over_slots():
    inputs = {
        "image_tokens": torch.randn(2, 4, 8),
        "image_features": torch.randn(2, 8),
        "item_features": torch.randn(2, 3, 8),
        "item_mask": torch.ones(2, 3),
        "pool": AttentionPool(8, 2),
        "logit_scale": torch.tensor(1.0),
    }
    plain = ItemizedCLIPLoss()(**inputs, generator=seeded(0))
    wide = ItemizedCLIPLoss(num_items=6)(**inputs, generator=seeded(0))
    for name, ratio in (("ila", 1), ("kta", 1), ("mps", 2), ("iis", 2)):
        torch.testing.assert_close(plain[name], ratio * wide[name])
