"""Every `itemclip-med …` command that the pages show exists, with these options."""

import re
import shlex
from pathlib import Path

import click
import pytest

from itemclip_med.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.M | re.S)


def commands(text: str) -> list[str]:
    """The command lines of the shell blocks, continuation lines joined."""
    joined = "\n".join(BLOCK.findall(text)).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip().startswith("itemclip-med ")]


def unknown(line: str) -> str | None:
    """What of a command line the program does not know; None where it knows all."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = main
    context = click.Context(command)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return words[0]
        command, words = found, words[1:]
    known = {o for p in command.params for o in [*p.opts, *p.secondary_opts]} | {"-h", "--help"}
    for word in words:
        if re.fullmatch(r"--?[A-Za-z][\w-]*(=.*)?", word) and word.split("=")[0] not in known:
            return word
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_shows_only_commands_and_options_that_exist(page: Path) -> None:
    """Parsed, not run."""
    assert not {line: bad for line in commands(page.read_text()) if (bad := unknown(line))}


def test_a_wrong_option_and_a_wrong_command_are_found() -> None:
    """The check itself can fail."""
    assert unknown("itemclip-med zeroshot run store --no-such-option 3") == "--no-such-option"
    assert unknown("itemclip-med zeroshoot run") == "zeroshoot"
    assert unknown("itemclip-med zeroshot run store --task cq500-10") is None
