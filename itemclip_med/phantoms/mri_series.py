"""A brain MRI phantom as the series a scanner would send: odd names, sequence parameters, oblique DICOM slices."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.ct_series import Scanner, study_elements
from itemclip_med.phantoms.dicom_writing import MR_IMAGE_STORAGE, Affine, Plane, write_instances
from itemclip_med.phantoms.mri_acquisition import AXES, SeriesPlan
from itemclip_med.phantoms.mri_series_names import SERIES_NAMES
from itemclip_med.phantoms.phrases import chance, pick

if TYPE_CHECKING:
    from itemclip_med.phantoms.brain_mri import BrainMriPhantom

_PURPOSE = "brain-mri-phantom-1"  # change it where the same seed gives other pixels

_EXCITATIONS: dict[str, object] = {"se": "SE", "ir": ["SE", "IR"], "gre": "GR"}
_MODELS = {
    "GE": "Phantom MR Scanner A", "Siemens": "Phantom MR Scanner B", "Philips": "Phantom MR Scanner C",
    "Canon": "Phantom MR Scanner D",
}  # fmt: skip


def write_mri_study(folder: Path, phantom: BrainMriPhantom, study_id: str, patient: str) -> int:
    """Write every series of a phantom as MR Image Storage, a folder each.

    Args:
        folder: a new folder; each series gets one below.
        phantom: what to write.
        study_id: becomes PatientID and AccessionNumber.
        patient: becomes PatientName; an invented one.

    Returns:
        How many files were written.
    """
    rng = np.random.default_rng(np.random.SeedSequence(entropy=phantom.seed, spawn_key=(phantom.index, 2077)))
    key = (_PURPOSE, phantom.size, phantom.seed, phantom.index)
    scan = phantom.scan
    scanner = Scanner(_MODELS[scan.vendor], "", "", False)
    common = study_elements(key, study_id, patient, scanner, rng, description="MRI Brain phantom", body_part="BRAIN")
    common |= {
        "Modality": "MR",
        "PatientAge": f"{phantom.age:03d}Y",
        "MagneticFieldStrength": f"{scan.tesla:g}",
        "ImagingFrequency": f"{42.577 * scan.tesla:.4f}",
        "ImagedNucleus": "1H",
    }
    study = {name: value for name, value in common.items() if name not in ("KVP", "XRayTubeCurrent")}
    num_files = 0
    for number, series in enumerate(phantom.series, 2):
        plan = series.plan
        kind_of_slices = "3D" if plan.is_3d else plan.orientation
        description = pick(SERIES_NAMES[scan.vendor][plan.kind, kind_of_slices], rng)
        if plan.repeated:
            description += pick((" RPT", " repeat", "_2"), rng)
        images, planes = slices_of(series.volume, series.affine, plan, backward=chance(0.5, rng))
        elements = {
            **study,
            **series_elements(plan, scan.contrast, scan.vendor, series.slope),
            "SeriesNumber": str(number),
            "SeriesDescription": description,
            "ProtocolName": description,
        }
        low, high = 0.0, float(np.percentile(series.volume[series.volume > 0], 99)) * series.slope
        elements |= {"WindowCenter": f"{(low + high) / 2:.0f}", "WindowWidth": f"{max(high - low, 1):.0f}"}
        name = f"{number:02d} {re.sub(r'[^A-Za-z0-9 _+=-]+', '', description).strip()}"
        write_instances(folder / name, "MR", MR_IMAGE_STORAGE, elements, (*key, number), images, planes)
        num_files += len(images)
    return num_files


def series_elements(plan: SeriesPlan, contrast: bool, vendor: str, slope: float) -> dict[str, object]:
    """DICOM keyword to value of what one series' images share.

    Sources:
        DICOM PS3.3 C.8.3.1 (MR Image Module).
    """
    sequence, derived = plan.sequence, plan.kind == "ADC"
    echo_planar = plan.kind in ("DWI", "ADC")
    out: dict[str, object] = {
        "ImageType": ["DERIVED", "PRIMARY", "ADC"] if derived else ["ORIGINAL", "PRIMARY", "OTHER"],
        "ScanningSequence": ["SE", "EP"] if echo_planar else _EXCITATIONS[sequence.kind],
        "SequenceVariant": "SP" if sequence.kind == "gre" else "SK",
        "ScanOptions": "FS" if sequence.fat_suppressed else "",
        "MRAcquisitionType": "3D" if plan.is_3d else "2D",
        "RepetitionTime": f"{sequence.tr_ms:.4g}",
        "EchoTime": f"{sequence.te_ms:.4g}",
        "EchoTrainLength": "1" if sequence.kind == "gre" or plan.kind in ("T1", "T1C") else "16",
        "NumberOfAverages": "1",
        "FlipAngle": f"{sequence.flip_deg:.4g}",
        "SliceThickness": f"{plan.thickness_mm:g}",
        "SpacingBetweenSlices": f"{plan.grid.spacing_mm[AXES[plan.orientation]]:.6g}",
        "PixelBandwidth": "200",
        "BitsStored": 16 if vendor == "Canon" else 12,
        "HighBit": 15 if vendor == "Canon" else 11,
        "PixelRepresentation": 0,
    }
    if sequence.kind == "ir":
        out["InversionTime"] = f"{sequence.ti_ms:.5g}"
    if plan.kind == "DWI":
        out["DiffusionBValue"] = float(sequence.b_value)
    if plan.kind == "T1C" and contrast:
        out["ContrastBolusAgent"] = "Gadolinium"
    if slope != 1.0:
        out |= {"RescaleIntercept": "0", "RescaleSlope": f"{slope:g}", "RescaleType": "normalized"}
    return out


def slices_of(
    volume: NDArray[np.int16], affine: Affine, plan: SeriesPlan, *, backward: bool
) -> tuple[list[NDArray[np.int16]], list[Plane]]:
    """The slices of a volume as radiologists look at them, and where each lies.

    Args:
        volume: (X, Y, Z), axes about to the patient's right, front and head.
        affine: (4, 4), voxel index to world RAS mm; may be rotated.
        plan: tells the slice axis.
        backward: count the slices from the other end.

    Returns:
        (rows, columns) each: columns run to the left (axial, coronal) or to the back, rows to the back or to the feet.
    """
    axis = AXES[plan.orientation]
    across, down = {2: (0, 1), 0: (1, 2), 1: (0, 2)}[axis]
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    to_lps = np.array([-1.0, -1.0, 1.0])
    row, column = (tuple((-affine[:3, one] / spacing[one] * to_lps).tolist()) for one in (across, down))
    corner = np.zeros(4)
    corner[[across, down, 3]] = volume.shape[across] - 1, volume.shape[down] - 1, 1
    flipped = np.flip(volume, (across, down))
    numbers = range(volume.shape[axis])
    images, planes = [], []
    for k in reversed(numbers) if backward else numbers:
        corner[axis] = k
        position = tuple(((affine @ corner)[:3] * to_lps).tolist())
        planes.append(Plane(position, row, column, (float(spacing[down]), float(spacing[across]))))
        images.append(np.ascontiguousarray(np.take(flipped, k, axis=axis).T).astype("<i2", copy=False))
    return images, planes
