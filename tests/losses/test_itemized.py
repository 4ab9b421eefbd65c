"""Promises of the itemized loss in its sound form."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from itemclip_med.losses import ItemizedCLIPLoss, LossDraws, SigLIPLoss, select_worst_positive
from itemclip_med.models.pooling import AttentionPool
from tests.losses.loss_reference_pool import ReferencePool

B, K, P, E, H = 4, 3, 12, 16, 4


@pytest.fixture(params=[ReferencePool, AttentionPool])
def pool(request):
    torch.manual_seed(0)
    return request.param(E, H)


def make_inputs(pool, mask=None, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    inputs = {
        "image_tokens": torch.randn(B, P, E, generator=generator),
        "image_features": torch.randn(B, E, generator=generator),
        "item_features": torch.randn(B, K, E, generator=generator),
        "item_mask": torch.ones(B, K) if mask is None else torch.tensor(mask, dtype=torch.float32),
        "is_normal": torch.zeros(B),
        "pool": pool,
        "logit_scale": torch.tensor(5.0),
        "logit_bias": torch.tensor(-2.0),
    }
    return inputs | changes


def compute(loss, inputs, seed=1, **changes):
    return loss(**(inputs | changes), generator=torch.Generator().manual_seed(seed))


TERMS = ("ila", "kta", "mps", "iis")


def test_only_the_total_carries_a_gradient(pool):
    inputs = make_inputs(pool)
    inputs["image_tokens"].requires_grad_()
    result = compute(ItemizedCLIPLoss(), inputs)
    assert result["total"].requires_grad
    assert not any(result[name].requires_grad for name in TERMS)


@pytest.mark.parametrize("off", TERMS)
def test_a_term_without_weight_is_not_computed_and_the_others_keep_theirs(pool, off):
    weights = {"ila": 0.3, "kta": 0.5, "mps": 0.7, "iis": 0.9}
    inputs = make_inputs(pool)
    whole = compute(ItemizedCLIPLoss(**weights), inputs)
    part = compute(ItemizedCLIPLoss(**(weights | {off: None})), inputs)
    assert off not in part
    kept = [name for name in TERMS if name != off]
    torch.testing.assert_close({n: part[n] for n in kept}, {n: whole[n] for n in kept})
    torch.testing.assert_close(part["total"], sum(weights[name] * part[name] for name in kept))


def test_published_form_ignores_the_ila_weight_without_mps(pool):
    result = compute(ItemizedCLIPLoss(ila=0.25, kta=None, mps=None, iis=None, published=True), make_inputs(pool))
    torch.testing.assert_close(result["total"], result["ila"])


def test_all_terms_off_is_refused():
    with pytest.raises(ValueError, match="every term is None"):
        ItemizedCLIPLoss(None, None, None, None)


@pytest.mark.parametrize(
    ("setting", "value"), [("keep_rate", 0.0), ("keep_rate", 1.1), ("key_share", 0), ("worst_positive_factor", 0.5)]
)
def test_settings_outside_their_range_are_refused(setting, value):
    with pytest.raises(ValueError, match=setting):
        ItemizedCLIPLoss(**{setting: value})


def test_padding_features_do_not_matter(pool):
    mask = [[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0]]
    inputs = make_inputs(pool, mask)
    other = inputs["item_features"].clone()
    other[inputs["item_mask"] == 0] = 7.0
    loss = ItemizedCLIPLoss()
    torch.testing.assert_close(compute(loss, inputs), compute(loss, inputs, item_features=other))


def test_any_mask_pattern_gives_the_loss_of_the_same_items_in_front(pool):
    loose = make_inputs(pool, [[0, 1, 0], [1, 0, 1], [1, 1, 1], [0, 0, 1]])
    order = [[1, 0, 2], [0, 2, 1], [0, 1, 2], [2, 0, 1]]
    index = torch.tensor(order)
    front = loose | {
        "item_features": loose["item_features"].gather(1, index[..., None].expand(-1, -1, E)),
        "item_mask": loose["item_mask"].gather(1, index),
    }
    loss = ItemizedCLIPLoss(keep_rate=1.0)
    torch.testing.assert_close(compute(loss, loose), compute(loss, front))


def test_a_study_without_items_contributes_nothing(pool):
    inputs = make_inputs(pool, [[1, 1, 1], [1, 1, 0], [0, 0, 0], [1, 0, 0]])
    loss = ItemizedCLIPLoss(keep_rate=1.0)
    draws = loss.draw(inputs["item_mask"], H, P, generator=torch.Generator().manual_seed(3))
    whole = loss(**inputs, draws=draws)
    keep = torch.tensor([0, 1, 3])
    rows = draws.text_columns[keep]
    rows = rows[rows // K != 2].view(3, K + 2)
    rows = torch.where(rows >= 3 * K, rows - K, rows)
    fewer = {name: inputs[name][keep] for name in ("image_tokens", "image_features", "item_features", "item_mask")}
    without = loss(**(inputs | fewer | {"is_normal": torch.zeros(3)}), draws=LossDraws(rows))
    torch.testing.assert_close(whole, without)


def test_a_batch_without_any_item_costs_nothing_and_has_finite_gradients(pool):
    inputs = make_inputs(pool, [[0, 0, 0]] * B)
    tokens = inputs["image_tokens"].requires_grad_()
    result = compute(ItemizedCLIPLoss(), inputs)
    result["total"].backward()
    assert result["total"].item() == 0
    assert tokens.grad.abs().max() == 0


def test_worst_positive_is_the_lowest_real_item_however_far_logits_spread():
    logits = torch.tensor([[30.0, -40.0, 12.0, -90.0], [1.0, 2.0, 3.0, 4.0]])
    positive = torch.tensor([[True, False, True, False], [False, False, False, False]])
    chosen = select_worst_positive(logits, positive)
    assert chosen.tolist() == [[False, False, True, False], [False] * 4]


def test_worst_positive_factor_raises_one_item_of_each_study(pool):
    inputs = make_inputs(pool)
    plain = compute(ItemizedCLIPLoss(worst_positive_factor=1.0, keep_rate=1.0), inputs)
    draws = ItemizedCLIPLoss(keep_rate=1.0).draw(inputs["item_mask"], H, P, generator=torch.Generator().manual_seed(1))
    raised = ItemizedCLIPLoss(worst_positive_factor=3.0, keep_rate=1.0)(**inputs, draws=draws, details=True)
    own = torch.stack([raised["ila_logits"][i, i : i + K] for i in range(B)])
    expected = plain["ila"] - 2 * F.logsigmoid(own.min(dim=1).values).sum() / B
    torch.testing.assert_close(raised["ila"], expected)


def test_two_normal_studies_are_no_negatives_of_each_other(pool):
    inputs = make_inputs(pool, is_normal=torch.tensor([1.0, 1.0, 1.0, 1.0]))
    with_check = compute(ItemizedCLIPLoss(), inputs)
    without = compute(ItemizedCLIPLoss(normal_check=False), inputs)
    assert with_check["ila"] < without["ila"]
    alone = F.logsigmoid(
        5 * F.normalize(inputs["image_features"], dim=-1)[:, None] * 1 @ F.normalize(inputs["item_features"], dim=-1).mT
        - 2
    )
    torch.testing.assert_close(with_check["mps"], -alone.sum() / (B * K))


def test_patch_tokens_of_padding_series_are_never_seen(pool):
    inputs = make_inputs(pool)
    real = torch.ones(B, P, dtype=torch.bool)
    real[1, 6:] = False
    changed = inputs["image_tokens"].clone()
    changed[1, 6:] = 50.0
    loss = ItemizedCLIPLoss()
    first = compute(loss, inputs, token_mask=real)
    torch.testing.assert_close(first, compute(loss, inputs, token_mask=real, image_tokens=changed))


def test_one_seed_draws_the_same_and_another_does_not(pool):
    inputs = make_inputs(pool)
    loss = ItemizedCLIPLoss()
    first = compute(loss, inputs, seed=5)["total"]
    assert compute(loss, inputs, seed=5)["total"] == first
    assert compute(loss, inputs, seed=6)["total"] != first


def test_negatives_are_one_real_item_of_every_other_study():
    mask = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 1]])
    loss = ItemizedCLIPLoss(keep_rate=1.0)
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(200):
        columns = loss.draw(mask, H, P, generator=generator).text_columns
        assert torch.equal(columns, columns.sort(dim=1).values)
        for i, row in enumerate(columns.tolist()):
            others = [index for index in row if index // K != i]
            assert (
                sorted({index // K for index in others}) == [j for j in range(B) if j != i] == [x // K for x in others]
            )
            seen |= {divmod(index, K) for index in others}
    assert seen == {(j, k) for j, k in mask.nonzero().tolist()}


def test_keep_rate_is_the_share_of_kept_tokens():
    loss = ItemizedCLIPLoss(keep_rate=0.8)
    mask = loss.draw(torch.ones(8, 4), 8, 200, generator=torch.Generator().manual_seed(0)).token_mask
    assert mask.shape == (8, 8, 11, 200)
    assert mask.float().mean().item() == pytest.approx(0.8, abs=0.005)


def test_logits_stay_float32_under_autocast(pool):
    inputs = make_inputs(pool)
    loss = ItemizedCLIPLoss()
    expected = compute(loss, inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = compute(loss, inputs)
    torch.testing.assert_close(found, expected)


def test_siglip_matches_a_loop_over_pairs():
    images, texts = torch.randn(3, E), torch.randn(3, 1, E)
    mask = torch.tensor([[1.0], [1.0], [0.0]])
    scale, bias = torch.tensor(4.0), torch.tensor(-1.0)
    found = SigLIPLoss()(
        image_features=images, item_features=texts, item_mask=mask, logit_scale=scale, logit_bias=bias
    )["total"]
    expected = 0.0
    for i in range(2):
        for j in range(2):
            logit = scale * F.cosine_similarity(images[i], texts[j, 0], dim=0) + bias
            expected -= F.logsigmoid(logit if i == j else -logit) / 2
    torch.testing.assert_close(found, expected)


def test_siglip_refuses_several_texts_per_study():
    with pytest.raises(ValueError, match="expected 1 text per study, got 2"):
        SigLIPLoss()(
            image_features=torch.randn(2, E),
            item_features=torch.randn(2, 2, E),
            item_mask=torch.ones(2, 2),
            logit_scale=torch.tensor(1.0),
        )
