"""The official layout of CQ500: its folders, and its ``reads.csv`` of three readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from itemclip_med.phantoms.findings import CQ500_LABELS

READERS = ("R1", "R2", "R3")
READS_HEADER: tuple[str, ...] = (
    "name",
    "Category",
    *(f"{reader}:{name}" for reader in READERS for name in CQ500_LABELS),
)
_STUDIES_PER_ARCHIVE = 25
_FIRST_BATCH = 214  # of CQ500's studies: its random batch, the others were chosen for their findings

# How often one reader deviates from the other two.
_DISAGREEMENT = {
    "Fracture": 0.08, "CalvarialFracture": 0.08, "OtherFracture": 0.05, "MassEffect": 0.12, "MidlineShift": 0.08,
    "ChronicBleed": 0.06,
}  # fmt: skip
_USUAL_DISAGREEMENT = 0.04


def study_name(index: int) -> str:
    """The id of a study as reads.csv spells it: ``CQ500-CT-12``."""
    return f"CQ500-CT-{index}"


def study_dir(index: int, *, zeros: bool = False) -> PurePosixPath:
    """The folder that holds a study's series, below the top of the data set; its id with leading zeros on request."""
    short = f"CQ500CT{index:03d}" if zeros else f"CQ500CT{index}"
    return PurePosixPath(f"qct{index // _STUDIES_PER_ARCHIVE:02d}", f"{short} {short}", "Unknown Study")


def reads_row(index: int, labels: Mapping[str, int], rng: np.random.Generator) -> list[str]:
    """What three readers say of a study: at most one of them deviates in a finding, so that the majority is the truth.

    Args:
        index: number of the study.
        labels: 0 or 1 for every CQ500 finding.
        rng: draws who deviates where.

    Returns:
        The cells of one row, as :data:`READS_HEADER` names them.
    """
    reads = {reader: dict(labels) for reader in READERS}
    for name in CQ500_LABELS:
        if rng.random() < _DISAGREEMENT.get(name, _USUAL_DISAGREEMENT):
            reader = READERS[int(rng.integers(len(READERS)))]
            reads[reader][name] = 1 - labels[name]
    cells = [str(reads[reader][name]) for reader in READERS for name in CQ500_LABELS]
    return [study_name(index), "B1" if index < _FIRST_BATCH else "B2", *cells]


def reads_csv(rows: Sequence[Sequence[str]]) -> str:
    """The text of ``reads.csv``."""
    return "\n".join(",".join(row) for row in (READS_HEADER, *rows)) + "\n"
