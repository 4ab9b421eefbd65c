"""``itemclip-med doctor``: what is installed, and whether it fits together."""

from __future__ import annotations

import json
import sys
from importlib import metadata

import click

from itemclip_med import __version__

_PACKAGES = (
    "torch", "monai", "pytorch-ignite", "transformers", "numpy", "scipy", "pydicom", "pylibjpeg", "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg", "pylibjpeg-rle", "nibabel", "SimpleITK", "scikit-learn", "blosc2", "safetensors",
)  # fmt: skip


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Say what is installed and whether it fits together; exit 1 if something is missing."""
    versions: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    from itemclip_med.resources import bundles_dir, recipes_dir, weights_dir

    found = {
        "recipes": sorted(path.stem for path in recipes_dir().glob("*.yaml")),
        "bundles": sorted(path.parent.parent.name for path in bundles_dir().glob("*/configs/metadata.json")),
        "models": sorted(path.parent.name for path in weights_dir().glob("*/config.json")),
    }
    cuda = "torch is missing"
    if versions["torch"]:
        import torch

        cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; everything runs on the CPU"
    missing = [name for name, version in versions.items() if version is None]
    missing += [kind for kind, names in found.items() if not names]
    if as_json:
        click.echo(
            json.dumps({"itemclip_med": __version__, "packages": versions, "gpu": cuda, **found, "missing": missing})
        )
    else:
        click.echo(f"itemclip-med {__version__}, Python {sys.version.split()[0]}")
        for name, version in versions.items():
            click.echo(f"  {name:20s} {version or 'NOT INSTALLED'}")
        click.echo(f"  {'GPU':20s} {cuda}")
        for kind, names in found.items():
            click.echo(f"  {kind:20s} {', '.join(names) or 'NONE FOUND: reinstall the package'}")
        click.echo(
            "Nothing is missing." if not missing else f"Missing: {', '.join(missing)}. Try: pip install itemclip-med"
        )
    ctx.exit(1 if missing else 0)
