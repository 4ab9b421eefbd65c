"""From scores and labels to ``metrics.json``: the numbers of one model by a named protocol."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.errors import TaskError
from itemclip_med.labels import Labels
from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.curves import check_rule
from itemclip_med.zeroshot.finding_numbers import SeparateSplit, finding_numbers
from itemclip_med.zeroshot.groups import group_numbers
from itemclip_med.zeroshot.matching import (
    NOT_SCORED,
    PATIENT,
    UNKNOWN,
    Exclusions,
    Matched,
    arrays,
    check_match,
    match,
    patient_of,
)
from itemclip_med.zeroshot.multiclass import multiclass_numbers
from itemclip_med.zeroshot.protocol import Task
from itemclip_med.zeroshot.quirks import quirk_numbers
from itemclip_med.zeroshot.tables import (
    Scores,
    StudyRow,
    read_scores,
    read_studies,
    write_labels,
    write_scores,
    write_study_rows,
)
from itemclip_med.zeroshot.volumes import VolumeTables, left_out_volumes, scanners

IN_SPLIT = "in the separate split"


@dataclass(frozen=True)
class ScoreOptions:
    """How scores are evaluated.

    Attributes:
        num_bootstraps: draws of the intervals.
        num_permutations: permutations of the labels; 0 leaves the test out.
        seed: of both.
        threshold_scores: a table of scores of studies that are not evaluated, for thresholds and probabilities.
        threshold_labels: their label file; None: they stand in the file of the evaluated studies.
        threshold_rule: youden, closest, sensitivity:0.9.
        published_quirks: also what the released evaluation would print.
        tables: CT-RATE's metadata and reports.
    """

    num_bootstraps: int = metrics.NUM_BOOTSTRAPS
    num_permutations: int = metrics.NUM_PERMUTATIONS
    seed: int = 0
    threshold_scores: Path | None = None
    threshold_labels: Path | None = None
    threshold_rule: str = "youden"
    published_quirks: bool = False
    tables: VolumeTables = field(default_factory=VolumeTables)


def score_files(
    task: Task,
    scores_path: Path | str,
    labels_path: Path | str,
    out_dir: Path | str,
    *,
    studies_path: Path | str | None = None,
    options: ScoreOptions | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Evaluate a table of scores against a label file.

    Order of rows and columns and spelling of ids do not matter. Studies that only one of the files has are listed and
    counted, never scored.

    Args:
        task: findings and protocol.
        scores_path: ``scores.csv``.
        labels_path: the official label file, or a ``labels.csv`` of an earlier evaluation.
        out_dir: where ``metrics.json`` and the ``scores.csv``, ``labels.csv`` and ``studies.csv`` that were used are
            written; made if needed.
        studies_path: ``studies.csv``, for patients, sources and scanners.
        options: how scores are evaluated.
        settings: single fields of ``options``.

    Returns:
        What ``metrics.json`` holds.

    Raises:
        FormatError: if a file is not in its format.
        TaskError: if scores are not finite, a study stands there twice, or the separate split shares studies or
            patients with the evaluated ones.
        LabelsError: if no study has both scores and labels.
    """
    options = replace(options or ScoreOptions(), **settings)
    scores = read_scores(scores_path, task)
    labels = task.read_labels(labels_path)
    studies = read_studies(studies_path, task) if studies_path else {}
    check_match(scores, labels, names=(Path(scores_path).name, Path(labels_path).name))
    published = read_scores(scores_path, task, merge="hlip") if task.quirks.merge == "hlip" else scores
    result, matched = evaluate(task, scores, labels, studies, options=options, published_scores=published)
    kept = [Path(path) for path in (scores_path, labels_path, studies_path) if path is not None]
    write_evaluation(Path(out_dir), task, matched, labels, studies, result, keep=kept)
    return result


def write_evaluation(
    out_dir: Path,
    task: Task,
    matched: Matched,
    labels: Labels,
    studies: Mapping[str, StudyRow],
    result: Mapping[str, Any],
    keep: Sequence[Path] = (),
) -> None:
    """Write ``metrics.json`` and the tables that its numbers come from; files in ``keep`` are not written over."""
    out_dir.mkdir(parents=True, exist_ok=True)
    inputs = {path.resolve() for path in keep}

    def may_write(name: str) -> bool:
        return (out_dir / name).resolve() not in inputs

    values = {
        study_id: dict(zip(task.names, map(float, row), strict=True))
        for study_id, row in zip(matched.study_ids, matched.scores, strict=True)
    }
    if may_write("scores.csv"):
        write_scores(out_dir / "scores.csv", task.names, values)
    if may_write("labels.csv"):
        write_labels(out_dir / "labels.csv", task.names, {key: labels[key] for key in matched.study_ids})
    if may_write("studies.csv"):
        write_study_rows(out_dir / "studies.csv", _rows_used(matched, studies))
    write_metrics(out_dir / "metrics.json", result)


def _rows_used(matched: Matched, studies: Mapping[str, StudyRow]) -> dict[str, StudyRow]:
    """Patients, sources and scanners as the evaluation took them."""
    columns = zip(matched.study_ids, matched.patients, matched.sources, matched.scanners, strict=True)
    return {
        study_id: StudyRow(
            patient_id=patient.removeprefix(PATIENT) if patient.startswith(PATIENT) else None,
            source=None if source == UNKNOWN else source,
            scanner=None if scanner == UNKNOWN else scanner,
            split=studies.get(study_id, StudyRow()).split,
        )
        for study_id, patient, source, scanner in columns
    }


