"""Run a recipe over a source, study by study: resumable, a bad study never stopping the rest."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from itemclip_med.dicom import check_rules, open_source
from itemclip_med.errors import SourceError
from itemclip_med.preprocess.facts import SourceFacts, read_facts
from itemclip_med.preprocess.joining import Names, join_tables
from itemclip_med.preprocess.recipe import Recipe, load_recipe
from itemclip_med.preprocess.scan_cache import ScanCache, default_cache_path
from itemclip_med.preprocess.scheduling import run_tasks
from itemclip_med.preprocess.sources import Source, SourceFiles, SourceScan, open_kind
from itemclip_med.preprocess.study_ids import IdMaker, default_key_path, load_key
from itemclip_med.preprocess.study_worker import LOADS, Outcome, StudyWorker
from itemclip_med.preprocess.summary import RunLog, Summary, default_log_path
from itemclip_med.store import StoreWriter
from itemclip_med.workers import num_processors


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
    ids = _make_ids(recipe, keep_ids, id_key, store, check, summary)
    cache = None if check else ScanCache(default_cache_path(store), ids.key, recipe.digest)
    with open_source(source) as root:
        facts = read_facts(recipe, root)
        scan = opened.scan(root, Path(source), cache)
        facts.prepare(scan, Path(source).name)
        summary.files_found = scan.num_files
        summary.files_skipped += scan.skipped
        with _writer(store, check) as writer, _log(store, check, summary) as log:
            known = writer.known_sources if writer else {}
            unknown = [files for files in scan.studies if files.digest not in known]
            summary.num_known = len(scan.studies) - len(unknown)
            todo = _without_skipped(unknown, cache, summary)
            if cache:
                cache.save()  # now, so that a run that is stopped has not read all files in vain
            if writer:
                _note_other_recipes(recipe, [known.get(files.digest) for files in scan.studies], writer, summary)
            worker_args = (dict(recipe.values), recipe.name, ids, None if check else store, kind)
            aliases = _known_aliases(scan, known, opened, ids) if labels or reports else {}
            owners = _known_owners(scan, known) if wants_slices(recipe) else {}
            seen = {known[files.digest] for files in scan.studies if files.digest in known}
            workers = min(workers or num_processors(), len(todo))
            outcomes = run_tasks(todo, StudyWorker, worker_args, workers=workers, scheduler=scheduler, preload=LOADS)
            try:
                for files, outcome in zip(todo, _progress(outcomes, len(todo), show_progress), strict=True):
                    if wants_slices(recipe):
                        _own(outcome, files, owners)
                    _book(outcome, summary, writer, log, aliases, seen, facts)
                    _remember(files, outcome, cache)
            except BrokenProcessPool as error:
                raise SourceError(
                    "A worker process was ended from outside, probably for want of memory: run the same command again "
                    "with fewer workers; stored studies are kept."
                ) from error
            finally:
                if cache:
                    cache.save()
        if cache and cache.note:
            summary.notes.append(cache.note)
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


def _without_skipped(unknown: list[SourceFiles], cache: ScanCache | None, summary: Summary) -> list[SourceFiles]:
    """Studies to do: without those of which an earlier run found nothing that is wanted; they are counted again."""
    todo = []
    for files in unknown:
        counts = cache.skipped(files.digest) if cache else None
        if counts is None:
            todo.append(files)
            continue
        summary.num_skipped += counts["num_skipped"]
        summary.series_left_out += Counter(counts["series_left_out"])
        summary.files_skipped += Counter(counts["files_skipped"])
    return todo


def _remember(files: SourceFiles, outcome: Outcome, cache: ScanCache | None) -> None:
    """Keep in mind a study of which nothing is wanted, and no reason to try again."""
    if cache and outcome.num_skipped and not outcome.stored and not outcome.failures:
        cache.add_skipped(
            files.digest,
            {
                "num_skipped": outcome.num_skipped,
                "series_left_out": dict(outcome.series_left_out),
                "files_skipped": dict(outcome.files_skipped),
            },
        )


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
