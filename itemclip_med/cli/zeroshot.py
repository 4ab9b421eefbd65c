"""``itemclip-med zeroshot``: score studies for findings in words, and evaluate scores."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from itemclip_med.errors import FormatError, LabelsError, TaskError

_EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
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
        click.echo(f"{name:12} {task.title} ({', '.join(task.names)})")


@zeroshot.command("score")
@click.option("--task", "task_name", required=True, help="Name (see `zeroshot list`) or a task file of your own.")
@click.option(
    "--scores", "scores_path", required=True, type=_EXISTING_FILE, help="CSV: study_id, one column a finding."
)
@click.option("--labels", "labels_path", required=True, type=_EXISTING_FILE, help="Official label file, or labels.csv.")
@click.option("-o", "--out", "out_dir", required=True, type=_OUT_DIR, help="Folder for metrics.json and labels.csv.")
@click.option("--studies", "studies_path", type=_EXISTING_FILE, help="studies.csv, for the patients of the intervals.")
@_refuses_misuse
def score_command(
    task_name: str, scores_path: Path, labels_path: Path, out_dir: Path, studies_path: Path | None
) -> None:
    """Evaluate a table of scores against a label file."""
    from itemclip_med.zeroshot import format_report, load_task, score_files

    task = load_task(task_name)
    result = score_files(task, scores_path, labels_path, out_dir, studies_path=studies_path)
    click.echo(format_report(result, task))
    click.echo(f"\nWritten: {out_dir / 'metrics.json'}")


@zeroshot.command("run")
@click.argument("store", type=_EXISTING_DIR)
@click.option("--task", "task_name", required=True, help="Name (see `zeroshot list`) or a task file of your own.")
@click.option(
    "--model", "model_name", default="head_ct_phantom", show_default=True, help="Folder, hub id or shipped name."
)
@click.option("-o", "--out", "out_dir", required=True, type=_OUT_DIR, help="Folder for scores.csv and metrics.json.")
@click.option("--prompts", "prompts_path", type=_EXISTING_FILE, help="Your own words instead of the task's.")
@click.option("--labels", "labels_path", type=_EXISTING_FILE, help="Official label file; else the store's labels.")
@click.option("--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Studies encoded at once.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …")
@click.option("--prompt-cache", "cache_dir", type=_OUT_DIR, help="Folder that keeps prompt embeddings between runs.")
@_refuses_misuse
def run_command(
    store: Path,
    task_name: str,
    model_name: str,
    out_dir: Path,
    prompts_path: Path | None,
    labels_path: Path | None,
    batch_size: int,
    device: str,
    cache_dir: Path | None,
) -> None:
    """Score every study of STORE for the findings of a task, and evaluate the scores where there are labels."""
    from itemclip_med.models import ItemizedCLIP, PromptCache
    from itemclip_med.zeroshot import format_report, load_task, run_task

    task = load_task(task_name)
    if prompts_path:
        task = task.with_prompts(prompts_path)
    model = ItemizedCLIP.from_pretrained(model_name)
    result = run_task(
        store,
        task,
        model,
        out_dir,
        labels_path=labels_path,
        batch_size=batch_size,
        device=device,
        prompt_cache=PromptCache(cache_dir),
    )
    if result is None:
        click.echo("No labels in the store and none given: scores only, nothing is evaluated.")
    else:
        click.echo(format_report(result, task))
    if model_name == "head_ct_phantom":
        click.echo("This model was trained on phantoms: on scans of patients its scores mean nothing.")
    click.echo(f"\nWritten: {out_dir / ('scores.csv' if result is None else 'metrics.json')}")
