"""Which series of a study a recipe wants, the best first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from itemclip_med.dicom.series import MODALITIES, DicomSeries, DicomStudy
from itemclip_med.errors import RecipeError

_RULES = ("modality", "plane", "min_slices", "prefer", "keep_derived", "keep_burned_in")
_PREFERENCES = {
    "soft_tissue": lambda series: series.kernel == "bone",
    "bone": lambda series: series.kernel != "bone",
    "thin": lambda series: series.depth_spacing_mm,
    "thick": lambda series: -series.depth_spacing_mm,
    "original": lambda series: series.is_derived,
}


def check_rules(rules: Mapping[str, Any]) -> None:
    """Check the ``select`` block of a recipe.

    Raises:
        RecipeError: if a rule or preference is unknown; names it.
    """
    for name in rules:
        if name not in _RULES:
            raise RecipeError(f"select has the unknown rule {name!r}, expected {', '.join(_RULES)}.")
    for name in rules.get("prefer", ()):
        if name not in _PREFERENCES:
            raise RecipeError(f"select: prefer has {name!r}, expected some of {', '.join(_PREFERENCES)}.")


def select_series(study: DicomStudy, rules: Mapping[str, Any]) -> tuple[list[DicomSeries], Counter[str]]:
    """Choose the series of a study.

    Args:
        study: from :func:`itemclip_med.dicom.read_study`.
        rules: ``modality`` and ``plane`` (lists; CT and MR where no modality is named), ``min_slices``, ``prefer``
            (what orders those chosen, most important first: soft_tissue, bone, thin, thick, original),
            ``keep_derived`` (also reformats and maps), ``keep_burned_in`` (also series whose header says that text is
            burned into the pixels, which may be a name).

    Returns:
        The chosen series, the best first, and the reasons of the others with their numbers.

    Raises:
        RecipeError: as :func:`check_rules`.
    """
    check_rules(rules)
    chosen: list[DicomSeries] = []
    left_out: Counter[str] = Counter()
    for series in study.series:
        reason = series.reason or _refusal(series, rules)
        if reason is None:
            chosen.append(series)
        else:
            left_out[reason] += 1
    preferences: Sequence[str] = rules.get("prefer", ())
    chosen.sort(
        key=lambda series: (*(_PREFERENCES[name](series) for name in preferences), -len(series.slices), series.uid)
    )
    return chosen, left_out


def explain_choice(
    study: DicomStudy, rules: Mapping[str, Any], max_series: int, max_per_name: int | None = None
) -> list[str]:
    """What a recipe would do with each series of a study, as far as headers tell: stored or not, and why.

    Args:
        study: from :func:`itemclip_med.dicom.read_study`.
        rules: as :func:`select_series`.
        max_series: how many it stores.
        max_per_name: of those, series of one technical name; None for any number.

    Raises:
        RecipeError: as :func:`check_rules`.
    """
    chosen, _ = select_series(study, rules)
    by = f" by {', '.join(rules['prefer'])}" if rules.get("prefer") else ""
    verdicts: dict[int, str] = {}
    per_name: Counter[str] = Counter()
    for place, series in enumerate(chosen, start=1):
        where = f"number {place} of {len(chosen)}{by}"
        if per_name.total() == max_series:
            verdicts[id(series)] = f"not stored: {where}, at most {max_series} are"
        elif per_name[series.name] == max_per_name:
            verdicts[id(series)] = f"not stored: more than {max_per_name} series of one name"
        else:
            verdicts[id(series)] = f"stored: {where}"
            per_name[series.name] += 1
    return [verdicts.get(id(series)) or series.reason or _refusal(series, rules) or "" for series in study.series]


def _refusal(series: DicomSeries, rules: Mapping[str, Any]) -> str | None:
    if series.modality not in (rules.get("modality") or MODALITIES):
        return f"modality {series.modality}"
    if series.has_burned_in and not rules.get("keep_burned_in", False):
        return "burned-in annotation"
    if rules.get("plane") and series.plane not in rules["plane"]:
        return f"plane {series.plane}"
    least = int(rules.get("min_slices", 0))
    if len(series.slices) < least:
        return f"fewer than {least} slices"
    if series.is_derived and not rules.get("keep_derived", False):
        return "derived image"
    return None
