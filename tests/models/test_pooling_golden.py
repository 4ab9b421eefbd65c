"""The attention pool against the published method's recorded numbers, in both of its ways to compute."""

from __future__ import annotations

import pytest
import torch

from itemclip_med.models import AttentionPool
from tests.golden import assert_close, golden_cases, pool_weights, read_case, require_golden

pytestmark = pytest.mark.golden

CASES = golden_cases("attn_pool_*.json")


def test_cases_are_found():
    require_golden(CASES)


@pytest.mark.parametrize("folded", [True, False], ids=["folded", "projected"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_pooled_texts_and_weights_are_the_published_ones(path, folded, monkeypatch):
    case, tensors = read_case(path)
    monkeypatch.setattr(AttentionPool, "_folding_pays", lambda self, num_texts: folded)
    pool = AttentionPool(case["D"], case["n_head"])
    pool.load_state_dict(pool_weights(tensors))
    given = {name: tensors[f"in.{name}"] for name in ("query", "tokens")}
    assert list(given["query"].shape) == [case["B"], case["T"], case["D"]]
    assert list(given["tokens"].shape) == [case["B"], case["L"], case["D"]]
    mask = tensors.get("in.keep_mask")
    assert (mask is None) == (case["mask"] is None)
    if mask is not None and mask.dim() == 3:  # study major, head minor
        mask = mask.unflatten(0, (case["B"], case["n_head"]))
    pooled, weights = pool(given["query"], given["tokens"], mask, need_weights=True)
    assert_close(pooled, tensors["out.pooled"], "pooled")
    assert_close(weights, tensors["out.attn_heads"], "weights of the heads")
    assert_close(weights.mean(dim=1), tensors["out.attn_mean"], "mean weights")
    assert_close(weights[..., -1], tensors["out.attn_heads"][..., -1], "slot of zeros")
    if case["mask"] == "shared":
        alone, _ = pool(given["query"], given["tokens"], mask[:, :1], need_weights=True)
        assert_close(alone, tensors["out.pooled"], "one mask for all heads")
    if mask is not None:
        flat = pool(given["query"], given["tokens"], mask.flatten(0, 1))
        assert_close(flat, tensors["out.pooled"], "flattened mask")
        empty = (mask == 0).all(dim=1).all(dim=-1)  # (B, T): rows where no head sees a token
        bias = pool.out_proj.bias.expand_as(pooled[empty])
        assert torch.allclose(pooled[empty], bias, atol=1e-6)
    assert sorted(n for n in tensors if n.startswith(("out.", "grad."))) == sorted(
        ["out.pooled", "out.attn_heads", "out.attn_mean"]
    ), "a recorded value that nothing is compared with"
