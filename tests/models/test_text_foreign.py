"""Text encoders that bring code: their weights are read, their code is not run."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

from itemclip_med.errors import ModelError
from itemclip_med.models import TextConfig, TextTower, load_tokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "pleural", "effusion", "."]


@pytest.fixture
def source(tmp_path):
    """A BERT under another name, as CXR-BERT is: a type of its own, code to load it, a head that is not needed."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16,
    )  # fmt: skip
    model = BertForMaskedLM(config).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    values = json.loads((tmp_path / "config.json").read_text())
    values |= {"model_type": "cxr-bert", "architectures": ["CXRBertModel"], "projection_size": 4}
    values["auto_map"] = {"AutoConfig": "configuration_cxrbert.CXRBertConfig", "AutoModel": "m.CXRBertModel"}
    (tmp_path / "config.json").write_text(json.dumps(values))
    (tmp_path / "configuration_cxrbert.py").write_text("raise SystemExit('this code was run')")
    return tmp_path, model


def test_its_weights_are_read_and_its_code_is_not_run(source):
    folder, model = source
    tower = TextTower(TextConfig(source=str(folder), trained="norms"), 6, context_length=16).eval()
    tokens = tower.tokenizer(["Pleural effusion."])
    with torch.inference_mode():
        expected = model.bert(**tokens).last_hidden_state
        torch.testing.assert_close(tower.encoder(**tokens).last_hidden_state, expected)
    trained = {name for name, p in tower.encoder.named_parameters() if p.requires_grad}
    assert trained
    assert all("LayerNorm" in name for name in trained)


def test_another_architecture_under_a_foreign_name_is_refused(source):
    from safetensors.torch import load_file, save_file

    folder, _ = source
    weights = load_file(folder / "model.safetensors")
    save_file({f"other.{name}": value for name, value in weights.items()}, folder / "model.safetensors")
    with pytest.raises(ModelError, match="no BERT"):
        TextTower(TextConfig(source=str(folder)), 6, context_length=16)


def test_a_tokenizer_that_asks_for_code_is_read_as_berts(source, monkeypatch):
    from transformers import AutoTokenizer

    def refuse(*args, **kwargs):
        raise ValueError("you must set trust_remote_code=True")

    folder, _ = source
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", refuse)
    tokenizer = BertTokenizerFast.from_pretrained(str(folder))
    monkeypatch.setattr(BertTokenizerFast, "from_pretrained", lambda name: tokenizer)
    assert len(load_tokenizer("some/cxr-bert")) == len(WORDS)