def evaluate(
    task: Task,
    scores: Scores,
    labels: Labels,
    studies: Mapping[str, StudyRow],
    *,
    exclusions: Exclusions | None = None,
    options: ScoreOptions | None = None,
    published_scores: Scores | None = None,
) -> tuple[dict[str, Any], Matched]:
    """The numbers of a task, as they are written to ``metrics.json``, and who was compared.

    Args:
        task: findings and protocol.
        scores: by study and finding.
        labels: by study and finding.
        studies: patients, sources and scanners, where known; a study without a patient is its own.
        exclusions: studies left out earlier.
        options: how scores are evaluated.
        published_scores: scores as the released evaluation would merge them; None: the same.

    Returns:
        ``{task, protocol, num_studies, excluded, findings, mean, multiclass, …}``, and the matched studies.

    Raises:
        TaskError: if the separate split cannot be used, or a set of volumes lacks its tables.
    """
    options, exclusions = options or ScoreOptions(), exclusions or Exclusions()
    check_rule(options.threshold_rule)
    for reason, volumes in left_out_volumes(task, labels, options.tables).items():
        exclusions.add(reason, [volume for volume in volumes if volume not in exclusions.ids])
    studies = _with_scanners(task, studies, options.tables)
    split = None
    if options.threshold_scores is not None:
        split = _separate_split(task, scores, labels, studies, exclusions, options)
    matched = match(task, scores, labels, studies, exclusions)
    bootstrap = {"num_bootstraps": options.num_bootstraps, "seed": options.seed}
    findings, mean = finding_numbers(task.names, matched, split, **bootstrap)
    multiclass = multiclass_numbers(task, matched, **bootstrap)
    if multiclass:
        values = [numbers["balanced_accuracy"] for numbers in multiclass.values()]
        mean["multiclass_balanced_accuracy"] = None if None in values else float(np.mean(values))
    permutation = None
    if options.num_permutations:
        permutation = metrics.permutation_test(
            matched.scores, matched.labels, num=options.num_permutations, seed=options.seed
        )
    result = {
        "task": task.name,
        "title": task.title,
        "protocol": task.protocol,
        "volumes": task.volume_set or None,
        "num_studies": len(matched.study_ids),
        "num_patients": len(set(matched.patients)),
        "num_expected": task.num_expected,
        "excluded": {reason: len(ids) for reason, ids in exclusions.studies.items()},
        "excluded_studies": exclusions.studies,
        "findings": findings,
        "mean": mean,
        "multiclass": multiclass,
        "by_source": group_numbers(task.names, matched, matched.sources),
        "by_scanner": group_numbers(task.names, matched, matched.scanners),
        "threshold_split": None if split is None else {"rule": split.rule, "num_studies": len(split.scores)},
        "permutation": None if permutation is None else _permutation_numbers(permutation),
        "bootstrap": {"num": options.num_bootstraps, "seed": options.seed, "unit": "patient"},
        "notes": list(task.notes),
    }
    if options.published_quirks:
        counted = {study_id: row for study_id, row in labels.items() if study_id not in _left_out(exclusions)}
        result["published_quirks"] = quirk_numbers(task, matched, published_scores or scores, counted)
    return result, matched


def _left_out(exclusions: Exclusions) -> set[str]:
    """Who is left out for another reason than a missing score."""
    return {study_id for reason, ids in exclusions.studies.items() if reason != NOT_SCORED for study_id in ids}


def _with_scanners(task: Task, studies: Mapping[str, StudyRow], tables: VolumeTables) -> dict[str, StudyRow]:
    """Rows whose scanner is filled from the metadata table where it is not known."""
    rows = dict(studies)
    for study_id, scanner in scanners(task, tables).items():
        row = rows.get(study_id, StudyRow())
        rows[study_id] = row if row.scanner else replace(row, scanner=scanner)
    return rows


def _separate_split(
    task: Task,
    scores: Scores,
    labels: Labels,
    studies: Mapping[str, StudyRow],
    exclusions: Exclusions,
    options: ScoreOptions,
) -> SeparateSplit:
    """Scores and labels of the separate split, after a look that it shares nobody with the evaluated studies."""
    path = options.threshold_scores
    assert path is not None
    there = read_scores(path, task)
    known = labels if options.threshold_labels is None else task.read_labels(options.threshold_labels)
    names = (path.name, options.threshold_labels.name if options.threshold_labels else "the label file")
    check_match(there, known, names=names)
    study_ids = sorted((there.keys() & known.keys()) - task.exclude.keys())
    both = sorted(scores.keys() & there.keys())
    if both:
        raise TaskError(
            f"{len(both)} studies (first: {both[0]}) are in {path.name} and among the evaluated ones: a threshold "
            "chosen on them would flatter. Take another split."
        )
    evaluated = {patient_of(task, studies.get(study_id, StudyRow()), study_id) for study_id in scores}
    shared = [s for s in study_ids if patient_of(task, studies.get(s, StudyRow()), s) in evaluated]
    if shared:
        raise TaskError(
            f"{len(shared)} studies of {path.name} (first: {shared[0]}) are of patients who are evaluated: take "
            "another split."
        )
    exclusions.add(IN_SPLIT, [study_id for study_id in there if study_id in labels])
    values, truth = arrays(task, study_ids, there, known)
    return SeparateSplit(values, truth, options.threshold_rule)


def _permutation_numbers(test: metrics.PermutationTest) -> dict[str, Any]:
    return {
        "num": test.num,
        "mean_auc": test.mean,
        "range": [test.low, test.high],
        "observed_outside": test.outside,
        "p_value": test.p_value,
    }


def write_metrics(path: Path, result: Mapping[str, Any]) -> None:
    """Write ``metrics.json``, whole or not at all; no NaN, which JSON does not know."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
