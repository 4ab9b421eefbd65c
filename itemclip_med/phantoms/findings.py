"""What a phantom shows: one record per finding, and the labels that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

FINDING_NAMES: tuple[str, ...] = (
    "IPH", "IVH", "SDH", "EDH", "SAH", "ChronicBleed", "Fracture", "MassEffect", "MidlineShift",
)  # fmt: skip
BLEED_NAMES: tuple[str, ...] = ("IPH", "IVH", "SDH", "EDH", "SAH")
CQ500_LABELS: tuple[str, ...] = (
    "ICH", "IPH", "IVH", "SDH", "EDH", "SAH", "BleedLocation-Left", "BleedLocation-Right", "ChronicBleed",
    "Fracture", "CalvarialFracture", "OtherFracture", "MassEffect", "MidlineShift",
)  # fmt: skip
CALVARIAL_BONES: tuple[str, ...] = ("frontal bone", "parietal bone", "temporal bone", "occipital bone")


@dataclass(frozen=True, slots=True)
class PhantomFinding:
    """One finding of a phantom, described as a radiologist would measure it.

    Attributes:
        name: one of :data:`FINDING_NAMES`.
        side: "left", "right", "bilateral" or "midline"; of a midline shift the side it moves toward.
        region: where it lies, such as "frontal", "basal ganglia", "parietal bone"; "" where that says nothing.
        size_mm: its extents, largest first; None where a thickness or a shift says it.
        thickness_mm: the greatest thickness of a collection against the skull.
        shift_mm: how far the septum pellucidum lies from the midline.
        chronicity: "acute", "subacute", "chronic", "mixed"; None where it has no age.
        params: what else the phantom was made from: ``volume_ml``, ``subtle``, ``compartment`` ("subdural" or
            "intra-axial", of a chronic bleed), ``kind``.
    """

    name: str
    side: str
    region: str = ""
    size_mm: tuple[float, ...] | None = None
    thickness_mm: float | None = None
    shift_mm: float | None = None
    chronicity: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """The finding as plain values, for JSON."""
        values = asdict(self)
        values["params"] = dict(self.params)
        values["size_mm"] = None if self.size_mm is None else list(self.size_mm)
        return values


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """The finding names of a request, each once.

    Args:
        names: names of findings to make.

    Returns:
        The names in the order of :data:`FINDING_NAMES`.

    Raises:
        ValueError: if a name is unknown, or an effect is asked for without a lesion that could cause it.
    """
    unknown = sorted(set(names) - set(FINDING_NAMES))
    if unknown:
        raise ValueError(f"unknown findings {', '.join(unknown)}; a head CT phantom has {', '.join(FINDING_NAMES)}")
    causes = ("IPH", "SDH", "EDH", "ChronicBleed")
    effects = [name for name in ("MassEffect", "MidlineShift") if name in names]
    if effects and not set(causes) & set(names):
        raise ValueError(f"{effects[0]} needs a lesion that takes up space: add one of {', '.join(causes)}")
    return tuple(name for name in FINDING_NAMES if name in names)


def labels_of(findings: Iterable[PhantomFinding]) -> dict[str, int]:
    """The CQ500 labels of a study with these findings.

    Args:
        findings: what the phantom shows.

    Returns:
        0 or 1 for every name of :data:`CQ500_LABELS`. A chronic bleed is an intracranial hemorrhage, and one of its
        compartment, as the readers of CQ500 noted type and age side by side.

    Sources:
        Chilamkurthy et al., Lancet 2018, 392:2388-2396 (the columns of reads.csv).
    """
    labels = dict.fromkeys(CQ500_LABELS, 0)
    for finding in findings:
        kinds = [finding.name]
        if finding.name == "ChronicBleed":
            kinds.append("IPH" if finding.params.get("compartment") == "intra-axial" else "SDH")
        if set(kinds) & set(BLEED_NAMES):
            kinds.append("ICH")
            sides = ("left", "right") if finding.side in ("bilateral", "midline") else (finding.side,)
            kinds += [f"BleedLocation-{side.capitalize()}" for side in sides]
        if finding.name == "Fracture":
            kinds.append("CalvarialFracture" if finding.region in CALVARIAL_BONES else "OtherFracture")
        labels.update(dict.fromkeys(kinds, 1))
    return labels
