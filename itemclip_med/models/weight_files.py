"""Read weights that others wrote, safetensors or PyTorch's own format, without ever running code from the file."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from itemclip_med.errors import ModelError
from itemclip_med.models.checkpoints import read_weights

_ZIP_START = b"PK\x03\x04"
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
# Compression would let a small file ask for any amount of memory; PyTorch stores its records as they are.
_OVERHEAD_BYTES = 2**20


def read_weight_file(path: str | Path) -> dict[str, Any]:
    """Read a file of weights.

    Tensors of PyTorch files are mapped into memory and not copied, so that an optimizer's state beside the weights
    costs nothing.

    Args:
        path: ``.safetensors``, or what ``torch.save`` wrote.

    Returns:
        The dictionary in the file; its entries may be anything that holds no code.

    Raises:
        ModelError: if the file is missing, truncated, of no known format, or holds pickled objects.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"Checkpoint {path.name}: no such file.")
    if path.suffix == ".safetensors":
        return dict(read_weights(path))
    is_zip = _check_archive(path)
    try:
        values = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as error:
        raise ModelError(_refusal(path, error)) from error
    except Exception as error:  # a damaged pickle raises nearly anything: KeyError, EOFError, RuntimeError, …
        raise ModelError(_damaged(path)) from error
    if not isinstance(values, dict):
        raise ModelError(
            f"Checkpoint {path.name} holds a {type(values).__name__}, expected a dictionary of weights: is it one?"
        )
    return values


def _check_archive(path: Path) -> bool:
    """Whether a file is PyTorch's archive; refuses broken ones and those that would grow on reading."""
    with path.open("rb") as stream:
        start = stream.read(len(_ZIP_START))
    if start != _ZIP_START:
        return False
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ModelError(
            f"Checkpoint {path.name} is truncated: its archive has no end after {size:,} bytes. Get it again."
        ) from error
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > size + _OVERHEAD_BYTES:
        raise ModelError(
            f"Checkpoint {path.name} is compressed ({size:,} bytes hold {unpacked:,}), which torch.save never does. "
            "Is it a checkpoint?"
        )
    if not any(Path(entry.filename).name == "data.pkl" for entry in entries):
        raise ModelError(f"Checkpoint {path.name} is an archive, but not one of torch.save. Is it a checkpoint?")
    return True


def _refusal(path: Path, error: Exception) -> str:
    """Why a file that needs more than tensors and plain values is not read."""
    found = _GLOBAL.search(str(error))
    if found is None:
        return _damaged(path)
    return (
        f"Checkpoint {path.name} holds a pickled {found.group(1)}, and unpickling it could run any code: it is not "
        "read. Where you trust the file, save its weights alone, torch.save({'state_dict': model.state_dict()}, …), "
        "and import that."
    )


def _damaged(path: Path) -> str:
    return (
        f"Checkpoint {path.name} ({path.stat().st_size:,} bytes) is no PyTorch or safetensors file, or a truncated "
        "one. Get it again, and check that it is a checkpoint and no page or pointer to one."
    )
