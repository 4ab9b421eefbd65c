"""What the tables beside the images of a data set say of its studies: who, where, how stored, left out or not."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from itemclip_med.dicom.vocabulary import scanner_name
from itemclip_med.errors import LabelsError, SourceError
from itemclip_med.formats import FileGroup
from itemclip_med.labels import ID_NORMALIZERS
from itemclip_med.preprocess.recipe import Recipe
from itemclip_med.preprocess.recipe_tables import MetadataTable, StoredRule
from itemclip_med.preprocess.source_tables import RowProblem, TableFinder, read_rows
from itemclip_med.preprocess.sources import SourceScan
from itemclip_med.preprocess.study_ids import IdMaker
from itemclip_med.records import Study


@dataclass(frozen=True, slots=True)
class Fact:
    """One study's row of the metadata.

    Attributes:
        patient: public id of the patient; "" where the table has none.
        scanner: manufacturer and model.
        spacing_mm: voxel distances of its file, in the order of the file's axes; None where the table has none.
        rescale: slope and intercept of what is stored; None where the table has none.
        where: table and line.
    """

    patient: str = ""
    scanner: str = ""
    spacing_mm: tuple[float, ...] | None = None
    rescale: tuple[float, float] | None = None
    where: str = ""


@dataclass
class SourceFacts:
    """What lies beside the images.

    Attributes:
        recipe: says what to look for.
        finder: finds the tables.
        facts: study id to its row.
        excluded: study id to why it is left out.
        problems: rows that are wrong.
        num_rows: name of a metadata table to the ids in it.
    """

    recipe: Recipe
    finder: TableFinder
    facts: dict[str, Fact] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)
    ids_by_table: dict[str, list[str]] = field(default_factory=dict)

    def prepare(self, scan: SourceScan, root_name: str = "") -> None:
        """Leave out what is excluded, and tell the files how they are read.

        Args:
            scan: of files other than DICOM; changed in place. Another scan stays as it is.
            root_name: name of the source's folder, which counts as a folder above the files.
        """
        ids = IdMaker(self.recipe.study_id)
        kept = []
        for group in scan.studies:
            study_id = public_id(ids, group) if isinstance(group, FileGroup) else None
            if study_id in self.excluded:
                scan.skipped[f"excluded: {self.excluded[study_id]}"] += len(group.files)
                continue
            kept.append(group if study_id is None else self._told(group, study_id, root_name))
        scan.studies[:] = kept  # type: ignore[index]

    def complete(self, study: Study) -> Study:
        """A study with what the tables know of it."""
        fact = self.facts.get(study.study_id)
        if fact is None:
            return study
        return replace(study, patient_id=fact.patient or study.patient_id, scanner=fact.scanner or study.scanner)

    def _told(self, group: FileGroup, study_id: str, root_name: str) -> FileGroup:
        fact = self.facts.get(study_id)
        for table in self.recipe.metadata:
            if table.stored is not None and stored_here(table.stored, group.names[0], root_name):
                return _as_stored(group, table, fact)
            if table.spacing_mm and fact is not None and fact.spacing_mm is not None:
                group = _with_digest(replace(group, rules=replace(group.rules, spacing_mm=fact.spacing_mm)))
        return group


def read_facts(recipe: Recipe, root: Path) -> SourceFacts:
    """Read a recipe's metadata and lists of excluded studies from a source.

    Args:
        recipe: names them.
        root: the source's folder.
    """
    found = SourceFacts(recipe, TableFinder(root))
    normalize = ID_NORMALIZERS[recipe.study_id.spelling]
    found.excluded.update(recipe.exclude.ids)
    for path in found.finder.find(recipe.exclude.lists):
        for line, text in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
            if not text.strip():
                continue
            try:
                found.excluded[normalize(text.strip().rsplit("/", 1)[-1])] = f"listed in {path.name}"
            except LabelsError as error:
                found.problems.append(RowProblem("bad-row", path.name, line, "", str(error)))
    for table in recipe.metadata:
        for path in found.finder.find(table.default):
            found.ids_by_table[path.name] = _read_metadata(found, table, path)
    return found


def public_id(ids: IdMaker, group: FileGroup) -> str | None:
    """The public id of a file group by its path; None where ids are hashed, or it has none."""
    if ids.rule.rule != "public":
        return None
    try:
        return ids.study_id(uid=group.name, patient="", accession="", path=group.name)
    except (SourceError, LabelsError):
        return None


def stored_here(rule: StoredRule, name: str, root_name: str) -> bool:
    """True where a file's folders say that only the table tells how it is read."""
    return bool(set(rule.folders) & {root_name, *name.split("/")[:-1]})


