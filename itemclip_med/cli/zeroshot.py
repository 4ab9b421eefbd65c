"""``itemclip-med zeroshot``: score studies for findings in words, and evaluate scores."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itemclip_med.errors import FormatError, LabelsError, TaskError

if TYPE_CHECKING:
    from itemclip_med.zeroshot import Task

_EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_EXISTING_PATH = click.Path(exists=True, path_type=Path)
_EXISTING_DIR = click.Path(exists=True, file_okay=False, path_type=Path)
_OUT_DIR = click.Path(file_okay=False, path_type=Path)


class _Misused(click.ClickException):
    """Input that cannot be evaluated: exit status 2."""

    exit_code = 2


def _refuses_misuse(function: Callable[..., Any]) -> Callable[..., Any]:
    """Tasks, tables and labels that do not fit are misuse (exit 2), not a failed study (exit 1)."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (TaskError, LabelsError, FormatError) as error:
            raise _Misused(str(error)) from error

    return wrapper


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, in this order in the help."""

    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_TASK = click.option(
    "--task", "task_name", help="Name (see `zeroshot list`) or a task file; none: the columns of --labels."
)
_VOLUMES = _options(
    click.option("--volumes", "volume_set", help="CT-RATE: all (default), per_study or dedup."),
    click.option("--metadata", "metadata_path", type=_EXISTING_FILE, help="CT-RATE's metadata: dedup, and scanners."),
    click.option("--reports", "reports_path", type=_EXISTING_FILE, help="CT-RATE's reports, for dedup."),
)
_EVALUATION = _options(
    click.option("--threshold-scores", type=_EXISTING_FILE, help="Scores of a separate split, for thresholds."),
    click.option("--threshold-labels", type=_EXISTING_PATH, help="Its labels, where --labels has them not."),
    click.option("--threshold-rule", default="youden", show_default=True, help="youden, closest, or sensitivity:0.9 …"),
    click.option("--published-quirks", is_flag=True, help="Also what the released evaluation would print."),
    click.option("--bootstraps", type=click.IntRange(100), default=2000, show_default=True, help="Draws of intervals."),
)


def _load(task_name: str | None, labels: Path | None, prompts: Path | None, volume_set: str | None) -> Task:
    """The task of a name, or of the columns of a label table."""
    from itemclip_med.zeroshot import load_task, task_from_labels

    if task_name is None:
        if labels is None:
            raise click.UsageError("Give --task NAME, or --labels with a table of your own to make a task of.")
        task = task_from_labels(labels, prompts)
    else:
        task = load_task(task_name)
        task = task if prompts is None else task.with_prompts(prompts)
    return task if volume_set is None else task.with_volumes(volume_set)


def _score_options(values: dict[str, Any]) -> Any:
    from itemclip_med.zeroshot import ScoreOptions
    from itemclip_med.zeroshot.volumes import VolumeTables

    return ScoreOptions(
        num_bootstraps=values["bootstraps"],
        threshold_scores=values["threshold_scores"],
        threshold_labels=values["threshold_labels"],
        threshold_rule=values["threshold_rule"],
        published_quirks=values["published_quirks"],
        tables=VolumeTables(values["metadata_path"], values["reports_path"]),
    )


@click.group()
def zeroshot() -> None:
    """Score studies for findings in words, and evaluate the scores."""


@zeroshot.command("list")
@_refuses_misuse
def list_command() -> None:
    """List the tasks that ship with the package."""
    from itemclip_med.zeroshot import list_tasks, load_task

    for name in list_tasks():
        task = load_task(name)
        sets = f"; volumes {' | '.join(task.volumes)}" if task.volumes else ""
        click.echo(f"{name:14} {task.title}{sets} ({', '.join(task.names)})")


@zeroshot.command("score")
@_TASK
@click.option(
    "--scores", "scores_path", required=True, type=_EXISTING_FILE, help="CSV: study_id, one column a finding."
)
@click.option("--labels", "labels_path", required=True, type=_EXISTING_PATH, help="Official label file, or labels.csv.")
@click.option("-o", "--out", "out_dir", required=True, type=_OUT_DIR, help="Folder for metrics.json and report.html.")
@click.option("--studies", "studies_path", type=_EXISTING_FILE, help="studies.csv: patients, sources, scanners.")
@click.option("--store", "store_path", type=_EXISTING_DIR, help="The studies' store, for pictures in the report.")
@_VOLUMES
@_EVALUATION
@_refuses_misuse
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

    task = _load(task_name, labels_path, None, volume_set)
    result = score_files(
        task, scores_path, labels_path, out_dir, studies_path=studies_path, options=_score_options(values)
    )
    click.echo(format_report(result, task))
    written = write_reports(out_dir, task, result, store=store_path)
    click.echo(f"\nWritten: {out_dir / 'metrics.json'}, {', '.join(path.name for path in written)}")


@zeroshot.command("compare")
@_TASK
@click.option("--scores", "scores_paths", required=True, multiple=True, type=_EXISTING_FILE, help="Twice: two models.")
@click.option("--labels", "labels_path", required=True, type=_EXISTING_PATH, help="Official label file, or labels.csv.")
@click.option("--studies", "studies_path", type=_EXISTING_FILE, help="studies.csv, for the patients.")
@click.option("-o", "--out", "out_path", type=click.Path(dir_okay=False, path_type=Path), help="A JSON file.")
@_refuses_misuse
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
    task = _load(task_name, labels_path, None, None)
    result = compare_files(task, *scores_paths, labels_path, studies_path=studies_path)
    names = tuple(path.parent.name or path.stem for path in scores_paths)
    click.echo(format_comparison(result, task, names if len(set(names)) == 2 else ("first", "second")))
    if out_path is not None:
        out_path.parent.mkdir(parents=True, exist_ok=True)
        write_metrics(out_path, result)


_MODEL = _options(
    click.option(
        "--model", "model_name", default="head_ct_phantom", show_default=True, help="Folder, hub id or shipped name."
    ),
    click.option("--plugin", help="A model of your own, module:attribute; runs its code."),
    click.option("--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Studies encoded at once."),
    click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …"),
    click.option("--workers", type=click.IntRange(0), default=0, show_default=True, help="Processes that read."),
    click.option("--embeddings", "embeddings_dir", type=_OUT_DIR, help="Folder that keeps encoded studies."),
    click.option(
        "--embeddings-dtype",
        type=click.Choice(["float32", "float16"]),
        default="float32",
        show_default=True,
        help="float16: half the space.",
    ),
    click.option("--prompt-cache", "cache_dir", type=_OUT_DIR, help="Folder that keeps embeddings of prompts."),
)


def _model_and_engine(values: dict[str, Any]) -> tuple[Any, Any]:
    """The model that options name, and how it encodes."""
    from itemclip_med.models import ItemizedCLIP, PromptCache
    from itemclip_med.zeroshot import EmbeddingCache, EngineOptions, load_plugin

    plugin, folder = values["plugin"], values["embeddings_dir"]
    model = load_plugin(plugin) if plugin else ItemizedCLIP.from_pretrained(values["model_name"])
    return model, EngineOptions(
        batch_size=values["batch_size"],
        device=values["device"],
        workers=values["workers"],
        embeddings=None if folder is None else EmbeddingCache(folder, values["embeddings_dtype"]),
        prompt_cache=PromptCache(values["cache_dir"]),
        attention_dir=values.get("attention_dir"),
    )


@zeroshot.command("run")
@click.argument("store", type=_EXISTING_DIR)
@_TASK
@click.option("-o", "--out", "out_dir", required=True, type=_OUT_DIR, help="Folder for scores.csv and report.html.")
@click.option("--prompts", "prompts_path", type=_EXISTING_FILE, help="Your own words instead of the task's.")
@click.option("--labels", "labels_path", type=_EXISTING_PATH, help="Official label file; else the store's labels.")
@click.option("--attention", "attention_dir", type=_OUT_DIR, help="Folder that keeps where each prompt looks.")
@_MODEL
@_VOLUMES
@_EVALUATION
@_refuses_misuse
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

    task = _load(task_name, labels_path, prompts_path, volume_set)
    model, engine = _model_and_engine(values)
    result = run_task(
        store, task, model, out_dir, labels_path=labels_path, engine=engine, options=_score_options(values)
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
@click.argument("store", type=_EXISTING_DIR)
@click.argument("words", nargs=-1, required=True)
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Studies shown.")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@_MODEL
@_refuses_misuse
def search_command(store: Path, words: tuple[str, ...], top: int, as_json: bool, **values: Any) -> None:
    """Rank the studies of STORE by how well they fit WORDS; several wordings are averaged.

    With --embeddings the next search takes milliseconds a study.
    """
    import json
    from dataclasses import asdict

    from itemclip_med.zeroshot.search import search_store

    model, engine = _model_and_engine(values)
    hits = search_store(store, words, model, top=top, engine=engine)
    if as_json:
        click.echo(json.dumps([asdict(hit) for hit in hits], indent=2))
        return
    click.echo("rank   score  percentile  study")
    for hit in hits:
        above = "–" if hit.percentile is None else f"{hit.percentile:.0f}"
        click.echo(f"{hit.rank:4}  {hit.score:6.3f}  {above:>10}  {hit.study_id}")


@zeroshot.command("retrieve")
@click.argument("store", type=_EXISTING_DIR)
@_MODEL
@_refuses_misuse
def retrieve_command(store: Path, **values: Any) -> None:
    """How well the items of STORE's reports find their study, and studies their items, as JSON."""
    import json

    from itemclip_med.zeroshot.search import retrieve_items

    model, engine = _model_and_engine(values)
    click.echo(json.dumps(retrieve_items(store, model, engine=engine), indent=2))


