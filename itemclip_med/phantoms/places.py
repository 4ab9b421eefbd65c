"""Where a finding lies and how large it is, in words: the slots that the wordings of :mod:`wording_tables` fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.phrases import chance, measure, pick

if TYPE_CHECKING:
    from itemclip_med.phantoms.findings import PhantomFinding

_LOBES = ("frontal", "temporal", "parietal", "occipital", "insular")
_ADJECTIVES = {"thalamus": "thalamic", "cerebellum": "cerebellar", "pons": "pontine", "brainstem": "brainstem"}
_MIDLINE_PLACES = {"pons": "pons", "brainstem": "brainstem", "vermis": "cerebellar vermis"}


def describe(finding: PhantomFinding, rng: np.random.Generator) -> dict[str, str]:
    """The slots of one finding's wordings.

    Args:
        finding: the phantom's own description of it.
        rng: draws among equal ways to say it.

    Returns:
        ``side`` ("left", "right", "bilateral", ""), ``the_place`` ("the left frontal lobe"), ``padj`` ("left frontal"),
        ``big`` ("small", …, or ""), ``size``, ``thick`` and ``shift`` ("1.8 cm" or ""), ``sized`` (", measuring
        1.8 cm" or ""), ``toward`` (of a shift: "left" or "right"), ``side_of`` ("left-sided", "bilateral", "").
    """
    side = finding.side if finding.side in ("left", "right", "bilateral") else ""
    the_place, padj = _place(finding.name, side, (finding.region or "").replace("_", " ").strip(), rng)
    size, thick, shift = (
        "" if value is None or np.max(value) <= 0 else measure(value, rng)
        for value in (finding.size_mm, finding.thickness_mm, finding.shift_mm)
    )
    extent = thick if finding.name in ("SDH", "EDH", "ChronicBleed") and thick else size
    sized = ""
    if extent and chance(0.5, rng):
        sized = pick(
            (", measuring {}", " measuring up to {}", ", measuring approximately {}", ", {}", " measuring {}"), rng
        ).format(extent)
        if extent == thick and chance(0.5, rng):
            sized += pick((" in thickness", " thick", " in maximal thickness", " in greatest thickness"), rng)
    side_of = {"left": "left-sided", "right": "right-sided", "bilateral": "bilateral"}.get(side, "")
    return {
        "side": side,
        "side_of": side_of,
        "the_place": the_place,
        "padj": padj,
        "big": _big(finding, rng),
        "size": size,
        "thick": thick,
        "shift": shift,
        "sized": sized,
        "toward": side if side in ("left", "right") else "",
        "away": {"left": "right", "right": "left"}.get(side, ""),
    }


def is_subtle(finding: PhantomFinding) -> bool:
    """Whether a careful reader would hedge: faint by its own parameters, or at the limit of what a slice shows."""
    if (finding.params or {}).get("subtle"):
        return True
    limits = {"IPH": 9.0, "IVH": 6.0, "SDH": 4.0, "EDH": 5.0, "SAH": 8.0, "ChronicBleed": 4.0, "MidlineShift": 3.0}
    values = [value for value in (finding.thickness_mm, finding.shift_mm, finding.size_mm) if value is not None]
    return bool(values) and finding.name in limits and float(np.max(values[0])) < limits[finding.name]


def _big(finding: PhantomFinding, rng: np.random.Generator) -> str:
    """An adjective of size that fits, or none."""
    thin = finding.name in ("SDH", "EDH", "ChronicBleed") and finding.thickness_mm is not None
    value = finding.thickness_mm if thin else finding.size_mm
    if value is None or chance(0.5, rng):
        return ""
    extent = float(np.max(value))
    small, large = (5.0, 11.0) if thin else (14.0, 32.0)
    if extent < small:
        return pick(("small", "thin", "trace") if thin else ("small", "tiny", "punctate"), rng)
    return pick(("large", "sizable"), rng) if extent > large else pick(("moderate", "moderate-sized", ""), rng)


def _place(name: str, side: str, region: str, rng: np.random.Generator) -> tuple[str, str]:
    """("the left frontal lobe", "left frontal") for one finding."""
    if name in ("SDH", "EDH", "ChronicBleed"):
        return _extra_axial_place(side, region, rng)
    if name == "Fracture":
        return _bone_place(side, region)
    if name == "SAH":
        return _sulcal_place(side, region, rng)
    if name == "IVH":
        return _ventricle_place(side, region)
    return _brain_place(side, region, rng)


def _brain_place(side: str, region: str, rng: np.random.Generator) -> tuple[str, str]:
    if region in _MIDLINE_PLACES:
        return f"the {_MIDLINE_PLACES[region]}", _ADJECTIVES.get(region, region)
    if not side or not region:
        whole = f"{side} cerebral hemisphere".strip()
        return f"the {region or whole}", region or f"{side} cerebral".strip()
    words = region.removesuffix(" lobe")
    lobes = words.replace("-", " ").split()
    if words == "cerebellum":
        place = f"{side} {pick(('cerebellar hemisphere', 'cerebellum'), rng)}"
    elif all(lobe in _LOBES or lobe.endswith(("oparietal", "otemporal", "ooccipital")) for lobe in lobes):
        place = f"{side} {words} {'lobe' if words in _LOBES else 'region'}"
    else:
        place = f"{side} {words}"
    adjective = f"{side} {_ADJECTIVES.get(words, words)}"
    if side == "bilateral":
        plural = {"thalamus": "thalami", "cerebellum": "cerebellar hemispheres"}
        plural_place = plural.get(words, f"{words} lobes" if words in _LOBES else words)
        return pick((f"both {plural_place}", f"the {plural_place} bilaterally"), rng), adjective
    return f"the {place}", adjective


def _extra_axial_place(side: str, region: str, rng: np.random.Generator) -> tuple[str, str]:
    words = region.removesuffix(" convexity").removesuffix(" region").removesuffix("convexity").strip()
    if words in ("tentorium", "tentorial"):
        return f"the {side} tentorium cerebelli".replace("  ", " "), f"{side} tentorial".strip()
    if words in ("falx", "parafalcine", "interhemispheric"):
        return "the falx cerebri", f"{side} parafalcine".strip()
    if words in ("cerebral", "hemispheric", "holohemispheric"):
        words = ""
    if side == "bilateral":
        return f"both {words or 'cerebral'} convexities", f"bilateral {words}".strip()
    if words:
        return f"the {side} {words} {pick(('convexity', 'region', 'lobe'), rng)}".replace("  ", " "), f"{side} {words}"
    where = pick(("cerebral convexity", "cerebral hemisphere", "hemispheric convexity"), rng)
    return f"the {side} {where}".replace("  ", " "), side


def _bone_place(side: str, region: str) -> tuple[str, str]:
    words = region.removesuffix(" bone")
    if not words or words in ("calvarium", "skull", "calvarial"):
        return f"the {side} calvarium".replace("  ", " "), f"{side} calvarial".strip()
    if words in ("skull base", "base", "central skull base"):
        return f"the {side} skull base".replace("  ", " "), f"{side} skull base".strip()
    if words in ("orbit", "zygoma", "mandible", "zygomatic arch", "mastoid"):
        return f"the {side} {words}".replace("  ", " "), f"{side} {words}".strip()
    return f"the {side} {words} bone".replace("  ", " "), f"{side} {words}".strip()


def _sulcal_place(side: str, region: str, rng: np.random.Generator) -> tuple[str, str]:
    words = region.removesuffix(" sulci").removesuffix(" sulcus").removesuffix(" lobe")
    if "cistern" in words or words == "basal":
        return pick(("the basal cisterns", "the suprasellar cistern", "the basilar cisterns"), rng), "basal cistern"
    if "sylvian" in words:
        if side in ("left", "right"):
            return f"the {side} sylvian fissure", f"{side} sylvian"
        return "both sylvian fissures", "bilateral sylvian"
    if "interhemispheric" in words or "falx" in words:
        return "the interhemispheric fissure", "interhemispheric"
    words = "cerebral" if words in ("", "convexity", "hemispheric") else words
    if side == "bilateral":
        return pick((f"the {words} sulci bilaterally", f"bilateral {words} sulci"), rng), f"bilateral {words}"
    return f"the {side} {words} sulci".replace("  ", " "), f"{side} {words}".strip()


def _ventricle_place(side: str, region: str) -> tuple[str, str]:
    part = next(
        (part for part in ("occipital horn", "frontal horn", "temporal horn", "atrium", "trigone") if part in region),
        "",
    )
    if "third" in region or "fourth" in region:
        which = "third" if "third" in region else "fourth"
        return f"the {which} ventricle", f"{which} ventricular"
    if side in ("left", "right"):
        return (f"the {part} of the {side} lateral ventricle" if part else f"the {side} lateral ventricle"), side
    plural = {"": "lateral ventricles", "atrium": "atria of the lateral ventricles"}.get(
        part, f"{part}s of the lateral ventricles"
    )
    return (f"both {plural}" if side == "bilateral" and not part else f"the {plural}"), "bilateral"
