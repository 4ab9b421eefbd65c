"""Readers of the label files that public test sets are published with, and of one's own CSV.

A reader takes a path and returns ``{study id: {finding: 1, 0 or None}}``, None where the label is unknown. Columns are
addressed by name, never by position: the released CQ500 script takes two of them the wrong way round.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels.ids import (
    normalize_cq500_id,
    normalize_ct_rate_id,
    normalize_plain_id,
    normalize_pub_brain_5_id,
    normalize_rad_chestct_id,
    normalize_rsna_id,
    shown,
)

Labels = dict[str, dict[str, int | None]]

CQ500_FINDINGS: tuple[str, ...] = (
    "ICH",
    "IPH",
    "IVH",
    "SDH",
    "EDH",
    "SAH",
    "BleedLocation-Left",
    "BleedLocation-Right",
    "ChronicBleed",
    "Fracture",
    "CalvarialFracture",
    "OtherFracture",
    "MassEffect",
    "MidlineShift",
)

RSNA_FINDINGS: tuple[str, ...] = (
    "any",
    "epidural",
    "intraparenchymal",
    "intraventricular",
    "subarachnoid",
    "subdural",
)
PUB_BRAIN_5_FINDINGS: tuple[str, ...] = ("Normal", "Stroke", "Glioma", "Meningioma", "Metastasis")

_RSNA_ROW = re.compile(r"(ID_[0-9a-f]{9})_([a-z]+)")
CT_RATE_FINDINGS: tuple[str, ...] = (
    "Medical material",
    "Arterial wall calcification",
    "Cardiomegaly",
    "Pericardial effusion",
    "Coronary artery wall calcification",
    "Hiatal hernia",
    "Lymphadenopathy",
    "Emphysema",
    "Atelectasis",
    "Lung nodule",
    "Lung opacity",
    "Pulmonary fibrotic sequela",
    "Pleural effusion",
    "Mosaic attenuation pattern",
    "Peribronchial thickening",
    "Consolidation",
    "Bronchiectasis",
    "Interlobular septal thickening",
)

_CALCIFIED = ("Arterial wall calcification", "Coronary artery wall calcification")
_MERGED = "Calcification"
# Rad-ChestCT's abnormalities behind each finding; its calcifications are not told apart.
_RAD_SOURCES: dict[str, tuple[str, ...]] = {
    "Medical material": (
        "breast_implant", "catheter_or_port", "chest_tube", "clip", "gi_tube", "hardware", "heart_valve_replacement",
        "pacemaker_or_defib", "staple", "stent", "sternotomy", "suture", "tracheal_tube",
    ),
    **dict.fromkeys((*_CALCIFIED, _MERGED), ("calcification",)),
    "Cardiomegaly": ("cardiomegaly",),
    "Pericardial effusion": ("pericardial_effusion",),
    "Hiatal hernia": ("hernia",),
    "Lymphadenopathy": ("lymphadenopathy",),
    "Emphysema": ("emphysema",),
    "Atelectasis": ("atelectasis",),
    "Lung nodule": ("nodule",),
    "Lung opacity": ("opacity",),
    "Pulmonary fibrotic sequela": ("fibrosis",),
    "Pleural effusion": ("pleural_effusion",),
    "Peribronchial thickening": ("bronchial_wall_thickening",),
    "Consolidation": ("consolidation",),
    "Bronchiectasis": ("bronchiectasis",),
    "Interlobular septal thickening": ("septal_thickening",),
}  # fmt: skip
RAD_CHESTCT_FINDINGS: tuple[str, ...] = tuple(_RAD_SOURCES)
"""What :func:`read_rad_chestct_labels` gives: CT-RATE's findings without the mosaic pattern, and "Calcification"."""

_CQ500_READERS = ("R1", "R2", "R3")
_RAD_LABEL_FILES = "img*_Abnormality_and_Location_Labels.csv"
_ID_COLUMNS = ("study_id", "id", "name", "study_uid")
_UNKNOWN = {"", "nan", "na", "none", "null"}


