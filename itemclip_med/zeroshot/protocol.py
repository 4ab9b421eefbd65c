"""What a task is: the findings asked for, the labels they are compared with, and the rules of the comparison."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from itemclip_med.errors import LabelsError, TaskError
from itemclip_med.labels import (
    CQ500_FINDINGS,
    CT_RATE_FINDINGS,
    ID_NORMALIZERS,
    PUB_BRAIN_5_FINDINGS,
    RAD_CHESTCT_FINDINGS,
    RSNA_FINDINGS,
    Labels,
    read_labels,
)
from itemclip_med.records import Finding
from itemclip_med.zeroshot.prompts import read_prompts

_FINDINGS_OF_READER = {
    "cq500_reads": CQ500_FINDINGS,
    "ct_rate": CT_RATE_FINDINGS,
    "pub_brain_5": PUB_BRAIN_5_FINDINGS,
    "rad_chestct": (*RAD_CHESTCT_FINDINGS, "Mosaic attenuation pattern"),
    "rsna_stage_2": RSNA_FINDINGS,
}


@dataclass(frozen=True)
class Published:
    """Numbers that somebody published for a task.

    Attributes:
        method: what was evaluated.
        source: where the numbers stand, and what differs from this protocol.
        supervised: trained with labels of these findings (an upper bound rather than a rival).
        mean: metric name to the mean over findings.
        findings: finding name to its metrics.
        multiclass: name of a multi-class task to its balanced accuracy.
    """

    method: str
    source: str
    supervised: bool = False
    mean: Mapping[str, float] = field(default_factory=dict)
    findings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    multiclass: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Quirks:
    """What the released evaluation of a task does and ours does not; used by ``--published-quirks`` alone.

    Attributes:
        threshold_grid: thresholds tried, evenly spaced in [-1, 1], on the scored studies themselves; 0: none.
        missing_as_zero: a study with labels and without scores counts with the score 0.
        swapped: two findings whose scores are compared with each other's labels.
        merge: "hlip": two scores become one by their greater where either exceeds 0.5, else by their smaller.
        softmax_single: AUC of a pair of classes from a softmax in single precision, where near differences tie.

    Sources:
        The released scripts of HLIP and ItemizedCLIP, as read; docs/reference/tasks.md.
    """

    threshold_grid: int = 0
    missing_as_zero: bool = False
    swapped: tuple[str, ...] = ()
    merge: str = ""
    softmax_single: bool = False


@dataclass(frozen=True)
class Task:
    """What is asked of a test set, and how the answers are counted.

    Attributes:
        name: short name, as in ``--task``.
        title: how it is shown to people.
        rules: the rules in words.
        findings: names as in the official label file, titles, prompts.
        label_reader: name in :data:`itemclip_med.labels.LABEL_READERS`.
        label_file: what the official label file is called.
        id_rule: name in :data:`itemclip_med.labels.ID_NORMALIZERS`.
        patient: pattern of the part of a study id that names the patient; None: unknown.
        source: the same for the source.
        modality: what its series are, "CT" or "MR"; None: not checked.
        sources: finding to its columns in the label file, where they have other names (Rad-ChestCT).
        merge: finding to the columns of scores whose greatest it is, where a table has those instead.
        volumes: which volumes of a study count; names of the choices to the studies expected, None where unknown.
        volume_set: the one that is used.
        expected: studies that are scored when nothing is missing.
        exclude: study id to why it is left out.
        multiclass: task name to the findings among which the greatest score decides.
        published: numbers to compare with.
        quirks: what the released evaluation does otherwise.
        notes: what a reader of the numbers should know.
    """

    name: str
    title: str
    rules: str
    findings: tuple[Finding, ...]
    label_reader: str = "csv"
    label_file: str = "labels.csv"
    id_rule: str = "plain"
    patient: str | None = None
    source: str | None = None
    modality: str | None = None
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    merge: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    volumes: Mapping[str, int | None] = field(default_factory=dict)
    volume_set: str = ""
    expected: int | None = None
    exclude: Mapping[str, str] = field(default_factory=dict)
    multiclass: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    quirks: Quirks = Quirks()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the findings, in the task's order."""
        return tuple(finding.name for finding in self.findings)

    @property
    def known_columns(self) -> frozenset[str]:
        """Columns that a table of scores may have: the data set's findings, and those that findings are merged from."""
        merged = {part for parts in self.merge.values() for part in parts}
        return frozenset({*self.names, *merged, *_FINDINGS_OF_READER.get(self.label_reader, ())})

    @property
    def prompts(self) -> dict[str, tuple[str, ...]]:
        """Prompts by finding."""
        return {finding.name: finding.prompts for finding in self.findings}

    @property
    def titles(self) -> dict[str, str]:
        """Titles by finding."""
        return {finding.name: finding.title for finding in self.findings}

    @property
    def protocol(self) -> str:
        """The rules in words with the set of volumes, as printed with every score."""
        if not self.volume_set:
            return self.rules
        return f"volumes: {self.volume_set}; {self.rules}"

    @property
    def num_expected(self) -> int | None:
        """Studies that are scored when nothing is missing, None where nobody says."""
        return self.volumes.get(self.volume_set) if self.volume_set else self.expected

    def study_id(self, text: str) -> str:
        """A study id in the task's spelling; an id of another kind (a hash) stays as it is."""
        try:
            return ID_NORMALIZERS[self.id_rule](text)
        except LabelsError:
            return text.strip()

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str] | None]:
        return {
            name: None if text is None else re.compile(text)
            for name, text in (("patient", self.patient), ("source", self.source))
        }

    def part_of_id(self, name: str, study_id: str) -> str | None:
        """The patient ("patient") or the source ("source") that a study id names, None where it names none."""
        pattern = self._patterns[name]
        found = None if pattern is None else pattern.match(study_id)
        return None if found is None else found[0]

    def read_labels(self, path: Path | str) -> Labels:
        """Labels of the task's findings, from the official file or from an earlier ``labels.csv``.

        Raises:
            FormatError: if the file is not in its format.
            LabelsError: if a study stands there twice, or a finding of the task has no column.
        """
        labels = read_labels(path, self.label_reader, normalize_id=self.study_id, sources=self.sources or None)
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
        wordings = read_prompts(path)
        unknown = [name for name in wordings if name not in self.names]
        if unknown:
            raise TaskError(
                f"{Path(path).name}: {', '.join(unknown)} is no finding of task {self.name}; "
                f"it has {', '.join(self.names)}."
            )
        findings = tuple(
            replace(f, prompts=wordings[f.name].positive, negative_prompts=wordings[f.name].negative)
            if f.name in wordings
            else f
            for f in self.findings
        )
        return replace(self, findings=findings)

    def with_volumes(self, name: str) -> Task:
        """The same task over another set of volumes.

        Raises:
            TaskError: if it has no such set.
        """
        if name not in self.volumes:
            choices = ", ".join(self.volumes) or "one set only: leave the option out"
            raise TaskError(f"Task {self.name} has no volumes {name!r}: it has {choices}.")
        return replace(self, volume_set=name)
