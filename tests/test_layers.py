"""The folders are levels: no module imports upward, and the command line stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
import time

import pytest

LEVELS = {
    "errors": 0, "records": 0, "resources": 0, "volumes": 0, "workers": 0,
    "dicom": 1, "formats": 1, "reports": 1, "store": 1, "labels": 1,
    "transforms": 2, "models": 2, "losses": 2, "phantoms": 2,
    "preprocess": 3, "data": 3,
    "training": 4, "zeroshot": 4, "explain": 4,
    "predict": 5,
    "cli": 6,
}  # fmt: skip
HEAVY = ("torch", "monai", "transformers", "scipy", "sklearn", "pydicom", "nibabel", "SimpleITK", "matplotlib", "numpy")


def imports_of(path):
    """Absolute module names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def upward_imports(package_dir):
    """Imports of an equal level's other folder, or of a higher level, as readable lines."""
    bad = []
    for path in sorted(package_dir.rglob("*.py")):
        parts = path.relative_to(package_dir).with_suffix("").parts
        if parts[0] == "__init__":
            continue
        assert parts[0] in LEVELS, f"{path} belongs to no level: name it in tests/test_layers.py"
        for module in imports_of(path):
            names = module.split(".")
            if names[0] != "itemclip_med" or len(names) < 2 or names[1] == parts[0]:
                continue
            if LEVELS.get(names[1], 99) >= LEVELS[parts[0]] and LEVELS[parts[0]] > 0:
                bad.append(f"{'/'.join(parts)} imports {module}")
    return bad


def test_no_module_imports_upward_or_sideways(repo_dir):
    assert upward_imports(repo_dir / "itemclip_med") == []


def test_an_upward_import_is_found(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "bad.py").write_text("from itemclip_med.training import ItemizedStep\n")
    assert upward_imports(tmp_path) == ["store/bad imports itemclip_med.training"]


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, itemclip_med; print([m for m in {HEAVY!r} if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["phantom"],
        ["preprocess"],
        ["store"],
        ["zeroshot"],
        ["explain"],
        ["explain", "evaluate"],
        ["predict"],
        ["bundle"],
        ["checkpoint"],
    ],
)
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys\nfrom itemclip_med.cli.main import main\n"
        f"try: main({[*command, '--help']!r})\nexcept SystemExit as end: assert end.code == 0\n"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_answers_in_under_a_second():
    took = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "itemclip_med.cli.main", "--help"], capture_output=True, check=True)
        took.append(time.perf_counter() - start)
    assert min(took) < 1.0
