"""What a bundle's inference and evaluation leave: scores as JSON, heatmaps as NIfTI, metrics of the task."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ignite.engine import Engine, Events

from itemclip_med.errors import ModelError
from itemclip_med.explain import FORMATS, Extras
from itemclip_med.explain.heatmap import LoadedStudy
from itemclip_med.explain.output import write_maps
from itemclip_med.records import Finding
from itemclip_med.store import Store
from itemclip_med.store.manifest import escape
from itemclip_med.volumes import write_nifti
from itemclip_med.zeroshot import Task, score_files
from itemclip_med.zeroshot.tables import read_scores, write_labels, write_studies

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP

logger = logging.getLogger(__name__)

DISCLAIMER = "Research use only; scores are cosines, not probabilities, and no basis for clinical decisions."


def require_weights(model: str | Path, ckpt_path: str | Path) -> None:
    """Say in one line that a bundle has no weights, before anything is built.

    Args:
        model: the model that is named; empty for the bundle's own weights.
        ckpt_path: the bundle's own weights.

    Raises:
        ModelError: if neither is there.
    """
    if not str(model) and not Path(ckpt_path).is_file():
        raise ModelError(
            f"The bundle holds no weights ({ckpt_path} is missing): name a model folder, hub id or shipped model with "
            "--model, for example the exported/best of a training run."
        )


class StudyResults:
    """Write ``scores.json`` and, per study, heatmaps of its highest-scoring findings.

    A finding's heatmap is the mean over its prompts; files are ``heatmaps/STUDY/FINDING_N_SERIES.nii.gz``, on the
    voxels of the stored series, 1 where the attention is that of an even spread.

    Args:
        folder: where files go.
        findings: of the scores' columns.
        store: of the studies.
        model: that scored them; heatmaps are left out for one that scores studies as a whole.
        heatmaps: findings per study, the highest scores first; 0 for none.
        task: its name, for the record.
        formats: "nifti", and "html" and "dicom" for a page and DICOM objects beside the maps, as ``predict`` writes.
        source: the studies' DICOM, which DICOM objects refer to.

    Raises:
        ModelError: if a format is unknown.
    """

    def __init__(
        self,
        folder: str | Path,
        findings: Sequence[Finding],
        store: Store,
        model: ItemizedCLIP,
        heatmaps: int = 3,
        task: str = "",
        formats: Sequence[str] = ("nifti",),
        source: str | Path = "",
    ) -> None:
        self.folder = Path(folder)
        self.findings = list(findings)
        self.store = store
        self.model = model
        self.heatmaps = min(heatmaps, len(self.findings)) if model.config.scoring == "pool" else 0
        self.task = task
        unknown = [name for name in formats if name not in FORMATS]
        if unknown:
            raise ModelError(f"Unknown format {', '.join(unknown)}: expected some of {', '.join(FORMATS)}.")
        self.formats = tuple(formats)
        self.source = Path(source) if source else None
        self._scores: dict[str, list[float]] = {}

    def attach(self, engine: Engine) -> None:
        """Listen to the batches and to the end."""
        engine.add_event_handler(Events.EPOCH_STARTED, lambda engine: self._scores.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)

    def _collect(self, engine: Engine) -> None:
        output: Any = engine.state.output
        batch: Any = engine.state.batch
        self._scores.update(zip(batch["study_id"], output["pred"].float().cpu().tolist(), strict=True))

    def _write(self, engine: Engine) -> None:
        studies: list[dict[str, Any]] = []
        for study_id, scores in self._scores.items():
            order = sorted(range(len(scores)), key=lambda column: -scores[column])
            maps = self._draw(study_id, [self.findings[column] for column in order[: self.heatmaps]])
            findings: list[dict[str, Any]] = [
                {
                    "name": self.findings[column].name,
                    "title": self.findings[column].title,
                    "prompts": list(self.findings[column].prompts),
                    "score": round(scores[column], 6),
                    "heatmaps": maps.get(self.findings[column].name, []),
                }
                for column in order
            ]
            studies.append({"study_id": study_id, "findings": findings})
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "scores.json"
        record = {"task": self.task, "note": DISCLAIMER, "studies": studies}
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        num_maps = sum(len(finding["heatmaps"]) for study in studies for finding in study["findings"])
        logger.info("%d studies and %d heatmaps: %s", len(studies), num_maps, path)

    def _draw(self, study_id: str, findings: Sequence[Finding]) -> dict[str, list[str]]:
        """Write the heatmaps of one study; finding name to files."""
        if not findings:
            return {}
        loaded = LoadedStudy.load(self.store, study_id, self.model, device=str(self.model.device))
        maps = loaded.ask(findings)
        folder = Path("heatmaps") / escape(study_id)
        (self.folder / folder).mkdir(parents=True, exist_ok=True)
        others = [name for name in self.formats if name != "nifti"]
        if others:
            words = {finding.title: finding.prompts for finding in findings}
            extras = Extras(source=self.source, model_name=f"bundle, task {self.task}", words=words)
            write_maps(self.store, study_id, maps, self.folder / folder, formats=others, extras=extras)
        written: dict[str, list[str]] = {}
        for finding in findings if "nifti" in self.formats else ():
            stem = re.sub(r"[^A-Za-z0-9]+", "_", finding.name).strip("_")
            own = [heatmap for heatmap in maps if heatmap.item == finding.title]
            for number, heatmap in enumerate(own):
                path = folder / f"{stem}_{number}_{heatmap.series.name}.nii.gz"
                write_nifti(heatmap.values, np.array(heatmap.series.affine), self.folder / path)
                written.setdefault(finding.name, []).append(path.as_posix())
        return written


def evaluate_scores(store: Store, task: Task, folder: str | Path) -> dict[str, Any] | None:
    """``metrics.json`` of a task from the ``scores.csv`` that an evaluator wrote, and the labels in the store.

    Args:
        store: of the scored studies.
        task: whose findings the scores are.
        folder: holds ``scores.csv``; gets ``labels.csv``, ``studies.csv`` and ``metrics.json``.

    Returns:
        What ``metrics.json`` holds; None where no scored study has a label of the task.

    Raises:
        TaskError: if scores are not finite.
    """
    folder = Path(folder)
    scored = read_scores(folder / "scores.csv", task)
    labels = {
        task.study_id(study.study_id): {name: study.labels.get(name) for name in task.names}
        for study in store.studies
        if any(study.labels.get(name) is not None for name in task.names)
    }
    labels = {study_id: row for study_id, row in labels.items() if study_id in scored}
    if not labels:
        logger.info("no study has a label of task %s: no metrics", task.name)
        return None
    write_labels(folder / "labels.csv", task.names, labels)
    write_studies(folder / "studies.csv", store.studies)
    metrics = score_files(
        task, folder / "scores.csv", folder / "labels.csv", folder, studies_path=folder / "studies.csv"
    )
    mean = metrics["mean"].get("auc")
    shown = "mean AUC undefined" if mean is None else f"mean AUC {mean:.3f}"
    logger.info("task %s: %s of %d studies, more in %s", task.name, shown, len(labels), folder / "metrics.json")
    return metrics
