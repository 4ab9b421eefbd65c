"""CLIP and SigLIP against slow, obvious references."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from itemclip_med.losses import CLIPLoss, SigLIPLoss

E = 8


def info_nce(images, texts, scale):
    """One study at a time, in both directions."""
    total = 0.0
    for i in range(len(images)):
        row = torch.stack([scale * F.cosine_similarity(images[i], text, dim=0) for text in texts])
        column = torch.stack([scale * F.cosine_similarity(image, texts[i], dim=0) for image in images])
        total -= (row[i] - row.logsumexp(0)) + (column[i] - column.logsumexp(0))
    return total / (2 * len(images))


def clip(images, texts, mask, num_texts=1):
    loss = CLIPLoss(num_texts)
    return loss(image_features=images, item_features=texts, item_mask=mask, logit_scale=torch.tensor(4.0))["total"]


def test_clip_is_the_mean_of_both_directions():
    images, texts = torch.randn(4, E), torch.randn(4, 1, E)
    torch.testing.assert_close(clip(images, texts, torch.ones(4, 1)), info_nce(images, texts[:, 0], 4.0))


def test_studies_without_a_text_take_no_part_in_clip():
    images, texts = torch.randn(4, E), torch.randn(4, 1, E)
    mask = torch.tensor([[1.0], [0.0], [1.0], [1.0]])
    kept = [0, 2, 3]
    torch.testing.assert_close(clip(images, texts, mask), info_nce(images[kept], texts[kept, 0], 4.0))


def test_the_dual_loss_is_the_mean_over_text_slots():
    images, texts = torch.randn(3, E), torch.randn(3, 2, E)
    expected = (info_nce(images, texts[:, 0], 4.0) + info_nce(images, texts[:, 1], 4.0)) / 2
    torch.testing.assert_close(clip(images, texts, torch.ones(3, 2), 2), expected)


def test_a_batch_without_any_text_gives_zero_and_zero_gradients():
    images = torch.randn(2, E, requires_grad=True)
    total = clip(images, torch.randn(2, 1, E), torch.zeros(2, 1))
    total.backward()
    assert total.item() == 0 and not images.grad.any()


def test_clip_refuses_another_number_of_texts():
    with pytest.raises(ValueError, match="expected 2 texts per study, got 1"):
        clip(torch.randn(2, E), torch.randn(2, 1, E), torch.ones(2, 1), 2)
    with pytest.raises(ValueError, match="expected 1 or more"):
        CLIPLoss(0)


def test_siglip_leaves_out_pairs_of_normal_studies_when_asked():
    inputs = {
        "image_features": torch.randn(3, E),
        "item_features": torch.randn(3, 1, E),
        "item_mask": torch.ones(3, 1),
        "is_normal": torch.tensor([1, 0, 1]),
        "logit_scale": torch.tensor(4.0),
    }
    expected = 0.0
    for i in range(3):
        for j in range(3):
            if {i, j} == {0, 2}:
                continue
            cosine = F.cosine_similarity(inputs["image_features"][i], inputs["item_features"][j, 0], dim=0)
            expected -= F.logsigmoid(4 * cosine * (1 if i == j else -1)) / 3
    torch.testing.assert_close(SigLIPLoss(normal_check=True)(**inputs)["total"], expected)
