"""Labels of Pub-Brain-5: its list of studies, each of one of five classes."""

from __future__ import annotations

from pathlib import Path

from itemclip_med.errors import LabelsError
from itemclip_med.labels.ids import normalize_pub_brain_5_id
from itemclip_med.labels.tables import Labels, label_rows

PUB_BRAIN_5_FINDINGS: tuple[str, ...] = ("Normal", "Stroke", "Glioma", "Meningioma", "Metastasis")


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
    labels: Labels = {}
    for line, study_id, classes in label_rows(path, "study", PUB_BRAIN_5_FINDINGS, normalize_pub_brain_5_id):
        if list(classes.values()).count(1) != 1:
            raise LabelsError(f"{path.name}, line {line}: study {study_id} has not exactly one of the five classes.")
        labels[study_id] = classes
    return labels
