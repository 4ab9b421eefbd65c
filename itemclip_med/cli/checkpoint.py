"""``itemclip-med checkpoint``: what a model folder is."""

from __future__ import annotations

import json

import click


@click.group()
def checkpoint() -> None:
    """Tell what a model folder is."""


@checkpoint.command("info")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info_command(model: str, as_json: bool) -> None:
    """Say what MODEL (folder, hub id or shipped name) takes, how large it is, and how it was preprocessed."""
    from itemclip_med.models import ItemizedCLIP

    loaded = ItemizedCLIP.from_pretrained(model)
    config, preprocessing = loaded.config, loaded.preprocessing or {}
    values = {
        "parameters": sum(parameter.numel() for parameter in loaded.parameters()),
        "image_size": list(config.image_size),
        "patch_size": list(config.patch_size),
        "in_channels": config.in_channels,
        "width": config.width,
        "block_levels": list(config.block_levels),
        "embed_dim": config.embed_dim,
        "preprocessing": preprocessing,
    }
    if as_json:
        click.echo(json.dumps(values, indent=1, default=str))
        return
    for name, value in values.items():
        click.echo(f"{name:14} {value}")
