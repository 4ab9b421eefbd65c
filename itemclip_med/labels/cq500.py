"""Labels of CQ500: ``reads.csv``, three readers a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from itemclip_med.labels.ids import normalize_cq500_id
from itemclip_med.labels.tables import Labels, label_rows

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

_READERS = ("R1", "R2", "R3")


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
    wanted = [f"{reader}:{finding}" for finding in CQ500_FINDINGS for reader in _READERS]
    return {
        study_id: {name: _majority([cells[f"{reader}:{name}"] for reader in _READERS]) for name in CQ500_FINDINGS}
        for _, study_id, cells in label_rows(path, "name", wanted, normalize_cq500_id)
    }


def _majority(reads: Sequence[int | None]) -> int | None:
    """What at least two of three readers say; None where no two agree."""
    if reads.count(1) >= 2:
        return 1
    return 0 if reads.count(0) >= 2 else None
