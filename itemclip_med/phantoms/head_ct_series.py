"""A head CT phantom as the series a scanner would send: names, kernels, localizers, DICOM elements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med import __version__
from itemclip_med.phantoms.dicom_writing import Plane, SeriesWriter, make_uid
from itemclip_med.phantoms.phrases import pick

if TYPE_CHECKING:
    from itemclip_med.phantoms.head_ct import HeadPhantom, Kind, Reconstruction

_PURPOSE = "head-ct-phantom-1"  # change it where the same seed gives other pixels
_DESCRIPTIONS = {
    "thick": ("Plain", "5mm", "55mm Plain", "Plain 5mm"),
    "thin": ("PLAIN THIN", "Thin Plain", "Thin"),
    "bone": ("PRE CONTRAST BONE", "BONE", "Bone Thin"),
    "localizer": ("SCOUT", "Topogram", "Localizer"),
}


@dataclass(frozen=True, slots=True)
class _Scanner:
    """One of the made-up scanners.

    Attributes:
        model: its name.
        soft: its kernel for soft tissue.
        bone: its kernel for bone.
        signed: whether it stores signed pixels.
    """

    model: str
    soft: str
    bone: str
    signed: bool


_SCANNERS = (
    _Scanner("Phantom Scanner A", "STANDARD", "BONEPLUS", True),
    _Scanner("Phantom Scanner B", "H31s", "H60s", False),
    _Scanner("Phantom Scanner C", "FC21", "FC30", False),
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
    study = _study_elements(phantom, study_id, patient, scanner, rng)
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
            num_files += _write_localizer(folder, phantom, series, study, pick(_DESCRIPTIONS["localizer"], rng))
    return num_files


def _key(phantom: HeadPhantom) -> tuple[object, ...]:
    return (_PURPOSE, phantom.size, phantom.seed, phantom.index)


def _study_elements(
    phantom: HeadPhantom, study_id: str, patient: str, scanner: _Scanner, rng: np.random.Generator
) -> dict[str, object]:
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "SyntheticData": "YES",
        "StudyDate": "",
        "StudyTime": "",
        "AccessionNumber": study_id,
        "Modality": "CT",
        "Manufacturer": "itemclip_med",
        "ManufacturerModelName": scanner.model,
        "DeviceSerialNumber": "0",
        "SoftwareVersions": __version__,
        "ReferringPhysicianName": "",
        "StudyDescription": "CT Head phantom",
        "PatientName": patient,
        "PatientID": study_id,
        "PatientBirthDate": "",
        "PatientSex": pick(("F", "M"), rng),
        "BodyPartExamined": "HEAD",
        "KVP": str(pick((120, 120, 130), rng)),
        "XRayTubeCurrent": str(int(rng.integers(160, 330))),
        "PatientPosition": "HFS",
        "StudyInstanceUID": make_uid(*_key(phantom), "study"),
        "StudyID": "1",
        "AcquisitionNumber": "1",
        "FrameOfReferenceUID": make_uid(*_key(phantom), "frame of reference"),
        "PositionReferenceIndicator": "",
        "BurnedInAnnotation": "NO",
    }


def _series_elements(
    series: Reconstruction, number: int, description: str, scanner: _Scanner, field_mm: float
) -> dict[str, object]:
    bone = series.kernel == "bone"
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SeriesNumber": str(number),
        "SeriesDescription": description,
        "SliceThickness": f"{series.slice_thickness_mm:g}",
        "GantryDetectorTilt": "0",
        "ReconstructionDiameter": f"{field_mm:.3f}",
        "ConvolutionKernel": scanner.bone if bone else scanner.soft,
        "WindowCenter": "600" if bone else "40",
        "WindowWidth": "2800" if bone else "80",
    }


def _write_localizer(
    folder: Path, phantom: HeadPhantom, series: Reconstruction, study: dict[str, object], description: str
) -> int:
    """Two projections of the head, from the side and from the front, in a series of their own."""
    body = np.clip(series.volume_hu, -1000, 1500).astype(np.float32) + 1000
    (sx, sy, sz), origin = np.diag(series.affine)[:3].tolist(), series.affine[:3, 3].tolist()
    nx, ny, nz = series.volume_hu.shape
    top = origin[2] + (nz - 1) * sz
    middle = (origin[0] + (nx - 1) * sx / 2, origin[1] + (ny - 1) * sy / 2)
    planes = [  # rows count from the head down; columns to the back, then to the left
        Plane((-middle[0], -origin[1] - (ny - 1) * sy, top), (0, 1, 0), (0, 0, -1), (sz, sy)),
        Plane((-origin[0] - (nx - 1) * sx, -middle[1], top), (1, 0, 0), (0, 0, -1), (sz, sx)),
    ]
    images = []
    for axis in (0, 1):
        projection = body.mean(axis=axis)[::-1, ::-1].T  # (Z, columns)
        images.append(np.clip(np.rint(projection * 1.6 - 400), -1024, 3071).astype(np.int16))
    elements = {
        **study,
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "SeriesNumber": "1",
        "SeriesDescription": description,
        "SliceThickness": "",
        "WindowCenter": "350",
        "WindowWidth": "1500",
    }
    writer = SeriesWriter(elements, (*_key(phantom), "localizer"))
    writer.write_images(folder / f"CT {description}", images, planes)
    return len(images)
