"""Labels of RSNA 2019: ``stage_2_train.csv``, six rows a slice, and what they say of a study."""

from __future__ import annotations

import re
from pathlib import Path

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels.ids import normalize_rsna_id, shown
from itemclip_med.labels.tables import Labels, locate, open_table, read_cell

RSNA_FINDINGS: tuple[str, ...] = (
    "any",
    "epidural",
    "intraparenchymal",
    "intraventricular",
    "subarachnoid",
    "subdural",
)

_ROW = re.compile(r"(ID_[0-9a-f]{9})_([a-z]+)")


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
    header, rows = open_table(path)
    columns = locate(path, header, ["ID", "Label"])
    slices: Labels = {}
    for line, row in rows:
        found = _ROW.fullmatch(row[columns["ID"]])
        if not found or found[2] not in RSNA_FINDINGS:
            raise FormatError(f"{path.name}, line {line}: {shown(row[columns['ID']])} names no slice and finding.")
        label = read_cell(path, line, row, columns, "Label")
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
    header, rows = open_table(table)
    columns = locate(table, header, ["SOPInstanceUID", "StudyInstanceUID"])
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
