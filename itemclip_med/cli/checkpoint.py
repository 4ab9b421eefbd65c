"""``itemclip-med checkpoint``: published checkpoints made into model folders, what a model is, and its export."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def checkpoint() -> None:
    """Import published checkpoints; tell what a model is; export it."""


@checkpoint.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--config", required=True, help="brain_mri, head_ct, chest_ct, or a JSON file with a model's config.")
@click.option("-o", "--out", "folder", required=True, type=click.Path(path_type=Path), help="New model folder.")
@click.option("--tokenizer", help="Folder or Hugging Face name; without it, the one that the config names.")
def import_command(file: Path, config: str, folder: Path, tokenizer: str | None) -> None:
    """Make a model folder from FILE, a checkpoint of the published training code.

    No code in FILE is run. Every weight is checked before anything is written.
    """
    from itemclip_med.models import import_official

    made = import_official(file, config, folder, tokenizer=tokenizer)
    click.echo(f"{made.folder}: {made.num_tensors} weights, {made.num_parameters:,} numbers, epoch {made.epoch}")
    if not made.has_preprocessing:
        click.echo("The config says nothing of preprocessing: add preprocessing.json before scoring studies.", err=True)


@checkpoint.command("export")
@click.argument("model")
@click.option("-o", "--out", "folder", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "export_format",
    type=click.Choice(["torch", "onnx"]),
    default="torch",
    show_default=True,
    help="torch.export programs (.pt2), or ONNX (needs itemclip-med[onnx]).",
)
@click.option("--series", type=click.IntRange(1), default=1, show_default=True, help="Series of the studies.")
def export_command(model: str, folder: Path, export_format: str, series: int) -> None:
    """Write image tower and pool of MODEL (folder, hub id, shipped name) as programs that need no itemclip-med.

    Each is read back and held to the model's numbers within 1e-4. Texts are embedded by the model itself.
    """
    from itemclip_med.models import ItemizedCLIP
    from itemclip_med.models.exporting import export_model

    differences = export_model(ItemizedCLIP.from_pretrained(model), folder, export_format, series)
    for name, difference in differences.items():
        click.echo(f"{folder / name}: differs from the model by {difference:.1e}")


@checkpoint.command("info")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info_command(model: str, as_json: bool) -> None:
    """Say what MODEL is: a folder, a hub id, a shipped name, or a checkpoint file of the published code."""
    from itemclip_med.models import describe_model

    values = describe_model(model)
    if as_json:
        click.echo(json.dumps(values, indent=1, default=str))
        return
    for name, value in values.items():
        click.echo(f"{name:14} {value}")
