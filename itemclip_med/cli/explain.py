"""``itemclip-med explain``: show where in a study the model saw a finding."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("study")
@click.option("--model", default="head_ct_phantom", show_default=True, help="Folder, hub id or shipped name.")
@click.option("--item", "items", multiple=True, required=True, help="A finding in words; may be given several times.")
@click.option("-o", "--out", "out_dir", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(["nifti", "png"]), help="Default: both.", show_default=False
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …")
def explain(
    store: Path, study: str, model: str, items: tuple[str, ...], out_dir: Path, formats: tuple[str, ...], device: str
) -> None:
    """Draw where in STUDY of STORE the model saw each finding: NIfTI in the patient's space, and PNG."""
    from itemclip_med.explain import FORMATS, explain_study

    for path in explain_study(store, study, model, items, out_dir, formats=formats or FORMATS, device=device):
        click.echo(path)
    if model == "head_ct_phantom":
        click.echo("This model was trained on phantoms: on scans of patients its heatmaps mean nothing.")
