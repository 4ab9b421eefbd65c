"""One slice: what a header says of it, and its place in the patient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from itemclip_med.dicom.elements import Value, numbers_of, text_of
from itemclip_med.dicom.pixel_source import PixelSource


@dataclass(eq=False)
class SliceFile:
    """One slice: a single-frame image, or one frame of an object; its geometry in DICOM's LPS millimetres.

    Attributes:
        path: the file.
        values: what its header says; for a frame, its functional groups and what the object shares.
        reason: why it is no slice of a volume; None for a slice.
        pixels: where its pixels are; None where there are none.
        frame: which frame of the object, from 0.
        modality: "CT", "MR", "PT"; DICOM's code for what is no image of these.
        orientation: (6,) row and column direction cosines.
        position: (3,) mm.
        spacing_mm: between rows, between columns.
    """

    path: Path
    values: Mapping[str, Value] = field(default_factory=dict)
    reason: str | None = None
    pixels: PixelSource | None = None
    frame: int = 0
    modality: str = ""
    orientation: np.ndarray | None = None
    position: np.ndarray | None = None
    spacing_mm: tuple[float, float] = (0.0, 0.0)

    def text(self, name: str) -> str:
        """A header value as text, "" where it is missing or unreadable."""
        return text_of(self.values.get(name))

    def number(self, name: str, default: float) -> float:
        """A header value as finite number, ``default`` where it is missing or unreadable."""
        numbers = numbers_of(self.values.get(name))
        return numbers[0] if numbers and np.isfinite(numbers[0]) else default

    @property
    def image_type(self) -> tuple[str, ...]:
        """ImageType in capitals."""
        return tuple(part.strip().upper() for part in self.text("ImageType").split("\\") if part.strip())

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; 0 where the header lacks them."""
        return int(self.number("Rows", 0)), int(self.number("Columns", 0))


def take_geometry(file: SliceFile) -> str | None:
    """Set orientation, position and spacing from a slice's values; the reason where that cannot be done."""
    found = []
    for name, size in (("ImageOrientationPatient", 6), ("ImagePositionPatient", 3), ("PixelSpacing", 2)):
        numbers = numbers_of(file.values.get(name))
        if len(numbers) != size or not all(map(math.isfinite, numbers)):
            return "missing geometry"
        found.append(numbers)
    orientation, position, spacing = found
    row, column = orientation[:3], orientation[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    cosine = sum(one * other for one, other in zip(row, column, strict=True))
    if max(map(abs, position)) >= 1e6 or max(spacing) >= 1e4 or min(spacing) <= 0:
        return "missing geometry"
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(cosine) > 0.01:
        return "missing geometry"
    file.orientation = np.array([*(value / lengths[0] for value in row), *(value / lengths[1] for value in column)])
    file.position = np.array(position)
    file.spacing_mm = (float(spacing[0]), float(spacing[1]))
    if "LOCALIZER" in file.image_type:
        return "localizer"
    return None
