"""Task files: one public test set and protocol each, declared in a short YAML file, or a table of one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from itemclip_med.errors import LabelsError, TaskError
from itemclip_med.labels import ID_NORMALIZERS, LABEL_READERS, read_csv_labels
from itemclip_med.records import Finding
from itemclip_med.zeroshot.protocol import Published, Quirks, Task

_TASKS_DIR = Path(__file__).resolve().parent / "tasks"
_REQUIRED = {"name", "title", "protocol", "study_id", "labels", "findings"}
_OPTIONAL = {
    "exclude", "expected", "merge", "metrics", "modality", "multiclass", "notes", "patient", "published", "quirks",
    "source", "sources", "volumes", "wording",
}  # fmt: skip
ALIASES = {
    "ct-rate-16": "ctrate16",
    "ct-rate-18": "ctrate18",
    "pub-brain-5": "pubbrain5",
    "pub-brain-5-gt": "pubbrain5-gt",
    "rad-chestct-14": "radchest14",
    "rad-chestct-15": "radchest15",
    "rad-chestct-16": "radchest16-std",
    "radchest16": "radchest16-std",
    "rsna-ich": "rsna5",
}
"""Earlier and longer names of tasks."""


def list_tasks() -> list[str]:
    """Names of the tasks that ship with the package."""
    return sorted(path.stem for path in _TASKS_DIR.glob("*.yaml") if not path.stem.startswith("_"))


def load_task(name_or_path: str | Path) -> Task:
    """Load a task by its short name, or from a YAML file of one's own.

    Args:
        name_or_path: "cq500-10", or a path that ends in .yaml or .yml.

    Raises:
        TaskError: if there is no such task (lists those there are), or the file does not say what a task must.
    """
    text = str(name_or_path)
    name = ALIASES.get(text, text)
    if text.endswith((".yaml", ".yml")):
        path = Path(name_or_path)
    elif name in list_tasks():
        path = _TASKS_DIR / f"{name}.yaml"
    else:
        raise TaskError(
            f"No task {text!r}: there are {', '.join(list_tasks())}, or give the path of a .yaml file.", misuse=True
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TaskError(f"Task {text}: the file cannot be read ({error.strerror}).", misuse=True) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TaskError(f"Task {text}: not a YAML file ({str(error).splitlines()[0]}).") from error
    return task_from_dict(values, where=path.name)


def task_from_labels(path: Path | str, prompts: Path | str | None = None) -> Task:
    """A task made of a label table of one's own: one finding per column, asked for by the column's name.

    Args:
        path: CSV with a column ``study_id`` and one column per finding.
        prompts: a prompts file with better words; findings it does not name are asked for by their name.

    Raises:
        FormatError: if it is no such table.
        LabelsError: if a study stands there twice, or there is no finding.
        TaskError: if the prompts do not fit.
    """
    path = Path(path)
    labels = read_csv_labels(path)
    names = list(next(iter(labels.values()), {}))
    if not names:
        raise LabelsError(f"{path.name} has no column of labels, or no study: expected study_id and one per finding.")
    task = Task(
        name="own",
        title=f"{path.name}, {len(names)} findings",
        rules=(
            f"{len(names)} findings, the columns of {path.name}; score = mean cosine of a finding's prompts; studies "
            "without labels are listed, never scored."
        ),
        findings=tuple(Finding(name=name, title=name, prompts=(readable(name),)) for name in names),
        label_file=path.name,
    )
    return task if prompts is None else task.with_prompts(prompts)


def readable(name: str) -> str:
    """A column's name as words: ``BleedLocation-Left`` becomes "bleed location left"; abbreviations stay."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.split(r"[\s_-]+", spaced.strip())
    return " ".join(word if word.isupper() else word.lower() for word in words if word)


def task_from_dict(values: Any, *, where: str = "task") -> Task:
    """Check the contents of a task file and build the task.

    Args:
        values: what the YAML file holds.
        where: its name, for messages.

    Raises:
        TaskError: if a field is missing, unknown or of the wrong kind; names the field.
    """
    if not isinstance(values, Mapping):
        raise TaskError(f"{where}: expected a mapping with {', '.join(sorted(_REQUIRED))}.")
    missing, unknown = sorted(_REQUIRED - set(values)), sorted(set(values) - _REQUIRED - _OPTIONAL)
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown fields {', '.join(map(str, unknown))}"
        raise TaskError(f"{where} {what}: a task has {', '.join(sorted(_REQUIRED))}.")
    labels = _mapping(values, "labels", where)
    reader, id_rule = labels.get("reader"), values["study_id"]
    for what, value, known in (("labels.reader", reader, LABEL_READERS), ("study_id", id_rule, ID_NORMALIZERS)):
        if value not in known:
            raise TaskError(f"{where}: {what} is {value!r}, expected one of {', '.join(sorted(known))}.")
    metrics = tuple(values.get("metrics") or ("auc",))
    if set(metrics) - {"auc"}:
        raise TaskError(f"{where}: metrics is {list(metrics)}, expected auc or nothing; all others are always there.")
    findings = _findings(values, where)
    names = {finding.name for finding in findings}
    volumes = _mapping(values, "volumes", where)
    return Task(
        name=str(values["name"]),
        title=str(values["title"]),
        rules=" ".join(str(values["protocol"]).split()),
        findings=findings,
        label_reader=str(reader),
        label_file=str(labels.get("file", "labels.csv")),
        id_rule=id_rule,
        patient=_pattern(values, "patient", where),
        source=_pattern(values, "source", where),
        modality=None if values.get("modality") is None else str(values["modality"]),
        sources=_lists(values, "sources", where, names),
        merge=_lists(values, "merge", where, names),
        volumes=volumes,
        volume_set=next(iter(volumes), ""),
        expected=values.get("expected"),
        exclude=_exclude(values, id_rule, where),
        multiclass=_multiclass(values, where, names),
        published=tuple(_published(entry, where) for entry in values.get("published") or ()),
        quirks=_quirks(values, where, names),
        notes=tuple(str(note) for note in values.get("notes") or ()),
    )


