"""Check a data set as it was downloaded, in minutes, before it is converted: what is missing or odd, and where."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.dicom import check_rules, open_source
from itemclip_med.errors import LabelsError
from itemclip_med.formats import FileGroup
from itemclip_med.labels import ID_NORMALIZERS
from itemclip_med.preprocess.checks.files import FileChecker, StudyCheck
from itemclip_med.preprocess.checks.oddities import CheckReport, Oddity
from itemclip_med.preprocess.facts import SourceFacts, read_facts, stored_here
from itemclip_med.preprocess.joining import read_report_texts
from itemclip_med.preprocess.recipe import SPLITS, Recipe, load_recipe
from itemclip_med.preprocess.scheduling import run_tasks
from itemclip_med.preprocess.source_tables import RowProblem, read_label_tables, read_rows
from itemclip_med.preprocess.sources import open_kind
from itemclip_med.preprocess.study_ids import IdMaker
from itemclip_med.workers import num_processors

LOOK = 200
_SPACING_SHARE = 0.05  # by which the spacing of a header may differ from the metadata's
_NAMED = 5


def check_dataset(
    recipe: Recipe | str | Path,
    source: Path | str,
    *,
    kind: str | None = None,
    workers: int | None = None,
    look: int = LOOK,
    labels: Path | None = None,
    show_progress: bool | None = None,
) -> CheckReport:
    """Say what is missing or odd in a source, without converting anything.

    Headers of all files are read, and where files are compressed the sums at their ends; tables are read whole and
    compared with the files both ways; the voxels of some images are read.

    Args:
        recipe: a recipe, its name or its path.
        source: folder, zip or tar.
        kind: format of the source; the recipe's first by default.
        workers: processes; the number of cores by default.
        look: of how many studies, evenly spread, voxels are read too; 0 for none.
        labels: label file, instead of those the recipe looks for.
        show_progress: a bar on a terminal; None asks the terminal.

    Returns:
        What was found.

    Raises:
        RecipeError: if the recipe does not exist or says something wrong.
        SourceError: if the source holds no file of its format.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    check_rules(recipe.select)
    start = time.monotonic()
    report = CheckReport(recipe.name)
    with open_source(source) as root:
        opened = open_kind(recipe, kind)
        facts = read_facts(recipe, root)
        scan = opened.scan(root, Path(source))
        before = Counter(scan.skipped)
        facts.prepare(scan, Path(source).name)
        report.num_studies, report.num_files = len(scan.studies), scan.num_files
        _note_unfinished(report, facts, scan.skipped, root)
        looked = {int(number) for number in np.linspace(0, len(scan.studies) - 1, min(look, len(scan.studies)))}
        tasks = [(number, files, number in looked) for number, files in enumerate(scan.studies)]
        workers = min(workers or num_processors(), max(1, len(tasks)))
        args = (dict(recipe.values), recipe.name, kind, recipe.study_id.rule == "public")
        results = run_tasks(tasks, FileChecker, args, workers=workers)
        checks = list(_progress(results, len(tasks), show_progress))
        _gather(report, checks)
        ids = {study_id for check in checks for study_id in check.study_ids}
        _compare_spacing(report, facts, scan.studies, checks, Path(source).name)
        _compare_tables(report, facts, ids, scan.studies, checks, labels)
        _note_counts(report, recipe, ids, scan.skipped - before, facts)
        _note_spellings(report, recipe, checks, facts)
    _set_known_aside(report, recipe)
    report.seconds = time.monotonic() - start
    return report


def _note_unfinished(report: CheckReport, facts: SourceFacts, skipped: Mapping[str, int], root: Path) -> None:
    for path in sorted(facts.finder.unfinished):
        text = "a download has left it unfinished: start the download again"
        report.oddities.append(Oddity("unfinished-file", text, file=path.relative_to(root).as_posix()))
    if skipped.get("empty file"):
        text = f"{skipped['empty file']} files of no bytes: download them again"
        report.oddities.append(Oddity("unfinished-file", text, file="in the source"))


def _gather(report: CheckReport, checks: Sequence[StudyCheck]) -> None:
    """Put the studies' oddities together with those that only all of them show."""
    places: dict[str, list[StudyCheck]] = defaultdict(list)
    content: dict[str, list[str]] = defaultdict(list)
    for check in checks:
        report.oddities += check.oddities
        report.num_looked += check.num_looked
        for study_id in check.study_ids:
            places[study_id].append(check)
        for total, name in check.content:
            content[total].append(name)
    twice = set()
    for study_id, found in places.items():
        if len(found) > 1:
            names = sorted(name for check in found for _, name in check.content)
            twice.update(names)
            text = f"it lies there {len(found)} times{f': {_few(names)}' if names else ''}: keep one"
            report.oddities.append(Oddity("repeated-study", text, study_id))
    for names in content.values():
        for name in names[1:]:
            if name not in twice:
                text = f"the same content as {names[0]}"
                report.oddities.append(Oddity("repeated-content", text, file=name))


