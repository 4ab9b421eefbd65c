"""Tasks: one public test set and protocol each, declared in a short YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from itemclip_med.errors import LabelsError, TaskError
from itemclip_med.labels import ID_NORMALIZERS, LABEL_READERS, Labels, read_labels
from itemclip_med.records import Finding
from itemclip_med.zeroshot.prompts import read_prompts

_TASKS_DIR = Path(__file__).resolve().parent / "tasks"
_METRICS = ("auc",)
_REQUIRED = {"name", "title", "protocol", "study_id", "labels", "metrics", "findings"}
_OPTIONAL = {"exclude", "published", "notes"}


@dataclass(frozen=True)
class Published:
    """Numbers that somebody published for a task.

    Attributes:
        method: what was evaluated.
        source: where the numbers stand, and what differs from this protocol.
        supervised: trained with labels of these findings (an upper bound rather than a rival).
        mean: metric name to the mean over findings.
        findings: finding name to its metrics.
    """

    method: str
    source: str
    supervised: bool = False
    mean: Mapping[str, float] = field(default_factory=dict)
    findings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """What is asked of a test set, and how the answers are counted.

    Attributes:
        name: short name, as in ``--task``.
        title: how it is shown to people.
        protocol: the rules in words, printed with every score.
        findings: names as in the official label file, titles, prompts.
        label_reader: name in :data:`itemclip_med.labels.LABEL_READERS`.
        label_file: what the official label file is called.
        id_rule: name in :data:`itemclip_med.labels.ID_NORMALIZERS`.
        exclude: study id to why it is left out.
        metrics: per finding, and averaged over findings.
        published: numbers to compare with.
        notes: what a reader of the numbers should know.
    """

    name: str
    title: str
    protocol: str
    findings: tuple[Finding, ...]
    label_reader: str = "csv"
    label_file: str = "labels.csv"
    id_rule: str = "plain"
    exclude: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = _METRICS
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the findings, in the task's order."""
        return tuple(finding.name for finding in self.findings)

    @property
    def prompts(self) -> dict[str, tuple[str, ...]]:
        """Prompts by finding."""
        return {finding.name: finding.prompts for finding in self.findings}

    def study_id(self, text: str) -> str:
        """A study id in the task's spelling; an id of another kind (a hash) stays as it is."""
        try:
            return ID_NORMALIZERS[self.id_rule](text)
        except LabelsError:
            return text.strip()

    def read_labels(self, path: Path | str) -> Labels:
        """Labels of the task's findings, from the official file or from an earlier ``labels.csv``.

        Raises:
            FormatError: if the file is not in its format.
            LabelsError: if a study stands there twice, or a finding of the task has no column.
        """
        labels = read_labels(path, self.label_reader, normalize_id=self.study_id)
        known = next(iter(labels.values()), dict.fromkeys(self.names))
        missing = [name for name in self.names if name not in known]
        if missing:
            raise LabelsError(
                f"{Path(path).name} has no column for {', '.join(missing)} of task {self.name}; "
                f"give its label file ({self.label_file}) or another task."
            )
        return {study_id: {name: row[name] for name in self.names} for study_id, row in labels.items()}

    def with_prompts(self, path: Path | str) -> Task:
        """The same task asked in other words.

        Args:
            path: a prompts file (see :func:`itemclip_med.zeroshot.read_prompts`); findings it does not name keep the
                task's prompts.

        Raises:
            TaskError: if the file is no prompts file, or names a finding that the task does not have.
        """
        prompts = read_prompts(path)
        unknown = [name for name in prompts if name not in self.names]
        if unknown:
            raise TaskError(
                f"{Path(path).name}: {', '.join(unknown)} is no finding of task {self.name}; "
                f"it has {', '.join(self.names)}."
            )
        findings = tuple(replace(f, prompts=prompts.get(f.name, f.prompts)) for f in self.findings)
        return replace(self, findings=findings)


def list_tasks() -> list[str]:
    """Names of the tasks that ship with the package."""
    return sorted(path.stem for path in _TASKS_DIR.glob("*.yaml"))


def load_task(name_or_path: str | Path) -> Task:
    """Load a task by its short name, or from a YAML file of one's own.

    Args:
        name_or_path: "cq500-10", or a path that ends in .yaml or .yml.

    Raises:
        TaskError: if there is no such task (lists those there are), or the file does not say what a task must.
    """
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        path = Path(name_or_path)
    elif text in list_tasks():
        path = _TASKS_DIR / f"{text}.yaml"
    else:
        raise TaskError(f"No task {text!r}: there are {', '.join(list_tasks())}, or give the path of a .yaml file.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TaskError(f"Task {text}: the file cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TaskError(f"Task {text}: not a YAML file ({_first_line(error)}).") from error
    return task_from_dict(values, where=path.name)


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
    metrics = tuple(values["metrics"])
    if not metrics or set(metrics) - set(_METRICS):
        raise TaskError(f"{where}: metrics is {list(metrics)}, expected some of {', '.join(_METRICS)}.")
    findings = tuple(_finding(name, entry, where) for name, entry in _mapping(values, "findings", where).items())
    if not findings:
        raise TaskError(f"{where}: findings is empty, expected at least one with its prompts.")
    normalize = ID_NORMALIZERS[id_rule]
    try:
        exclude = {normalize(str(key)): str(why) for key, why in _mapping(values, "exclude", where).items()}
    except LabelsError as error:
        raise TaskError(f"{where}: exclude: {error}") from error
    return Task(
        name=str(values["name"]),
        title=str(values["title"]),
        protocol=" ".join(str(values["protocol"]).split()),
        findings=findings,
        label_reader=reader,
        label_file=str(labels.get("file", "labels.csv")),
        id_rule=id_rule,
        exclude=exclude,
        metrics=metrics,
        published=tuple(_published(entry, where) for entry in values.get("published") or ()),
        notes=tuple(str(note) for note in values.get("notes") or ()),
    )


def _finding(name: Any, entry: Any, where: str) -> Finding:
    prompts = entry.get("prompts") if isinstance(entry, Mapping) else None
    if not isinstance(prompts, list) or not prompts or not all(isinstance(p, str) and p.strip() for p in prompts):
        raise TaskError(f"{where}: finding {name} needs prompts, a list of one or more texts.")
    return Finding(name=str(name), title=str(entry.get("title", name)), prompts=tuple(prompts))


def _published(entry: Any, where: str) -> Published:
    try:
        return Published(**entry)
    except TypeError as error:
        raise TaskError(f"{where}: published: expected entries with method, source and mean or findings.") from error


def _mapping(values: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    value = values.get(name) or {}
    if not isinstance(value, Mapping):
        raise TaskError(f"{where}: {name} is {type(value).__name__}, expected a mapping.")
    return value


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
