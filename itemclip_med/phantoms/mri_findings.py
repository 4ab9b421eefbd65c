"""What a brain MRI phantom shows: names of findings and the labels that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from itemclip_med.phantoms.findings import PhantomFinding

MRI_FINDING_NAMES: tuple[str, ...] = (
    "Stroke", "ChronicInfarct", "Glioma", "Meningioma", "Metastasis", "WhiteMatterDisease", "Hemorrhage",
    "Hydrocephalus", "Atrophy", "Cyst", "MassEffect", "MidlineShift",
)  # fmt: skip
MRI_LABELS: tuple[str, ...] = ("Normal", *MRI_FINDING_NAMES)
PUB_BRAIN_5_LABELS: tuple[str, ...] = ("Normal", "Stroke", "Glioma", "Meningioma", "Metastasis")
PUSHING: tuple[str, ...] = ("Glioma", "Meningioma", "Metastasis", "Hemorrhage")
"""Findings that can displace the brain."""


def check_mri_names(names: Sequence[str]) -> tuple[str, ...]:
    """The finding names of a request, each once.

    Args:
        names: names of findings to make.

    Returns:
        The names in the order of :data:`MRI_FINDING_NAMES`.

    Raises:
        ValueError: if a name is unknown, an effect has no cause, or two findings cannot be in one brain.
    """
    unknown = sorted(set(names) - set(MRI_FINDING_NAMES))
    if unknown:
        raise ValueError(
            f"unknown findings {', '.join(unknown)}; a brain MRI phantom has {', '.join(MRI_FINDING_NAMES)}"
        )
    effects = [name for name in ("MassEffect", "MidlineShift") if name in names]
    if effects and not set(PUSHING) & set(names):
        raise ValueError(f"{effects[0]} needs a lesion that takes up space: add one of {', '.join(PUSHING)}")
    if {"Hydrocephalus", "Atrophy"} <= set(names):
        raise ValueError("Hydrocephalus and Atrophy exclude each other: ask for one of them")
    return tuple(name for name in MRI_FINDING_NAMES if name in names)


def mri_labels_of(findings: Iterable[PhantomFinding]) -> dict[str, int]:
    """Labels of a study with these findings.

    Args:
        findings: what the phantom shows.

    Returns:
        0 or 1 for every name of :data:`MRI_LABELS`; "Normal" is 1 without any finding.
    """
    names = {finding.name for finding in findings}
    return {"Normal": int(not names), **{name: int(name in names) for name in MRI_FINDING_NAMES}}
