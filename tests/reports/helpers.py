"""What the tests of the itemizer share."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from itemclip_med.reports import ItemizedReport, itemize

OWN_REPORTS = Path(__file__).parent / "own_reports.jsonl"
STYLES = tuple(sorted((Path(__file__).parent / "data").glob("styles_*.jsonl")))
FORMS = tuple(sorted((Path(__file__).parent / "data").glob("forms_*.jsonl")))


def texts(report: str, **options: Any) -> list[str]:
    return [item.text for item in itemize(report, **options).items]


def statuses(report: str) -> list[tuple[str, str]]:
    return [(item.text, item.status) for item in itemize(report).items]


def in_abnormal(statement: str) -> list[tuple[str, str]]:
    """Items of a statement in a study that is abnormal by another one, so that nothing is collapsed."""
    return statuses(f"FINDINGS: {statement}\n\nADDENDUM: Left apical bulla.")[:-1]


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def load_scorer(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_scorer", folder / "score.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prediction(result: ItemizedReport) -> dict[str, Any]:
    return {
        "items": [{"text": item.text, "status": item.status} for item in result.items],
        "is_normal": result.is_normal,
    }


def score(rows: list[dict[str, Any]], scorer: ModuleType) -> dict[str, float]:
    return scorer.summarise([scorer.score_study(row, prediction(itemize(row["report"]))) for row in rows])
