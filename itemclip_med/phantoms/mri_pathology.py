"""Everything abnormal in one brain, on its way from the draw to the canvas."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from itemclip_med.phantoms.brain import BrainShape
from itemclip_med.phantoms.displacement import Displacement
from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.mri_lesions import Lesion, Push
from itemclip_med.phantoms.tissues import NUM_TISSUES

if TYPE_CHECKING:
    from itemclip_med.phantoms.mri_signals import Substance


@dataclass(slots=True)
class MriPathology:
    """Everything abnormal in one brain.

    Attributes:
        age: of the patient, years.
        brain: as age and disease have made it.
        findings: as a radiologist would list them.
        lesions: painted in this order.
        pushes: what displaces the brain, and how readily the midline follows.
        substances: what lesions are made of; their columns follow those of the tissues.
        displacement: of the brain.
        squeeze: factor on the width of the left and right lateral ventricle.
        fourth: factor on the width of the fourth ventricle.
    """

    age: int
    brain: BrainShape
    findings: list[PhantomFinding] = field(default_factory=list)
    lesions: list[Lesion] = field(default_factory=list)
    pushes: list[tuple[Push, float]] = field(default_factory=list)
    substances: list[Substance] = field(default_factory=list)
    displacement: Displacement = field(default_factory=Displacement)
    squeeze: tuple[float, float] = (1.0, 1.0)
    fourth: float = 1.0

    def column(self, substance: Substance) -> int:
        """A column for a new substance."""
        self.substances.append(substance)
        return NUM_TISSUES + len(self.substances) - 1


def side_name(sign: int) -> str:
    """The side of the patient that x of this sign is on."""
    return "right" if sign > 0 else "left"
