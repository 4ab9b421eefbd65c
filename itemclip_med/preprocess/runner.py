"""Run a recipe over a source, study by study: resumable, a bad study never stopping the rest."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.dicom import check_rules, open_source, select_series
from itemclip_med.errors import DicomError, FormatError, ItemClipError, SourceError, StoreError
from itemclip_med.preprocess.facts import SourceFacts, read_facts
from itemclip_med.preprocess.joining import Names, join_tables
from itemclip_med.preprocess.recipe import Recipe, load_recipe, parse_recipe
from itemclip_med.preprocess.scheduling import run_tasks
from itemclip_med.preprocess.sources import Source, SourceFiles, SourceScan, SourceSeries, SourceStudy, open_kind
from itemclip_med.preprocess.study_ids import IdMaker, default_key_path, load_key
from itemclip_med.preprocess.summary import RunLog, Summary, default_log_path
from itemclip_med.records import Series, Study
from itemclip_med.store import StoreWriter, write_arrays
from itemclip_med.workers import num_processors


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
        kind: format of the source; None for the recipe's first.
    """

    def __init__(
        self, values: Mapping[str, Any], name: str, ids: IdMaker, store: Path | None, kind: str | None = None
    ) -> None:
        self.recipe = parse_recipe(values, name)
        self.source = open_kind(self.recipe, kind)
        self.ids = ids
        self.store = store
        self.transform = self.recipe.build_transform()

    def __call__(self, files: SourceFiles) -> Outcome:
        """Parse, select, load, transform and write one study.

        Raises:
            StoreError: if the store cannot be written: no other study could be stored either.
        """
        outcome = Outcome()
        try:
            studies, outcome.files_skipped = self.source.read(files)
        except ItemClipError as error:
            outcome.failures.append(str(error))
            return outcome
        for study in studies:
            try:
                self._do_study(study, outcome)
            except StoreError:
                raise
            except ItemClipError as error:
                outcome.failures.append(str(error))
            except Exception as error:  # one study's surprise must not cost the others
                outcome.failures.append(f"unexpected {type(error).__name__}")
        # Files of several studies are known once the last of them is stored and none has failed.
        last = None if outcome.failures else len(outcome.stored) - 1
        for number, (record, names) in enumerate(outcome.stored):
            if number != last:
                outcome.stored[number] = (replace(record, source_digest=f"{record.source_digest}.{number}"), names)
        return outcome

    def _do_study(self, study: SourceStudy, outcome: Outcome) -> None:
        chosen, left_out = select_series(study, self.recipe.select)
        outcome.series_left_out += left_out
        failure = None if chosen else self.source.failure(study)
        if not chosen and failure is None:
            outcome.num_skipped += 1
            return
        study_id = self.ids.study_id(
            uid=study.uid, patient=study.patient_id, accession=study.accession, path=study.relative_dir
        )
        entries, arrays, errors = [], [], [failure]
        per_name: Counter[str] = Counter()
        for number, series in enumerate(chosen):
            if len(entries) == self.recipe.max_series:
                outcome.series_left_out[f"more than {self.recipe.max_series} series"] += len(chosen) - number
                break
            if per_name[series.name] == self.recipe.max_per_name:
                outcome.series_left_out[f"more than {self.recipe.max_per_name} series of one name"] += 1
                continue
            try:
                entry, array = self._do_series(series)
            except (DicomError, FormatError) as error:
                errors.append(str(error))
                outcome.series_left_out[str(error)] += 1
                continue
            per_name[series.name] += 1
            entries.append(entry)
            arrays.append(array)
        if not entries:
            raise SourceError(f"Study {study_id[:12]}: {errors[-1]}")
        record = Study(
            study_id=study_id,
            series=tuple(entries),
            patient_id=self.ids.patient_id(study.patient_id, study_id),
            source=self.recipe.source_name,
            split=self.ids.split(study_id),
            scanner=study.scanner or None,
            recipe_digest=self.recipe.digest,
            source_digest=study.digest,
        )
        if self.store is not None:
            record = write_arrays(self.store, record, arrays)
        aliases = self.ids.aliases(uid=study.uid, accession=study.accession, path=study.relative_dir)
        outcome.stored.append((record, aliases))

    def _do_series(self, series: SourceSeries) -> tuple[Series, np.ndarray]:
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
    stored = np.empty_like(values, dtype=dtype)  # of the same layout in memory
    slowest = int(np.argmax(np.abs(values.strides)))
    for part, out in zip(np.moveaxis(values, slowest, 0), np.moveaxis(stored, slowest, 0), strict=True):
        out[...] = np.clip(np.rint(part), info.min, info.max)  # slice by slice, so that memory stays small
    return stored


