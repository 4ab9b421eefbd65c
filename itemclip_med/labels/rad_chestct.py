"""Labels of Rad-ChestCT: 84 abnormalities by location, or CT-RATE's findings mapped from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from itemclip_med.errors import FormatError
from itemclip_med.labels.ids import normalize_rad_chestct_id
from itemclip_med.labels.tables import Labels, label_rows, listed, open_table, refuse_duplicate

_CALCIFIED = ("Arterial wall calcification", "Coronary artery wall calcification")
_MERGED = "Calcification"
# Rad-ChestCT's abnormalities behind each finding; its calcifications are not told apart.
_SOURCES: dict[str, tuple[str, ...]] = {
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
RAD_CHESTCT_FINDINGS: tuple[str, ...] = tuple(_SOURCES)
"""What :func:`read_rad_chestct_labels` gives: CT-RATE's findings without the mosaic pattern, and "Calcification"."""

_LABEL_FILES = "img*_Abnormality_and_Location_Labels.csv"


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
    paths = sorted(path.glob(_LABEL_FILES)) if path.is_dir() else [path]
    if not paths:
        raise FormatError(f"{path.name} holds no {_LABEL_FILES}: give the folder of Rad-ChestCT's label tables.")
    labels: Labels = {}
    for one in paths:
        header, _ = open_table(one)
        behind = _columns(one, header, sources)
        wanted = sorted({name for names in behind.values() for name in names})
        for _, study_id, cells in label_rows(one, "NoteAcc_DEID", wanted, normalize_rad_chestct_id):
            refuse_duplicate(one, study_id, labels)
            labels[study_id] = {finding: _any_of([cells[name] for name in names]) for finding, names in behind.items()}
    return labels


def _columns(path: Path, header: Sequence[str], sources: Mapping[str, Sequence[str]] | None) -> dict[str, list[str]]:
    """The columns behind each finding, in a table of either kind; none where it does not know the finding."""
    if not any("*" in name for name in header):
        if len(set(header) & set(RAD_CHESTCT_FINDINGS)) < 2:
            raise FormatError(f"{path.name} is no label table of Rad-ChestCT: found {listed(header)}.")
        mapped = {
            finding: [name for name in (_CALCIFIED if finding == _MERGED else (finding,)) if name in header]
            for finding in sources or RAD_CHESTCT_FINDINGS
        }
        unknown = [finding for finding, names in mapped.items() if not names]
        differing = [
            finding for finding, names in (sources or {}).items() if set(names) != set(_SOURCES.get(finding, ()))
        ]
        if sources is not None and (unknown or differing):
            raise FormatError(
                f"{path.name} is the mapped table of Rad-ChestCT, whose columns say otherwise or nothing of "
                f"{listed(unknown + [name for name in differing if name not in unknown])}: give the folder of the "
                f"official tables ({_LABEL_FILES})."
            )
        return mapped
    by_source: dict[str, list[str]] = {}
    for name in header:
        by_source.setdefault(name.split("*")[0], []).append(name)
    chosen = sources or _SOURCES
    # Of medical material any kind will do; of all others every source must be there, or labels would change silently.
    needed = {name for finding, names in chosen.items() if finding != "Medical material" for name in names}
    missing = sorted(source for source in needed if source not in by_source)
    if missing:
        raise FormatError(f"{path.name} has no columns of {listed(missing)}: expected abnormality*location.")
    return {
        finding: [name for source in names for name in by_source.get(source, ())] for finding, names in chosen.items()
    }


def _any_of(values: Sequence[int | None]) -> int | None:
    """1 if any value is, None if none is known, else 0."""
    known = [value for value in values if value is not None]
    return max(known) if known else None