def _read_metadata(found: SourceFacts, table: MetadataTable, path: Path) -> list[str]:
    normalize = ID_NORMALIZERS[found.recipe.study_id.spelling]
    stored = table.stored
    columns = [table.id_column, table.patient, *table.scanner, table.spacing_mm]
    if stored is not None:
        columns += [stored.slope, stored.intercept, *stored.spacing_mm]
    columns = list(dict.fromkeys(column for column in columns if column))
    lines: dict[str, int] = {}
    for line, row in read_rows(path, columns, found.problems):
        try:
            study_id = normalize(row[table.id_column])
            fact = _fact(row, table, f"{path.name}, line {line}")
        except (LabelsError, ValueError) as error:
            text = str(error) if isinstance(error, LabelsError) else f"no number where one is expected ({error})"
            found.problems.append(RowProblem("bad-row", path.name, line, "", text))
            continue
        known = found.facts.get(study_id)
        if study_id in lines:
            same = known is not None and replace(known, where="") == replace(fact, where="")
            kind = "duplicate-row" if same else "conflicting-row"
            text = f"{study_id} stands in line {lines[study_id]} already" + ("" if same else ", with other values")
            found.problems.append(RowProblem(kind, path.name, line, study_id, text))
            if not same:
                found.facts.pop(study_id, None)
            continue
        lines[study_id] = line
        found.facts[study_id] = fact if known is None else _merged(known, fact)
    return list(lines)


def _fact(row: Mapping[str, str], table: MetadataTable, where: str) -> Fact:
    scanner = ""
    if table.scanner:
        maker, model = (*(row[column] for column in table.scanner), "")[:2]
        scanner = scanner_name(maker, model)
    spacing: tuple[float, ...] | None = None
    rescale = None
    if table.spacing_mm and row[table.spacing_mm]:
        numbers = _numbers(row[table.spacing_mm])
        spacing = numbers * 3 if len(numbers) == 1 else numbers
    if table.stored is not None:
        cells = [row[column] for column in table.stored.spacing_mm]
        spacing = tuple(number for cell in cells for number in _numbers(cell)) if all(cells) else None
        slope, intercept = row[table.stored.slope], row[table.stored.intercept]
        rescale = (float(slope), float(intercept)) if slope and intercept else None
    if spacing is not None and len(spacing) != 3:
        raise ValueError(f"{len(spacing)} voxel distances")
    return Fact(row[table.patient] if table.patient else "", scanner, spacing, rescale, where)


def _numbers(text: str) -> tuple[float, ...]:
    """``0.8`` or ``[0.7, 0.7]``."""
    try:
        values = ast.literal_eval(text)
        return tuple(float(value) for value in values) if isinstance(values, (list, tuple)) else (float(values),)
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"{text[:20]!r}") from error


def _merged(one: Fact, other: Fact) -> Fact:
    """Two tables' words on one study."""
    return Fact(
        one.patient or other.patient,
        one.scanner or other.scanner,
        one.spacing_mm or other.spacing_mm,
        one.rescale or other.rescale,
        one.where or other.where,
    )


def _as_stored(group: FileGroup, table: MetadataTable, fact: Fact | None) -> FileGroup:
    if fact is None or fact.rescale is None or fact.spacing_mm is None:
        names = " or ".join(table.default)
        return replace(
            group,
            problem=f"It holds what the scanner stored, and {names} has no row that tells its intercept and spacing.",
        )
    slope, intercept = fact.rescale
    rules = replace(
        group.rules,
        slope=slope,
        intercept=intercept,
        spacing_mm=fact.spacing_mm,
        orientation=table.stored.orientation,  # type: ignore[union-attr]
        place="recipe",
    )
    return _with_digest(replace(group, rules=rules))


def _with_digest(group: FileGroup) -> FileGroup:
    """With the rules in its digest, so that a corrected table is noticed by a later run."""
    digest = hashlib.sha256(f"{group.digest}\n{group.rules}".encode()).hexdigest()
    return replace(group, digest=digest)
