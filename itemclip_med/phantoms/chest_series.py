"""A chest CT phantom as the DICOM series a scanner would send: names, kernels, localizer, elements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.ct_series import CtSeries, Scanner, study_elements, write_localizer
from itemclip_med.phantoms.dicom_writing import SeriesWriter
from itemclip_med.phantoms.phrases import pick

if TYPE_CHECKING:
    from collections.abc import Callable

    from itemclip_med.phantoms.chest_ct import ChestKind, ChestPhantom

_PURPOSE = "chest-ct-phantom-1"  # change it where the same seed gives other pixels
_DESCRIPTIONS = {
    "thick": ("Chest 5mm", "THORAX 5.0", "Mediastinum", "Chest Axial"),
    "thin": ("Chest Thin", "THORAX 1.0", "Mediastinum Thin"),
    "lung": ("Lung", "HRCT", "THORAX LUNG 1.0"),
    "localizer": ("SCOUT", "Topogram", "Localizer"),
}
SCANNERS = (
    Scanner("Phantom Scanner A", "STANDARD", "LUNG", True),
    Scanner("Phantom Scanner B", "Br36d", "Bl57d", False),
    Scanner("Phantom Scanner C", "FC08", "FC52", False),
)


def scanner_of(phantom: ChestPhantom) -> tuple[Scanner, np.random.Generator]:
    """The scanner that made a phantom, and the stream from which the rest of its headers is drawn."""
    rng = np.random.default_rng(np.random.SeedSequence(entropy=phantom.seed, spawn_key=(phantom.index, 2001)))
    return pick(SCANNERS, rng), rng


def write_chest_study(
    folder: Path,
    phantom: ChestPhantom,
    study_id: str,
    patient: str,
    change: Callable[[np.ndarray], np.ndarray] | None = None,
) -> int:
    """Write every series of a phantom: one for a demo study; thick, thin, lung and localizer for a clinical one.

    Args:
        folder: a new folder; each series gets one below.
        phantom: what to write.
        study_id: becomes PatientID and AccessionNumber.
        patient: becomes PatientName; an invented one.
        change: a planted defect of the volume (X, Y, Z).

    Returns:
        How many files were written.
    """
    scanner, rng = scanner_of(phantom)
    key = (_PURPOSE, phantom.size, phantom.seed, phantom.index)
    contrast = "" if phantom.shape.phase == "none" else " with contrast"
    study = study_elements(
        key, study_id, patient, scanner, rng, description=f"CT Chest{contrast} phantom", body_part="CHEST",
        sex=phantom.shape.sex, kilovolts=(100, 120, 120),
    )  # fmt: skip
    study["PatientAge"] = f"{phantom.shape.age:03d}Y"
    if contrast:
        study["ContrastBolusAgent"] = "IV contrast"
    kinds: tuple[ChestKind, ...] = ("thick",) if phantom.size == "demo" else ("thick", "thin", "lung")
    num_files = 0
    for number, kind in enumerate(kinds, 2):
        series = phantom.reconstruct(kind)
        description = pick(_DESCRIPTIONS[kind], rng)
        elements = {**study, **_series_elements(series, number, description, scanner, phantom.scan.field_mm)}
        writer = SeriesWriter(elements, (*key, kind), signed=scanner.signed)
        volume = series.volume_hu if change is None else change(series.volume_hu)
        writer.write_volume(folder / f"CT {description}", volume, series.affine, head_first=bool(rng.random() < 0.7))
        num_files += volume.shape[2]
        if kind == "thin":
            description = pick(_DESCRIPTIONS["localizer"], rng)
            num_files += write_localizer(folder, volume, series.affine, study, description, key, gain=1.2)
    return num_files


def _series_elements(
    series: CtSeries, number: int, description: str, scanner: Scanner, field_mm: float
) -> dict[str, object]:
    sharp = series.kernel == "lung"
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SeriesNumber": str(number),
        "SeriesDescription": description,
        "SliceThickness": f"{series.slice_thickness_mm:g}",
        "GantryDetectorTilt": "0",
        "ReconstructionDiameter": f"{field_mm:.3f}",
        "ConvolutionKernel": scanner.sharp if sharp else scanner.soft,
        "WindowCenter": "-600" if sharp else "40",
        "WindowWidth": "1500" if sharp else "400",
    }
