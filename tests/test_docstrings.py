"""Every public name says what it is; what it raises and the axes of its arrays stand there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from itemclip_med import errors

PACKAGE = Path(errors.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_resources" not in path.parts)
OUR_ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
ARRAY = re.compile(r"(?:\w+\.)*(?:Tensor|ndarray|NDArray|MetaTensor)(?:\[.*\])?(?: \| None)?")
# A shape such as (B, N, 1, D, H, W), (4, 4) or (X, Y, Z), or words that say there is none.
AXES = re.compile(r"\([^()]*,[^()]*\)|\bscalar\b|\bany shape\b|\bsame shape\b|\baxes\b|\bas many\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_names(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Functions, classes and methods whose names do not start with an underscore."""
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, Function) and not part.name.startswith("_"):
                    yield f"{node.name}.{part.name}", part


def raised_here(function: Function) -> set[str]:
    """Our own errors that a function's own body raises, without those of functions inside it."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func).split(".")[-1]
            found |= {name} & OUR_ERRORS
        waiting.extend(ast.iter_child_nodes(node))
    return found


def array_parameters(function: Function) -> list[str]:
    """Names of the parameters that are arrays or tensors."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [a.arg for a in arguments if a.annotation is not None and ARRAY.fullmatch(ast.unparse(a.annotation))]


def said_of(parameter: str, doc: str) -> str:
    """What a docstring says of a parameter; all of it where it has no list of arguments."""
    found = re.search(rf"^(\s*){parameter}: (.*(?:\n\1\s+\S.*)*)", doc, re.M)
    return found[2] if found else ("" if "Args:" in doc else doc)


def faults(path: Path, source: str) -> list[str]:
    """What is missing in a module's docstrings, a line each."""
    found = []
    for name, node in public_names(ast.parse(source)):
        doc = ast.get_docstring(node)
        where = f"{path}: {name}"
        if not doc:
            found.append(f"{where} has no docstring")
            continue
        if not isinstance(node, Function):
            continue
        named = doc.partition("Raises:")[2]
        found += [f"{where} raises {kind}, unsaid" for kind in sorted(raised_here(node)) if kind not in named]
        found += [
            f"{where}: {parameter} has no axes" for parameter in array_parameters(node)
            if not AXES.search(said_of(parameter, doc))
        ]  # fmt: skip
    return found


@pytest.mark.parametrize("folder", sorted({path.relative_to(PACKAGE).parts[0] for path in MODULES}))
def test_public_names_say_what_they_are_what_they_raise_and_which_axes(folder):
    mine = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] == folder]
    assert [line for path in mine for line in faults(path.relative_to(PACKAGE), path.read_text())] == []


def test_missing_docstrings_errors_and_axes_are_found():
    source = '''
class A:
    """A."""
    def b(self): ...
def c(x: Tensor, y: np.ndarray, z: int):
    """C.

    Args:
        x: (B, E)
            unit vectors.
        y: values.
    """
    def inner():
        raise StoreError("inside another")
    raise LabelsError("x")
def d(x: Tensor):
    """(B, K) of (B, E) ``x``.

    Raises:
        LabelsError: always.
    """
    raise LabelsError("x")
def _e(): ...
'''
    assert faults(Path("m.py"), source) == [
        "m.py: A.b has no docstring",
        "m.py: c raises LabelsError, unsaid",
        "m.py: c: y has no axes",
    ]
