"""The tables of an evaluation, and the text that is printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from itemclip_med.zeroshot.layout import NONE, Table, interval, number
from itemclip_med.zeroshot.protocol import Published, Task

_AT_THRESHOLD = (
    ("threshold", "threshold"),
    ("balanced_accuracy", "balanced acc."),
    ("sensitivity", "sensitivity"),
    ("specificity", "specificity"),
    ("f1", "F1"),
    ("precision", "precision"),
    ("brier", "Brier"),
)


def format_report(result: Mapping[str, Any], task: Task) -> str:
    """The numbers of ``metrics.json`` beside the published ones, with who was left out and why.

    Args:
        result: what :func:`itemclip_med.zeroshot.score_files` returns.
        task: its task, for titles and published numbers.

    Returns:
        Plain text of several lines, without a final newline.
    """
    expected = result.get("num_expected")
    of = f" of {expected:,} expected" if expected not in (None, result["num_studies"]) else ""
    lines = [f"{task.title}: {result['num_studies']} studies of {result['num_patients']} patients{of}", ""]
    first, *others = report_tables(result, task)
    lines += first.plain()
    for table in others:
        lines += ["", table.title, *table.plain()]
    lines += ["", *remarks(result, task)]
    return "\n".join(lines)


def report_tables(result: Mapping[str, Any], task: Task) -> list[Table]:
    """Every table of an evaluation: the areas first, then what there is."""
    tables = [_areas(result, task)]
    if result.get("threshold_split"):
        tables.append(_at_threshold(result, task))
    if result["multiclass"]:
        tables.append(_multiclass(result, task))
    for key, title in (("by_source", "Source"), ("by_scanner", "Scanner")):
        if len(result.get(key) or {}) > 1:
            tables.append(_groups(result[key], title))
    if result.get("published_quirks"):
        tables += _quirks(result, task)
    return tables


def method(entry: Published) -> str:
    """Who is compared with."""
    return f"{entry.method} (supervised)" if entry.supervised else entry.method


def _areas(result: Mapping[str, Any], task: Task) -> Table:
    published = [entry for entry in task.published if entry.mean or entry.findings]
    rows = [
        [
            finding.title,
            str(numbers["num_positive"]),
            str(numbers["num_negative"]),
            number(numbers["auc"]),
            interval(numbers["auc_ci"]),
            number(numbers["auprc"]),
            *(number(entry.findings.get(finding.name, {}).get("auc")) for entry in published),
        ]
        for finding in task.findings
        for numbers in [result["findings"][finding.name]]
    ]
    mean = result["mean"]
    last = [f"mean of {mean['num_findings']}", "", "", number(mean["auc"]), interval(mean["auc_ci"])]
    last += [number(mean["auprc"]), *(number(entry.mean.get("auc")) for entry in published)]
    header = ["finding", "positive", "negative", "AUC", "95 % CI", "AUPRC", *map(method, published)]
    return Table(f"{task.title}: area under the ROC curve, protocol {task.name}", header, rows, last)


def _at_threshold(result: Mapping[str, Any], task: Task) -> Table:
    split = result["threshold_split"]
    rows = [
        [finding.title, *(number(result["findings"][finding.name][key]) for key, _ in _AT_THRESHOLD)]
        for finding in task.findings
    ]
    last = ["mean", *(number(result["mean"].get(key)) for key, _ in _AT_THRESHOLD)]
    title = f"At thresholds chosen on a separate split of {split['num_studies']} studies ({split['rule']})"
    return Table(title, ["finding", *(name for _, name in _AT_THRESHOLD)], rows, last)


def _multiclass(result: Mapping[str, Any], task: Task) -> Table:
    published = [entry for entry in task.published if entry.multiclass]
    rows = [
        [
            name.replace("_", " "),
            str(numbers["num_studies"]),
            number(numbers["balanced_accuracy"]),
            interval(numbers["ci"]),
            number(numbers.get("auc")),
            *(number(entry.multiclass.get(name)) for entry in published),
        ]
        for name, numbers in result["multiclass"].items()
    ]
    mean = result["mean"].get("multiclass_balanced_accuracy")
    last = [f"mean of {len(rows)}", "", number(mean), *[""] * (2 + len(published))]
    header = ["task", "studies", "balanced acc.", "95 % CI", "AUC", *map(method, published)]
    return Table("The class with the greatest score", header, rows, last)


def _groups(groups: Mapping[str, Any], title: str) -> Table:
    rows = [
        [name, str(each["num_studies"]), str(each["num_patients"]), number(each["auc"]), str(each["num_findings"])]
        for name, each in groups.items()
    ]
    return Table(f"Within each {title.lower()}", [title.lower(), "studies", "patients", "mean AUC", "findings"], rows)


def _quirks(result: Mapping[str, Any], task: Task) -> list[Table]:
    """Both results side by side."""
    there = result["published_quirks"]
    if task.quirks.softmax_single:
        return [_quirks_of_classes(result)] if there["multiclass"] else []
    rows = []
    for finding in task.findings:
        ours, theirs = result["findings"][finding.name], there["findings"][finding.name]
        rows.append(
            [
                finding.title,
                number(ours["auc"]),
                number(theirs["auc"]),
                _gap(ours["auc"], theirs["auc"]),
                number(ours["balanced_accuracy"]),
                number(theirs.get("accuracy")),
                number(theirs.get("balanced_accuracy")),
            ]
        )
    mean, other = result["mean"], there["mean"]
    last = ["mean", number(mean["auc"]), number(other.get("auc")), _gap(mean["auc"], other.get("auc"))]
    last += [number(mean["balanced_accuracy"]), number(other.get("accuracy")), ""]
    header = ["finding", "AUC", "AUC, quirks", "difference", "balanced acc.", '"acc (balanced)"', "balanced, in truth"]
    title = f"Beside the released evaluation ({result['num_studies']} studies, there {there['num_studies']})"
    return [Table(title, header, rows, last)]


def _quirks_of_classes(result: Mapping[str, Any]) -> Table:
    rows = [
        [
            name.replace("_", " "),
            number(ours["balanced_accuracy"]),
            number(theirs["balanced_acc"]),
            number(ours.get("auc")),
            number(theirs.get("macro_auc")),
        ]
        for name, theirs in result["published_quirks"]["multiclass"].items()
        for ours in [result["multiclass"][name]]
    ]
    header = ["task", "balanced acc.", "there", "AUC", "there"]
    return Table("Classes beside the released evaluation", header, rows)


def _gap(ours: float | None, theirs: float | None) -> str:
    return NONE if ours is None or theirs is None else f"{theirs - ours:+.3f}"


def remarks(result: Mapping[str, Any], task: Task) -> list[str]:
    """Protocol, what is not defined, who is left out, the permutation test, notes, sources of published numbers."""
    lines = [f"Protocol {task.name}: {result['protocol']}"]
    for finding in task.findings:
        numbers = result["findings"][finding.name]
        if numbers.get("reason"):
            lines.append(
                f"{finding.title}: not defined, {numbers['reason']} "
                f"({numbers['num_positive']} positive, {numbers['num_negative']} negative)."
            )
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
    lines += [f"Quirk: {text}." for text in (result.get("published_quirks") or {}).get("what", [])]
    lines += [f"Note: {note}" for note in result["notes"]]
    return lines + [f"{method(entry)}: {entry.source}." for entry in task.published]


def format_comparison(result: Mapping[str, Any], task: Task, names: tuple[str, str]) -> str:
    """The table of :func:`itemclip_med.zeroshot.compare_files` as plain text."""

    def cells(title: str, numbers: Mapping[str, Any]) -> list[str]:
        gap = numbers["difference"]
        return [
            title,
            number(numbers["first"]),
            number(numbers["second"]),
            NONE if gap is None else f"{gap:+.3f}",
            interval(numbers["ci"]),
            NONE if numbers["p_value"] is None else f"{numbers['p_value']:.2g}",
            NONE if numbers.get("delong_p_value") is None else f"{numbers['delong_p_value']:.2g}",
        ]

    rows = [cells(finding.title, result["findings"][finding.name]) for finding in task.findings]
    header = ["finding", names[0], names[1], "difference", "95 % CI", "p", "p (DeLong)"]
    table = Table(task.title, header, rows, cells("mean", result["mean"]))
    lines = [f"{task.title}: {result['num_studies']} studies of {result['num_patients']} patients", "", *table.plain()]
    lines += ["", f"Protocol {task.name}: {result['protocol']}"]
    if result["excluded"]:
        lines.append("Left out: " + ", ".join(f"{num} {why}" for why, num in result["excluded"].items()) + ".")
    return "\n".join(lines)
