"""``itemclip-med explain``: show where in a study the model saw a finding."""

from __future__ import annotations

from pathlib import Path

import click

from itemclip_med.cli.options import MAP_METHODS

FORMATS = ["html", "nifti", "dicom", "png"]


class _WithEvaluate(click.Command):
    """`explain STORE STUDY …`, and `explain evaluate STORE …` beside it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave the arguments of the other command alone."""
        if args[:1] == ["evaluate"]:
            ctx.meta["evaluate"] = args[1:]
            return []
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run one or the other."""
        if "evaluate" not in ctx.meta:
            return super().invoke(ctx)
        with evaluate.make_context("evaluate", ctx.meta["evaluate"], parent=ctx) as inner:
            return evaluate.invoke(inner)


@click.command()
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--truth",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder `truth` of the phantom set.",
)
@click.option("--model", default="head_ct_phantom", show_default=True, help="Folder, hub id or shipped name.")
@click.option("--task", default="cq500-10", show_default=True, help="Whose findings and words are asked.")
@click.option("--method", type=click.Choice(MAP_METHODS), default="attention")
@click.option("--max-studies", type=click.IntRange(1), help="The first ones only.")
@click.option("--controls", type=click.IntRange(0), default=3, show_default=True, help="Models of shuffled weights.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="The numbers as JSON.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …")
def evaluate(
    store: Path,
    truth: Path,
    model: str,
    task: str,
    method: str,
    max_studies: int | None,
    controls: int,
    out: Path | None,
    device: str,
) -> None:
    """Measure the maps of phantoms in STORE against the masks of their lesions, beside shuffled weights."""
    import json

    from itemclip_med.explain.evaluate import evaluate_maps, format_evaluation
    from itemclip_med.zeroshot import load_task

    values = evaluate_maps(
        store, truth, model, load_task(task).findings,
        method=method, max_studies=max_studies, num_controls=controls, device=device,
    )  # fmt: skip
    control = f"; in parentheses: {controls} models of shuffled weights" if controls else ""
    click.echo(f"{values['num_studies']} studies, {method}{control}")
    click.echo(format_evaluation(values))
    if out:
        out.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


@click.command(cls=_WithEvaluate)
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
    type=click.Choice(MAP_METHODS),
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

    `explain evaluate` measures the maps of phantoms against the masks of their lesions.
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
