"""The table that an evaluation prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from itemclip_med.zeroshot.protocol import Task

_NONE = "–"


def format_report(result: Mapping[str, Any], task: Task) -> str:
    """A table of the numbers of ``metrics.json`` beside the published ones, with who was left out and why.

    Args:
        result: what :func:`itemclip_med.zeroshot.score_files` returns.
        task: its task, for titles and published numbers.

    Returns:
        Plain text of several lines, without a final newline.
    """
    published = [entry for entry in task.published if entry.mean or entry.findings]
    header = ["finding", "positive", "negative", "AUC", "95 % CI", *(_method(entry) for entry in published)]
    rows = [
        [
            finding.title,
            str(numbers["num_positive"]),
            str(numbers["num_negative"]),
            _number(numbers["auc"]),
            _interval(numbers["auc_ci"]),
            *(_number(entry.findings.get(finding.name, {}).get("auc")) for entry in published),
        ]
        for finding in task.findings
        for numbers in [result["findings"][finding.name]]
    ]
    mean = result["mean"]
    title = f"mean of {mean['num_findings']}"
    last = [title, "", "", _number(mean["auc"]), _interval(mean["auc_ci"])]
    last += [_number(entry.mean.get("auc")) for entry in published]
    lines = [f"{task.title}: {result['num_studies']} studies of {result['num_patients']} patients", ""]
    lines += _table(header, rows, last)
    lines += ["", *_remarks(result, task)]
    lines += [f"{_method(entry)}: {entry.source}." for entry in published]
    return "\n".join(lines)


def _method(entry: Any) -> str:
    return f"{entry.method} (supervised)" if entry.supervised else entry.method


def _remarks(result: Mapping[str, Any], task: Task) -> list[str]:
    lines = [f"Protocol {task.name}: {result['protocol']}"]
    for finding in task.findings:
        reason = result["findings"][finding.name].get("reason")
        if reason:
            lines.append(f"{finding.title}: {reason}.")
    if result["excluded"]:
        counts = ", ".join(f"{count} {reason}" for reason, count in result["excluded"].items())
        lines.append(f"Left out: {counts} (listed in metrics.json).")
    test = result["permutation"]
    if test:
        low, high = test["range"]
        lines.append(
            f"Labels permuted {test['num']:,} times: mean AUC {test['mean_auc']:.3f}, from {low:.3f} to {high:.3f}; "
            f"p = {test['p_value']:.2g}."
        )
    return lines + [f"Note: {note}" for note in result["notes"]]


def _table(header: list[str], rows: list[list[str]], last: list[str]) -> list[str]:
    widths = [max(len(row[column]) for row in [header, *rows, last]) for column in range(len(header))]

    def line(row: list[str]) -> str:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        return "  ".join(cells).rstrip()

    rule = "  ".join("─" * width for width in widths)
    return [line(header), rule, *(line(row) for row in rows), rule, line(last)]


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _interval(bounds: list[float] | None) -> str:
    return _NONE if bounds is None else f"{bounds[0]:.3f}–{bounds[1]:.3f}"
