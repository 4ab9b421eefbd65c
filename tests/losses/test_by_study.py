"""Gradients taken study by study, against loops over single texts, autograd and the plain implementation."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.plain_loss import PlainLoss, PlainPool
from itemclip_med.losses import ItemizedCLIPLoss, LossDraws, by_study
from itemclip_med.losses.sampling import draw_token_drops
from itemclip_med.losses.visibility import Visibility
from itemclip_med.models.pooling import AttentionPool
from tests.losses.slow_loss import SlowLoss

K, P, E, H = 3, 14, 16, 4
LEAVES = ("image_tokens", "image_features", "item_features", "logit_scale", "logit_bias")


@pytest.fixture
def pool():
    torch.manual_seed(0)
    pool = AttentionPool(E, H)
    with torch.no_grad():  # away from where it starts, so that no parameter is 0 or 1
        for parameter in pool.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return pool


@pytest.fixture(params=["folded", "projected"])
def form(request, monkeypatch):
    """Both ways of pooling, whatever the sizes ask for."""
    monkeypatch.setattr(AttentionPool, "_folding_pays", lambda self, num_texts: request.param == "folded")


@pytest.fixture(params=["one", "all"])
def at_once(request, monkeypatch):
    """One study at a time, and all together."""
    monkeypatch.setitem(by_study._SCORES_AT_ONCE, "cpu", 1 if request.param == "one" else 2**20)


def make_inputs(num_studies=4, mask=None, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    inputs = {
        "image_tokens": torch.randn(num_studies, P, E, generator=generator),
        "image_features": torch.randn(num_studies, E, generator=generator),
        "item_features": torch.randn(num_studies, K, E, generator=generator),
        "item_mask": torch.ones(num_studies, K) if mask is None else torch.tensor(mask, dtype=torch.float32),
        "is_normal": torch.zeros(num_studies),
        "logit_scale": torch.tensor(5.0),
        "logit_bias": torch.tensor(-2.0),
    }
    return inputs | changes


def run(loss, inputs, pool, frozen=(), factor=1.0, **call):
    """Values, and gradients of inputs and pool."""
    inputs = dict(inputs)
    for name in LEAVES:
        inputs[name] = inputs[name].detach().clone().requires_grad_(name not in frozen)
    pool.zero_grad()
    result = loss(**inputs, pool=pool, **call)
    (factor * result["total"]).backward()
    gradients = {name: inputs[name].grad for name in LEAVES if name not in frozen}
    gradients |= {name: value.grad for name, value in pool.named_parameters() if value.requires_grad}
    return {name: value.detach() for name, value in result.items()}, gradients


def assert_same(found, expected, tolerance=2e-5):
    """Values and gradients agree, gradients within a share of the largest entry of all."""
    torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=1e-6)
    assert found[1].keys() == expected[1].keys()
    largest = max(gradient.abs().max() for gradient in expected[1].values())
    for name, gradient in expected[1].items():
        assert (found[1][name] - gradient).abs().max() <= tolerance * largest, name


def edge_mask(num_studies):
    """Texts that may look at nothing, at the first token, at the last one."""
    mask = torch.ones(num_studies, H, K + num_studies - 1, P, dtype=torch.bool)
    mask[0, :, 0] = False
    mask[0, 1, 1, 1:] = False
    mask[-1, 2, 1, :-1] = False
    mask[-1, :, -1, 5:] = False
    return mask


def some_tokens(num_studies, *counts):
    return torch.arange(P) < torch.tensor([*counts, *[P] * (num_studies - len(counts))])[:, None]


EDGES = {
    "plain": {},
    "padding items": {"mask": [[1, 1, 0], [0, 1, 0], [1, 0, 1], [1, 1, 1]]},
    "a study without items": {"mask": [[1, 1, 0], [0, 0, 0], [1, 0, 1], [1, 1, 1]]},
    "one study, no negatives": {"num_studies": 1},
    "all normal": {"is_normal": torch.ones(4)},
    "two normal": {"is_normal": torch.tensor([1.0, 0.0, 1.0, 0.0])},
    "ragged series": {"token_mask": some_tokens(4, 9, P, 5)},
    "fewer real tokens than key tokens": {"token_mask": some_tokens(4, 1, 2)},
    "a study of padding only": {"token_mask": some_tokens(4, P, 0)},
}


@pytest.mark.parametrize("edge", EDGES)
def test_equals_loops_over_single_texts(pool, form, at_once, edge):
    inputs = make_inputs(**EDGES[edge])
    loss = ItemizedCLIPLoss(keep_rate=0.7, key_share=0.25)
    draws = loss.draw(inputs["item_mask"], H, P, generator=torch.Generator().manual_seed(1))
    assert_same(
        run(loss, inputs, pool, generator=torch.Generator().manual_seed(1)),
        run(SlowLoss(key_share=0.25), inputs, pool, draws=draws),
    )


@pytest.mark.parametrize("num_studies", [1, 2, 4])
def test_masks_at_their_edges_equal_loops_over_single_texts(pool, form, at_once, num_studies):
    inputs = make_inputs(num_studies, token_mask=some_tokens(num_studies, 11))
    loss = ItemizedCLIPLoss(key_share=0.25)
    columns = loss.draw(inputs["item_mask"], H, P, generator=torch.Generator().manual_seed(1)).text_columns
    draws = LossDraws(columns, edge_mask(num_studies))
    expected = run(SlowLoss(key_share=0.25), inputs, pool, draws=draws)
    assert_same(run(loss, inputs, pool, draws=draws), expected)


SETTINGS = [
    {},
    {"keep_rate": 1.0},
    {"key_share": 1.0},
    {"kta": None},
    {"iis": None},
    {"ila": None, "iis": None},
    {"published": True},
    {"max_negatives": 1},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_equals_autograd(pool, form, at_once, settings):
    inputs = make_inputs(mask=[[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 0]], token_mask=some_tokens(4, P, 8))
    settings = {"keep_rate": 0.7, "key_share": 0.25} | settings
    found, expected = (
        run(ItemizedCLIPLoss(**settings, by_study=own), inputs, pool, generator=torch.Generator().manual_seed(2),
            details=True)
        for own in (True, False)
    )  # fmt: skip
    assert_same(found, expected)


def test_equals_the_plain_implementation(pool, form):
    inputs = make_inputs(mask=[[1, 1, 0], [1, 1, 1], [1, 0, 0], [1, 1, 1]], is_normal=torch.tensor([1.0, 0, 1, 0]))
    loss = ItemizedCLIPLoss(mps=0.1, keep_rate=0.8, key_share=0.25)
    draws = loss.draw(inputs["item_mask"], H, P, generator=torch.Generator().manual_seed(3))
    plain_pool = PlainPool(E, H).load_pool(pool)
    leaves = [inputs[name].clone().requires_grad_() for name in LEAVES]
    tokens, images, items, scale, bias = leaves
    total = PlainLoss(key_share=0.25, worst_positive_factor=1.5)(
        plain_pool, tokens, images, items, inputs["item_mask"], inputs["is_normal"], scale, bias,
        draws.text_columns, draws.token_mask.float(),
    )  # fmt: skip
    total.backward()
    values, gradients = run(loss, inputs, pool, draws=draws)
    torch.testing.assert_close(values["total"], total.detach())
    expected = dict(zip(LEAVES, (leaf.grad for leaf in leaves), strict=True))
    expected |= {name.removeprefix("attention."): value.grad for name, value in plain_pool.named_parameters()}
    assert_same(({}, gradients), ({}, expected))


def test_draws_of_its_own_are_those_that_draw_hands_out(pool):
    inputs = make_inputs()
    loss = ItemizedCLIPLoss(keep_rate=0.6, key_share=0.25)
    draws = loss.draw(inputs["item_mask"], H, P, generator=torch.Generator().manual_seed(4))
    own = run(loss, inputs, pool, generator=torch.Generator().manual_seed(4))
    assert_same(own, run(loss, inputs, pool, draws=draws))
    other = run(loss, inputs, pool, generator=torch.Generator().manual_seed(5))
    assert other[0]["ila"] != own[0]["ila"]


def test_incoming_gradients_scale_what_goes_out(pool, form):
    inputs, loss = make_inputs(), ItemizedCLIPLoss(keep_rate=1.0)
    draws = loss.draw(inputs["item_mask"], H, P)
    values, once = run(loss, inputs, pool, draws=draws)
    assert_same(run(loss, inputs, pool, factor=-3.0, draws=draws), (values, {n: -3 * g for n, g in once.items()}))


def test_gradients_of_several_losses_accumulate(pool):
    first, second, loss = make_inputs(seed=1), make_inputs(seed=2), ItemizedCLIPLoss(keep_rate=1.0)
    draws = loss.draw(first["item_mask"], H, P)
    parts = [run(loss, inputs, pool, draws=draws)[1]["in_proj_weight"].clone() for inputs in (first, second)]
    pool.zero_grad()
    for inputs in (first, second):
        loss(**inputs, pool=pool, draws=draws)["total"].backward()
    torch.testing.assert_close(pool.in_proj_weight.grad, sum(parts))


def test_a_second_backward_through_one_loss_is_refused(pool):
    result = ItemizedCLIPLoss()(**make_inputs(), pool=pool)
    result["total"].backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="Compute the loss again, or build it with by_study=False"):
        result["total"].backward()


@pytest.mark.parametrize("frozen", [("image_tokens",), ("item_features",), ("logit_scale", "logit_bias"), LEAVES])
def test_frozen_inputs_leave_the_other_gradients_as_they_are(pool, form, frozen):
    inputs, loss = make_inputs(), ItemizedCLIPLoss(keep_rate=1.0)
    draws = loss.draw(inputs["item_mask"], H, P)
    values, gradients = run(loss, inputs, pool, draws=draws)
    kept = {name: gradient for name, gradient in gradients.items() if name not in frozen}
    assert_same(run(loss, inputs, pool, frozen=frozen, draws=draws), (values, kept))


@pytest.mark.parametrize("learns", ["image_tokens", "item_features"])
def test_a_frozen_pool_passes_gradients_through(pool, form, learns):
    inputs, loss = make_inputs(), ItemizedCLIPLoss(keep_rate=1.0)
    draws = loss.draw(inputs["item_mask"], H, P)
    values, gradients = run(loss, inputs, pool, draws=draws)
    pool.requires_grad_(False)
    found = run(loss, inputs, pool, frozen=[name for name in LEAVES if name != learns], draws=draws)
    assert_same(found, (values, {learns: gradients[learns]}))


def test_without_gradients_the_value_is_the_same(pool):
    inputs, loss = make_inputs(), ItemizedCLIPLoss(keep_rate=1.0)
    draws = loss.draw(inputs["item_mask"], H, P)
    with torch.no_grad():
        found = loss(**inputs, pool=pool, draws=draws)
    assert not found["total"].requires_grad
    torch.testing.assert_close(found, run(loss, inputs, pool, draws=draws)[0])


def test_a_parameter_used_inside_and_outside_gets_both_gradients(pool, form):
    """The scale multiplies cosines and patch tokens; the pool's projection makes tokens and is penalized."""
    gradients = []
    for own in (True, False):
        inputs, loss = make_inputs(), ItemizedCLIPLoss(keep_rate=1.0, by_study=own)
        draws = LossDraws(loss.draw(inputs["item_mask"], H, P, generator=torch.Generator().manual_seed(0)).text_columns)
        scale = inputs["logit_scale"].requires_grad_()
        pool.zero_grad()
        inputs["image_tokens"] = pool.out_proj(inputs["image_tokens"]) * scale
        total = loss(**inputs, pool=pool, draws=draws)["total"] + pool.in_proj_weight.square().sum() * scale
        total.backward()
        gradients.append({"scale": scale.grad} | {name: value.grad.clone() for name, value in pool.named_parameters()})
    assert_same(({}, gradients[0]), ({}, gradients[1]))