def read_cq500_reads(path: Path) -> Labels:
    """Read CQ500's ``reads.csv``: one row a study, three readers, fourteen findings each.

    A label is what at least two of the three readers say. With one cell missing the other two must agree, otherwise
    the label is unknown (None).

    Args:
        path: the file; rows and columns in any order.

    Returns:
        ``{"CQ500-CT-12": {"ICH": 1, …}, …}`` with all of :data:`CQ500_FINDINGS`, in the file's order.

    Raises:
        FormatError: if the file is no CSV, a column is missing or there twice, or a cell is neither 0, 1 nor empty.
        LabelsError: if a study stands in two rows, or its id is no CQ500 id.

    Sources:
        S. Chilamkurthy et al., Lancet 2018 (majority of three readers); columns as in the published file.
    """
    header, rows = _open_table(path)
    wanted = [f"{reader}:{finding}" for finding in CQ500_FINDINGS for reader in _CQ500_READERS]
    columns = _locate(path, header, ["name", *wanted])
    labels: Labels = {}
    for row_number, row in rows:
        study_id = normalize_cq500_id(row[columns["name"]])
        _refuse_duplicate(path, study_id, labels)
        labels[study_id] = {
            finding: _majority(
                [_cell(path, row_number, row, columns, f"{reader}:{finding}") for reader in _CQ500_READERS]
            )
            for finding in CQ500_FINDINGS
        }
    return labels


def read_csv_labels(
    path: Path,
    *,
    findings: Sequence[str] | None = None,
    normalize_id: Callable[[str], str] = normalize_plain_id,
) -> Labels:
    """Read a plain label table: a column ``study_id`` (or ``id``, ``name``) and one column per finding.

    Args:
        path: the file; rows and columns in any order, cells 0, 1, or empty for unknown.
        findings: the columns to read; all but the id's when None.
        normalize_id: brings ids to one spelling.

    Returns:
        ``{study id: {finding: 1, 0 or None}}`` in the file's order.

    Raises:
        FormatError: if the file is no CSV, a column is missing or there twice, or a cell is neither 0, 1 nor empty.
        LabelsError: if a study stands in two rows or has no id.
    """
    header, rows = _open_table(path)
    id_column = id_column_of(header)
    if id_column is None:
        raise FormatError(f"{path.name}: no column {' or '.join(_ID_COLUMNS)}; found {_listed(header)}.")
    names = list(findings) if findings is not None else [name for name in header if name != id_column]
    columns = _locate(path, header, [id_column, *names])
    labels: Labels = {}
    for row_number, row in rows:
        study_id = normalize_id(row[columns[id_column]])
        _refuse_duplicate(path, study_id, labels)
        labels[study_id] = {name: _cell(path, row_number, row, columns, name) for name in names}
    return labels


def read_pub_brain_5(path: Path) -> Labels:
    """Read Pub-Brain-5's list of studies: a column ``study`` and five classes, of which each study has one.

    Args:
        path: ``pub_brain_5.csv`` or ``pub_brain_5_gt.csv``; rows and columns in any order.

    Returns:
        ``{"stroke/sub-b74a5032": {"Normal": 0, "Stroke": 1, …}, …}`` in the file's order.

    Raises:
        FormatError: if the file is no CSV, a column is missing or there twice, or a cell is neither 0 nor 1.
        LabelsError: if a study stands in two rows, has no class or several, or comes from no known source.
    """
    header, rows = _open_table(path)
    columns = _locate(path, header, ["study", *PUB_BRAIN_5_FINDINGS])
    labels: Labels = {}
    for line, row in rows:
        study_id = normalize_pub_brain_5_id(row[columns["study"]])
        _refuse_duplicate(path, study_id, labels)
        labels[study_id] = {name: _cell(path, line, row, columns, name) for name in PUB_BRAIN_5_FINDINGS}
        if list(labels[study_id].values()).count(1) != 1:
            raise LabelsError(f"{path.name}, line {line}: study {study_id} has not exactly one of the five classes.")
    return labels


