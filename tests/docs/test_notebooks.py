"""The notebooks: copied by the command, stored without outputs, and run from first to last cell by a real kernel."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.resources import notebooks_dir
from tests.docs.test_shown_commands import commands, unknown

NOTEBOOKS = sorted(notebooks_dir().glob("*.ipynb"))
QUICK = ("3-itemize-reports", "7-published-checkpoint")
MAX_STORED_BYTES = 40_000
MAX_SHOWN_BYTES = 2_000_000
every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    """The cells of a kind, as stored."""
    return [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def text(cell: dict[str, Any]) -> str:
    """A cell's source."""
    return "".join(cell["source"])


def test_the_command_copies_every_notebook_and_keeps_what_is_there(tmp_path: Path) -> None:
    """A second copy overwrites nothing."""
    result = CliRunner().invoke(main, ["demo", "notebooks", str(tmp_path)])
    assert result.exit_code == 0 and "jupyter lab" in result.output
    assert [p.name for p in sorted(tmp_path.iterdir())] == [p.name for p in NOTEBOOKS] != []
    first = tmp_path / NOTEBOOKS[0].name
    first.write_text("mine")
    again = CliRunner().invoke(main, ["demo", "notebooks", str(tmp_path)])
    assert again.exit_code == 0 and first.read_text() == "mine"


@every_notebook
def test_the_notebook_is_stored_small_and_without_outputs(notebook: Path) -> None:
    """Outputs are made by the docs and by readers; clear them with `jupyter nbconvert --clear-output --inplace`."""
    for cell in cells(notebook, "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None, text(cell)[:80]
    assert notebook.stat().st_size < MAX_STORED_BYTES


@every_notebook
def test_the_first_cell_says_what_to_install_and_that_it_is_research(notebook: Path) -> None:
    """A reader may have nothing but the notebook."""
    first = text(cells(notebook, "markdown")[0])
    assert first.startswith("# ") and "pip install 'itemclip-med[notebooks]'" in first
    assert "Research and education only" in first


@every_notebook
def test_the_notebook_shows_only_commands_that_exist(notebook: Path) -> None:
    """In its text; those in its code are run."""
    shown = [line for cell in cells(notebook, "markdown") for line in commands(text(cell))]
    assert not {line: bad for line in shown if (bad := unknown(line))}


def test_the_page_of_notebooks_lists_each_of_them() -> None:
    """In its table and in its tree."""
    page = (notebooks_dir() / "index.md").read_text(encoding="utf-8")
    tree = re.search(r"```\{toctree\}(.*?)```", page, re.S)
    assert tree is not None
    assert [line for line in tree[1].split() if line[0].isdigit()] == [path.stem for path in NOTEBOOKS]
    assert all(f"({path.name})" in page for path in NOTEBOOKS)


@pytest.mark.parametrize(
    "notebook",
    [pytest.param(p, id=p.stem, marks=() if p.stem in QUICK else pytest.mark.long) for p in NOTEBOOKS],
)
def test_every_cell_of_the_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    """In an empty folder; it draws something, warns of nothing, and what it shows is small."""
    import nbformat
    from nbclient import NotebookClient

    opened = nbformat.read(notebook, as_version=4)
    NotebookClient(
        opened, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in opened.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"] == []
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert len(json.dumps(outputs)) < MAX_SHOWN_BYTES
