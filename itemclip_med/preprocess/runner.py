"""Run a recipe over a source, study by study: in a process pool, resumable, a bad study never stopping the rest."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.dicom import (
    DicomSeries,
    DicomStudy,
    StudyFiles,
    check_rules,
    count_skipped,
    open_source,
    read_study,
    require_dicom,
    scan_source,
    select_series,
)
from itemclip_med.errors import DicomError, ItemClipError, SourceError
from itemclip_med.preprocess.joining import join_labels, join_reports
from itemclip_med.preprocess.recipe import Recipe, load_recipe, parse_recipe
from itemclip_med.preprocess.study_ids import IdMaker, default_key_path, load_key
from itemclip_med.preprocess.summary import RunLog, Summary, default_log_path
from itemclip_med.records import Series, Study
from itemclip_med.store import StoreWriter, write_arrays
from itemclip_med.workers import num_processors, worker_pool

_AHEAD = 4  # studies handed out beyond the number of workers


@dataclass
class Outcome:
    """What became of the files of one study.

    Attributes:
        stored: studies whose arrays are written, with what labels may call them.
        failures: reasons of studies that should be there and are not.
        num_skipped: studies without a wanted series.
        series_left_out: reason to number of series.
        files_skipped: reason to number of files.
    """

    stored: list[tuple[Study, list[str]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    num_skipped: int = 0
    series_left_out: Counter[str] = field(default_factory=Counter)
    files_skipped: Counter[str] = field(default_factory=Counter)


class StudyWorker:
    """Turns the files of one study into arrays of a store; lives in a worker process.

    Args:
        values: contents of the recipe.
        name: its name.
        ids: makes the ids.
        store: the store's folder; None only checks.
    """

    def __init__(self, values: Mapping[str, Any], name: str, ids: IdMaker, store: Path | None) -> None:
        self.recipe = parse_recipe(values, name)
        self.ids = ids
        self.store = store
        self.transform = self.recipe.build_transform()

    def __call__(self, files: StudyFiles) -> Outcome:
        """Parse, select, load, transform and write one study."""
        outcome = Outcome()
        studies, outcome.files_skipped = read_study(files, with_pixels=self.store is not None)
        for study in studies:
            outcome.files_skipped += count_skipped(study.series)
            try:
                self._do_study(study, outcome)
            except ItemClipError as error:
                outcome.failures.append(str(error))
            except Exception as error:  # one study's surprise must not cost the others
                outcome.failures.append(f"unexpected {type(error).__name__}")
        return outcome

    def _do_study(self, study: DicomStudy, outcome: Outcome) -> None:
        chosen, left_out = select_series(study, self.recipe.select)
        outcome.series_left_out += left_out
        if not chosen:
            outcome.num_skipped += 1
            return
        study_id = self.ids.study_id(
            uid=study.uid, patient=study.patient_id, accession=study.accession, path=study.relative_dir
        )
        entries, arrays, errors = [], [], []
        for number, series in enumerate(chosen):
            if len(entries) == self.recipe.max_series:
                outcome.series_left_out[f"more than {self.recipe.max_series} series"] += len(chosen) - number
                break
            try:
                entry, array = self._do_series(series)
            except DicomError as error:
                errors.append(str(error))
                outcome.series_left_out[str(error)] += 1
                continue
            entries.append(entry)
            arrays.append(array)
        if not entries:
            raise SourceError(f"Study {study_id[:12]}: {errors[0]}")
        record = Study(
            study_id=study_id,
            series=tuple(entries),
            patient_id=self.ids.patient_id(study.patient_id, study_id),
            source=self.recipe.source_name,
            scanner=study.scanner or None,
            recipe_digest=self.recipe.digest,
            source_digest=study.digest,
        )
        if self.store is not None:
            record = write_arrays(self.store, record, arrays)
        aliases = self.ids.aliases(uid=study.uid, accession=study.accession, path=study.relative_dir)
        outcome.stored.append((record, aliases))

    def _do_series(self, series: DicomSeries) -> tuple[Series, np.ndarray]:
        try:
            volume = self.transform({"image": series})["image"]
        except RuntimeError as error:  # MONAI wraps what a transform raises
            raise _own_error(error) or error from error
        affine = np.asarray(volume.affine, dtype=np.float64)
        array = _stored(volume.numpy()[0], self.recipe.stored_dtype)
        uids = volume.meta.get("sop_uids", [])
        entry = Series(
            name=series.name,
            path="",
            shape=tuple(int(size) for size in array.shape),
            spacing_mm=tuple(round(float(value), 6) for value in np.linalg.norm(affine[:3, :3], axis=0)),
            affine=tuple(tuple(round(float(value), 6) for value in row) for row in affine),
            modality=series.modality,
            dtype=array.dtype.name,
            sop_uids=tuple(self.ids.sop_uid(uid) for uid in uids) if len(uids) == array.shape[2] else (),
            warnings=tuple(volume.meta.get("warnings", [])),
        )
        return entry, array


def _own_error(error: BaseException | None) -> ItemClipError | None:
    while error is not None and not isinstance(error, ItemClipError):
        error = error.__cause__
    return error


def _stored(values: np.ndarray, dtype: str) -> np.ndarray:
    if values.dtype.name == dtype:
        return values
    info = np.iinfo(dtype)
    return np.clip(np.rint(values), info.min, info.max).astype(dtype)


def run_recipe(
    recipe: Recipe | str | Path,
    source: Path | str,
    store: Path | str,
    *,
    workers: int | None = None,
    id_key: Path | None = None,
    keep_ids: bool = False,
    reports: Path | None = None,
    labels: Path | None = None,
    check: bool = False,
    show_progress: bool | None = None,
) -> Summary:
    """Preprocess every study of a source into a store.

    Args:
        recipe: a recipe, its name or its path.
        source: folder, zip or tar of DICOM.
        store: folder of the store; what it holds already is not done again.
        workers: processes; the number of cores by default.
        id_key: key file of hashed ids; beside the store by default.
        keep_ids: keep raw UIDs and patient ids.
        reports: JSONL with ``id`` and ``items``, joined by study.
        labels: label file, joined by study; by default the recipe's own where the source holds it.
        check: parse and select only, write nothing.
        show_progress: a bar on a terminal; None asks the terminal.

    Returns:
        Counts and reasons.

    Raises:
        RecipeError: if the recipe does not exist or says something wrong.
        SourceError: if the source holds no DICOM, or the key cannot be used.
        StoreError: if the store is of another version or being written.
        LabelsError: if no label or report matches a study; what was stored stays.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    check_rules(recipe.select)
    store, start = Path(store), time.monotonic()
    summary = Summary(recipe.name, store)
    with open_source(source) as root:
        if labels is None and recipe.labels.get("default"):
            labels = next(iter(sorted(root.rglob(recipe.labels["default"]))), None)
        scan = scan_source(root)
        require_dicom(scan, Path(source))
        summary.files_found = scan.num_files
        summary.files_skipped += scan.skipped
        ids = _make_ids(recipe, keep_ids, id_key, store, check, summary)
        with _writer(store, check) as writer, _log(store, check, summary) as log:
            known = writer.known_sources if writer else {}
            todo = [files for files in scan.studies if files.digest not in known]
            summary.num_known = len(scan.studies) - len(todo)
            worker_args = (dict(recipe.values), recipe.name, ids, None if check else store)
            aliases: dict[str, list[str]] = {}
            for outcome in _progress(_run(todo, worker_args, workers), len(todo), show_progress):
                _book(outcome, summary, writer, log, aliases)
        if not check:
            if labels is not None:
                join_labels(store, recipe, labels, ids, aliases, summary)
            if reports is not None:
                join_reports(store, reports, recipe.reports.get("ids", "plain"), ids, aliases, summary)
    expected = recipe.expected.get("studies")
    if expected and summary.num_stored + summary.num_known != expected:
        found = summary.num_stored + summary.num_known
        summary.notes.append(f"{recipe.source_name} has {expected} studies in full; {found} are in the store")
    summary.seconds = time.monotonic() - start
    return summary