@cache
def _wording(name: str) -> dict[str, dict[str, Any]]:
    """Title and prompts by finding, from the file that several tasks share."""
    return yaml.safe_load((_TASKS_DIR / f"_{name}.yaml").read_text(encoding="utf-8"))


def _findings(values: Mapping[str, Any], where: str) -> tuple[Finding, ...]:
    """The findings: names with the words of a shared file, or a mapping with words of their own."""
    entries = values["findings"] or {}
    if isinstance(entries, list):
        name = values.get("wording")
        if name is None or not (_TASKS_DIR / f"_{name}.yaml").is_file():
            raise TaskError(f"{where}: findings is list, expected a mapping, or a list and a known wording.")
        known = _wording(name)
        lacking = [str(finding) for finding in entries if finding not in known]
        if lacking:
            raise TaskError(f"{where}: wording {name} has no words for {', '.join(lacking)}.")
        entries = {finding: known[finding] for finding in entries}
    if not isinstance(entries, Mapping):
        raise TaskError(f"{where}: findings is {type(entries).__name__}, expected a mapping.")
    if not entries:
        raise TaskError(f"{where}: findings is empty, expected at least one with its prompts.")
    return tuple(_finding(name, entry, where) for name, entry in entries.items())


def _finding(name: Any, entry: Any, where: str) -> Finding:
    texts = entry if isinstance(entry, Mapping) else {}
    positive, negative = texts.get("prompts"), texts.get("negative_prompts", [])
    for prompts in (positive, negative):
        if not isinstance(prompts, list) or not all(isinstance(p, str) and p.strip() for p in prompts):
            raise TaskError(f"{where}: finding {name} needs prompts, a list of one or more texts.")
    if not positive:
        raise TaskError(f"{where}: finding {name} needs prompts, a list of one or more texts.")
    return Finding(str(name), str(texts.get("title", name)), tuple(positive), negative_prompts=tuple(negative))


def _published(entry: Any, where: str) -> Published:
    try:
        return Published(**entry)
    except TypeError as error:
        raise TaskError(f"{where}: published: expected entries with method, source and mean or findings.") from error


def _quirks(values: Mapping[str, Any], where: str, names: set[str]) -> Quirks:
    entry = dict(_mapping(values, "quirks", where))
    entry["swapped"] = tuple(entry.get("swapped", ()))
    if set(entry["swapped"]) - names:
        raise TaskError(f"{where}: quirks: swapped names no two findings of the task.")
    try:
        return Quirks(**entry)
    except TypeError as error:
        raise TaskError(f"{where}: quirks has an unknown field ({', '.join(sorted(entry))}).") from error


def _exclude(values: Mapping[str, Any], id_rule: str, where: str) -> dict[str, str]:
    normalize = ID_NORMALIZERS[id_rule]
    try:
        return {normalize(str(key)): str(why) for key, why in _mapping(values, "exclude", where).items()}
    except LabelsError as error:
        raise TaskError(f"{where}: exclude: {error}") from error


def _multiclass(values: Mapping[str, Any], where: str, names: set[str]) -> dict[str, tuple[str, ...]]:
    tasks = {name: tuple(map(str, classes)) for name, classes in _mapping(values, "multiclass", where).items()}
    for name, classes in tasks.items():
        if len(classes) < 2 or set(classes) - names:
            raise TaskError(f"{where}: multiclass {name} needs two or more findings of the task.")
    return tasks


def _lists(values: Mapping[str, Any], field: str, where: str, names: set[str]) -> dict[str, tuple[str, ...]]:
    lists = {str(name): tuple(map(str, entries)) for name, entries in _mapping(values, field, where).items()}
    if set(lists) - names or (field == "sources" and lists and names - set(lists)):
        raise TaskError(f"{where}: {field} must name findings of the task{', all' if field == 'sources' else ''}.")
    return lists


def _pattern(values: Mapping[str, Any], name: str, where: str) -> str | None:
    text = values.get(name)
    try:
        return None if text is None else re.compile(str(text)).pattern
    except re.error as error:
        raise TaskError(f"{where}: {name} is no regular expression ({error}).") from error


def _mapping(values: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    value = values.get(name) or {}
    if not isinstance(value, Mapping):
        raise TaskError(f"{where}: {name} is {type(value).__name__}, expected a mapping.")
    return value
