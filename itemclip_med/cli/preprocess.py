"""``itemclip-med preprocess``: from a hospital's export or a public download to a store, or to NIfTI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from itemclip_med.cli.options import several

_SOURCE = click.Path(exists=True, path_type=Path)
_NEW = click.Path(path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_KINDS = ("dicom", "nifti", "npz", "itk")
_STUDIES_ON_PAGE = 100


@click.group()
def preprocess() -> None:
    """Turn DICOM and other formats into volumes in a store, or DICOM into NIfTI files."""


@preprocess.command("inspect")
@click.argument("source", type=_SOURCE)
@click.option("--recipe", help="Name or path: say which series it would store, and why not the others.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect_command(source: Path, recipe: str | None, as_json: bool) -> None:
    """Say what is under SOURCE (folder, zip, tar), what would be used, what not and why."""
    from itemclip_med.dicom import inspect

    if recipe is None:
        values = inspect(source)
    else:
        from itemclip_med.preprocess import load_recipe

        wanted = load_recipe(recipe)
        values = inspect(source, rules=wanted.select, max_series=wanted.max_series, max_per_name=wanted.max_per_name)
    if as_json:
        click.echo(json.dumps(values, indent=1))
        return
    for study in values["studies"]:
        click.echo(f"study {study['study']}  {study['scanner']}")
        for series in study["series"]:
            size = " x ".join(str(number) for number in series["shape"])
            verdict = series.get("verdict") or series["reason"] or "can be used"
            spacing = f"every {series['slice_spacing_mm']:.2f} mm" if series["slice_spacing_mm"] else ""
            name = series["description"] or "–"
            click.echo(f"  {series['modality']:3} {name:20} {size:16} {spacing:15} {verdict}")
    click.echo(f"{values['files_found']} files found, {values['files_used']} in series that can be used")
    for reason, number in values["files_skipped"].items():
        click.echo(f"  {number} x {reason}")


def _recipe_options(needs_recipe: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options that all kinds of source share."""
    options = [
        click.option(
            "--recipe", required=needs_recipe, help="Name or path: what to keep, how to orient, resample and store."
        ),
        click.option("--check", is_flag=True, help="Say what is there and what is odd; write nothing."),
        click.option("--workers", type=click.IntRange(1), help="Processes; the number of cores by default."),
        click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler, tcp://host:port, instead of processes."),
        click.option("--id-key", type=_NEW, help="Key file of hashed ids, made on first use; STORE.id-key by default."),
        click.option("--keep-ids", is_flag=True, help="Keep raw UIDs and patient ids in the store."),
        click.option("--reports", type=_FILE, help="JSONL with id and items, joined by study."),
        click.option("--labels", type=_FILE, help="Label file, joined by study."),
        click.option(
            "--page/--no-page", default=True, help="Write STORE.quality.html: unusual series first, pictures."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
    ]

    return several(*options)


def _run(source: Path, store: Path, kind: str | None, as_json: bool, options: dict[str, Any]) -> None:
    """Run a recipe, print the summary, end with its exit status."""
    if options["keep_ids"] and options["id_key"]:
        raise click.UsageError("--keep-ids keeps raw ids: --id-key has nothing to hash then.")
    if options["workers"] and options["scheduler"]:
        raise click.UsageError("--scheduler has workers of its own: leave out --workers.")
    from itemclip_med.preprocess import run_recipe
    from itemclip_med.preprocess.quality_page import write_quality_page
    from itemclip_med.preprocess.summary import default_page_path

    wants_page = options.pop("page") and not options["check"]
    summary = run_recipe(options.pop("recipe"), source, store, kind=kind, **options)
    if wants_page:
        summary.page_path = write_quality_page(
            store, default_page_path(store), summary=summary, max_studies=_STUDIES_ON_PAGE
        )
    click.echo(json.dumps(summary.to_dict(), indent=1) if as_json else "\n".join(summary.lines()))
    click.get_current_context().exit(1 if summary.num_failed else 0)


@preprocess.command("dicom")
@click.argument("source", type=_SOURCE)
@click.argument("store", type=_NEW)
@_recipe_options(needs_recipe=False)
@click.option("--to-nifti", is_flag=True, help="Write every series as NIfTI in native geometry instead of a store.")
def dicom_command(source: Path, store: Path, to_nifti: bool, as_json: bool, **options: Any) -> None:
    """Turn the DICOM studies under SOURCE into volumes in STORE; run it again to resume.

    Studies get ids that are hashed under a key, unless the recipe's data set has public ones. Exit status: 0 every
    study done, 1 a study failed, 2 misused.
    """
    if to_nifti == (options["recipe"] is not None):
        raise click.UsageError("Give --recipe NAME for a store, or --to-nifti for NIfTI files (one of them).")
    if not to_nifti:
        _run(source, store, "dicom", as_json, options)
    from itemclip_med.dicom import convert

    values = convert(source, store)
    num_written = sum(entry["output"] is not None for entry in values["series"])
    if as_json:
        click.echo(json.dumps(values, indent=1))
        return
    click.echo(f"{num_written} series written, {len(values['series']) - num_written} not")
    for entry in values["series"]:
        if entry["reason"]:
            click.echo(f"  {entry['modality']} {entry['description']}: {entry['reason']}")
    click.echo(f"{values['files_found']} files found, {values['files_used']} used; {store / 'inventory.json'}")


@preprocess.command("nifti")
@click.argument("source", type=_SOURCE)
@click.argument("store", type=_NEW)
@_recipe_options(needs_recipe=True)
def nifti_command(source: Path, store: Path, as_json: bool, **options: Any) -> None:
    """Turn the NIfTI files under SOURCE into volumes in STORE; run it again to resume.

    The recipe says what a study is (a file, a folder) and what NIfTI does not know: the modality. Ids and exit status
    are those of `preprocess dicom`.
    """
    _run(source, store, "nifti", as_json, options)


@preprocess.command("dataset")
@click.argument("source", type=_SOURCE)
@click.argument("store", type=_NEW, required=False)
@_recipe_options(needs_recipe=True)
@click.option(
    "--format", "kind", type=click.Choice(_KINDS), help="Where the recipe reads several; its first if not given."
)
@click.option(
    "--look",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    help="With --check: of how many studies, evenly spread, voxels are read too.",
)
def dataset_command(
    source: Path, store: Path | None, kind: str | None, look: int, as_json: bool, **options: Any
) -> None:
    """Turn a data set as it was downloaded into volumes in STORE, whatever format its recipe declares.

    With --check nothing is converted: headers of all files, all tables, and the voxels of some studies are read, and
    what is missing or odd is named with file and row. Exit status then: 0 nothing odd, 1 something is, 2 misused.
    """
    if options["check"]:
        _check(source, kind, look, as_json, options)
    if store is None:
        raise click.UsageError("Give STORE, the folder to write; or --check.")
    _run(source, store, kind, as_json, options)


def _check(source: Path, kind: str | None, look: int, as_json: bool, options: dict[str, Any]) -> None:
    """Check a data set, print what is odd, end with the exit status."""
    if options["scheduler"]:
        raise click.UsageError("--check works on this machine: leave out --scheduler.")
    from itemclip_med.preprocess import check_dataset

    report = check_dataset(
        options["recipe"], source, kind=kind, workers=options["workers"], look=look, labels=options["labels"]
    )
    click.echo(json.dumps(report.to_dict(), indent=1) if as_json else "\n".join(report.lines()))
    click.get_current_context().exit(1 if report.oddities else 0)
