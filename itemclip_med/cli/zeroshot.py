"""``itemclip-med zeroshot``: score studies for findings in words, and evaluate scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from itemclip_med.cli.zeroshot_options import (
    EVALUATION,
    EXISTING_DIR,
    EXISTING_FILE,
    EXISTING_PATH,
    MODEL,
    OUT_DIR,
    TASK,
    VOLUMES,
    asked_task,
    model_and_engine,
    refuses_misuse,
    score_options,
)


@click.group()
def zeroshot() -> None:
    """Score studies for findings in words, and evaluate the scores."""


@zeroshot.command("list")
@refuses_misuse
def list_command() -> None:
    """List the tasks that ship with the package."""
    from itemclip_med.zeroshot import list_tasks, load_task

    for name in list_tasks():
        task = load_task(name)
        sets = f"; volumes {' | '.join(task.volumes)}" if task.volumes else ""
        click.echo(f"{name:14} {task.title}{sets} ({', '.join(task.names)})")


@zeroshot.command("score")
@TASK
@click.option("--scores", "scores_path", required=True, type=EXISTING_FILE, help="CSV: study_id, one column a finding.")
@click.option("--labels", "labels_path", required=True, type=EXISTING_PATH, help="Official label file, or labels.csv.")
@click.option("-o", "--out", "out_dir", required=True, type=OUT_DIR, help="Folder for metrics.json and report.html.")
@click.option("--studies", "studies_path", type=EXISTING_FILE, help="studies.csv: patients, sources, scanners.")
@click.option("--store", "store_path", type=EXISTING_DIR, help="The studies' store, for pictures in the report.")
@VOLUMES
@EVALUATION
@refuses_misuse
def score_command(
    task_name: str | None,
    scores_path: Path,
    labels_path: Path,
    out_dir: Path,
    studies_path: Path | None,
    store_path: Path | None,
    volume_set: str | None,
    **values: Any,
) -> None:
    """Evaluate a table of scores against a label file."""
    from itemclip_med.zeroshot import format_report, score_files, write_reports

    task = asked_task(task_name, labels_path, None, volume_set)
    result = score_files(
        task, scores_path, labels_path, out_dir, studies_path=studies_path, options=score_options(values)
    )
    click.echo(format_report(result, task))
    written = write_reports(out_dir, task, result, store=store_path)
    click.echo(f"\nWritten: {out_dir / 'metrics.json'}, {', '.join(path.name for path in written)}")


@zeroshot.command("compare")
@TASK
@click.option("--scores", "scores_paths", required=True, multiple=True, type=EXISTING_FILE, help="Twice: two models.")
@click.option("--labels", "labels_path", required=True, type=EXISTING_PATH, help="Official label file, or labels.csv.")
@click.option("--studies", "studies_path", type=EXISTING_FILE, help="studies.csv, for the patients.")
@click.option("-o", "--out", "out_path", type=click.Path(dir_okay=False, path_type=Path), help="A JSON file.")
@refuses_misuse
def compare_command(
    task_name: str | None,
    scores_paths: tuple[Path, ...],
    labels_path: Path,
    studies_path: Path | None,
    out_path: Path | None,
) -> None:
    """Compare two models on the same studies: differences with intervals and p-values."""
    from itemclip_med.zeroshot import compare_files, format_comparison
    from itemclip_med.zeroshot.scoring import write_metrics

    if len(scores_paths) != 2:
        raise click.UsageError(f"--scores is given {len(scores_paths)} times: give it twice.")
    task = asked_task(task_name, labels_path, None, None)
    result = compare_files(task, *scores_paths, labels_path, studies_path=studies_path)
    one, other = (path.parent.name or path.stem for path in scores_paths)
    click.echo(format_comparison(result, task, (one, other) if one != other else ("first", "second")))
    if out_path is not None:
        out_path.parent.mkdir(parents=True, exist_ok=True)
        write_metrics(out_path, result)


@zeroshot.command("run")
@click.argument("store", type=EXISTING_DIR)
@TASK
@click.option("-o", "--out", "out_dir", required=True, type=OUT_DIR, help="Folder for scores.csv and report.html.")
@click.option("--prompts", "prompts_path", type=EXISTING_FILE, help="Your own words instead of the task's.")
@click.option("--labels", "labels_path", type=EXISTING_PATH, help="Official label file; else the store's labels.")
@click.option("--attention", "attention_dir", type=OUT_DIR, help="Folder that keeps where each prompt looks.")
@MODEL
@VOLUMES
@EVALUATION
@refuses_misuse
def run_command(
    store: Path,
    task_name: str | None,
    out_dir: Path,
    prompts_path: Path | None,
    labels_path: Path | None,
    volume_set: str | None,
    **values: Any,
) -> None:
    """Score every study of STORE for the findings of a task, and evaluate the scores where there are labels.

    A run that was stopped goes on where it was; under torchrun the processes share the studies.
    """
    from itemclip_med.zeroshot import format_report, run_task, write_reports
    from itemclip_med.zeroshot.progress import join_ranks

    task = asked_task(task_name, labels_path, prompts_path, volume_set)
    model, engine = model_and_engine(values)
    result = run_task(
        store, task, model, out_dir, labels_path=labels_path, engine=engine, options=score_options(values)
    )
    if join_ranks()[0]:
        return
    if result is None:
        click.echo("No labels in the store and none given: scores only, nothing is evaluated.")
        written = [out_dir / "scores.csv"]
    else:
        click.echo(format_report(result, task))
        written = [out_dir / "metrics.json", *write_reports(out_dir, task, result, store=store)]
    if values["model_name"] == "head_ct_phantom" and not values["plugin"]:
        click.echo("This model was trained on phantoms: on scans of patients its scores mean nothing.")
    click.echo(f"\nWritten: {written[0]}" + "".join(f", {path.name}" for path in written[1:]))


@zeroshot.command("search")
@click.argument("store", type=EXISTING_DIR)
@click.argument("words", nargs=-1, required=True)
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Studies shown.")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@MODEL
@refuses_misuse
def search_command(store: Path, words: tuple[str, ...], top: int, as_json: bool, **values: Any) -> None:
    """Rank the studies of STORE by how well they fit WORDS; several wordings are averaged.

    With --embeddings the next search takes milliseconds a study.
    """
    import json
    from dataclasses import asdict

    from itemclip_med.zeroshot.search import search_store

    model, engine = model_and_engine(values)
    hits = search_store(store, words, model, top=top, engine=engine)
    if as_json:
        click.echo(json.dumps([asdict(hit) for hit in hits], indent=2))
        return
    click.echo("rank   score  percentile  study")
    for hit in hits:
        above = "–" if hit.percentile is None else f"{hit.percentile:.0f}"
        click.echo(f"{hit.rank:4}  {hit.score:6.3f}  {above:>10}  {hit.study_id}")


@zeroshot.command("retrieve")
@click.argument("store", type=EXISTING_DIR)
@MODEL
@refuses_misuse
def retrieve_command(store: Path, **values: Any) -> None:
    """How well the items of STORE's reports find their study, and studies their items, as JSON."""
    import json

    from itemclip_med.zeroshot.search import retrieve_items

    model, engine = model_and_engine(values)
    click.echo(json.dumps(retrieve_items(store, model, engine=engine), indent=2))


