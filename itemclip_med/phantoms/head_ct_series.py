"""A head CT phantom as the series a scanner would send: names, kernels, localizers, DICOM elements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.ct_series import CtSeries, Scanner, study_elements, write_localizer
from itemclip_med.phantoms.dicom_writing import SeriesWriter
from itemclip_med.phantoms.phrases import pick

if TYPE_CHECKING:
    from itemclip_med.phantoms.head_ct import HeadPhantom, Kind

_PURPOSE = "head-ct-phantom-1"  # change it where the same seed gives other pixels
_DESCRIPTIONS = {
    "thick": ("Plain", "5mm", "55mm Plain", "Plain 5mm"),
    "thin": ("PLAIN THIN", "Thin Plain", "Thin"),
    "bone": ("PRE CONTRAST BONE", "BONE", "Bone Thin"),
    "localizer": ("SCOUT", "Topogram", "Localizer"),
}


_SCANNERS = (
    Scanner("Phantom Scanner A", "STANDARD", "BONEPLUS", True),
    Scanner("Phantom Scanner B", "H31s", "H60s", False),
    Scanner("Phantom Scanner C", "FC21", "FC30", False),
)


def write_study(folder: Path, phantom: HeadPhantom, study_id: str, patient: str) -> int:
    """Write every series of a phantom: one for a demo study, thin, thick, bone kernel and localizer for a clinical one.

    Args:
        folder: a new folder; each series gets one below.
        phantom: what to write.
        study_id: becomes PatientID and AccessionNumber.
        patient: becomes PatientName; an invented one.

    Returns:
        How many files were written.
    """
    rng = np.random.default_rng(np.random.SeedSequence(entropy=phantom.seed, spawn_key=(phantom.index, 2000)))
    scanner = pick(_SCANNERS, rng)
    study = study_elements(
        _key(phantom), study_id, patient, scanner, rng, description="CT Head phantom", body_part="HEAD"
    )
    kinds: tuple[Kind, ...] = ("thick",) if phantom.size == "demo" else ("thick", "thin", "bone")
    num_files = 0
    for number, kind in enumerate(kinds, 2):
        series = phantom.reconstruct(kind)
        description = pick(_DESCRIPTIONS[kind], rng)
        writer = SeriesWriter(
            {**study, **_series_elements(series, number, description, scanner, phantom.scan.field_mm)},
            (*_key(phantom), kind),
            signed=scanner.signed,
        )
        writer.write_volume(
            folder / f"CT {description}", series.volume_hu, series.affine, head_first=bool(rng.random() < 0.5)
        )
        num_files += series.volume_hu.shape[2]
        if kind == "thin":
            description = pick(_DESCRIPTIONS["localizer"], rng)
            num_files += write_localizer(folder, series.volume_hu, series.affine, study, description, _key(phantom))
    return num_files


def _key(phantom: HeadPhantom) -> tuple[object, ...]:
    return (_PURPOSE, phantom.size, phantom.seed, phantom.index)


def _series_elements(
    series: CtSeries, number: int, description: str, scanner: Scanner, field_mm: float
) -> dict[str, object]:
    bone = series.kernel == "bone"
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SeriesNumber": str(number),
        "SeriesDescription": description,
        "SliceThickness": f"{series.slice_thickness_mm:g}",
        "GantryDetectorTilt": "0",
        "ReconstructionDiameter": f"{field_mm:.3f}",
        "ConvolutionKernel": scanner.sharp if bone else scanner.soft,
        "WindowCenter": "600" if bone else "40",
        "WindowWidth": "2800" if bone else "80",
    }
