"""Text embeddings that need not be computed twice: by what the text tower is, and the text."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from itemclip_med.models.text import clean_text

if TYPE_CHECKING:
    from itemclip_med.models.itemclip import ItemizedCLIP

MAX_TEXTS = 10_000


class PromptCache:
    """Embeddings of prompts, kept in memory and, if there is a folder, on disk.

    Files hold numbers alone and are named by hashes: no text can be read from them. Several processes may share a
    folder; a file that is damaged is made anew.

    Args:
        folder: where embeddings are kept between runs, made when needed; None keeps them in memory.
        max_texts: texts kept in memory, the longest unused go first.
    """

    def __init__(self, folder: Path | str | None = None, max_texts: int = MAX_TEXTS) -> None:
        self.folder = None if folder is None else Path(folder)
        self.max_texts = max_texts
        self._rows: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()
        self._digests: weakref.WeakKeyDictionary[Any, tuple[Any, str]] = weakref.WeakKeyDictionary()

    def embed(self, model: ItemizedCLIP, texts: Sequence[str]) -> Tensor:
        """What ``model.encode_text(texts)`` gives in evaluation, without gradient.

        Args:
            model: the model; other weights, tokenizers and context lengths have their own entries.
            texts: K texts.

        Returns:
            (K, E) float32 on the model's device, not normalized.
        """
        digest = self._digest(model)
        keys = [(digest, hashlib.sha256(clean_text(text).encode()).hexdigest()) for text in texts]
        rows = {key: row for key in dict.fromkeys(keys) if (row := self._find(key, model.config.embed_dim)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in rows}
        if missing:
            training = model.text.training
            model.text.eval()
            with torch.inference_mode():
                embeddings = model.encode_text(list(missing.values())).float().cpu().numpy()
            model.text.train(training)
            for key, row in zip(missing, embeddings, strict=True):
                rows[key] = row
                self._write(key, row)
        for key, row in rows.items():
            self._remember(key, row)
        found = np.stack([rows[key] for key in keys]) if keys else np.zeros((0, model.config.embed_dim), np.float32)
        return torch.from_numpy(found).to(model.device)

    def _digest(self, model: ItemizedCLIP) -> str:
        """The digest of the text tower, taken again when its weights have changed."""
        state = [
            (tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version)
            for tensor in model.text.state_dict().values()
        ]
        known = self._digests.get(model.text)
        if known is None or known[0] != state:
            known = (state, text_digest(model))
            self._digests[model.text] = known
        return known[1]

    def _find(self, key: tuple[str, str], embed_dim: int) -> np.ndarray | None:
        if key in self._rows:
            return self._rows[key]
        path = self._path(key)
        if path is None or not path.is_file():
            return None
        try:
            row = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        good = row.dtype == np.float32 and row.shape == (embed_dim,) and np.isfinite(row).all()
        return row if good else None

    def _remember(self, key: tuple[str, str], row: np.ndarray) -> None:
        self._rows[key] = row
        self._rows.move_to_end(key)
        while len(self._rows) > self.max_texts:
            self._rows.popitem(last=False)

    def _write(self, key: tuple[str, str], row: np.ndarray) -> None:
        path = self._path(key)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as stream:
            try:
                np.save(stream, row, allow_pickle=False)
                stream.flush()
                os.replace(stream.name, path)
            except BaseException:
                os.unlink(stream.name)
                raise

    def _path(self, key: tuple[str, str]) -> Path | None:
        return None if self.folder is None else self.folder / key[0][:32] / f"{key[1]}.npy"


def text_digest(model: ItemizedCLIP) -> str:
    """A digest of all that a text embedding depends on: weights and shape of the text tower, tokenizer, its length."""
    digest = hashlib.sha256()
    tokenizer = model.tokenizer
    settings = {
        "architecture": model.text.config.architecture,
        "context_length": tokenizer.context_length,
        "vocabulary": tokenizer.tokenizer.get_vocab(),
        "class": type(tokenizer.tokenizer).__name__,
    }
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    backend = getattr(tokenizer.tokenizer, "backend_tokenizer", None)
    if backend is not None:
        rules = json.loads(backend.to_str())
        # These two are set anew by every call.
        digest.update(json.dumps(rules | {"truncation": None, "padding": None}, sort_keys=True).encode())
    for name, tensor in sorted(model.text.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
