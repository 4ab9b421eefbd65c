"""Reports in a data set's own tables: read by column, cut into items, each text once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from itemclip_med.errors import LabelsError
from itemclip_med.labels import ID_NORMALIZERS
from itemclip_med.preprocess.recipe import Recipe
from itemclip_med.preprocess.source_tables import RowProblem, read_rows
from itemclip_med.records import Report
from itemclip_med.reports import itemize, scrub


def itemize_tables(recipe: Recipe, paths: Sequence[Path], problems: list[RowProblem]) -> dict[str, Report]:
    """Cut the reports of a data set's own tables into items by rules, each text once.

    Args:
        recipe: names the columns.
        paths: CSV files.
        problems: takes rows that are wrong; of a study with two rows the first counts where they are equal, none where
            they differ.
    """
    rule = recipe.reports
    assert rule is not None
    reports: dict[str, Report] = {}
    by_text: dict[str, Report] = {}
    for name, text in read_report_texts(recipe, paths, problems).items():
        known = by_text.get(text)
        if known is None:
            known = by_text[text] = scrub(itemize(text)).to_report("")
        reports[name] = replace(known, study_id=name)
    return reports


def read_report_texts(recipe: Recipe, paths: Sequence[Path], problems: list[RowProblem]) -> dict[str, str]:
    """Study id to report of a data set's own tables."""
    rule = recipe.reports
    assert rule is not None
    normalize = ID_NORMALIZERS[rule.ids]
    texts: dict[str, str] = {}
    for path in paths:
        lines: dict[str, int] = {}
        for line, row in read_rows(path, [rule.id_column, *rule.text_columns], problems):
            try:
                study_id = normalize(row[rule.id_column])
            except LabelsError as error:
                problems.append(RowProblem("bad-row", path.name, line, "", str(error)))
                continue
            parts = [
                _headed(column, row[column]) for column in rule.text_columns if row[column] not in ("", rule.empty)
            ]
            text = "\n".join(parts)
            if study_id in lines:
                same = texts.get(study_id) == text
                kind = "duplicate-row" if same else "conflicting-row"
                what = f"{study_id} stands in line {lines[study_id]} already" + (
                    "" if same else ", with another report"
                )
                problems.append(RowProblem(kind, path.name, line, study_id, what))
                if not same:
                    texts.pop(study_id, None)
                continue
            lines[study_id] = line
            texts[study_id] = text
    return texts


def _headed(column: str, text: str) -> str:
    """A section with the heading that its column names: ``Findings_EN`` is FINDINGS."""
    heading = column.split("_")[0].upper()
    return f"{'IMPRESSION' if heading == 'IMPRESSIONS' else heading}: {text}"