@pytest.mark.parametrize("own", [True, False])
def test_under_autocast_the_loss_is_that_of_the_rounded_tokens_in_float32(pool, own):
    inputs, loss = make_inputs(), ItemizedCLIPLoss(keep_rate=1.0, by_study=own)
    draws = loss.draw(inputs["item_mask"], H, P)
    tower = torch.nn.Linear(E, E)
    raw = inputs.pop("image_tokens")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tokens = tower(raw)
        tokens.retain_grad()
        result = loss(**inputs, image_tokens=tokens, pool=pool, draws=draws)
    result["total"].backward()
    assert tokens.dtype == torch.bfloat16 and result["total"].dtype == torch.float32
    rounded = inputs | {"image_tokens": tokens.detach().float()}
    values, gradients = run(loss, rounded, pool, draws=draws)
    torch.testing.assert_close(result["total"].detach(), values["total"])
    torch.testing.assert_close(tokens.grad, gradients["image_tokens"].bfloat16())


def test_small_gradients_of_half_precision_tokens_survive_a_scaled_loss(pool):
    """A gradient scaler multiplies the total so that float16 gradients do not vanish: not after they have."""
    inputs, loss = make_inputs(), ItemizedCLIPLoss(ila=1e-7, kta=1e-7, mps=1e-7, iis=1e-7, keep_rate=1.0)
    draws = loss.draw(inputs["item_mask"], H, P)
    tokens = inputs.pop("image_tokens").half().requires_grad_()
    (loss(**inputs, image_tokens=tokens, pool=pool, draws=draws)["total"] * 2.0**16).backward()
    reference = ItemizedCLIPLoss(mps=1.0, keep_rate=1.0)
    _, gradients = run(reference, inputs | {"image_tokens": tokens.detach().float()}, pool, draws=draws)
    expected = gradients["image_tokens"] * 1e-7 * 2**16
    assert (tokens.grad.float() - expected).abs().max() <= 2e-3 * expected.abs().max()


