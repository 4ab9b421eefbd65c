"""The page on adding a data set, done as it says: its files written, its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs/how-to/add-a-data-set.md").read_text(encoding="utf-8")
FILES = {block.split(":", 1)[0].lstrip("# "): block for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)}
COMMANDS = [
    line
    for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.splitlines()
    if line.startswith("itemclip-med ")
]
SHOWN = re.findall(r"^```text\n(.*?)^```", PAGE, re.M | re.S)


def test_recipe_and_task_are_sixty_lines_together():
    assert sorted(FILES) == ["our_heads.yaml", "our_task.yaml"]
    assert sum(len(text.splitlines()) for text in FILES.values()) <= 60


def test_the_page_ends_with_scores_of_the_new_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process instead of as many as there are processors; all else as shown, what is printed too."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    printed = []
    for line in COMMANDS:
        words = shlex.split(line)[1:]
        result = CliRunner().invoke(main, [*words, "--workers", "1"] if words[0] != "zeroshot" else words)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        printed.append(result.output)
    assert (tmp_path / "scores" / "scores.csv").read_text().startswith("study_id,ICH,EDH,MassEffect\n")
    lines = "".join(printed)
    missing = [line for block in SHOWN for line in block.splitlines() if line.rstrip("…") not in lines]
    assert not missing, lines


@pytest.mark.parametrize(
    ("name", "wrong", "command", "said"),
    [
        ("our_heads.yaml", ("max_series:", "max_serie:"), COMMANDS[1], "unknown key 'max_serie'"),
        ("our_heads.yaml", ("reader: csv", "reader: excel"), COMMANDS[1], "labels: reader is 'excel'"),
        ("our_task.yaml", ("study_id: plain", "study_id: own"), COMMANDS[3], "study_id is 'own'"),
        ("our_task.yaml", ("prompts: [Mass effect]", "prompts: Mass effect"), COMMANDS[3], "needs prompts, a list"),
    ],
)
def test_a_slip_in_either_file_is_named(tmp_path, monkeypatch, name, wrong, command, said):
    monkeypatch.chdir(tmp_path)
    assert wrong[0] in FILES[name]
    Path(name).write_text(FILES[name].replace(*wrong), encoding="utf-8")
    for folder in ("export", "our_store"):
        Path(folder).mkdir()
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code in (1, 2) and result.exception is not None
    assert said in result.output and "Traceback" not in result.output
