"""Where a finding of a brain MRI lies and what the scanned series show of it, in words."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.phrases import chance, pick
from itemclip_med.phantoms.places import describe

if TYPE_CHECKING:
    from itemclip_med.phantoms.findings import PhantomFinding

_LOBES = ("frontal", "temporal", "parietal", "occipital", "medial frontal")
_NOUNS = {"insular": "insula", "cerebellum": "cerebellar hemisphere"}
_ADJECTIVES = {
    "thalamus": "thalamic", "cerebellum": "cerebellar", "pons": "pontine", "falx": "parafalcine",
    "basal ganglia": "basal ganglia", "frontal, temporal and parietal": "MCA territory",
}  # fmt: skip
_ENHANCING = {"Glioma", "Meningioma", "Metastasis"}
_NUMBERS = {2: "two", 3: "three", 5: "five", 8: "eight"}


def mri_slots(finding: PhantomFinding, kinds: Collection[str], rng: np.random.Generator) -> dict[str, str]:
    """The slots of one finding's wordings.

    Args:
        finding: the phantom's own description of it.
        kinds: of the series that were scanned.
        rng: draws among equal ways to say it.

    Returns:
        Those of :func:`places.describe`, and ``t2`` ("T2/FLAIR", "T2", "FLAIR"), ``dwi``, ``low_adc``, ``enhancing``,
        ``enhancement``, ``artery``, ``grade``, ``degree``, ``fazekas``, ``count``, ``both_places``, ``kind``, ``foci``,
        ``age``, ``blood_signal``; empty where there is nothing to say.
    """
    params = finding.params
    slots = describe(finding, rng)
    lateral = str(params.get("largest_side", slots["side"]))
    slots["the_place"], slots["padj"] = _place(finding.region, lateral, rng)
    if finding.name in ("WhiteMatterDisease", "Hydrocephalus", "Atrophy"):
        slots["side"] = slots["side_of"] = ""
    given = "T1C" in kinds and finding.name in _ENHANCING
    degree = str(params.get("degree", ""))
    several = int(str(params.get("count", 1)))
    slots |= {
        "t2": "T2/FLAIR" if {"T2", "FLAIR"} <= set(kinds) else "T2" if "T2" in kinds else "FLAIR" * ("FLAIR" in kinds),
        "dwi": pick(("restricted diffusion", "diffusion restriction"), rng) if "DWI" in kinds else "",
        "low_adc": pick(("low ADC values", "reduced ADC", "low ADC signal"), rng) if "ADC" in kinds else "",
        "enhancing": "enhancing" if given else "",
        "enhancement": "enhancement" if given else "",
        "artery": str(params.get("artery", "")) if not params.get("lacunar") else "",
        "grade": str(params.get("kind", "")) if finding.name == "Glioma" else "",
        "degree": degree,
        "fazekas": str(params.get("grade", "")),
        "foci": {"mild": "scattered foci of", "moderate": "patchy", "severe": "confluent"}.get(degree, ""),
        "count": "" if several < 2 else pick((_NUMBERS[several], "multiple" if several > 2 else "two"), rng),
        "both_places": _both_places(finding, rng),
        "kind": str(params.get("kind", "")) if chance(0.6, rng) else "",
        "age": finding.chronicity if finding.chronicity and chance(0.8, rng) else "",
        "blood_signal": _blood_signal(finding, kinds),
    }
    return slots


def _place(region: str, side: str, rng: np.random.Generator) -> tuple[str, str]:
    """("the left frontal lobe", "left frontal") for a region."""
    adjective = f"{side} {_ADJECTIVES.get(region, region)}".strip()
    if region == "falx":
        return pick((f"the falx on the {side}", f"the {side} falx"), rng), adjective
    if region in _LOBES:
        return f"the {side} {region} lobe", adjective
    if region == "frontal, temporal and parietal":
        return f"the {side} {region} lobes", adjective
    if region == "cerebellum":
        return f"the {side} {pick(('cerebellum', 'cerebellar hemisphere'), rng)}", adjective
    return f"the {side} {_NOUNS.get(region, region)}".replace("  ", " "), adjective


def _both_places(finding: PhantomFinding, rng: np.random.Generator) -> str:
    if finding.name != "Metastasis":
        return ""
    if finding.side == "bilateral":
        return pick(("both cerebral hemispheres", "both hemispheres", "the brain bilaterally"), rng)
    return f"the {finding.side} hemisphere"


def _blood_signal(finding: PhantomFinding, kinds: Collection[str]) -> str:
    """What T1 and T2 show of blood of an age."""
    if finding.name != "Hemorrhage" or not {"T1", "T2"} <= set(kinds):
        return ""
    return {
        "acute": "T2 hypointensity", "early subacute": "T1 hyperintense and T2 hypointense signal",
        "late subacute": "T1 and T2 hyperintense signal", "chronic": "a T2 hypointense rim",
    }.get(finding.chronicity or "", "")  # fmt: skip
