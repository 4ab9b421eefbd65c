"""``itemclip-med predict``: one study in; scores, a page and DICOM objects out."""

from __future__ import annotations

from pathlib import Path

import click

from itemclip_med.cli.options import MAP_METHODS

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--bundle", help="Model, preprocessing and findings of a shipped bundle (see `bundle list`), or of a copy's folder."
)
@click.option("--model", default="", help="Folder, hub id or shipped name; in place of the bundle's.")
@click.option("--prompts", type=_FILE, help="YAML: finding to the words that ask for it; by default the task's.")
@click.option("--task", default="", help="Findings of a named task; see `zeroshot list`.")
@click.option("--recipe", default="", help="Preprocessing; by default the one of the model's domain.")
@click.option("-o", "--out", "out_dir", required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["html", "dicom", "nifti", "png"]),
    help="May be given several times; scores.json comes always. Default: html and dicom.",
)
@click.option(
    "--method",
    type=click.Choice(MAP_METHODS),
    default="attention",
    show_default=True,
    help="What the maps are made of.",
)
@click.option("--source", "images", type=click.Path(path_type=Path), help="DICOM to refer to, where STUDY is none.")
@click.option("--spacing-mm", nargs=3, type=float, help="NPZ: distance of voxels along the array's axes.")
@click.option("--orientation", default="", help="NPZ: directions of the array's axes, such as IPL.")
@click.option("--array", default="", help="NPZ: name of the array, where there are several.")
@click.option(
    "--id-key", type=click.Path(dir_okay=False, path_type=Path), help="Key of the study's id; by default thrown away."
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …")
def predict(
    study: Path,
    bundle: str | None,
    model: str,
    prompts: Path | None,
    task: str,
    recipe: str,
    out_dir: Path,
    formats: tuple[str, ...],
    method: str,
    images: Path | None,
    spacing_mm: tuple[float, float, float] | None,
    orientation: str,
    array: str,
    id_key: Path | None,
    device: str,
) -> None:
    """Score STUDY for findings and write where they are seen.

    STUDY is a folder, zip or tar of one study's DICOM, or a NIfTI, NPZ, NRRD or MetaImage file.
    """
    from dataclasses import replace

    from itemclip_med.predict.asked import Asked, ask_for, from_bundle
    from itemclip_med.predict.intake import Place
    from itemclip_med.predict.study import DEFAULT_FORMATS, predict_study

    if not bundle and not model:
        raise click.UsageError("Name a --bundle (see `itemclip-med bundle list`) or a --model.")
    if bool(spacing_mm) != bool(orientation):
        raise click.UsageError("--spacing-mm and --orientation belong together.")
    asked = from_bundle(bundle, model, prompts, task) if bundle else Asked(model, "", ask_for(prompts, task))
    result = predict_study(
        study,
        replace(asked, recipe=recipe) if recipe else asked,
        out_dir,
        formats=formats or DEFAULT_FORMATS,
        method=method,
        device=device,
        id_key=id_key,
        place=Place(spacing_mm, orientation, array) if spacing_mm else None,
        images=images,
        say=click.echo,
    )
    for finding in result.values["findings"]:
        click.echo(f"{finding['score']:8.3f}  {finding['title']}")
    for path in result.paths:
        click.echo(path)
    click.echo(result.values["note"])
