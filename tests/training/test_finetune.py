"""Labels on top of a model: what is trained, what it starts from, what is kept."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from itemclip_med.errors import LabelsError, ModelError
from itemclip_med.models import ItemizedCLIP, ItemizedCLIPConfig
from itemclip_med.training.finetune import (
    LabelStep,
    finetune_groups,
    label_step,
    labeled_studies,
    positive_weights,
)

PROMPTS = {"bleed": ["Bleeding is seen.", "Hemorrhage"], "mass": ["A mass is seen."]}


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = ItemizedCLIPConfig(
        image_size=(4, 8, 8), patch_size=(2, 4, 4), width=12, num_heads=2, embed_dim=16, pool_heads=2,
        block_levels=("series", "study"), max_series=2, context_length=32,
    )  # fmt: skip
    return ItemizedCLIP(config).eval()


def images(count=6):
    return torch.randn(count, 1, 1, 4, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("features", ["global", "prompts"])
@pytest.mark.parametrize("mode", ["probe", "full"])
def test_every_trainable_parameter_gets_a_gradient_and_no_other(model, mode, features):
    step = LabelStep(model, PROMPTS, mode, features).train()
    labels = torch.tensor([[1.0, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, -1]])
    for _ in range(2):  # the linear layer is zero at first, and then no gradient passes it
        loss = step(images(), labels=labels)["total"]
        step.zero_grad(set_to_none=True)
        loss.backward()
        with torch.no_grad():
            step.weight -= 0.1 * step.weight.grad
    named = dict(step.named_parameters())
    trainable = {name for name, p in named.items() if p.requires_grad}
    assert {name for name, p in named.items() if p.grad is not None} == trainable
    assert ("model.visual.cls_token" in trainable) == (mode == "full")
    assert ("model.pool.in_proj_weight" in trainable) == (mode == "full" and features == "prompts")
    assert not any(name.startswith("model.text") for name in trainable)
    assert model.training == (mode == "full")


def test_prompts_start_as_the_zero_shot_score(model):
    step = LabelStep(model, {"mass": PROMPTS["mass"]}, features="prompts").eval()
    with torch.inference_mode():
        logits = step(images())
        scores = model.score(model.encode_study(images()), PROMPTS["mass"])
    torch.testing.assert_close(logits, scores * model.logit_scale.exp(), atol=1e-4, rtol=1e-4)


def test_a_probe_learns_what_is_in_the_embedding(model):
    step = LabelStep(model, ["bright"], "probe").train()
    volumes = images(24)
    volumes[::2] += 1.5
    labels = torch.zeros(24, 1)
    labels[::2] = 1
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(finetune_groups(step, 0.1, 1e-5, 0.05))
    for _ in range(60):
        loss = step(volumes, labels=labels)["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    logits = step.eval()(volumes)[:, 0]
    assert logits[::2].min() > logits[1::2].max()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_unknown_labels_do_not_count(model):
    step = LabelStep(model, PROMPTS).eval()
    step.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1.0, -1], [0, -1]])
    logits = step(images(2))
    expected = F.binary_cross_entropy_with_logits(logits[:, 0], labels[:, 0])
    torch.testing.assert_close(step(images(2), labels=labels)["total"], expected)
    assert step(images(2), labels=torch.full((2, 2), -1.0))["total"] == 0


def test_a_saved_head_comes_back_and_the_model_too(model, tmp_path):
    step = LabelStep(model, PROMPTS, features="prompts").eval()
    step.weight.data.normal_()
    step.bias.data.normal_()
    folder = step.save_pretrained(tmp_path / "m")
    loaded = label_step(ItemizedCLIP.from_pretrained(folder), PROMPTS, features="prompts", folder=folder).eval()
    with torch.inference_mode():
        torch.testing.assert_close(loaded(images()), step(images()))


def test_a_head_for_other_labels_is_refused(model, tmp_path):
    folder = LabelStep(model, PROMPTS).save_pretrained(tmp_path / "m")
    with pytest.raises(ModelError, match=r"its head is for bleed, mass from global features; the run wants mass"):
        label_step(model, ["mass"], folder=folder)


def test_a_model_without_a_pool_has_no_features_of_prompts():
    model = ItemizedCLIP(
        ItemizedCLIPConfig(
            image_size=(4, 8, 8),
            patch_size=(2, 4, 4),
            width=12,
            num_heads=2,
            embed_dim=16,
            pool_heads=2,
            block_levels=("series",),
            max_series=1,
            scoring="global",
            context_length=32,
        )
    )
    with pytest.raises(ModelError, match="without its pool"):
        LabelStep(model, PROMPTS, features="prompts")
    with pytest.raises(ModelError, match="expected probe or full"):
        LabelStep(model, PROMPTS, mode="lora")


def study(number, **labels):
    return SimpleNamespace(study_id=f"s{number}", patient_id=None, split="train", labels=labels)


def test_positives_are_weighed_by_the_balance():
    studies = [study(n, rare=int(n == 0), unknown=None, common=int(n > 0)) for n in range(10)]
    assert positive_weights(studies, ["rare", "common", "unknown", "other"]).tolist() == pytest.approx(
        [9.0, 1 / 9, 1.0, 1.0]
    )
    assert positive_weights(studies, ["rare"], limit=4.0).tolist() == [4.0]


def test_studies_without_a_label_are_left_out():
    studies = [study(0, a=1), study(1, a=None), study(2)]
    store = SimpleNamespace(studies=studies, study=lambda name: next(s for s in studies if s.study_id == name))
    assert labeled_studies(store, "train", ["a"]) == ["s0"]
    with pytest.raises(LabelsError, match="None of the 3 studies of 'train' has a label of b"):
        labeled_studies(store, "train", ["b"])
