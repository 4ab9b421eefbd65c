"""The loss against the recorded numbers of the published method, every single-rank case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from itemclip_med.losses import LossDraws
from itemclip_med.models.pooling import AttentionPool
from tests.conftest import find_shared
from tests.losses.loss_reference_pool import ReferencePool
from tests.losses.recorded import loss_of

pytestmark = pytest.mark.golden

FORWARD, GRADIENT = 1e-5, 1e-4


def find_cases() -> list[Path]:
    try:
        folder = find_shared("golden")
    except (pytest.skip.Exception, pytest.fail.Exception):
        return []
    return sorted(path for path in folder.glob("loss_*.json") if not path.stem.startswith("loss_dist"))


def test_golden_cases_are_found(shared_dir):
    shared_dir("golden")
    assert find_cases()


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30)).item()


def published_name(name: str) -> str:
    """The published name of a parameter of either pool."""
    name = name.replace("norm_", "ln_")
    return f"attn.{name}" if name.startswith(("in_proj", "out_proj")) else name


def run_case(path: Path, pool_class, published: bool):
    """One recorded case: the loss's dict, the leaves it was computed from, the tensors and the settings."""
    case = json.loads(path.read_text())
    tensors = load_file(path.with_suffix(".safetensors"))
    settings = case["hyper_parameters"]
    loss = loss_of(settings, published=published)
    pool = pool_class(case["D"], case["n_head"])
    weights = {k.removeprefix("w.visual_attn."): v for k, v in tensors.items() if k.startswith("w.visual_attn.")}
    ours = {published_name(name): name for name, _ in pool.named_parameters()}
    pool.load_state_dict({ours[name]: value for name, value in weights.items()})
    names = ("image_features", "image_tokens", "text_features", "logit_scale", "logit_bias")
    leaves = {name: tensors[f"in.{name}"].clone().requires_grad_() for name in names if f"in.{name}" in tensors}
    result = loss(
        image_tokens=leaves["image_tokens"],
        image_features=leaves["image_features"],
        item_features=leaves["text_features"].view(case["B"], settings["K"], -1),
        item_mask=tensors["in.textmask"],
        is_normal=tensors["in.normals"],
        pool=pool,
        logit_scale=leaves["logit_scale"],
        logit_bias=leaves.get("logit_bias"),
        draws=LossDraws(tensors["in.combined_indices"], tensors["in.ila_mask"].bool()),
        details=True,
    )
    leaves |= {f"visual_attn.{published_name(name)}": parameter for name, parameter in pool.named_parameters()}
    return result, leaves, tensors, case


def check_against_recording(path: Path, pool_class) -> tuple[float, float]:
    """Largest relative errors of forward values and of gradients."""
    result, leaves, tensors, case = run_case(path, pool_class, published=True)
    forward = {}
    for name, key in (
        ("ila", "ila_loss"),
        ("kta", "kta_loss"),
        ("mps", "mps_loss"),
        ("iis", "iis_loss"),
        ("total", "total"),
    ):
        assert (name in result) == (f"out.{key}" in tensors)
        if name in result:
            forward[key] = relative_error(result[name].detach(), tensors[f"out.{key}"])
            assert result[name].item() == pytest.approx(case["values"][key], rel=FORWARD)
    for name in ("ila_logits", "kta_logits"):
        if f"out.{name}" in tensors:
            forward[name] = relative_error(result[name], tensors[f"out.{name}"])
    if "out.key_token_indices" in tensors:
        assert torch.equal(result["key_tokens"], tensors["out.key_token_indices"])
    result["total"].backward()
    gradients = {}
    for name, expected in tensors.items():
        if not name.startswith("grad."):
            continue
        found = leaves[name.removeprefix("grad.")].grad
        found = torch.zeros_like(expected) if found is None else found
        gradients[name] = relative_error(found, expected) if expected.abs().max() > 0 else found.abs().max().item()
    assert max(forward.values()) <= FORWARD, forward
    assert max(gradients.values()) <= GRADIENT, gradients
    return max(forward.values()), max(gradients.values())


@pytest.mark.parametrize("pool_class", [AttentionPool, ReferencePool])
@pytest.mark.parametrize("path", find_cases(), ids=lambda path: path.stem)
def test_published_form_repeats_recorded_losses_and_gradients(path, pool_class):
    check_against_recording(path, pool_class)


def pins_a_quirk(path: Path) -> bool:
    weights = json.loads(path.read_text())["hyper_parameters"]
    return "picks" in path.stem or (weights["mps_weight"] is None and weights["ila_weight"] != 1)


@pytest.mark.parametrize("path", [path for path in find_cases() if not pins_a_quirk(path)], ids=lambda path: path.stem)
def test_sound_form_agrees_where_the_published_one_is_sound(path):
    sound, _, tensors, _ = run_case(path, AttentionPool, published=False)
    assert relative_error(sound["total"].detach(), tensors["out.total"]) <= FORWARD


@pytest.mark.parametrize("path", [path for path in find_cases() if pins_a_quirk(path)], ids=lambda path: path.stem)
def test_sound_form_differs_where_a_quirk_is_pinned(path):
    sound, _, tensors, _ = run_case(path, AttentionPool, published=False)
    assert relative_error(sound["total"].detach(), tensors["out.total"]) > FORWARD
