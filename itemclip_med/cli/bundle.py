"""``itemclip-med bundle``: where the MONAI bundles lie."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from itemclip_med.errors import SourceError
from itemclip_med.resources import bundles_dir


def _find_bundle(name: str) -> Path:
    """The folder of a bundle; an error names the known ones."""
    known = _bundle_names()
    if name not in known:
        raise SourceError(f"There is no bundle {name!r}; known are: {', '.join(known) or 'none'}.")
    return bundles_dir() / name


def _bundle_names() -> list[str]:
    return sorted(path.parent.parent.name for path in bundles_dir().glob("*/configs/metadata.json"))


@click.group()
def bundle() -> None:
    """List, locate and copy the MONAI bundles.

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
def copy_bundle(name: str, dest: Path) -> None:
    """Copy bundle NAME to the new folder DEST, to change its configs."""
    source = _find_bundle(name)
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise SourceError(f"{dest} exists and is not an empty folder; name a new one.")
    shutil.copytree(source, dest, dirs_exist_ok=True)
    click.echo(f"{name} copied to {dest}")
