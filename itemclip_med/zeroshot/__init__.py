"""Score studies for findings in words, and evaluate the scores as a named protocol says."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from itemclip_med.zeroshot.comparison import compare_files
from itemclip_med.zeroshot.html_report import write_reports
from itemclip_med.zeroshot.plugins import StudyScorer, load_plugin
from itemclip_med.zeroshot.prompts import read_prompts
from itemclip_med.zeroshot.protocol import Published, Task
from itemclip_med.zeroshot.report import format_comparison, format_report
from itemclip_med.zeroshot.scoring import ScoreOptions, score_files
from itemclip_med.zeroshot.task import list_tasks, load_task, task_from_labels

if TYPE_CHECKING:
    from itemclip_med.zeroshot.embeddings import EmbeddingCache
    from itemclip_med.zeroshot.engine import EngineOptions
    from itemclip_med.zeroshot.evaluator import run_task, score_store

# These need torch, which evaluating scores that are there does not.
_LATER = {
    "EmbeddingCache": "embeddings",
    "EngineOptions": "engine",
    "run_task": "evaluator",
    "score_store": "evaluator",
}

__all__ = [
    "EmbeddingCache",
    "EngineOptions",
    "Published",
    "ScoreOptions",
    "StudyScorer",
    "Task",
    "compare_files",
    "format_comparison",
    "format_report",
    "list_tasks",
    "load_plugin",
    "load_task",
    "read_prompts",
    "run_task",
    "score_files",
    "score_store",
    "task_from_labels",
    "write_reports",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
