"""The notebooks: copied by the command, and every step of them runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.resources import notebooks_dir

NOTEBOOKS = sorted(notebooks_dir().glob("*.ipynb"))


def test_the_command_copies_every_notebook_and_keeps_what_is_there(tmp_path: Path) -> None:
    """A second copy overwrites nothing."""
    assert CliRunner().invoke(main, ["demo", "notebooks", str(tmp_path)]).exit_code == 0
    assert [p.name for p in sorted(tmp_path.iterdir())] == [p.name for p in NOTEBOOKS] != []
    first = tmp_path / NOTEBOOKS[0].name
    first.write_text("mine")
    again = CliRunner().invoke(main, ["demo", "notebooks", str(tmp_path)])
    assert again.exit_code == 0 and first.read_text() == "mine"


@pytest.mark.long
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cells_of_the_notebook_run_in_order(notebook: Path, tmp_path: Path) -> None:
    """As a plain script, with a stand-in for the display of pictures where there is no IPython."""
    cells = [c for c in json.loads(notebook.read_text())["cells"] if c["cell_type"] == "code"]
    script = "\n\n".join("".join(c["source"]) for c in cells).replace("from IPython.display import Image, display", "")
    script = "Image = display = lambda thing: thing\n" + script
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
