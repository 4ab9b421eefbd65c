"""Who is compared with what: scores and labels of the same studies, and who is left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itemclip_med.errors import LabelsError
from itemclip_med.labels import Labels
from itemclip_med.zeroshot.protocol import Task
from itemclip_med.zeroshot.tables import Scores, StudyRow

NO_LABELS = "no labels"
NOT_SCORED = "labels, but no scores"
EXCLUDED = "excluded by the protocol"
UNKNOWN = "unknown"
PATIENT = "patient "


@dataclass
class Exclusions:
    """Who is left out and why: reason to study ids."""

    studies: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, study_ids: Sequence[str]) -> None:
        """Count studies under a reason."""
        if study_ids:
            self.studies.setdefault(reason, []).extend(sorted(study_ids))

    @property
    def ids(self) -> set[str]:
        """Everybody who is left out."""
        return {study_id for ids in self.studies.values() for study_id in ids}


@dataclass(frozen=True)
class Matched:
    """Scores and labels of the studies that have both.

    Attributes:
        study_ids: B, sorted.
        scores: (B, F).
        labels: (B, F) 1, 0, or NaN where unknown.
        patients: B names; a study without a known patient is its own.
        sources: B names, "unknown" where nobody says.
        scanners: the same.
    """

    study_ids: list[str]
    scores: NDArray[np.float64]
    labels: NDArray[np.float64]
    patients: list[str]
    sources: list[str]
    scanners: list[str]

    @property
    def independent(self) -> bool:
        """Whether no patient has two studies."""
        return len(set(self.patients)) == len(self.patients)


def check_match(ids: Mapping[str, Any], labels: Labels, *, names: tuple[str, str]) -> None:
    """Refuse labels of other studies than those scored.

    Raises:
        LabelsError: if the two have no study in common; shows one id of each.
    """
    if ids.keys() & labels.keys():
        return
    first, second = (next(iter(sorted(each)), "none") for each in (ids, labels))
    raise LabelsError(
        f"No study of {names[0]} ({len(ids)}, such as {first}) has labels in {names[1]} ({len(labels)}, such as "
        f"{second}): are they of the same data set? Public data sets keep their ids only with their own recipe."
    )


def match(
    task: Task, scores: Scores, labels: Labels, studies: Mapping[str, StudyRow], exclusions: Exclusions | None = None
) -> Matched:
    """The studies that have scores and labels; everybody else is counted in ``exclusions``.

    Args:
        task: findings, and the studies that its protocol leaves out.
        scores: by study and finding.
        labels: by study and finding.
        studies: patient, source and scanner, where known.
        exclusions: studies left out before; gets the others.
    """
    exclusions = Exclusions() if exclusions is None else exclusions
    before = exclusions.ids
    by_protocol = (task.exclude.keys() & (scores.keys() | labels.keys())) - before
    exclusions.add(EXCLUDED, list(by_protocol))
    out = before | by_protocol
    exclusions.add(NO_LABELS, list(scores.keys() - labels.keys() - out))
    exclusions.add(NOT_SCORED, list(labels.keys() - scores.keys() - out))
    study_ids = sorted((scores.keys() & labels.keys()) - out)
    rows = [studies.get(study_id, StudyRow()) for study_id in study_ids]
    values, truth = arrays(task, study_ids, scores, labels)
    return Matched(
        study_ids=study_ids,
        scores=values,
        labels=truth,
        patients=[patient_of(task, row, study_id) for row, study_id in zip(rows, study_ids, strict=True)],
        sources=[
            task.part_of_id("source", study_id) or row.source or UNKNOWN
            for row, study_id in zip(rows, study_ids, strict=True)
        ],
        scanners=[row.scanner or UNKNOWN for row in rows],
    )


def arrays(
    task: Task, study_ids: Sequence[str], scores: Scores, labels: Labels
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores and labels (B, F) of studies that have both, NaN where a label is unknown."""
    shape = (-1, len(task.names))
    values = np.array([[scores[s][name] for name in task.names] for s in study_ids], dtype=np.float64)
    truth = np.array(
        [[np.nan if labels[s][name] is None else labels[s][name] for name in task.names] for s in study_ids],
        dtype=np.float64,
    )
    return values.reshape(shape), truth.reshape(shape)


def patient_of(task: Task, row: StudyRow, study_id: str) -> str:
    """The patient, or the study where none is known; the prefixes keep the two from colliding."""
    patient = row.patient_id or task.part_of_id("patient", study_id)
    return f"{PATIENT}{patient}" if patient else f"study {study_id}"