def _compare_spacing(
    report: CheckReport, facts: SourceFacts, studies: Iterable[Any], checks: Sequence[StudyCheck], root_name: str
) -> None:
    """Files whose header has another spacing than the metadata: they are of the version whose headers mean nothing."""
    stored = [table.stored for table in facts.recipe.metadata if table.stored is not None]
    if not stored:
        return
    odd, num = [], 0
    for files, check in zip(studies, checks, strict=True):
        fact = facts.facts.get(check.study_ids[0]) if check.study_ids else None
        if fact is None or fact.spacing_mm is None or check.spacing_mm is None or not isinstance(files, FileGroup):
            continue
        if any(stored_here(rule, files.names[0], root_name) for rule in stored):
            continue
        num += 1
        if np.abs(np.array(check.spacing_mm) / fact.spacing_mm - 1).max() > _SPACING_SHARE:
            one, other = (" x ".join(f"{mm:.3g}" for mm in spacing) for spacing in (check.spacing_mm, fact.spacing_mm))
            text = f"its header says {one} mm, {fact.where} says {other} mm: is it of the first version?"
            odd.append(Oddity("other-version", text, check.study_ids[0], files.names[0]))
    if len(odd) > num / 2 and num > 2:
        report.notes.append(f"the headers of {len(odd)} of {num} files have another spacing than the metadata")
        return
    told = {o.study_id for o in report.oddities if o.kind in ("other-version", "impossible-geometry")}
    report.oddities += [oddity for oddity in odd if oddity.study_id not in told]


def _compare_tables(
    report: CheckReport,
    facts: SourceFacts,
    ids: set[str],
    studies: Sequence[Any],
    checks: Sequence[StudyCheck],
    labels: Path | None,
) -> None:
    """Rows against files, both ways."""
    recipe, finder = facts.recipe, facts.finder
    tables: dict[str, set[str]] = {name: set(found) for name, found in facts.ids_by_table.items()}
    problems = facts.problems
    labeled: set[str] | None = None
    if recipe.labels is not None and (labels is not None or recipe.labels.default):
        paths = [labels] if labels is not None else finder.find(recipe.labels.default)
        if not paths:
            text = f"no {' or '.join(recipe.labels.default)} below the source: studies would have no labels"
            report.oddities.append(Oddity("missing-table", text, file="labels"))
        normalize = ID_NORMALIZERS[recipe.study_id.spelling]
        read = read_label_tables(paths, recipe.labels.reader, recipe.labels.id_column, normalize, problems)
        if recipe.labels.reader == "rsna_stage_2":
            _compare_slices(report, {name for table in read.values() for name in table}, studies, checks)
        elif read:
            of_rows = {path.name: set(table) | _ids_of(problems, path.name) for path, table in read.items()}
            tables |= of_rows
            # With a table that cannot be read nobody knows which studies lack labels.
            labeled = set().union(*of_rows.values()) if len(read) == len(paths) else None
    reported: set[str] | None = None
    if recipe.reports is not None and recipe.reports.default:
        paths = finder.find(recipe.reports.default)
        if not paths:
            text = f"no {' or '.join(recipe.reports.default)} below the source: studies would have no items"
            report.oddities.append(Oddity("missing-table", text, file="reports"))
        else:
            reported = set(read_report_texts(recipe, paths, problems)) | _ids_of(problems, *(p.name for p in paths))
    for table in recipe.metadata:
        if not finder.find(table.default):
            text = f"no {' or '.join(table.default)} below the source"
            report.oddities.append(Oddity("missing-table", text, file="metadata"))
    report.oddities += [Oddity(p.kind, p.text, p.study_id, p.file, p.line) for p in problems]
    for study_id in sorted(ids):
        lacking = [
            what
            for what, known in (("labels", labeled), ("report", reported))
            if known is not None and study_id not in known
        ]
        if lacking:
            report.oddities.append(Oddity("unlabeled-study", f"no row of {' and no '.join(lacking)}", study_id))
    _tell_missing(report, tables, ids | set(facts.excluded))