def read_rsna_slices(path: Path) -> Labels:
    """Read ``stage_2_train.csv`` of RSNA 2019: ``ID,Label``, six rows a slice, some of them there twice.

    Args:
        path: the file; rows in any order.

    Returns:
        ``{"ID_6431af929": {"any": 1, …}, …}``: slices, with all of :data:`RSNA_FINDINGS`.

    Raises:
        FormatError: if the file is no CSV, a column is missing, a row names no slice and finding, or a cell is neither
            0 nor 1.
        LabelsError: if a row is repeated with another label, or a slice lacks one of its six rows.
    """
    header, rows = _open_table(path)
    columns = _locate(path, header, ["ID", "Label"])
    slices: Labels = {}
    for line, row in rows:
        found = _RSNA_ROW.fullmatch(row[columns["ID"]])
        if not found or found[2] not in RSNA_FINDINGS:
            raise FormatError(f"{path.name}, line {line}: {shown(row[columns['ID']])} names no slice and finding.")
        label = _cell(path, line, row, columns, "Label")
        known = slices.setdefault(found[1], {}).setdefault(found[2], label)
        if known != label:
            raise LabelsError(f"{path.name}, line {line}: {found[0]} was {known} before; keep one of the two rows.")
    for slice_id, labels in slices.items():
        if len(labels) != len(RSNA_FINDINGS):
            missing = ", ".join(name for name in RSNA_FINDINGS if name not in labels)
            raise LabelsError(f"{path.name}: slice {slice_id} has no row for {missing}.")
    return slices


def read_rsna_studies(path: Path) -> Labels:
    """Labels of RSNA 2019's studies: of each finding the greatest over a study's slices.

    Which slice belongs to which study stands in the headers only. A table ``slices.csv`` beside the label file, with
    the columns ``SOPInstanceUID`` and ``StudyInstanceUID``, says it.

    Args:
        path: ``stage_2_train.csv``.

    Returns:
        ``{"ID_44f2fd0075": {"any": 1, …}, …}`` with all of :data:`RSNA_FINDINGS`; studies in that table's order.

    Raises:
        FormatError: if one of the files is missing or no such table.
        LabelsError: if a slice of the table has no label, or stands there for two studies.
    """
    slices = read_rsna_slices(path)
    table = path.with_name("slices.csv")
    if not table.is_file():
        raise FormatError(
            f"{path.name} labels slices: put a table slices.csv beside it (columns SOPInstanceUID, StudyInstanceUID, "
            "from the headers), or give a table with a column study_id."
        )
    header, rows = _open_table(table)
    columns = _locate(table, header, ["SOPInstanceUID", "StudyInstanceUID"])
    owners: dict[str, str] = {}
    studies: Labels = {}
    for line, row in rows:
        slice_id, study_id = row[columns["SOPInstanceUID"]], normalize_rsna_id(row[columns["StudyInstanceUID"]])
        if slice_id not in slices:
            raise LabelsError(f"{table.name}, line {line}: slice {shown(slice_id)} has no label in {path.name}.")
        if owners.setdefault(slice_id, study_id) != study_id:
            raise LabelsError(f"{table.name}, line {line}: slice {slice_id} belongs to two studies; keep one.")
        study = studies.setdefault(study_id, dict.fromkeys(RSNA_FINDINGS, 0))
        for name, label in slices[slice_id].items():
            study[name] = max(study[name] or 0, label or 0)
    return studies


def read_ct_rate_labels(path: Path) -> Labels:
    """Read CT-RATE's ``train_predicted_labels.csv`` or ``valid_predicted_labels.csv``: one row a volume.

    Args:
        path: the file; rows and columns in any order.

    Returns:
        ``{"valid_1_a_1": {"Medical material": 0, …}, …}`` with all of :data:`CT_RATE_FINDINGS`, in the file's order.

    Raises:
        FormatError: if the file is no CSV, a column is missing or there twice, or a cell is neither 0, 1 nor empty.
        LabelsError: if a volume stands in two rows, or its name is none of CT-RATE's.
    """
    header, rows = _open_table(path)
    columns = _locate(path, header, ["VolumeName", *CT_RATE_FINDINGS])
    labels: Labels = {}
    for row_number, row in rows:
        study_id = normalize_ct_rate_id(row[columns["VolumeName"]])
        _refuse_duplicate(path, study_id, labels)
        labels[study_id] = {name: _cell(path, row_number, row, columns, name) for name in CT_RATE_FINDINGS}
    return labels


