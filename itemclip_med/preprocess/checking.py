"""Check a data set as it was downloaded, in minutes, before it is converted: what is missing or odd, and where."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from itemclip_med.dicom import check_rules, open_source
from itemclip_med.errors import LabelsError
from itemclip_med.labels import ID_NORMALIZERS
from itemclip_med.preprocess.checks.files import FileChecker, StudyCheck
from itemclip_med.preprocess.checks.oddities import CheckReport, Oddity, few
from itemclip_med.preprocess.checks.tables import compare_spacing, compare_tables
from itemclip_med.preprocess.facts import SourceFacts, read_facts
from itemclip_med.preprocess.recipe import Recipe, load_recipe
from itemclip_med.preprocess.recipe_ids import SPLITS
from itemclip_med.preprocess.scheduling import run_tasks
from itemclip_med.preprocess.source_tables import RowProblem, read_rows
from itemclip_med.preprocess.sources import open_kind
from itemclip_med.preprocess.study_ids import IdMaker
from itemclip_med.workers import num_processors

LOOK = 200


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
        compare_spacing(report, facts, scan.studies, checks, Path(source).name)
        compare_tables(report, facts, ids, scan.studies, checks, labels)
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
            text = f"it lies there {len(found)} times{f': {few(names)}' if names else ''}: keep one"
            report.oddities.append(Oddity("repeated-study", text, study_id))
    for names in content.values():
        for name in names[1:]:
            if name not in twice:
                text = f"the same content as {names[0]}"
                report.oddities.append(Oddity("repeated-content", text, file=name))


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


def _progress(results: Iterable[StudyCheck], total: int, show: bool | None) -> Iterable[StudyCheck]:
    from tqdm import tqdm

    return tqdm(results, total=total, unit="study", desc="check", disable=None if show is None else not show)
