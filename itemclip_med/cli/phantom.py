"""``itemclip-med phantom``: make labelled phantom studies."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group()
def phantom() -> None:
    """Make labelled phantom studies: DICOM, labels, reports with their items, and where each finding lies."""


@phantom.group()
def make() -> None:
    """Make a set of phantoms of one kind."""


@make.command("head-ct")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--num", type=click.IntRange(min=1), default=64, show_default=True, help="Number of studies.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the set; decides everything."
)
@click.option(
    "--start",
    "--offset",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Number of the first study: further studies of the same seed.",
)
@click.option(
    "--layout",
    type=click.Choice(["cq500", "plain"]),
    default="plain",
    show_default=True,
    help="cq500: the folders and reads.csv of that data set; plain: a folder per study and labels.csv.",
)
@click.option(
    "--size",
    type=click.Choice(["demo", "clinical"]),
    default="demo",
    show_default=True,
    help="demo: 128 x 128, one series; clinical: 512 x 512, thick, thin, bone kernel and localizer.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=None, help="Processes; as many as processors if not given."
)
@click.pass_context
def make_head_ct(
    ctx: click.Context, out: Path, num: int, seed: int, start: int, layout: str, size: str, workers: int | None
) -> None:
    """Make head CT studies in the new folder OUT; run it again to complete a set that was stopped.

    Beside the DICOM files: reports.jsonl (report, items), truth/ (a mask per study, bits named in findings.json) and
    phantoms.json (what was asked for).
    """
    from tqdm import tqdm

    from itemclip_med.phantoms.export import PhantomSet, export_head_ct
    from itemclip_med.workers import num_processors

    wanted = PhantomSet(num=num, seed=seed, start=start, layout=layout, size=size)  # type: ignore[arg-type]
    workers = workers or num_processors()
    is_quiet = bool(ctx.find_root().params.get("quiet"))
    is_terminal = sys.stderr.isatty()
    with tqdm(total=num, unit="study", disable=is_quiet or not is_terminal) as bar:

        def tell(done: int) -> None:
            bar.update()
            if not is_terminal and not is_quiet and done % max(1, num // 10) == 0:
                click.echo(f"{done} of {num} studies made", err=True)

        summary = export_head_ct(out, wanted, workers=workers, on_study=tell)
    if not is_quiet:
        known = f" ({summary.num_known} of them were there)" if summary.num_known else ""
        click.echo(f"{num} studies{known}, {summary.num_files} DICOM files in {out}")