def read_rad_chestct_labels(path: Path, sources: Mapping[str, Sequence[str]] | None = None) -> Labels:
    """Read Rad-ChestCT's labels as CT-RATE's findings.

    The official tables have a column ``abnormality*location`` for each pair; a finding is there if its abnormality is
    anywhere. A table that already has CT-RATE's columns, as HLIP released one, is read as it is; what it lacks is
    unknown. Both kinds tell no arterial from coronary calcification, so that "Calcification" stands beside them.

    Args:
        path: one ``img…_Abnormality_and_Location_Labels.csv``, a folder that holds several, or HLIP's table.
        sources: finding to the abnormalities any of which makes it present; None takes HLIP's mapping with all of
            :data:`RAD_CHESTCT_FINDINGS`. HLIP's table knows its own mapping only, and must have every finding.

    Returns:
        ``{"trn00001": {…}, …}`` with those findings.

    Raises:
        FormatError: if there is no such file, or it is no CSV of either kind.
        LabelsError: if a volume stands in two rows, or its name is none of Rad-ChestCT's.

    Sources:
        R. Draelos et al., Medical Image Analysis 2021 (labels); C. Zhao et al., arXiv 2505.21862 (the mapping).
    """
    paths = sorted(path.glob(_RAD_LABEL_FILES)) if path.is_dir() else [path]
    if not paths:
        raise FormatError(f"{path.name} holds no {_RAD_LABEL_FILES}: give the folder of Rad-ChestCT's label tables.")
    labels: Labels = {}
    for one in paths:
        header, rows = _open_table(one)
        behind = _rad_columns(one, header, sources)
        wanted = sorted({name for names in behind.values() for name in names})
        columns = _locate(one, header, ["NoteAcc_DEID", *wanted])
        for row_number, row in rows:
            study_id = normalize_rad_chestct_id(row[columns["NoteAcc_DEID"]])
            _refuse_duplicate(one, study_id, labels)
            cells = {name: _cell(one, row_number, row, columns, name) for name in wanted}
            labels[study_id] = {finding: _any_of([cells[name] for name in names]) for finding, names in behind.items()}
    return labels


def _rad_columns(
    path: Path, header: Sequence[str], sources: Mapping[str, Sequence[str]] | None
) -> dict[str, list[str]]:
    """The columns behind each finding, in a table of either kind; none where it does not know the finding."""
    if not any("*" in name for name in header):
        if len(set(header) & set(RAD_CHESTCT_FINDINGS)) < 2:
            raise FormatError(f"{path.name} is no label table of Rad-ChestCT: found {_listed(header)}.")
        mapped = {
            finding: [name for name in (_CALCIFIED if finding == _MERGED else (finding,)) if name in header]
            for finding in sources or RAD_CHESTCT_FINDINGS
        }
        unknown = [finding for finding, names in mapped.items() if not names]
        differing = [
            finding for finding, names in (sources or {}).items() if set(names) != set(_RAD_SOURCES.get(finding, ()))
        ]
        if sources is not None and (unknown or differing):
            raise FormatError(
                f"{path.name} is the mapped table of Rad-ChestCT, whose columns say otherwise or nothing of "
                f"{_listed(unknown + [name for name in differing if name not in unknown])}: give the folder of the "
                f"official tables ({_RAD_LABEL_FILES})."
            )
        return mapped
    by_source: dict[str, list[str]] = {}
    for name in header:
        by_source.setdefault(name.split("*")[0], []).append(name)
    chosen = sources or _RAD_SOURCES
    # Of medical material any kind will do; of all others every source must be there, or labels would change silently.
    needed = {name for finding, names in chosen.items() if finding != "Medical material" for name in names}
    missing = sorted(source for source in needed if source not in by_source)
    if missing:
        raise FormatError(f"{path.name} has no columns of {_listed(missing)}: expected abnormality*location.")
    return {
        finding: [name for source in names for name in by_source.get(source, ())] for finding, names in chosen.items()
    }


def _any_of(values: Sequence[int | None]) -> int | None:
    """1 if any value is, None if none is known, else 0."""
    known = [value for value in values if value is not None]
    return max(known) if known else None


LABEL_READERS: dict[str, Callable[[Path], Labels]] = {
    "ct_rate": read_ct_rate_labels,
    "rad_chestct": read_rad_chestct_labels,
    "cq500_reads": read_cq500_reads,
    "csv": read_csv_labels,
    "pub_brain_5": read_pub_brain_5,
    "rsna_stage_2": read_rsna_studies,
}
"""Readers by the name that recipes and tasks use."""


