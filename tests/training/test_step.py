"""A step in parts is the step of the whole batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from itemclip_med.losses import ItemizedCLIPLoss
from itemclip_med.models import ItemizedCLIP, ItemizedCLIPConfig
from itemclip_med.training import ItemizedStep

TEXTS = ["left subdural hemorrhage", "midline shift", "skull fracture", "no hemorrhage"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = ItemizedCLIPConfig(
        image_size=(4, 16, 16), patch_size=(2, 8, 8), in_channels=1, width=24, num_heads=2,
        block_levels=["slice", "series", "study"], series_names=True, max_series=4, drop_path=0.5, embed_dim=16,
        pool_heads=2, text="small", context_length=16,
    )  # fmt: skip
    return ItemizedCLIP(config)


@pytest.fixture(scope="module")
def batch(model):
    torch.manual_seed(1)
    counts = [1, 3, 2, 3, 1]
    mask = torch.arange(3) < torch.tensor(counts)[:, None]
    tokens = model.tokenize([TEXTS[(study + slot) % 4] for study in range(5) for slot in range(2)])
    return {
        "image": torch.randn(5, 3, 1, 4, 16, 16) * mask[..., None, None, None, None],
        "text": dict(tokens),
        "item_mask": torch.tensor([[1.0, 1], [1, 0], [1, 1], [1, 1], [1, 0]]),
        "is_normal": torch.zeros(5),
        "series": [["AX_T1", "AX_T2", "AX_FLAIR"][:count] for count in counts],
        "series_mask": mask,
    }


def gradients_of(step: ItemizedStep, batch, dropout: float = 0.0) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    step.train()
    for module in step.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    step.zero_grad(set_to_none=True)
    step.set_draw_seed(3)
    torch.manual_seed(4)
    total = step(**batch)["total"]
    total.backward()
    return total.detach(), {name: p.grad.clone() for name, p in step.named_parameters() if p.grad is not None}


def assert_close(found, expected) -> None:
    torch.testing.assert_close(found[0], expected[0])
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        torch.testing.assert_close(
            found[1][name], gradient, rtol=1e-3, atol=2e-5, msg=lambda text, n=name: f"{n}: {text}"
        )


@pytest.mark.parametrize(("size", "pack"), [(1, True), (2, True), (2, False), (4, False), (None, True)])
def test_parts_have_the_loss_and_gradients_of_the_padded_batch(model, batch, size, pack):
    whole = gradients_of(ItemizedStep(model, ItemizedCLIPLoss(), pack_series=False), batch)
    assert_close(gradients_of(ItemizedStep(model, ItemizedCLIPLoss(), size, pack), batch), whole)


def test_dropout_is_replayed_in_the_backward_pass(model, batch, monkeypatch):
    step = ItemizedStep(model, ItemizedCLIPLoss(), 2)
    found = gradients_of(step, batch, dropout=0.3)
    monkeypatch.setattr("itemclip_med.training.step.checkpoint", lambda run, part, use_reentrant: run(part))
    assert_close(found, gradients_of(step, batch, dropout=0.3))


def test_a_study_skips_the_same_branches_whatever_its_company(model):
    model.visual.draw_drops([7, 8], 6)
    two = model.visual.drop_draws.clone()
    model.visual.draw_drops([8], 4)
    assert torch.equal(two[1:, ..., :4], model.visual.drop_draws)
    model.visual.draw_drops(None)
    assert model.visual.drop_draws is None


def test_parts_keep_little_for_the_backward_pass(model, batch):
    """Only what the loss needs is held between the passes."""

    def kept(size: int | None) -> int:
        sizes: list[int] = []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.nelement())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            ItemizedStep(model, ItemizedCLIPLoss(), size).train()(**batch)
        return sum(sizes)

    assert kept(1) < 0.2 * kept(None)


def test_no_study_at_once_is_refused(model):
    with pytest.raises(ValueError, match="micro_batch_size is 0"):
        ItemizedStep(model, ItemizedCLIPLoss(), 0)
