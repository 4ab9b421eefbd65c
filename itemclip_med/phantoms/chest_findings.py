"""What a chest CT phantom can show: the 18 findings of CT-RATE, and the labels that follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from itemclip_med.labels import CT_RATE_FINDINGS
from itemclip_med.phantoms.findings import PhantomFinding

__all__ = ["CT_RATE_FINDINGS", "check_chest_names", "chest_labels"]


def check_chest_names(names: Sequence[str]) -> tuple[str, ...]:
    """The finding names of a request, each once.

    Args:
        names: names of findings to make.

    Returns:
        The names in the order of :data:`CT_RATE_FINDINGS`.

    Raises:
        ValueError: if a name is unknown.
    """
    unknown = sorted(set(names) - set(CT_RATE_FINDINGS))
    if unknown:
        raise ValueError(f"unknown findings {', '.join(unknown)}; a chest CT phantom has {', '.join(CT_RATE_FINDINGS)}")
    return tuple(name for name in CT_RATE_FINDINGS if name in names)


def chest_labels(findings: Iterable[PhantomFinding]) -> dict[str, int]:
    """0 or 1 for every name of :data:`CT_RATE_FINDINGS`.

    Args:
        findings: what the phantom shows.
    """
    names = {finding.name for finding in findings}
    return {name: int(name in names) for name in CT_RATE_FINDINGS}
