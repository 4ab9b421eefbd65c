"""No recorded file is left out: each belongs to a pattern that some test looks for."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS_DIR = Path(__file__).resolve().parent
FINDERS = ("glob", "golden_cases")


def patterns_in(source: str) -> set[str]:
    """Patterns that a test file hands to ``golden_cases`` or a folder's ``glob``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        pattern = node.args[0]
        if name in FINDERS and isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
            found.add(pattern.value)
    return found


def claimed_patterns(tests_dir: Path) -> set[str]:
    """All patterns of the tests marked ``golden``; one that would take anything claims nothing."""
    patterns = set()
    for path in sorted(tests_dir.rglob("test_*.py")):
        source = path.read_text()
        if path != Path(__file__).resolve() and "mark.golden" in source:
            patterns |= patterns_in(source)
    return {pattern for pattern in patterns if not pattern.startswith("*")}


def unclaimed(names: list[str], patterns: set[str]) -> list[str]:
    """Files that no pattern takes, themselves or as the tensors beside a JSON."""
    return [
        name
        for name in names
        if not any(
            fnmatch(name, pattern) or fnmatch(name.removesuffix(".safetensors") + ".json", pattern)
            for pattern in patterns
        )
    ]


@pytest.mark.golden
def test_every_recorded_file_belongs_to_a_test(shared_dir):
    names = [path.name for path in sorted(shared_dir("golden").iterdir()) if path.suffix != ".md"]
    assert names
    assert unclaimed(names, claimed_patterns(TESTS_DIR)) == []


def test_a_new_kind_of_file_is_found():
    patterns = claimed_patterns(TESTS_DIR)
    assert "attn_pool_*.json" in patterns
    assert unclaimed(["attn_pool_x.safetensors", "decoder_x.json", "decoder_x.safetensors"], patterns) == [
        "decoder_x.json",
        "decoder_x.safetensors",
    ]


def test_patterns_are_read_from_both_ways_to_find_files():
    source = 'CASES = golden_cases("a_*.json")\npaths = sorted(folder.glob("b_*.json"))\nother = golden_cases(name)\n'
    assert patterns_in(source) == {"a_*.json", "b_*.json"}
