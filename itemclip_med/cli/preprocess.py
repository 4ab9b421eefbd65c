"""``itemclip-med preprocess``: from a hospital's export or a public download to a store, or to NIfTI."""

from __future__ import annotations

import json
from pathlib import Path

import click

_SOURCE = click.Path(exists=True, path_type=Path)
_NEW = click.Path(path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def preprocess() -> None:
    """Turn DICOM into volumes in a store, or into NIfTI files."""


@preprocess.command("inspect")
@click.argument("source", type=_SOURCE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect_command(source: Path, as_json: bool) -> None:
    """Say what is under SOURCE (folder, zip, tar), what would be used, what not and why."""
    from itemclip_med.dicom import inspect

    values = inspect(source)
    if as_json:
        click.echo(json.dumps(values, indent=1))
        return
    for study in values["studies"]:
        click.echo(f"study {study['study']}  {study['scanner']}")
        for series in study["series"]:
            size = " x ".join(str(number) for number in series["shape"])
            verdict = series["reason"] or "can be used"
            spacing = f"every {series['slice_spacing_mm']:.2f} mm" if series["slice_spacing_mm"] else ""
            name = series["description"] or "–"
            click.echo(f"  {series['modality']:3} {name:20} {size:16} {spacing:15} {verdict}")
    click.echo(f"{values['files_found']} files found, {values['files_used']} in series that can be used")
    for reason, number in values["files_skipped"].items():
        click.echo(f"  {number} x {reason}")


@preprocess.command("dicom")
@click.argument("source", type=_SOURCE)
@click.argument("store", type=_NEW)
@click.option("--recipe", help="Name or path: what to keep, how to orient, resample and store.")
@click.option("--to-nifti", is_flag=True, help="Write every series as NIfTI in native geometry instead of a store.")
@click.option("--check", is_flag=True, help="Parse and select only; write nothing.")
@click.option("--workers", type=click.IntRange(1), help="Processes; the number of cores by default.")
@click.option("--id-key", type=_NEW, help="Key file of hashed ids, made on first use; STORE.id-key by default.")
@click.option("--keep-ids", is_flag=True, help="Keep raw UIDs and patient ids in the store.")
@click.option("--reports", type=_FILE, help="JSONL with id and items, joined by study.")
@click.option("--labels", type=_FILE, help="Label file, joined by study.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def dicom_command(
    ctx: click.Context,
    source: Path,
    store: Path,
    recipe: str | None,
    to_nifti: bool,
    check: bool,
    workers: int | None,
    id_key: Path | None,
    keep_ids: bool,
    reports: Path | None,
    labels: Path | None,
    as_json: bool,
) -> None:
    """Turn the DICOM studies under SOURCE into volumes in STORE; run it again to resume.

    Studies get ids that are hashed under a key, unless the recipe's data set has public ones. Exit status: 0 every
    study done, 1 a study failed, 2 misused.
    """
    if to_nifti == (recipe is not None):
        raise click.UsageError("Give --recipe NAME for a store, or --to-nifti for NIfTI files (one of them).")
    if keep_ids and id_key:
        raise click.UsageError("--keep-ids keeps raw ids: --id-key has nothing to hash then.")
    if to_nifti:
        from itemclip_med.dicom import convert

        values = convert(source, store)
        num_written = sum(entry["output"] is not None for entry in values["series"])
        if as_json:
            click.echo(json.dumps(values, indent=1))
        else:
            click.echo(f"{num_written} series written, {len(values['series']) - num_written} not")
            for entry in values["series"]:
                if entry["reason"]:
                    click.echo(f"  {entry['modality']} {entry['description']}: {entry['reason']}")
            click.echo(f"{values['files_found']} files found, {values['files_used']} used; {store / 'inventory.json'}")
        return
    from itemclip_med.preprocess import run_recipe

    summary = run_recipe(
        recipe,
        source,
        store,
        workers=workers,
        id_key=id_key,
        keep_ids=keep_ids,
        reports=reports,
        labels=labels,
        check=check,
    )
    click.echo(json.dumps(summary.to_dict(), indent=1) if as_json else "\n".join(summary.lines()))
    ctx.exit(1 if summary.num_failed else 0)
