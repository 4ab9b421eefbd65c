"""``itemclip-med reports``: bring report items into a store."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def reports() -> None:
    """Bring report items into a store."""


@reports.command("merge")
@click.argument("items", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
def merge_command(items: Path, store: Path) -> None:
    """Join ITEMS (JSONL: id, items, is_normal) to the studies of STORE by study id."""
    from itemclip_med.preprocess import merge_reports

    num_matched, unmatched = merge_reports(store, items)
    click.echo(f"{num_matched} studies have items, {len(unmatched)} reports without a study")
