"""``itemclip-med phantom``: make labelled phantom studies."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itemclip_med.cli.options import several

if TYPE_CHECKING:
    from itemclip_med.phantoms.sets import ExportSummary


@click.group()
def phantom() -> None:
    """Make labelled phantom studies: DICOM, labels, reports with their items, and where each finding lies."""


@phantom.group()
def make() -> None:
    """Make a set of phantoms of one kind."""


_DEFECTS = click.option(
    "--defects",
    default="",
    metavar="LIST",
    help="Plant defects of the layout, one study each, comma between them, or all; a wrong name lists them.",
)


def _set_options(function: Callable[..., None]) -> Callable[..., None]:
    """What every set of phantoms is asked for."""
    options = (
        click.argument("out", type=click.Path(path_type=Path)),
        click.option("--num", type=click.IntRange(min=1), default=64, show_default=True, help="Number of studies."),
        click.option(
            "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the set; decides everything."
        ),
        click.option(
            "--start",
            "--offset",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Number of the first study: further studies of the same seed.",
        ),
        click.option("--workers", type=click.IntRange(min=1), help="Processes; as many as processors if not given."),
    )
    return several(*options)(function)


@make.command("head-ct")
@_set_options
@click.option(
    "--layout",
    type=click.Choice(["cq500", "plain", "rsna"]),
    default="plain",
    show_default=True,
    help="cq500: the folders and reads.csv of that data set; plain: a folder per study and labels.csv; "
    "rsna: loose slices and stage_2_train.csv of RSNA 2019.",
)
@click.option("--corrupt-file", is_flag=True, help="Plant the damaged slice of RSNA 2019 (layout rsna only).")
@click.option(
    "--size",
    type=click.Choice(["demo", "clinical"]),
    default="demo",
    show_default=True,
    help="demo: 128 x 128, one series; clinical: 512 x 512, thick, thin, bone kernel and localizer.",
)
@click.option(
    "--mix",
    type=click.Choice(["usual", "hard", "compositional", "normal-heavy"]),
    default="usual",
    show_default=True,
    help="hard: small, faint lesions; compositional: one epidural or subdural hematoma each, on either side; "
    "normal-heavy: nine in ten are normal.",
)
@click.option(
    "--words",
    type=click.Choice(["usual", "other"]),
    default="usual",
    show_default=True,
    help="other: reports in words that the usual ones never use.",
)
@_DEFECTS
@click.pass_context
def make_head_ct(
    ctx: click.Context,
    out: Path,
    num: int,
    seed: int,
    start: int,
    layout: str,
    corrupt_file: bool,
    size: str,
    mix: str,
    words: str,
    defects: str,
    workers: int | None,
) -> None:
    """Make head CT studies in the new folder OUT; run it again to complete a set that was stopped.

    Beside the DICOM files: reports.jsonl (report, items), truth/ (a mask per study, bits named in findings.json) and
    phantoms.json (what was asked for).
    """
    from itemclip_med.phantoms.defects import read_defects
    from itemclip_med.phantoms.export import PhantomSet, export_head_ct

    if corrupt_file and layout != "rsna":
        raise click.UsageError("--corrupt-file belongs to --layout rsna: leave it out, or ask for that layout.")
    names = _asked(lambda: read_defects(defects, layout))
    wanted = _asked(
        lambda: PhantomSet(num, seed, start, layout, size, corrupt_file, names, mix, words)  # type: ignore[arg-type]
    )
    _run(ctx, out, num, workers, lambda workers, tell: export_head_ct(out, wanted, workers=workers, on_study=tell))


@make.command("chest-ct")
@_set_options
@click.option(
    "--layout",
    type=click.Choice(["plain", "ct-rate", "ct-rate-v1", "rad-chestct"]),
    default="plain",
    show_default=True,
    help="plain: DICOM, a folder per study, labels.csv; ct-rate: its second version, ct-rate-v1: its first; "
    "rad-chestct: its archives and label tables.",
)
@click.option(
    "--size",
    type=click.Choice(["demo", "clinical"]),
    default="demo",
    show_default=True,
    help="demo: 128 x 128, about 64 slices; clinical: 512 x 512, thick, thin, lung kernel and localizer.",
)
@_DEFECTS
@click.pass_context
def make_chest_ct(
    ctx: click.Context,
    out: Path,
    num: int,
    seed: int,
    start: int,
    layout: str,
    size: str,
    defects: str,
    workers: int | None,
) -> None:
    """Make chest CT studies in the new folder OUT; run it again to complete a set that was stopped.

    They show the 18 findings of CT-RATE. Beside the images: reports.jsonl (report, items), truth/ (a mask per study,
    bits named in findings.json) and phantoms.json (what was asked for).
    """
    from itemclip_med.phantoms.chest_export import ChestSet, export_chest_ct
    from itemclip_med.phantoms.defects import read_defects

    names = _asked(lambda: read_defects(defects, "chest-ct" if layout == "plain" else layout))
    wanted = _asked(lambda: ChestSet(num, seed, start, layout, size, names))  # type: ignore[arg-type]
    _run(ctx, out, num, workers, lambda workers, tell: export_chest_ct(out, wanted, workers=workers, on_study=tell))


@make.command("brain-mri")
@_set_options
@click.option(
    "--layout",
    type=click.Choice(["plain", "pub-brain-5"]),
    default="plain",
    show_default=True,
    help="plain: DICOM, a folder per study, labels.csv; pub-brain-5: NIfTI as its five sources have it, and its list.",
)
@click.option(
    "--size",
    type=click.Choice(["demo", "clinical"]),
    default="demo",
    show_default=True,
    help="demo: about 24 slices of 96 to 128 squared a series; clinical: up to 512 squared, 3D T1 of 1 mm.",
)
@_DEFECTS
@click.pass_context
def make_brain_mri(
    ctx: click.Context,
    out: Path,
    num: int,
    seed: int,
    start: int,
    layout: str,
    size: str,
    defects: str,
    workers: int | None,
) -> None:
    """Make brain MRI studies in the new folder OUT; run it again to complete a set that was stopped.

    T1, T1 with contrast, T2, FLAIR, diffusion and ADC, as a protocol has them. Beside the images: reports.jsonl
    (report, items), truth/ (a mask per study, bits named in findings.json) and phantoms.json (what was asked for).
    """
    from itemclip_med.phantoms.defects import read_defects
    from itemclip_med.phantoms.mri_export import BrainMriSet, export_brain_mri

    names = _asked(lambda: read_defects(defects, layout))
    wanted = _asked(lambda: BrainMriSet(num, seed, start, layout, size, names))  # type: ignore[arg-type]
    _run(ctx, out, num, workers, lambda workers, tell: export_brain_mri(out, wanted, workers=workers, on_study=tell))


def _asked(make: Callable[[], Any]) -> Any:
    """A set as it was asked for; what cannot be made is misuse."""
    try:
        return make()
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _run(
    ctx: click.Context,
    out: Path,
    num: int,
    workers: int | None,
    export: Callable[[int, Callable[[int], None]], ExportSummary],
) -> None:
    """Make a set of ``num`` studies in ``out`` and tell how it goes.

    Args:
        ctx: of the command.
        out: the set's folder.
        num: its studies.
        workers: processes; as many as processors if None.
        export: makes the set, given the number of processes and what to call after each study.
    """
    from tqdm import tqdm

    from itemclip_med.workers import num_processors

    is_quiet = bool(ctx.find_root().params.get("quiet"))
    is_terminal = sys.stderr.isatty()
    with tqdm(total=num, unit="study", disable=is_quiet or not is_terminal) as bar:

        def tell(done: int) -> None:
            bar.update()
            if not is_terminal and not is_quiet and done % max(1, num // 10) == 0:
                click.echo(f"{done} of {num} studies made", err=True)

        summary = export(workers or num_processors(), tell)
    if not is_quiet:
        known = f" ({summary.num_known} of them were there)" if summary.num_known else ""
        suffix = "DICOM" if any(out.glob("*/**/*.dcm")) else "image"
        click.echo(f"{num} studies{known}, {summary.num_files} {suffix} files in {out}")
