"""Readers of the label files that public test sets are published with, and of one's own CSV, by name.

A reader takes a path and returns ``{study id: {finding: 1, 0 or None}}``, None where the label is unknown. Columns are
addressed by name, never by position: the released CQ500 script takes two of them the wrong way round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from itemclip_med.errors import FormatError, LabelsError
from itemclip_med.labels.cq500 import read_cq500_reads
from itemclip_med.labels.ct_rate import read_ct_rate_labels
from itemclip_med.labels.ids import normalize_plain_id
from itemclip_med.labels.pub_brain_5 import read_pub_brain_5
from itemclip_med.labels.rad_chestct import read_rad_chestct_labels
from itemclip_med.labels.rsna import read_rsna_studies
from itemclip_med.labels.tables import ID_COLUMNS, Labels, id_column_of, label_rows, listed, open_table


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
    header, _ = open_table(path)
    id_column = id_column_of(header)
    if id_column is None:
        raise FormatError(f"{path.name}: no column {' or '.join(ID_COLUMNS)}; found {listed(header)}.")
    names = list(findings) if findings is not None else [name for name in header if name != id_column]
    return {study_id: labels for _, study_id, labels in label_rows(path, id_column, names, normalize_id)}


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
    header, _ = open_table(path)
    if reader == "csv" or "study_id" in header:
        return read_csv_labels(path, normalize_id=normalize_id)
    if reader == "rad_chestct":
        return read_rad_chestct_labels(path, sources)
    return LABEL_READERS[reader](path)
