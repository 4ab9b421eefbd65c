"""Small CT series as DICOM files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def write_series(
    folder: Path,
    *,
    num: int = 6,
    spacing_mm: float = 5.0,
    orientation=(1, 0, 0, 0, 1, 0),
    positions: np.ndarray | None = None,
    intercept: float = -1024,
    study_uid: str = "",
    series_uid: str = "",
    patient_id: str = "SECRET-PATIENT",
    skip: tuple[int, ...] = (),
    size: tuple[int, int] = (8, 6),
    **changes,
) -> list[Path]:
    """Write axial-like slices; slice k holds values 1000 + k plus the column number."""
    folder.mkdir(parents=True, exist_ok=True)
    study_uid, series_uid = study_uid or generate_uid(), series_uid or generate_uid()
    normal = np.cross(orientation[:3], orientation[3:])
    if positions is None:
        positions = np.array([-20.0, -30.0, 40.0]) + np.outer(np.arange(num) * spacing_mm, normal)
    paths = []
    for index, position in enumerate(positions):
        if index in skip:
            continue
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        values = Dataset()
        values.SOPClassUID = CTImageStorage
        values.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        values.StudyInstanceUID, values.SeriesInstanceUID = study_uid, series_uid
        values.PatientID, values.PatientName, values.Modality = patient_id, "Doe^Jane", "CT"
        values.SeriesNumber, values.InstanceNumber = 1, 999 - index
        values.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        values.Rows, values.Columns = size
        values.ImageOrientationPatient = list(map(float, orientation))
        values.ImagePositionPatient = [float(number) for number in position]
        values.PixelSpacing = [2.0, 3.0]
        values.BitsAllocated, values.BitsStored, values.HighBit, values.PixelRepresentation = 16, 16, 15, 0
        values.SamplesPerPixel, values.PhotometricInterpretation = 1, "MONOCHROME2"
        values.RescaleSlope, values.RescaleIntercept = 1, intercept
        pixels = np.full(size, 1000 + index, np.uint16) + np.arange(size[1], dtype=np.uint16)
        values.PixelData = pixels.tobytes()
        for name, value in changes.items():
            setattr(values, name, value)
        path = folder / f"x{(index * 7) % 100:02d}_{index}"
        FileDataset(str(path), values, file_meta=meta, preamble=b"\0" * 128).save_as(path, enforce_file_format=True)
        paths.append(path)
    assert all(pydicom.misc.is_dicom(path) for path in paths)
    return paths
