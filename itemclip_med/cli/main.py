"""The group ``itemclip-med``; every command lives in a module of its own that is imported when it is called."""

from __future__ import annotations

import errno
import importlib
import logging
import sys

import click

from itemclip_med import ItemClipError, __version__
from itemclip_med.cli.options import Misused

# Command name -> (module, attribute, one-line help). The help stands here so that `--help` imports no module.
_COMMANDS: dict[str, tuple[str, str, str]] = {
    "phantom": ("itemclip_med.cli.phantom", "phantom", "Make labelled phantom studies: DICOM and official layouts."),
    "preprocess": ("itemclip_med.cli.preprocess", "preprocess", "Turn DICOM and other sources into a store or NIfTI."),
    "reports": ("itemclip_med.cli.reports", "reports", "Cut reports into items, check them, join them to a store."),
    "store": ("itemclip_med.cli.store", "store", "List, check and export a store."),
    "checkpoint": ("itemclip_med.cli.checkpoint", "checkpoint", "Import published checkpoints; export a model."),
    "zeroshot": (
        "itemclip_med.cli.zeroshot",
        "zeroshot",
        "Score studies for findings in words, and evaluate the scores.",
    ),
    "explain": ("itemclip_med.cli.explain", "explain", "Show where in a study the model saw a finding."),
    "predict": ("itemclip_med.cli.predict", "predict", "One study in; scores, a page and DICOM objects out."),
    "bundle": ("itemclip_med.cli.bundle", "bundle", "List, locate, copy and publish the MONAI bundles."),
    "demo": ("itemclip_med.cli.demo", "demo", "Run the whole road once on phantoms."),
    "doctor": ("itemclip_med.cli.doctor", "doctor", "Say what is installed and whether it fits together."),
}


class FriendlyGroup(click.Group):
    """Lists commands without importing them, and prints our own errors as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of the road."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command list from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, _, help_text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; our own errors and the system's become one line, a bug keeps its traceback."""
        try:
            return super().invoke(ctx)
        except ItemClipError as error:
            raise (Misused if error.misuse else click.ClickException)(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone: click ends quietly
                raise
            # Not the file's name: folders of an export may be called after patients.
            raise click.ClickException(
                f"The system refused to read or write a file ({error.strerror or type(error).__name__}): see to free "
                "space and permissions, then run the same command again."
            ) from error


@click.group(cls=FriendlyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="itemclip-med")
@click.option("-v", "--verbose", count=True, help="Say more (-vv: everything).")
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
def main(verbose: int, quiet: bool) -> None:
    """ItemizedCLIP for 3D radiology: from DICOM and reports to findings and where they are seen.

    Research use only. Exit status: 0 done, 1 something failed, 2 misused (what was named is not there, too).
    """
    level = logging.ERROR if quiet else [logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)


if __name__ == "__main__":
    main()