@zeroshot.command("probe")
@click.argument("store", type=_EXISTING_DIR)
@_TASK
@click.option("--shots", multiple=True, type=click.IntRange(1), default=(4, 16), show_default=True, help="Per class.")
@click.option("--labels", "labels_path", type=_EXISTING_PATH, help="Official label file; else the store's labels.")
@_MODEL
@_refuses_misuse
def probe_command(
    store: Path, task_name: str | None, shots: tuple[int, ...], labels_path: Path | None, **values: Any
) -> None:
    """Learn each finding of a task from a few studies of STORE: linear probe and nearest neighbors, mean AUC."""
    from itemclip_med.zeroshot.few_shot import probe_store
    from itemclip_med.zeroshot.layout import Table, number

    task = _load(task_name, labels_path, None, None)
    model, engine = _model_and_engine(values)
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
@click.argument("store", type=_EXISTING_DIR)
@click.argument("study_id")
@_TASK
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@_MODEL
@_refuses_misuse
def check_command(store: Path, study_id: str, task_name: str | None, as_json: bool, **values: Any) -> None:
    """Which items of STUDY_ID's report its images support, and which findings of a task they show unmentioned."""
    import json

    from itemclip_med.zeroshot.report_check import check_report

    task = _load(task_name, None, None, None)
    model, engine = _model_and_engine(values)
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
