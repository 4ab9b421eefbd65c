"""Options that the commands of ``itemclip-med zeroshot`` share, and what they ask for: task, model, evaluation."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itemclip_med.cli.options import Misused, several
from itemclip_med.errors import FormatError, LabelsError, TaskError

if TYPE_CHECKING:
    from itemclip_med.zeroshot import Task

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXISTING_PATH = click.Path(exists=True, path_type=Path)
EXISTING_DIR = click.Path(exists=True, file_okay=False, path_type=Path)
OUT_DIR = click.Path(file_okay=False, path_type=Path)


def refuses_misuse(function: Callable[..., Any]) -> Callable[..., Any]:
    """Tasks, tables and labels that do not fit are misuse (exit 2), not a failed study (exit 1)."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (TaskError, LabelsError, FormatError) as error:
            raise Misused(str(error)) from error

    return wrapper


TASK = click.option(
    "--task", "task_name", help="Name (see `zeroshot list`) or a task file; none: the columns of --labels."
)
VOLUMES = several(
    click.option("--volumes", "volume_set", help="CT-RATE: all (default), per_study or dedup."),
    click.option("--metadata", "metadata_path", type=EXISTING_FILE, help="CT-RATE's metadata: dedup, and scanners."),
    click.option("--reports", "reports_path", type=EXISTING_FILE, help="CT-RATE's reports, for dedup."),
)
EVALUATION = several(
    click.option("--threshold-scores", type=EXISTING_FILE, help="Scores of a separate split, for thresholds."),
    click.option("--threshold-labels", type=EXISTING_PATH, help="Its labels, where --labels has them not."),
    click.option("--threshold-rule", default="youden", show_default=True, help="youden, closest, or sensitivity:0.9 …"),
    click.option("--published-quirks", is_flag=True, help="Also what the released evaluation would print."),
    click.option("--bootstraps", type=click.IntRange(100), default=2000, show_default=True, help="Draws of intervals."),
)


MODEL = several(
    click.option(
        "--model", "model_name", default="head_ct_phantom", show_default=True, help="Folder, hub id or shipped name."
    ),
    click.option("--plugin", help="A model of your own, module:attribute; runs its code."),
    click.option("--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Studies encoded at once."),
    click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …"),
    click.option("--workers", type=click.IntRange(0), default=0, show_default=True, help="Processes that read."),
    click.option("--embeddings", "embeddings_dir", type=OUT_DIR, help="Folder that keeps encoded studies."),
    click.option(
        "--embeddings-dtype",
        type=click.Choice(["float32", "float16"]),
        default="float32",
        show_default=True,
        help="float16: half the space.",
    ),
    click.option("--prompt-cache", "cache_dir", type=OUT_DIR, help="Folder that keeps embeddings of prompts."),
)


def asked_task(task_name: str | None, labels: Path | None, prompts: Path | None, volume_set: str | None) -> Task:
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


def score_options(values: dict[str, Any]) -> Any:
    """How scores are evaluated, from the options of ``EVALUATION`` and ``VOLUMES``."""
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


def model_and_engine(values: dict[str, Any]) -> tuple[Any, Any]:
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
