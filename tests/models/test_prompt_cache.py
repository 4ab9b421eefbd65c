"""Prompts are embedded once per text tower and text."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from itemclip_med.models import ItemizedCLIP, ItemizedCLIPConfig, PromptCache, TextConfig
from itemclip_med.models.prompt_cache import text_digest

TEXTS = ["Subdural hematoma", "No midline shift", "Epidural hematoma"]


@pytest.fixture
def model() -> ItemizedCLIP:
    torch.manual_seed(0)
    config = ItemizedCLIPConfig(
        image_size=(4, 8, 8),
        patch_size=(2, 4, 4),
        width=12,
        num_heads=2,
        block_levels=("study",),
        embed_dim=16,
        pool_heads=2,
        text=TextConfig(width=16, layers=1, heads=2),
        context_length=16,
    )
    return ItemizedCLIP(config).eval()


@pytest.fixture
def calls(model, monkeypatch) -> list[list[str]]:
    """The texts of every call of ``encode_text``."""
    seen = []
    encode = model.encode_text

    def recorded(texts):
        seen.append(list(texts))
        return encode(texts)

    monkeypatch.setattr(model, "encode_text", recorded)
    return seen


def test_embeddings_are_those_of_the_text_tower(model):
    with torch.no_grad():
        expected = model.encode_text(TEXTS)
    torch.testing.assert_close(PromptCache().embed(model, TEXTS), expected, rtol=1e-5, atol=1e-6)


def test_a_text_is_encoded_once(model, calls):
    cache = PromptCache()
    first = cache.embed(model, [TEXTS[0], TEXTS[1], TEXTS[0]])
    second = cache.embed(model, [TEXTS[1], TEXTS[2]])
    assert calls == [TEXTS[:2], TEXTS[2:]]
    assert torch.equal(first[0], first[2])
    assert torch.equal(first[1], second[0])


def test_no_texts_give_no_embeddings(model):
    assert PromptCache().embed(model, []).shape == (0, 16)


def test_changed_weights_are_not_answered_from_the_cache(model, calls):
    cache = PromptCache()
    before = cache.embed(model, TEXTS)
    with torch.no_grad():
        model.text.proj.weight.mul_(2)
    torch.testing.assert_close(cache.embed(model, TEXTS), 2 * before)
    assert len(calls) == 2


def test_a_changed_image_tower_keeps_the_texts(model, calls):
    cache = PromptCache()
    cache.embed(model, TEXTS)
    with torch.no_grad():
        model.visual_proj.weight.mul_(2)
    cache.embed(model, TEXTS)
    assert len(calls) == 1


def test_dropout_is_off_and_the_mode_comes_back(model):
    model.train()
    cache = PromptCache()
    first = cache.embed(model, TEXTS)
    assert model.text.training
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(first, model.encode_text(TEXTS), rtol=1e-5, atol=1e-6)


def test_a_folder_serves_the_next_run(model, calls, tmp_path):
    first = PromptCache(tmp_path / "prompts").embed(model, TEXTS)
    second = PromptCache(tmp_path / "prompts").embed(model, TEXTS)
    assert len(calls) == 1
    assert torch.equal(first, second)


def test_the_digest_does_not_depend_on_earlier_calls(model):
    before = text_digest(model)
    model.encode_text(["a text", "a much longer text than the other"])
    assert text_digest(model) == before


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no array", None])
def test_a_damaged_file_is_made_anew(model, calls, tmp_path, content):
    first = PromptCache(tmp_path).embed(model, TEXTS[:1])
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:-3] if content is None else content)
    assert torch.equal(PromptCache(tmp_path).embed(model, TEXTS[:1]), first)
    assert len(calls) == 2
    assert torch.equal(PromptCache(tmp_path).embed(model, TEXTS[:1]), first)
    assert len(calls) == 2


def test_files_tell_nothing_of_the_texts(model, tmp_path):
    PromptCache(tmp_path).embed(model, ["hematoma of Jane Doe"])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert not any(b"Doe" in Path(path).read_bytes() or "Doe" in str(path) for path in files)


def test_memory_is_bounded(model, calls):
    cache = PromptCache(max_texts=2)
    cache.embed(model, TEXTS)
    cache.embed(model, TEXTS[1:])
    assert len(calls) == 1
    cache.embed(model, TEXTS[:1])
    assert len(calls) == 2


def test_a_full_disk_leaves_no_piece_of_a_file(model, tmp_path, monkeypatch):
    def full(*_args, **_keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("itemclip_med.models.prompt_cache.np.save", full)
    with pytest.raises(OSError, match="No space"):
        PromptCache(tmp_path).embed(model, TEXTS[:1])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