def _tell_missing(report: CheckReport, tables: Mapping[str, set[str]], ids: set[str]) -> None:
    """Rows without files; a table of which nothing is there is one note."""
    lacking: dict[str, list[str]] = defaultdict(list)
    for name, rows in sorted(tables.items()):
        missing = rows - ids
        if rows and missing == rows:
            report.notes.append(f"{name}: none of its {len(rows)} studies is here")
            continue
        if len(missing) > len(rows) / 2:
            report.notes.append(f"{name}: {len(missing)} of its {len(rows)} studies are not here (a part of the set?)")
        for study_id in missing:
            lacking[study_id].append(name)
    for study_id, names in sorted(lacking.items()):
        text = f"no image, and a row in {' and '.join(names)}"
        report.oddities.append(Oddity("missing-study", text, study_id))


def _compare_slices(report: CheckReport, rows: set[str], studies: Sequence[Any], checks: Sequence[StudyCheck]) -> None:
    """Labels of slices against files; only headers tell the studies."""
    if not rows:
        return
    found = set()
    for files, check in zip(studies, checks, strict=True):
        names = {Path(name).stem for name in files.names}
        found |= names
        without = names - rows
        if without:
            text = f"{len(without)} of its {len(names)} slices have no labels: {_few(sorted(without))}"
            report.oddities.append(Oddity("unlabeled-study", text, check.study_ids[0] if check.study_ids else ""))
    missing = sorted(rows - found)
    if missing:
        text = f"{len(missing)} slices have labels and no file: {_few(missing)}"
        report.oddities.append(Oddity("missing-study", text, file="stage_2_train.csv"))


def _note_counts(
    report: CheckReport, recipe: Recipe, ids: set[str], excluded: Mapping[str, int], facts: SourceFacts
) -> None:
    for reason, number in sorted(excluded.items()):
        report.notes.append(f"{number} files are left out ({reason})")
    total = recipe.expected.get("studies")
    if not total:
        return
    splits = IdMaker(recipe.study_id)
    found = Counter(splits.split(study_id) for study_id in ids)
    parts = [f"{name} {found[name]} of {recipe.expected[name]}" for name in SPLITS if name in recipe.expected]
    told = f" ({', '.join(parts)})" if parts else ""
    if len(ids) != total:
        report.notes.append(f"{recipe.source_name} has {total} studies in full, {len(ids)} are here{told}")
    else:
        report.notes.append(f"all {total} studies are here{told}")


def _note_spellings(report: CheckReport, recipe: Recipe, checks: Sequence[StudyCheck], facts: SourceFacts) -> None:
    """How many ways ids are spelled: all are understood, but whoever joins tables by hand should know."""
    if recipe.study_id.spelling != "cq500":
        return
    normalize = ID_NORMALIZERS[recipe.study_id.spelling]
    names = {name for check in checks for name in check.names}
    if recipe.labels is not None and recipe.labels.id_column:
        ignored: list[RowProblem] = []
        for path in facts.finder.find(recipe.labels.default):
            names |= {row[recipe.labels.id_column] for _, row in read_rows(path, [recipe.labels.id_column], ignored)}
    examples: dict[str, str] = {}
    for name in sorted(names):
        try:
            normalize(name)
        except LabelsError:
            continue
        # Leading zeros are a spelling, other numbers are not.
        shape = re.sub(r"(?<!\d)0(?=\d)", "0", re.sub(r"(?<!\d)(0?)\d+", r"\g<1>9", name))
        examples.setdefault(shape, name)
    if len(examples) > 1:
        report.notes.append(
            f"ids are spelled in {len(examples)} ways: {', '.join(examples.values())}; all are understood"
        )


def _set_known_aside(report: CheckReport, recipe: Recipe) -> None:
    kept = []
    for oddity in report.oddities:
        name = next((one for one in (oddity.study_id, Path(oddity.file).stem) if one in recipe.known), None)
        if name is None:
            kept.append(oddity)
        else:
            report.notes.append(f"{name}: {recipe.known[name]}")
    report.oddities = kept


def _ids_of(problems: Sequence[RowProblem], *files: str) -> set[str]:
    """Studies whose rows are wrong: they have labels, only not usable ones."""
    return {problem.study_id for problem in problems if problem.file in files and problem.study_id}


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _progress(results: Iterable[StudyCheck], total: int, show: bool | None) -> Iterable[StudyCheck]:
    from tqdm import tqdm

    return tqdm(results, total=total, unit="study", desc="check", disable=None if show is None else not show)
