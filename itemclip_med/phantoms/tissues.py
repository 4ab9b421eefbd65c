"""What the head is made of: tissue classes that every modality turns into its own numbers.

The painters of :mod:`brain` and :mod:`skull` say of each stroke both its HU and its tissue. A CT canvas takes the HU,
an MRI canvas the tissue.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from itemclip_med.phantoms.fields import Field


class Tissue(IntEnum):
    """Tissue classes of a head. ``VOID`` holds air and dense bone, which give no signal in MRI."""

    VOID = -1
    CSF = 0
    GREY = 1
    WHITE = 2
    DEEP = 3
    PALLIDUM = 4
    FAT = 5
    MARROW = 6
    MUSCLE = 7
    SKIN = 8
    DURA = 9
    ARTERY = 10
    VEIN = 11
    PLEXUS = 12
    MUCOSA = 13
    VITREOUS = 14


NUM_TISSUES = 15
"""Classes that have a column of their own: all but ``VOID``."""

Mixture = Callable[[], tuple[tuple[int, Field | float], ...]]
"""Makes the shares of several tissues in a stroke; called only by canvases that take tissues."""

Content = int | Mixture | None
"""What a stroke is made of; None where only one modality shows it."""