def test_a_compiled_loss_equals_an_eager_one(pool):
    inputs, loss = make_inputs(), ItemizedCLIPLoss(keep_rate=1.0)
    draws = loss.draw(inputs["item_mask"], H, P)
    compiled = torch.compile(loss, backend="eager")
    assert_same(run(compiled, inputs, pool, draws=draws), run(loss, inputs, pool, draws=draws))


class LargestTensor(TorchDispatchMode):
    """Notes the most elements of any tensor that an operation returns."""

    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(value, torch.Tensor):
                self.largest = max(self.largest, value.untyped_storage().size() // value.element_size())
        return result


@pytest.mark.parametrize("own", [True, False])
def test_nothing_of_studies_times_heads_times_texts_times_tokens_exists(pool, monkeypatch, own):
    monkeypatch.setitem(by_study._SCORES_AT_ONCE, "cpu", 1)
    num_studies, num_tokens = 6, 400
    inputs = make_inputs(num_studies) | {"image_tokens": torch.randn(num_studies, num_tokens, E, requires_grad=True)}
    with LargestTensor() as noted:
        ItemizedCLIPLoss(by_study=own)(**inputs, pool=pool)["total"].backward()
    too_large = num_studies * H * (K + num_studies - 1) * num_tokens
    assert (noted.largest < too_large) == own


def test_scores_that_spread_widely_do_not_overflow(pool, form):
    """The softmax must not rely on small scores, also where the largest one is hidden."""
    inputs, loss = make_inputs(), ItemizedCLIPLoss(keep_rate=0.5, key_share=0.25)
    with torch.no_grad():
        pool.in_proj_weight.mul_(15)
    draws = loss.draw(inputs["item_mask"], H, P, generator=torch.Generator().manual_seed(6))
    found = run(loss, inputs, pool, generator=torch.Generator().manual_seed(6))
    assert_same(found, run(SlowLoss(key_share=0.25), inputs, pool, draws=draws))


def test_a_dense_mask_joins_drawn_and_padding_tokens():
    drops = draw_token_drops(0.5, generator=torch.Generator().manual_seed(0))
    real = some_tokens(2, 4)
    mask = Visibility(drops, first_study=3, real=real).dense((2, H, K, P))
    assert torch.equal(mask[1], drops.mask(4, (H, K, P)))
    assert torch.equal(mask[0], drops.mask(3, (H, K, P)) & real[0])
