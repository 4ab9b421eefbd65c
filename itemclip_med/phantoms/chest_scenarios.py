"""Which findings a chest has, drawn together as diseases bring them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from itemclip_med.phantoms.chest_findings import CT_RATE_FINDINGS

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas
    from itemclip_med.phantoms.chest_lungs import BronchialChange, Lungs
    from itemclip_med.phantoms.chest_shape import ChestShape
    from itemclip_med.phantoms.fields import Field
    from itemclip_med.phantoms.findings import PhantomFinding

# What the patient has, how often among abnormal studies, what it always brings, and what with some probability.
SCENARIOS: tuple[tuple[float, tuple[str, ...], dict[str, float]], ...] = (
    (0.12, ("Consolidation",), {"Lung opacity": 0.5, "Pleural effusion": 0.3, "Peribronchial thickening": 0.25,
                                "Lymphadenopathy": 0.2, "Atelectasis": 0.15}),  # pneumonia
    (0.10, ("Lung opacity",), {"Consolidation": 0.25, "Interlobular septal thickening": 0.2, "Pleural effusion": 0.08,
                               "Pulmonary fibrotic sequela": 0.1}),  # viral pneumonia
    (0.11, ("Pleural effusion", "Cardiomegaly"), {"Interlobular septal thickening": 0.55, "Lung opacity": 0.35,
                                                  "Pericardial effusion": 0.3, "Atelectasis": 0.5,
                                                  "Arterial wall calcification": 0.4, "Medical material": 0.35,
                                                  "Peribronchial thickening": 0.2}),  # heart failure
    (0.12, ("Emphysema",), {"Peribronchial thickening": 0.4, "Lung nodule": 0.35, "Arterial wall calcification": 0.35,
                            "Pulmonary fibrotic sequela": 0.25, "Bronchiectasis": 0.12}),  # smoker
    (0.10, ("Lung nodule",), {"Lymphadenopathy": 0.35, "Pleural effusion": 0.15, "Emphysema": 0.2,
                              "Medical material": 0.15}),  # tumor
    (0.09, ("Arterial wall calcification", "Coronary artery wall calcification"),
     {"Cardiomegaly": 0.25, "Medical material": 0.3, "Hiatal hernia": 0.15, "Lung nodule": 0.15}),
    (0.08, ("Bronchiectasis",), {"Peribronchial thickening": 0.6, "Mosaic attenuation pattern": 0.3,
                                 "Atelectasis": 0.15,
                                 "Lung opacity": 0.15, "Pulmonary fibrotic sequela": 0.15}),
    (0.08, ("Pulmonary fibrotic sequela",), {"Bronchiectasis": 0.25, "Lung nodule": 0.25, "Lymphadenopathy": 0.08}),
    (0.09, ("Mosaic attenuation pattern",), {"Peribronchial thickening": 0.4, "Emphysema": 0.1}),  # small airways
    (0.05, ("Interlobular septal thickening",), {"Lung opacity": 0.35, "Pleural effusion": 0.3, "Lymphadenopathy": 0.3,
                                                 "Lung nodule": 0.25}),  # lymphangitic spread
    (0.05, ("Lymphadenopathy",), {"Lung nodule": 0.25, "Pericardial effusion": 0.15}),
    (0.06, ("Hiatal hernia",), {"Atelectasis": 0.4, "Coronary artery wall calcification": 0.25}),
    (0.08, ("Medical material",), {"Atelectasis": 0.45, "Pleural effusion": 0.3}),  # after an operation
    (0.04, ("Atelectasis",), {"Pulmonary fibrotic sequela": 0.2}),
    (0.06, ("Pericardial effusion",), {"Pleural effusion": 0.4, "Cardiomegaly": 0.3}),
    (0.04, ("Peribronchial thickening",), {"Lung opacity": 0.2}),
)  # fmt: skip
NORMAL_SHARE = 0.18
# What age brings beside any of them, at 90 years.
_WITH_AGE = {
    "Arterial wall calcification": 0.45, "Coronary artery wall calcification": 0.40, "Hiatal hernia": 0.14,
    "Atelectasis": 0.10, "Pulmonary fibrotic sequela": 0.08, "Lung nodule": 0.08,
}  # fmt: skip


class MediastinalLesion(Protocol):
    """Something painted outside the lungs."""

    def paint(self, canvas: Canvas, shape: ChestShape) -> None:
        """Paint and mark it."""


class LungLesion(Protocol):
    """Something that changes lung tissue."""

    def paint(self, lungs: Lungs, shape: ChestShape, inner: Field) -> None:
        """Change and mark the tissue."""


class PaintedDevice(Protocol):
    """Something put in by doctors."""

    def paint(self, canvas: Canvas, shape: ChestShape, outside: Field, inner: Field) -> None:
        """Paint and mark it."""


@dataclass(slots=True)
class ChestPathology:
    """Everything abnormal in one chest.

    Attributes:
        findings: as a radiologist would list them.
        heart: size of an enlarged heart relative to the usual one; None for the chest's own.
        pericardium_mm: fluid about the heart.
        bronchi: what is wrong with them.
        lung: lesions of lungs and pleura, in the order in which they are painted.
        vessels: lesions of vessels' walls.
        masses: what takes up space outside the lungs.
        devices: what doctors put in.
    """

    findings: list[PhantomFinding] = field(default_factory=list)
    heart: float | None = None
    pericardium_mm: float = 0.0
    bronchi: tuple[BronchialChange, ...] = ()
    lung: list[LungLesion] = field(default_factory=list)
    vessels: list[MediastinalLesion] = field(default_factory=list)
    masses: list[MediastinalLesion] = field(default_factory=list)
    devices: list[PaintedDevice] = field(default_factory=list)


def draw_chest_names(rng: np.random.Generator, shape: ChestShape) -> tuple[str, ...]:
    """The findings of one study; empty for a normal one.

    Args:
        rng: draws them.
        shape: whose chest it is; age brings findings of its own.
    """
    if rng.random() < NORMAL_SHARE:
        return ()
    weights = np.array([weight for weight, _, _ in SCENARIOS])
    _, always, sometimes = SCENARIOS[int(rng.choice(len(SCENARIOS), p=weights / weights.sum()))]
    names = set(always) | {name for name, often in sometimes.items() if rng.random() < often}
    old = max(0.0, (shape.age - 40) / 50)
    names |= {name for name, often in _WITH_AGE.items() if rng.random() < often * old}
    return tuple(name for name in CT_RATE_FINDINGS if name in names)


def draw_chest_pathology(
    names: Sequence[str], shape: ChestShape, scale: tuple[float, float, float], rng: np.random.Generator
) -> ChestPathology:
    """Give each finding its place, shape and density.

    Args:
        names: of :data:`~itemclip_med.phantoms.chest_findings.CT_RATE_FINDINGS`.
        shape: the chest they are in.
        scale: real size over template size along x, y, z.
        rng: draws everything.

    Returns:
        The pathology, its findings in the order of ``names``.
    """
    from itemclip_med.phantoms.chest_drawing import Drawing

    drawing = Drawing(shape, float(np.mean(scale)), rng, frozenset(names))
    # The heart first: what else is drawn has to leave it room. The fluid before what collapses beside it.
    for name in sorted(
        names, key=lambda one: (one != "Cardiomegaly", one != "Pleural effusion", CT_RATE_FINDINGS.index(one))
    ):
        drawing.add(name)
    out = drawing.out
    out.findings.sort(key=lambda finding: CT_RATE_FINDINGS.index(finding.name))
    return out