def _make_ids(
    recipe: Recipe, keep_ids: bool, id_key: Path | None, store: Path, check: bool, summary: Summary
) -> IdMaker:
    ids = IdMaker(recipe.study_id, keep_ids)
    if not ids.is_hashing:
        return ids
    if check and id_key is None:
        return IdMaker(recipe.study_id, keep_ids, os.urandom(32))
    path = id_key or default_key_path(store)
    summary.key_path = path
    return IdMaker(recipe.study_id, keep_ids, load_key(path, store))


def _writer(store: Path, check: bool) -> contextlib.AbstractContextManager[StoreWriter | None]:
    return contextlib.nullcontext() if check else StoreWriter(store)


def _log(store: Path, check: bool, summary: Summary) -> contextlib.AbstractContextManager[RunLog | None]:
    if check:
        return contextlib.nullcontext()
    summary.log_path = default_log_path(store)
    return RunLog(summary.log_path)


def _book(
    outcome: Outcome, summary: Summary, writer: StoreWriter | None, log: RunLog | None, aliases: dict[str, list[str]]
) -> None:
    summary.series_left_out += outcome.series_left_out
    summary.files_skipped += outcome.files_skipped
    summary.num_skipped += outcome.num_skipped
    for study, names in outcome.stored:
        if study.study_id in aliases:
            outcome.failures.append(f"Study {study.study_id[:12]} is twice in the source: keep one of its folders.")
            continue
        aliases[study.study_id] = names
        summary.num_stored += 1
        summary.num_series += len(study.series)
        if writer and log:
            writer.commit(study)
            warnings = [warning for series in study.series for warning in series.warnings]
            log.write("stored", study_id=study.study_id, series=len(study.series), warnings=warnings)
    for reason in outcome.failures:
        summary.num_failed += 1
        summary.failures[reason] += 1
        if log:
            log.write("failed", reason=reason)


_worker: StudyWorker | None = None


def _start_worker(*args: Any) -> None:
    global _worker
    import torch

    torch.set_num_threads(1)
    _worker = StudyWorker(*args)


def _work(files: StudyFiles) -> Outcome:
    return _worker(files)


def _run(todo: list[StudyFiles], worker_args: tuple[Any, ...], workers: int | None) -> Iterator[Outcome]:
    """Outcomes in the order of the studies, from a pool or from this process."""
    workers = min(workers or num_processors(), len(todo))
    if workers <= 1:
        worker = StudyWorker(*worker_args)
        for files in todo:
            yield worker(files)
        return
    pending: list[Future[Outcome]] = []
    queue = iter(todo)
    with worker_pool(workers, _start_worker, worker_args) as pool:
        try:
            for files in queue:
                pending.append(pool.submit(_work, files))
                while len(pending) >= workers + _AHEAD:
                    wait(pending[:1], return_when=FIRST_COMPLETED)
                    yield pending.pop(0).result()
            while pending:
                yield pending.pop(0).result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _progress(outcomes: Iterable[Outcome], total: int, show: bool | None) -> Iterable[Outcome]:
    from tqdm import tqdm

    disable = None if show is None else not show
    return tqdm(outcomes, total=total, unit="study", desc="preprocess", disable=disable)
