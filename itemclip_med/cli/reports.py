"""``itemclip-med reports``: cut reports into items, check and correct them, bring them into a store."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ANY = click.Path(exists=True, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)


@click.group()
def reports() -> None:
    """Cut reports into items, check and correct them, bring them into a store."""


@reports.command("itemize")
@click.argument("source", type=_ANY)
@click.option("-o", "--out", required=True, type=_NEW, help="The JSONL file to write.")
@click.option(
    "--method",
    type=click.Choice(["rules", "llm"]),
    default="rules",
    show_default=True,
    help="By rules, or by a local chat model (--model) with the rules where its answer does not serve.",
)
@click.option("--model", help="llm: folder or hub id of a chat model with safetensors weights.")
@click.option("--prompt", type=_FILE, help="llm: a prompt of one's own; `reports prompt` prints the shipped one.")
@click.option("--batch-size", type=click.IntRange(min=1), default=8, show_default=True, help="llm: reports at a time.")
@click.option(
    "--retries", type=click.IntRange(min=0), default=1, show_default=True, help="llm: further tries a report."
)
@click.option(
    "--max-new-tokens", type=click.IntRange(min=16), default=2048, show_default=True, help="llm: of an answer."
)
@click.option(
    "--device", default="auto", show_default=True, help="llm: cpu, cuda, …; auto takes a GPU if there is one."
)
@click.option("--id-column", help="Column or field of the ids; guessed without it.")
@click.option("--text-column", help="Column or field of the reports, several with commas; guessed without it.")
@click.option(
    "--per-study",
    is_flag=True,
    help="Volumes of one study (CT-RATE: train_1_a_1, train_1_a_2) become one line, train_1_a.",
)
@click.option(
    "--keep-normal-statements", is_flag=True, help="Keep all statements of a normal study, not one overall item."
)
@click.option("--keep-identifiers", is_flag=True, help="Do not replace dates, names and numbers in items by ___.")
@click.option(
    "--workers", type=click.IntRange(min=0), default=0, show_default=True, help="Processes; 0 works in this one."
)
@click.pass_context
def itemize_command(
    ctx: click.Context,
    source: Path,
    out: Path,
    method: str,
    model: str | None,
    prompt: Path | None,
    batch_size: int,
    retries: int,
    max_new_tokens: int,
    device: str,
    id_column: str | None,
    text_column: str | None,
    per_study: bool,
    keep_normal_statements: bool,
    keep_identifiers: bool,
    workers: int,
) -> None:
    """Cut the reports of SOURCE (JSONL, CSV, TSV, XLSX, a folder of .txt) into items.

    Every row that gives no items has a line of its own; exit status 1 where a row could not be read. With --method llm
    a run goes on where the last one stopped: ids that OUT holds are skipped.
    """
    from itemclip_med.errors import FormatError
    from itemclip_med.reports import itemize_file

    if (method == "llm") != (model is not None):
        raise click.UsageError("--method llm needs --model, a folder or hub id; --method rules takes none.")
    columns = {"id_column": id_column, "text_column": text_column, "per_study": per_study}
    kept = {"collapse_normal": not keep_normal_statements, "scrub_identifiers": not keep_identifiers}
    try:
        if model is not None:
            from itemclip_med.reports.asking import Asking, ask_file, read_prompt
            from itemclip_med.reports.language_model import LocalChatModel

            asking = Asking(read_prompt(prompt), batch_size, retries, **kept)
            chat = LocalChatModel(model, device=device, max_new_tokens=max_new_tokens)
            summary = ask_file(source, out, chat, asking, **columns)
        else:
            summary = itemize_file(source, out, workers=workers, **columns, **kept)
    except FormatError as error:
        raise click.UsageError(str(error)) from error
    for line in summary.lines():
        click.echo(line)
    ctx.exit(1 if summary.failed else 0)


@reports.command("prompt")
def prompt_command() -> None:
    """Print the prompt of --method llm, to be saved, changed and given back with --prompt."""
    from itemclip_med.reports.asking import read_prompt

    click.echo("\n---\n".join(read_prompt().parts))


@reports.command("prompts")
@click.argument("findings", nargs=-1)
@click.option("--task", help="Findings of a zero-shot task, besides those named.")
@click.option("--items", type=_FILE, help="Items whose wordings of the findings are used.")
@click.option("--wordings", type=click.IntRange(min=1), default=3, show_default=True, help="Most texts a finding.")
@click.option("-o", "--out", required=True, type=_NEW, help="The YAML file to write, for zeroshot run --prompts.")
def prompts_command(findings: tuple[str, ...], task: str | None, items: Path | None, wordings: int, out: Path) -> None:
    """Write prompts of FINDINGS ("Pleural effusion", or SDH="Subdural hematoma") in the style of items."""
    import yaml

    from itemclip_med.reports import read_items, write_prompts

    titles = dict(one.split("=", 1) if "=" in one else (one, one) for one in findings)
    if task:
        from itemclip_med.zeroshot.task import load_task

        titles = {finding.name: finding.title for finding in load_task(task).findings} | titles
    if not titles or not all(name.strip() and title.strip() for name, title in titles.items()):
        raise click.UsageError('name findings ("Pleural effusion"), or a task with --task.')
    prompts = write_prompts(titles, read_items(items) if items else (), num_wordings=wordings)
    out.write_text(yaml.safe_dump(prompts, sort_keys=False, allow_unicode=True, width=1000), encoding="utf-8")
    click.echo(f"prompts of {len(prompts)} findings in {out.name}")


@reports.command("audit")
@click.argument("source", type=_ANY)
@click.option("--items", "items", type=_FILE, help="Items of these reports; cut anew without it.")
@click.option("-o", "--out", required=True, type=_NEW, help="The HTML page to write.")
@click.option("--csv", "table", type=_NEW, help="The CSV to correct; beside the page without it.")
@click.option("--max-studies", type=click.IntRange(min=1), default=200, show_default=True, help="Studies on the page.")
@click.option("--id-column", help="Column or field of the ids; guessed without it.")
@click.option("--text-column", help="Column or field of the reports, several with commas; guessed without it.")
def audit_command(
    source: Path,
    items: Path | None,
    out: Path,
    table: Path | None,
    max_studies: int,
    id_column: str | None,
    text_column: str | None,
) -> None:
    """Show the reports of SOURCE beside their items, least sure first, and write a CSV to correct."""
    from itemclip_med.errors import FormatError
    from itemclip_med.reports import AuditStudy, itemize, read_items, read_rows, scrub, write_audit

    cut = {study["id"]: study for study in read_items(items)} if items else None
    left_out: list[str] = []
    shown: set[str] = set()

    def studies() -> list[AuditStudy]:
        found = []
        for row in read_rows(source, id_column=id_column, text_column=text_column):
            if row.text is None:
                left_out.append(f"{row.where}: not shown: {row.problem}")
                continue
            if row.study_id in shown:
                left_out.append(f"{row.where}: not shown: its id stood before")
                continue
            if cut is not None and row.study_id not in cut:
                left_out.append(f"{row.where}: not shown: no line in {items.name if items else ''} has its id")
                continue
            shown.add(row.study_id)
            if cut is not None:
                values = cut[row.study_id]
                found.append(
                    AuditStudy(row.study_id, row.text, values["items"], values.get("is_normal"), values.get("reason"))
                )
                continue
            result = scrub(itemize(row.text))
            found.append(
                AuditStudy(
                    row.study_id, row.text, [item.to_dict() for item in result.items], result.is_normal, result.reason
                )
            )
        return found

    table = table or out.with_suffix(".csv")
    try:
        num_shown = write_audit(studies(), out, table, max_studies=max_studies)
    except FormatError as error:
        raise click.UsageError(str(error)) from error
    for line in left_out:
        click.echo(line)
    click.echo(f"{num_shown} studies on {out.name}, to correct in {table.name}; the page holds report text")


@reports.command("apply")
@click.argument("table", type=_FILE)
@click.argument("items", type=_FILE)
@click.option("-o", "--out", required=True, type=_NEW, help="The corrected JSONL file; may be ITEMS itself.")
def apply_command(table: Path, items: Path, out: Path) -> None:
    """Read the corrected CSV TABLE of an audit back into ITEMS."""
    from itemclip_med.reports import apply_corrections

    done = apply_corrections(table, items, out)
    click.echo(
        f"{done.num_studies} studies corrected: {done.num_changed} items changed, {done.num_removed} removed, "
        f"{done.num_added} added"
    )
    if done.unknown:
        click.echo(
            f"{len(done.unknown)} studies of {table.name} have no line in {items.name}: {', '.join(done.unknown[:5])}"
        )


@reports.command("merge")
@click.argument("items", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--unmatched", type=_NEW, help="A CSV of the ids without a partner; ids of your reports stand in it.")
def merge_command(items: Path, store: Path, unmatched: Path | None) -> None:
    """Join ITEMS (JSONL: id, items, is_normal) to the studies of STORE by study id."""
    from itemclip_med.preprocess import merge_reports
    from itemclip_med.store import Store

    num_matched, without_study = merge_reports(store, items)
    merged = Store(store)
    have_items = set(merged.reports)
    without_items = [study.study_id for study in merged.studies if study.study_id not in have_items]
    click.echo(
        f"{num_matched} reports joined, {len(without_study)} reports without a study, "
        f"{len(without_items)} of {len(merged.studies)} studies without items"
    )
    if unmatched is not None:
        rows = [*(("report", name) for name in without_study), *(("study", name) for name in without_items)]
        unmatched.write_text("".join(f"{kind},{_cell(name)}\n" for kind, name in [("without_partner", "id"), *rows]))
        click.echo(f"their ids: {unmatched.name}")


def _cell(text: str) -> str:
    from itemclip_med.reports.audit import shield

    text = shield(text)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text
