"""Tables against files: rows without images, images without rows, headers that say otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.formats import FileGroup
from itemclip_med.labels import ID_NORMALIZERS
from itemclip_med.preprocess.checks.files import StudyCheck
from itemclip_med.preprocess.checks.oddities import CheckReport, Oddity, few
from itemclip_med.preprocess.facts import SourceFacts, stored_here
from itemclip_med.preprocess.report_tables import read_report_texts
from itemclip_med.preprocess.source_tables import RowProblem, read_label_tables

_SPACING_SHARE = 0.05  # by which the spacing of a header may differ from the metadata's


def compare_spacing(
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


def compare_tables(
    report: CheckReport,
    facts: SourceFacts,
    ids: set[str],
    studies: Sequence[Any],
    checks: Sequence[StudyCheck],
    labels: Path | None,
) -> None:
    """Rows against files, both ways."""
    recipe, finder = facts.recipe, facts.finder
    other_names = {name: study_id for check in checks for study_id, names in check.aliases.items() for name in names}

    def studies_of(names: Iterable[str]) -> set[str]:
        return {name if name in ids else other_names.get(name, name) for name in names}

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
            of_rows = {path.name: studies_of({*table, *_ids_of(problems, path.name)}) for path, table in read.items()}
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
            reported = studies_of(read_report_texts(recipe, paths, problems))
            reported |= studies_of(_ids_of(problems, *(p.name for p in paths)))
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
    _tell_missing(report, tables, ids | set(facts.excluded), named=recipe.study_id.rule == "public")


def _tell_missing(report: CheckReport, tables: Mapping[str, set[str]], ids: set[str], *, named: bool) -> None:
    """Rows without files; a table of which nothing is there is one note. Names of rows stay out if not ``named``."""
    lacking: dict[str, list[str]] = defaultdict(list)
    for name, rows in sorted(tables.items()):
        missing = rows - ids
        if rows and missing == rows:
            report.notes.append(f"{name}: none of its {len(rows)} studies is here")
            continue
        if len(missing) > len(rows) / 2:
            report.notes.append(f"{name}: {len(missing)} of its {len(rows)} studies are not here (a part of the set?)")
        if missing and not named:
            text = f"{len(missing)} of its {len(rows)} rows have no image"
            report.oddities.append(Oddity("missing-study", text, file=name))
            continue
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
            text = f"{len(without)} of its {len(names)} slices have no labels: {few(sorted(without))}"
            report.oddities.append(Oddity("unlabeled-study", text, check.study_ids[0] if check.study_ids else ""))
    missing = sorted(rows - found)
    if missing:
        text = f"{len(missing)} slices have labels and no file: {few(missing)}"
        report.oddities.append(Oddity("missing-study", text, file="stage_2_train.csv"))


def _ids_of(problems: Sequence[RowProblem], *files: str) -> set[str]:
    """Studies whose rows are wrong: they have labels, only not usable ones."""
    return {problem.study_id for problem in problems if problem.file in files and problem.study_id}