def run_recipe(
    recipe: Recipe | str | Path,
    source: Path | str,
    store: Path | str,
    *,
    kind: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
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
        source: folder, zip or tar.
        store: folder of the store; what it holds already is not done again.
        kind: format of the source, one of those the recipe reads; its first by default.
        workers: processes; the number of cores by default.
        scheduler: address of a Dask scheduler whose workers do the studies instead.
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
        SourceError: if the source holds no file of its format, the key cannot be used, or a worker process dies.
        StoreError: if the store is of another version or being written, or the disk is full; what was stored stays.
        LabelsError: if no label or report matches a study; what was stored stays.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    check_rules(recipe.select)
    opened = open_kind(recipe, kind)
    store, start = Path(store), time.monotonic()
    summary = Summary(recipe.name, store)
    with open_source(source) as root:
        facts = read_facts(recipe, root)
        scan = opened.scan(root, Path(source))
        facts.prepare(scan, Path(source).name)
        summary.files_found = scan.num_files
        summary.files_skipped += scan.skipped
        ids = _make_ids(recipe, keep_ids, id_key, store, check, summary)
        with _writer(store, check) as writer, _log(store, check, summary) as log:
            known = writer.known_sources if writer else {}
            todo = [files for files in scan.studies if files.digest not in known]
            summary.num_known = len(scan.studies) - len(todo)
            if writer:
                _note_other_recipes(recipe, [known.get(files.digest) for files in scan.studies], writer, summary)
            worker_args = (dict(recipe.values), recipe.name, ids, None if check else store, kind)
            aliases = _known_aliases(scan, known, opened, ids) if labels or reports else {}
            owners = _known_owners(scan, known) if wants_slices(recipe) else {}
            seen = {known[files.digest] for files in scan.studies if files.digest in known}
            workers = min(workers or num_processors(), len(todo))
            outcomes = run_tasks(todo, StudyWorker, worker_args, workers=workers, scheduler=scheduler)
            try:
                for files, outcome in zip(todo, _progress(outcomes, len(todo), show_progress), strict=True):
                    if wants_slices(recipe):
                        _own(outcome, files, owners)
                    _book(outcome, summary, writer, log, aliases, seen, facts)
            except BrokenProcessPool as error:
                raise SourceError(
                    "A worker process was ended from outside, probably for want of memory: run the same command again "
                    "with fewer workers; stored studies are kept."
                ) from error
        if not check:
            join_tables(store, facts, Names(ids, aliases, owners), summary, labels, reports)
            _log_unmatched(summary)
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


def _known_aliases(scan: SourceScan, known: Mapping[str, str], source: Source, ids: IdMaker) -> dict[str, list[str]]:
    """What labels and reports may call the studies of earlier runs."""
    return {known[files.digest]: ids.aliases(**source.names(files)) for files in scan.studies if files.digest in known}


def wants_slices(recipe: Recipe) -> bool:
    """True where labels are those of slices, so that it must be known to which study each file belongs."""
    return recipe.labels is not None and recipe.labels.reader == "rsna_stage_2"


def _own(outcome: Outcome, files: SourceFiles, owners: dict[str, str]) -> None:
    if len(outcome.stored) == 1:
        owners.update(dict.fromkeys(_slice_ids(files), outcome.stored[0][0].study_id))


def _known_owners(scan: SourceScan, known: Mapping[str, str]) -> dict[str, str]:
    return {name: known[files.digest] for files in scan.studies if files.digest in known for name in _slice_ids(files)}


def _slice_ids(files: SourceFiles) -> list[str]:
    """Names of the files of a study without folder and suffix: in RSNA 2019 they are the slices' ids."""
    return [Path(name).stem for name in getattr(files, "names", ())]


def _log_unmatched(summary: Summary) -> None:
    if summary.log_path is None or not any(summary.unmatched_ids.values()):
        return
    with RunLog(summary.log_path) as log:
        for what, ids in summary.unmatched_ids.items():
            if ids:
                log.write("unmatched", what=what, ids=ids)


def _book(
    outcome: Outcome,
    summary: Summary,
    writer: StoreWriter | None,
    log: RunLog | None,
    aliases: dict[str, list[str]],
    seen: set[str],
    facts: SourceFacts,
) -> None:
    summary.series_left_out += outcome.series_left_out
    summary.files_skipped += outcome.files_skipped
    summary.num_skipped += outcome.num_skipped
    for study, names in outcome.stored:
        if study.study_id in seen:
            outcome.failures.append(f"Study {study.study_id[:12]} is twice in the source: keep one of its folders.")
            if writer:
                writer.discard(study)
            continue
        seen.add(study.study_id)
        aliases[study.study_id] = names
        summary.num_stored += 1
        summary.num_series += len(study.series)
        if writer and log:
            writer.commit(facts.complete(study))
            warnings = [warning for series in study.series for warning in series.warnings]
            log.write("stored", study_id=study.study_id, series=len(study.series), warnings=warnings)
    for reason in outcome.failures:
        summary.num_failed += 1
        summary.failures[reason] += 1
        if log:
            log.write("failed", reason=reason)


def _note_other_recipes(recipe: Recipe, known: list[str | None], writer: StoreWriter, summary: Summary) -> None:
    digests = writer.recipe_digests
    others = sum(study_id is not None and digests[study_id] != recipe.digest for study_id in known)
    if others:
        summary.notes.append(
            f"{others} of the studies known before were made by another recipe, or another form of this one: "
            "preprocess into a new folder to have all alike"
        )


def _progress(outcomes: Iterable[Outcome], total: int, show: bool | None) -> Iterable[Outcome]:
    from tqdm import tqdm

    disable = None if show is None else not show
    return tqdm(outcomes, total=total, unit="study", desc="preprocess", disable=disable)
