"""What a run learned of the files of a source, kept beside the store so that the next one does not open them again.

A scan reads the first bytes of each file to tell its study. The cache remembers the answer by path, size and time of
change, and which studies held nothing that the recipe wants. It holds numbers and keyed hashes: no path, no UID,
nothing of a patient. It is never needed: one that is damaged, of another release or made under another key is made
anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med import __version__
from itemclip_med.store.files import write_whole

_VERSION = 1
_TOKEN_BYTES = 16
_NO_DICOM, _NO_UID = b"\xff" * _TOKEN_BYTES, bytes(_TOKEN_BYTES)
_NAMES = ("about", "keys", "checks", "tokens", "skipped")


class ScanCache:
    """Answers of earlier scans, and those of this one.

    Args:
        path: the file; it need not exist.
        key: of the hashes: the key of the study ids; None where ids are public or kept.
        recipe_digest: skipped studies are remembered for this recipe.
    """

    def __init__(self, path: Path, key: bytes | None, recipe_digest: str) -> None:
        self.path = path
        self.note = ""
        self._key = hashlib.sha256(key or b"").digest()
        self._recipe = recipe_digest
        self._about = json.dumps([_VERSION, __version__, self._hash(b"key").hex()])
        self._old = {name: np.zeros((0, _TOKEN_BYTES) if name == "tokens" else 0, np.uint64) for name in _NAMES[1:4]}
        self._skipped: dict[str, Mapping[str, Any]] = {}
        self._keys, self._checks, self._tokens = array("Q"), array("Q"), bytearray()
        self._num_new = 0
        self._still_skipped: dict[str, Mapping[str, Any]] = {}
        if path.exists():
            self._load()
        self._saved = len(self._old["keys"]), 0, set(self._skipped)

    def token(self, uid: str) -> str:
        """What stands for a StudyInstanceUID: "" for none."""
        return self._hash(b"study\0" + uid.encode("utf-8", "surrogateescape")).hex() if uid else ""

    def find(self, name: str, size: int, mtime: int) -> str | None:
        """The token of the study of a file, "" for DICOM without one, None for a file that is no DICOM.

        Raises:
            KeyError: if the file is not known, or is not what it was.
        """
        key, check = self._hash_file(name, size, mtime)
        keys = self._old["keys"]
        place = int(np.searchsorted(keys, np.uint64(key)))
        if place == len(keys) or int(keys[place]) != key or int(self._old["checks"][place]) != check:
            raise KeyError
        token = self._old["tokens"][place].tobytes()
        self._add(key, check, token)
        return None if token == _NO_DICOM else "" if token == _NO_UID else token.hex()

    def add(self, name: str, size: int, mtime: int, token: str | None) -> None:
        """Remember the token of a file."""
        key, check = self._hash_file(name, size, mtime)
        self._add(key, check, _NO_DICOM if token is None else bytes.fromhex(token) or _NO_UID)
        self._num_new += 1

    def skipped(self, digest: str) -> Mapping[str, Any] | None:
        """What was counted of a study that the recipe wants nothing of; None where that is not known."""
        found = self._skipped.get(digest)
        if found is not None:
            self._still_skipped[digest] = found
        return found

    def add_skipped(self, digest: str, counts: Mapping[str, Any]) -> None:
        """Remember a study without a wanted series, by the digest of its files."""
        self._still_skipped[digest] = counts
        self._num_new += 1

    def save(self) -> None:
        """Write what was seen since the start, and nothing of files that are gone; a full disk is no error."""
        state = len(self._keys), self._num_new, set(self._still_skipped)
        if state == self._saved:
            return
        keys = np.frombuffer(self._keys, np.uint64)
        order = np.argsort(keys, kind="stable")
        data = io.BytesIO()
        np.savez(
            data,
            about=_as_bytes(self._about),
            keys=keys[order],
            checks=np.frombuffer(self._checks, np.uint64)[order],
            tokens=np.frombuffer(bytes(self._tokens), np.uint8).reshape(-1, _TOKEN_BYTES)[order],
            skipped=_as_bytes(json.dumps([self._recipe, self._still_skipped], sort_keys=True)),
        )
        try:
            write_whole(self.path, [data.getbuffer()])
            self._saved = state
        except OSError as error:
            self.note = f"{self.path.name} could not be written ({error.strerror}): the next run reads all files again"

    def _load(self) -> None:
        try:
            with zipfile.ZipFile(self.path) as file:
                members = file.infolist()
                if sum(member.file_size for member in members) > self.path.stat().st_size:
                    raise ValueError("compressed")  # we never compress: no array is larger than the file
            with np.load(self.path, allow_pickle=False) as file:
                found = {name: file[name] for name in _NAMES}
            if found["about"].tobytes() != self._about.encode():
                self.note = f"{self.path.name} is of another release or key: all files were read again"
                return
            num = len(found["keys"])
            shapes = [(found[name].dtype.name, found[name].shape) for name in _NAMES[1:4]]
            if shapes != [("uint64", (num,)), ("uint64", (num,)), ("uint8", (num, _TOKEN_BYTES))]:
                raise ValueError("shapes")
            if np.any(found["keys"][1:] < found["keys"][:-1]):
                raise ValueError("order")
            recipe, skipped = json.loads(found["skipped"].tobytes())
            if not _are_counts(skipped):
                raise ValueError("counts")
        except Exception:  # NumPy and zipfile raise many kinds on damaged files
            self.note = f"{self.path.name} is damaged: all files were read again"
            return
        self._old = {name: found[name] for name in _NAMES[1:4]}
        self._skipped = skipped if recipe == self._recipe else {}

    def _add(self, key: int, check: int, token: bytes) -> None:
        self._keys.append(key)
        self._checks.append(check)
        self._tokens += token

    def _hash_file(self, name: str, size: int, mtime: int) -> tuple[int, int]:
        text = f"file\0{name.replace(os.sep, '/')}\0{size}\0{mtime}"
        return struct.unpack("<QQ", self._hash(text.encode("utf-8", "surrogateescape")))

    def _hash(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._key, digest_size=_TOKEN_BYTES).digest()


def default_cache_path(store: Path) -> Path:
    """Beside the store, so that two stores of the same studies stay equal byte for byte."""
    store = store.absolute()
    return store.parent / f"{store.name}.headers.npz"


def _as_bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def _are_counts(values: Any) -> bool:
    """True for digest → {"num_skipped": number, and two of reason → number}."""
    return isinstance(values, dict) and all(
        isinstance(counts, dict)
        and set(counts) == {"num_skipped", "series_left_out", "files_skipped"}
        and all(isinstance(n, int) for n in (counts["num_skipped"], *counts["series_left_out"].values()))
        and all(isinstance(n, int) for n in counts["files_skipped"].values())
        for counts in values.values()
    )
