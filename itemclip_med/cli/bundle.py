"""``itemclip-med bundle``: where the MONAI bundles lie."""

from __future__ import annotations

import json
from pathlib import Path

import click

from itemclip_med.errors import SourceError
from itemclip_med.resources import bundles_dir


def _find_bundle(name: str) -> Path:
    """The folder of a bundle; an error names the known ones."""
    known = _bundle_names()
    if name not in known:
        raise SourceError(f"There is no bundle {name!r}; known are: {', '.join(known) or 'none'}.", misuse=True)
    return bundles_dir() / name


def _bundle_names() -> list[str]:
    return sorted(path.parent.parent.name for path in bundles_dir().glob("*/configs/metadata.json"))


@click.group()
def bundle() -> None:
    """List, locate, copy and publish the MONAI bundles.

    Train with: python -m monai.bundle run training --config_file "$(itemclip-med bundle path NAME)/configs/train.json"
    """


@bundle.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_bundles(as_json: bool) -> None:
    """List the bundles with version and purpose."""
    rows = []
    for name in _bundle_names():
        metadata = json.loads((bundles_dir() / name / "configs" / "metadata.json").read_text())
        rows.append({"name": name, "version": metadata["version"], "task": metadata["task"]})
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(f"{row['name']}  {row['version']}  {row['task']}")


@bundle.command("path")
@click.argument("name")
def print_path(name: str) -> None:
    """Print the folder of bundle NAME."""
    click.echo(_find_bundle(name))


@bundle.command("copy")
@click.argument("name")
@click.argument("dest", type=click.Path(path_type=Path))
@click.option("--model", default="", help="Folder, hub id or shipped name: copy its weights too, ready to publish.")
@click.option(
    "--metrics",
    "metrics_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="metrics.json of an evaluation, for the model card.",
)
@click.option("--trained-on", default="", help="What the model was trained on, in a sentence.")
@click.option(
    "--license", "license_id", default="other", show_default=True, help="Of the weights, as model hubs name licenses."
)
@click.option("--weights-url", default="", help="Where models/model.pt will be hosted, for large_files.yml.")
def copy_bundle(
    name: str, dest: Path, model: str, metrics_path: Path | None, trained_on: str, license_id: str, weights_url: str
) -> None:
    """Copy bundle NAME to the new folder DEST, to change its configs or to publish it.

    With --model the copy holds the weights, as MONAI's zoo and model hubs want them, metadata and configs of just that
    network, and a model card.
    """
    source = _find_bundle(name)
    if not model and (metrics_path or trained_on or weights_url):
        raise click.UsageError("--metrics, --trained-on and --weights-url describe weights: give --model too.")
    from itemclip_med.training.publish import Publication, read_metrics
    from itemclip_med.training.publish import copy_bundle as copy

    metrics = None if metrics_path is None else read_metrics(metrics_path)
    publication = Publication(metrics, trained_on, license_id, weights_url)
    left = copy(source, dest, model=model, publication=publication)
    click.echo(f"{name} copied to {dest}{f', with the weights of {model}' if model else ''}")
    for sentence in left:
        click.echo(f"Still to do: {sentence}")