@zeroshot.command("probe")
@click.argument("store", type=EXISTING_DIR)
@TASK
@click.option("--shots", multiple=True, type=click.IntRange(1), default=(4, 16), show_default=True, help="Per class.")
@click.option("--labels", "labels_path", type=EXISTING_PATH, help="Official label file; else the store's labels.")
@MODEL
@refuses_misuse
def probe_command(
    store: Path, task_name: str | None, shots: tuple[int, ...], labels_path: Path | None, **values: Any
) -> None:
    """Learn each finding of a task from a few studies of STORE: linear probe and nearest neighbors, mean AUC."""
    from itemclip_med.zeroshot.few_shot import probe_store
    from itemclip_med.zeroshot.layout import Table, number

    task = asked_task(task_name, labels_path, None, None)
    model, engine = model_and_engine(values)
    found = probe_store(store, task, model, shots=shots, labels_path=labels_path, engine=engine)
    header = ["finding", *(f"{kind}, {num}" for num in found for kind in ("linear", "kNN"))]
    rows = [
        [
            task.titles[name],
            *(number((numbers[name] or {}).get(kind)) for numbers in found.values() for kind in ("linear", "knn")),
        ]
        for name in task.names
    ]
    click.echo("\n".join(Table(task.title, header, rows).plain()))
    click.echo("Mean AUC over five draws, studies per class to learn from behind the comma; – where there are too few.")


@zeroshot.command("check")
@click.argument("store", type=EXISTING_DIR)
@click.argument("study_id")
@TASK
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@MODEL
@refuses_misuse
def check_command(store: Path, study_id: str, task_name: str | None, as_json: bool, **values: Any) -> None:
    """Which items of STUDY_ID's report its images support, and which findings of a task they show unmentioned."""
    import json

    from itemclip_med.zeroshot.report_check import check_report

    task = asked_task(task_name, None, None, None)
    model, engine = model_and_engine(values)
    found = check_report(store, study_id, model, task, engine=engine)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(f"Study {found['study_id']}, compared with {found['num_compared']} others (percentile of the score):")
    for item in found["items"]:
        click.echo(f"  {item['percentile']:3.0f}  {item['verdict'] or item['status']:14} {item['text']}")
    for entry in found["missed"]:
        click.echo(f"  {entry['percentile']:3.0f}  {'not mentioned':14} {entry['title']}")
    click.echo("A hint for a second look; the percentile is no probability. For research, not for diagnosis.")
