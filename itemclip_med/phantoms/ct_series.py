"""What CT series of any phantom share: made-up scanners, the DICOM elements of a study, localizers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from itemclip_med import __version__
from itemclip_med.phantoms.dicom_writing import Affine, Plane, SeriesWriter, make_uid
from itemclip_med.phantoms.phrases import pick

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class CtSeries:
    """One series of a CT phantom.

    Attributes:
        volume_hu: int16 (X, Y, Z), axes to the patient's right, front and head.
        affine: (4, 4), voxel index to world RAS mm.
        slice_thickness_mm: of its contiguous slices.
        kernel: "soft", "bone" or "lung".
        masks: bool (X, Y, Z) per finding.
    """

    volume_hu: NDArray[np.int16]
    affine: NDArray[np.float64]
    slice_thickness_mm: float
    kernel: str
    masks: dict[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Scanner:
    """One of the made-up scanners.

    Attributes:
        model: its name.
        soft: its kernel for soft tissue.
        sharp: its kernel for bone or lung.
        signed: whether it stores signed pixels.
    """

    model: str
    soft: str
    sharp: str
    signed: bool


def study_elements(
    key: tuple[object, ...],
    study_id: str,
    patient: str,
    scanner: Scanner,
    rng: np.random.Generator,
    *,
    description: str,
    body_part: str,
    sex: str | None = None,
    kilovolts: Sequence[int] = (120, 120, 130),
) -> dict[str, object]:
    """DICOM keyword to value, of patient, study and equipment.

    Args:
        key: what the study's UIDs are made from.
        study_id: becomes PatientID and AccessionNumber.
        patient: becomes PatientName; an invented one.
        scanner: which one made it.
        rng: draws tube voltage and current, and the sex if it is not given.
        description: of the study.
        body_part: DICOM's term.
        sex: "F" or "M".
        kilovolts: tube voltages to draw from.
    """
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
        "StudyDescription": description,
        "PatientName": patient,
        "PatientID": study_id,
        "PatientBirthDate": "",
        "PatientSex": sex or pick(("F", "M"), rng),
        "BodyPartExamined": body_part,
        "KVP": str(pick(kilovolts, rng)),
        "XRayTubeCurrent": str(int(rng.integers(160, 330))),
        "PatientPosition": "HFS",
        "StudyInstanceUID": make_uid(*key, "study"),
        "StudyID": "1",
        "AcquisitionNumber": "1",
        "FrameOfReferenceUID": make_uid(*key, "frame of reference"),
        "PositionReferenceIndicator": "",
        "BurnedInAnnotation": "NO",
    }


def write_localizer(
    folder: Path,
    volume_hu: NDArray[np.int16],
    affine: Affine,
    study: dict[str, object],
    description: str,
    key: tuple[object, ...],
    *,
    gain: float = 1.6,
) -> int:
    """Write two projections of a volume, from the side and from the front, as a series of their own.

    Args:
        folder: the study's; the series gets one below.
        volume_hu: int16 (X, Y, Z), axes to the patient's right, front and head.
        affine: (4, 4), voxel index to world RAS mm.
        study: elements of the study.
        description: of the series.
        key: what the study's UIDs are made from.
        gain: gray values per mean HU above air.

    Returns:
        The number of files.
    """
    body = np.clip(volume_hu, -1000, 1500).astype(np.float32) + 1000
    (sx, sy, sz), origin = np.diag(affine)[:3].tolist(), affine[:3, 3].tolist()
    nx, ny, nz = volume_hu.shape
    top = origin[2] + (nz - 1) * sz
    middle = (origin[0] + (nx - 1) * sx / 2, origin[1] + (ny - 1) * sy / 2)
    planes = [  # rows count from the head down; columns to the back, then to the left
        Plane((-middle[0], -origin[1] - (ny - 1) * sy, top), (0, 1, 0), (0, 0, -1), (sz, sy)),
        Plane((-origin[0] - (nx - 1) * sx, -middle[1], top), (1, 0, 0), (0, 0, -1), (sz, sx)),
    ]
    images = []
    for axis in (0, 1):
        projection = body.mean(axis=axis)[::-1, ::-1].T  # (Z, columns)
        images.append(np.clip(np.rint(projection * gain - 400), -1024, 3071).astype(np.int16))
    elements = {
        **study,
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "SeriesNumber": "1",
        "SeriesDescription": description,
        "SliceThickness": "",
        "WindowCenter": "350",
        "WindowWidth": "1500",
    }
    writer = SeriesWriter(elements, (*key, "localizer"))
    writer.write_images(folder / f"CT {description}", images, planes)
    return len(images)