def read_labels(
    path: Path | str,
    reader: str,
    *,
    normalize_id: Callable[[str], str] = normalize_plain_id,
    sources: Mapping[str, Sequence[str]] | None = None,
) -> Labels:
    """Read a label file with the reader of its data set, or as a plain table if it is one.

    A file with a column ``study_id`` is a plain table whatever ``reader`` says, so that the ``labels.csv`` of an
    earlier evaluation is taken wherever the official file is.

    Args:
        path: the label file.
        reader: a name in :data:`LABEL_READERS`.
        normalize_id: brings the ids of a plain table to one spelling.
        sources: finding to its columns, for Rad-ChestCT.

    Returns:
        ``{study id: {finding: 1, 0 or None}}``.

    Raises:
        LabelsError: if there is no such reader, or a study stands there twice.
        FormatError: if the file is missing or not in that format.
    """
    path = Path(path)
    if reader not in LABEL_READERS:
        raise LabelsError(f"No label reader {reader!r}: there are {', '.join(sorted(LABEL_READERS))}.")
    if reader == "rad_chestct" and path.is_dir():
        return read_rad_chestct_labels(path, sources)
    header, _ = _open_table(path)
    if reader == "csv" or "study_id" in header:
        return read_csv_labels(path, normalize_id=normalize_id)
    if reader == "rad_chestct":
        return read_rad_chestct_labels(path, sources)
    return LABEL_READERS[reader](path)


def id_column_of(header: Sequence[str]) -> str | None:
    """The column of a table that holds the study ids, None if it has none."""
    return next((name for name in _ID_COLUMNS if name in header), None)


def read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read a CSV file whose first row names its columns.

    Args:
        path: a UTF-8 file, with or without byte order mark.

    Returns:
        The header, and for each further row that is not blank its line number and its cells, all stripped.

    Raises:
        FormatError: if the file is missing, empty, no UTF-8 text, has a column name twice or a row of another length.
    """
    header, rows = _open_table(path)
    return header, list(rows)


def _open_table(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header of a CSV file, and its rows as they are read."""
    rows = _rows(path)
    header = next(rows, (0, []))[1]
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if not header:
        raise FormatError(f"{path.name} is empty: expected a first row with the names of the columns.")
    if twice:
        raise FormatError(f"{path.name}: column {_listed(twice)} stands there twice; keep one.")
    return header, _same_length(path, len(header), rows)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of every row that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield reader.line_num, [cell.strip() for cell in row]
    except OSError as error:
        raise FormatError(f"{path.name} cannot be read ({error.strerror}): give the path of a CSV file.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path.name} is not a CSV file in UTF-8: save it as one.") from error


def _same_length(
    path: Path, num_columns: int, rows: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if len(row) != num_columns:
            raise FormatError(f"{path.name}, line {line}: {len(row)} cells, but the header has {num_columns}.")
        yield line, row


def _locate(path: Path, header: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Where each column stands."""
    missing = [name for name in names if name not in header]
    if missing:
        raise FormatError(
            f"{path.name} lacks {len(missing)} of {len(names)} columns ({_listed(missing)}); found {_listed(header)}."
        )
    return {name: header.index(name) for name in names}


def _cell(path: Path, line: int, row: Sequence[str], columns: dict[str, int], name: str) -> int | None:
    """One label: 1, 0, or None for an empty cell."""
    text = row[columns[name]].lower()
    if text in _UNKNOWN:
        return None
    if text in ("0", "0.0"):
        return 0
    if text in ("1", "1.0"):
        return 1
    raise FormatError(f"{path.name}, line {line}, column {name}: {shown(text)} is no label; expected 0, 1 or nothing.")


def _majority(reads: Sequence[int | None]) -> int | None:
    """What at least two of three readers say; None where no two agree."""
    if reads.count(1) >= 2:
        return 1
    return 0 if reads.count(0) >= 2 else None


def _refuse_duplicate(path: Path, study_id: str, labels: Labels) -> None:
    if study_id in labels:
        raise LabelsError(f"{path.name}: study {study_id} stands in more than one row; keep one.")


def _listed(names: Sequence[str], most: int = 6) -> str:
    """Names as a sentence's list, cut after ``most``."""
    text = ", ".join(shown(name) for name in names[:most])
    return text if len(names) <= most else f"{text}, … ({len(names)} in all)"
