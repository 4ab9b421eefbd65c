"""Labels of CT-RATE: eighteen findings a volume."""

from __future__ import annotations

from pathlib import Path

from itemclip_med.labels.ids import normalize_ct_rate_id
from itemclip_med.labels.tables import Labels, label_rows

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
    rows = label_rows(path, "VolumeName", CT_RATE_FINDINGS, normalize_ct_rate_id)
    return {study_id: labels for _, study_id, labels in rows}
