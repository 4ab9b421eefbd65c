"""``itemclip-med store``: what a store holds, whether it is whole, and its volumes as NIfTI."""

from __future__ import annotations

import json
from pathlib import Path

import click

_STORE = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def store() -> None:
    """List, check and export a store."""


@store.command("ls")
@click.argument("root", metavar="STORE", type=_STORE)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a study.")
def list_command(root: Path, as_json: bool) -> None:
    """List the studies of STORE."""
    from itemclip_med.store import Store

    opened = Store(root)
    for study in opened.studies:
        report = opened.reports.get(study.study_id)
        num_items = len(report.items) if report else 0
        positive = [name for name, value in study.labels.items() if value == 1]
        if as_json:
            row = {"study_id": study.study_id, "series": [s.name for s in study.series], "items": num_items}
            click.echo(json.dumps(row | {"labels": dict(study.labels), "split": study.split}))
            continue
        shapes = ", ".join(f"{s.name} {'x'.join(map(str, s.shape))}" for s in study.series)
        click.echo(f"{study.study_id}  {shapes}  {num_items} items  {' '.join(positive)}")
    if not as_json:
        click.echo(f"{len(opened)} studies")


@store.command("check")
@click.argument("root", metavar="STORE", type=_STORE)
@click.option("--clean", is_flag=True, help="Remove what stopped runs left, then check.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check_command(ctx: click.Context, root: Path, clean: bool, as_json: bool) -> None:
    """Compare every file of STORE with its checksum and open every volume; exit status 1 if something is wrong."""
    from itemclip_med.store import check_store, clean_store

    num_removed = clean_store(root) if clean else 0
    check = check_store(root, show_progress=None)
    if as_json:
        click.echo(json.dumps({**vars(check), "num_removed": num_removed}, indent=1))
    else:
        for problem in check.problems:
            click.echo(problem)
        if clean:
            click.echo(f"{num_removed} leftovers removed")
        if check.num_without_checksum:
            click.echo(
                f"{check.num_without_checksum} volumes of an earlier release have no checksum: read, not compared"
            )
        click.echo(f"{check.num_studies} studies, {len(check.problems)} problems")
    ctx.exit(1 if check.problems else 0)


@store.command("export")
@click.argument("root", metavar="STORE", type=_STORE)
@click.argument("study_id", metavar="STUDY")
@click.option("-o", "--out", "out_dir", required=True, type=click.Path(file_okay=False, path_type=Path))
def export_command(root: Path, study_id: str, out_dir: Path) -> None:
    """Write the series of STUDY as NIfTI in the patient's space."""
    from itemclip_med.store import Store

    for path in Store(root).export(study_id, out_dir):
        click.echo(path)
