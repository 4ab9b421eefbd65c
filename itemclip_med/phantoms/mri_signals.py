"""Signal of MRI: substances with their relaxation and diffusion, sequences, and the equations between them.

Sources:
    Spin echo and inversion recovery: R. W. Brown et al., Magnetic Resonance Imaging, 2nd ed., Wiley 2014, ch. 8 and 10.
    Spoiled gradient echo: R. R. Ernst and W. A. Anderson, Rev. Sci. Instrum. 1966, 37:93; A. Haase et al., J. Magn.
    Reson. 1986, 67:258. Diffusion: E. O. Stejskal and J. E. Tanner, J. Chem. Phys. 1965, 42:288. Contrast agent:
    I. Solomon, Phys. Rev. 1955, 99:559 (rates add), relaxivity of gadolinium chelates about 4.5 per mM and s.
    T1 over field strength: W. D. Rooney et al., Magn. Reson. Med. 2007, 57:308. Tissues: R. K.-S. Kwan et al., IEEE
    Trans. Med. Imaging 1999, 18:1085; G. J. Stanisz et al., Magn. Reson. Med. 2005, 54:507; rounded, CSF by its bulk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.tissues import NUM_TISSUES, Tissue

_RELAXIVITY = 4.5e-3  # per mM and ms
_FIELD_EXPONENT = 0.38  # of T1, in tissue

Flow = Literal["", "artery", "vein"]
Kind = Literal["se", "ir", "gre"]


@dataclass(frozen=True, slots=True)
class Substance:
    """What MRI sees of a tissue or a lesion.

    Attributes:
        density: of protons, relative to water.
        t1_ms: at 1.5 T.
        t2_ms: transverse relaxation.
        adc: apparent diffusion coefficient, 1e-3 mm2/s.
        uptake: concentration of contrast agent after its injection, mM.
        flow: blood that leaves the slice between pulses gives little signal in spin echoes.
        is_fat: suppressed where a sequence suppresses fat.
        free: water whose T1 does not depend on the field.
    """

    density: float
    t1_ms: float
    t2_ms: float
    adc: float
    uptake: float = 0.0
    flow: Flow = ""
    is_fat: bool = False
    free: bool = False


_FLUID = Substance(1.0, 4000, 1200, 3.0, free=True)
TISSUES: dict[Tissue, Substance] = {
    Tissue.CSF: _FLUID,
    Tissue.GREY: Substance(0.86, 950, 95, 0.84, 0.03),
    Tissue.WHITE: Substance(0.74, 560, 74, 0.72, 0.02),
    Tissue.DEEP: Substance(0.82, 850, 82, 0.76, 0.03),
    Tissue.PALLIDUM: Substance(0.77, 720, 64, 0.76, 0.03),
    Tissue.FAT: Substance(1.0, 290, 105, 0.05, is_fat=True),  # T2 as fast spin echoes show it
    Tissue.MARROW: Substance(0.72, 360, 80, 0.1, 0.05, is_fat=True),
    Tissue.MUSCLE: Substance(0.85, 1000, 44, 1.4, 0.12),
    Tissue.SKIN: Substance(0.75, 700, 50, 1.2, 0.3),
    Tissue.DURA: Substance(0.55, 800, 35, 1.0, 0.45),
    Tissue.ARTERY: Substance(0.95, 1400, 200, 1.5, 2.0, flow="artery"),
    Tissue.VEIN: Substance(0.95, 1400, 120, 1.5, 1.6, flow="vein"),
    Tissue.PLEXUS: Substance(0.9, 1200, 140, 1.6, 0.7),
    Tissue.MUCOSA: Substance(0.95, 1100, 120, 1.6, 0.6),
    Tissue.VITREOUS: _FLUID,
}


@dataclass(frozen=True, slots=True)
class PulseSequence:
    """How a series is excited.

    Attributes:
        kind: "se" spin echo, "ir" inversion recovery with a spin echo, "gre" spoiled gradient echo.
        tr_ms: repetition time.
        te_ms: echo time.
        ti_ms: inversion time; of "ir" only.
        flip_deg: of "gre" only.
        b_value: diffusion weighting, s/mm2.
        fat_suppressed: whether fat gives almost no signal.
    """

    kind: Kind
    tr_ms: float
    te_ms: float
    ti_ms: float = 0.0
    flip_deg: float = 90.0
    b_value: float = 0.0
    fat_suppressed: bool = False


def null_time_ms(t1_ms: float, tr_ms: float) -> float:
    """The inversion time at which a substance gives no signal, in ms."""
    return float(t1_ms * (np.log(2) - np.log1p(np.exp(-tr_ms / t1_ms))))


def signal(sequence: PulseSequence, substance: Substance, *, tesla: float = 1.5, contrast: bool = False) -> float:
    """Signal of one substance, relative to water fully relaxed.

    Args:
        sequence: how it is excited.
        substance: what is excited.
        tesla: field strength; T1 of tissue grows with it.
        contrast: whether contrast agent was given.

    Returns:
        With its sign: negative for what inversion recovery catches before its null.
    """
    t1 = substance.t1_ms * (1.0 if substance.free or substance.is_fat else (tesla / 1.5) ** _FIELD_EXPONENT)
    if contrast:
        t1 = 1 / (1 / t1 + _RELAXIVITY * substance.uptake)
    recovered = np.exp(-sequence.tr_ms / t1)
    if sequence.kind == "gre":
        flip = np.deg2rad(sequence.flip_deg)
        out = np.sin(flip) * (1 - recovered) / (1 - np.cos(flip) * recovered)
    elif sequence.kind == "ir":
        out = 1 - 2 * np.exp(-sequence.ti_ms / t1) + recovered
    else:
        out = 1 - recovered
    out *= substance.density * np.exp(-sequence.te_ms / substance.t2_ms - sequence.b_value * 1e-3 * substance.adc)
    if substance.flow and sequence.kind != "gre":
        out *= 0.08 if substance.flow == "artery" else (0.75 if contrast else 0.35)
    elif substance.flow == "artery":
        out = max(out, 0.12 * substance.density)  # fresh blood flows in
    if substance.is_fat and sequence.fat_suppressed:
        out *= 0.06
    return float(out)


def palette(
    sequence: PulseSequence, lesions: Sequence[Substance], *, tesla: float, contrast: bool
) -> NDArray[np.float32]:
    """Signals (K,) of all tissues and of the lesions' substances, in the order of a canvas's content."""
    substances = [TISSUES[Tissue(kind)] for kind in range(NUM_TISSUES)] + list(lesions)
    return np.array([signal(sequence, one, tesla=tesla, contrast=contrast) for one in substances], np.float32)
