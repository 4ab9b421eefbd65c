"""Find the recorded cases, read them, and compare with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.conftest import find_shared

FORWARD, GRADIENT = 1e-5, 1e-4


def golden_cases(pattern: str) -> list[Path]:
    """Recorded files of a pattern; empty where there is no folder, which ``require_golden`` then reports."""
    try:
        folder = find_shared("golden")
    except (pytest.skip.Exception, pytest.fail.Exception):
        return []
    return sorted(folder.glob(pattern))


def require_golden(*case_lists: list[Path]) -> None:
    """Skip without the folder, fail if it was promised or has no case of a pattern."""
    find_shared("golden")
    for cases in case_lists:
        assert cases, "no recorded case of a pattern that this file tests"


def read_case(path: Path):
    """A case's JSON and its tensors, if it has any."""
    tensors_path = path.with_suffix(".safetensors")
    return json.loads(path.read_text()), load_file(tensors_path) if tensors_path.is_file() else {}


def relative_error(found, expected) -> float:
    assert found.shape == expected.shape, f"{tuple(found.shape)}, recorded {tuple(expected.shape)}"
    largest = expected.abs().max().item()
    difference = (found.detach() - expected).abs().max().item()
    return difference / largest if largest else difference


def assert_close(found, expected, what: str, tolerance: float = FORWARD) -> None:
    error = relative_error(found, expected)
    assert error <= tolerance, f"{what}: {error:.2e}"


def pool_weights(tensors, prefix: str = "w.visual_attn.") -> dict:
    """Recorded weights of the pool by our names."""
    return {
        name.removeprefix(prefix).replace("ln_", "norm_").removeprefix("attn."): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def block_levels(values) -> list[str]:
    """Levels of the blocks from the published lists of indices."""
    lists = {"slice": "slice_attn_indexes", "series": "scan_attn_indexes", "study": "study_attn_indexes"}
    named = {index: level for level, key in lists.items() for index in values.get(key) or []}
    if "scan_attn_indexes" in values:
        assert sorted(named) == list(range(values["depth"]))
    return [named.get(index, "series") for index in range(values["depth"])]
