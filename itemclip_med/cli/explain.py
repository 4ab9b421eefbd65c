"""``itemclip-med explain``: show where in a study the model saw a finding."""

from __future__ import annotations

from pathlib import Path

import click

FORMATS = ["html", "nifti", "dicom", "png"]


@click.command()
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("study")
@click.option("--model", default="head_ct_phantom", show_default=True, help="Folder, hub id or shipped name.")
@click.option("--item", "items", multiple=True, required=True, help="A finding in words; may be given several times.")
@click.option("-o", "--out", "out_dir", required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(FORMATS), help="May be given several times; nifti and png."
)
@click.option("--source", type=click.Path(path_type=Path), help="The study's DICOM: folder, zip or tar; for dicom.")
@click.option("--id-key", type=click.Path(dir_okay=False, path_type=Path), help="Key of the store's ids; beside it.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(["attention", "gradient", "occlusion"]),
    help="What the map is made of; with html several to compare. Default: attention.",
)
@click.option("--per-head", is_flag=True, help="Keep the heads of the pool apart too (html, nifti).")
@click.option("--check", is_flag=True, help="Measure what each map is worth; printed, in the page, in checks.json.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …")
def explain(
    store: Path,
    study: str,
    model: str,
    items: tuple[str, ...],
    out_dir: Path,
    formats: tuple[str, ...],
    source: Path | None,
    id_key: Path | None,
    methods: tuple[str, ...],
    per_head: bool,
    check: bool,
    device: str,
) -> None:
    """Draw where in STUDY of STORE the model saw each finding.

    html: one page to explore, for any browser; nifti: in the patient's space; png: pictures; dicom: Parametric Map,
    Segmentation and Structured Report that refer to the images in --source.
    """
    from itemclip_med.explain import DEFAULT_FORMATS, Extras, explain_study
    from itemclip_med.explain.notes import model_notes

    notes = model_notes(model)
    extras = Extras(
        methods=methods or ("attention",),
        per_head=per_head,
        check=check,
        source=source,
        id_key=id_key,
        warnings=tuple(notes),
        on_checks=click.echo,
    )
    chosen = formats or DEFAULT_FORMATS
    for path in explain_study(store, study, model, items, out_dir, formats=chosen, device=device, extras=extras):
        click.echo(path)
    for note in notes:
        click.echo(note)
