"""The layout of RSNA 2019 (intracranial hemorrhage) as downloaded: loose slices, labels of slices in long form.

Nothing but the headers says which slices belong together: their names, and the UIDs in them, are hexadecimal numbers
after ``ID_``, patients come back, and the elements are few.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.labels import RSNA_FINDINGS
from itemclip_med.phantoms.defects import save_quietly
from itemclip_med.phantoms.dicom_writing import CT_IMAGE_STORAGE, EXPLICIT_LITTLE_ENDIAN, make_uid
from itemclip_med.phantoms.phrases import chance, pick
from itemclip_med.phantoms.sets import write_file

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from itemclip_med.phantoms.head_ct import HeadPhantom

CORRUPT_SLICE = "ID_6431af929"
"""The file whose pixel data are damaged in the published set."""

_ROW_ORDER = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
_NAMES = {
    "EDH": "epidural", "IPH": "intraparenchymal", "IVH": "intraventricular", "SAH": "subarachnoid", "SDH": "subdural",
}  # fmt: skip
_LEAST_VOXELS = 3  # of a slice that a reader would mark
_ONE_TWICE_IN = 300  # slices

Slice = tuple[str, list[int]]


def rsna_id(digits: int, *parts: object) -> str:
    """``ID_`` and a hexadecimal number that is the same whenever its parts are."""
    return "ID_" + hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:digits]


def rsna_study_id(seed: int, index: int) -> str:
    """The StudyInstanceUID of a study, which is its id."""
    return rsna_id(10, "rsna study", seed, index)


def rsna_patient_id(seed: int, index: int) -> str:
    """The PatientID of a study; every seventh study is a second one of the patient before."""
    return rsna_id(8, "rsna patient", seed, index - 1 if index % 7 == 6 else index)


def write_rsna_study(folder: Path, phantom: HeadPhantom, rng: np.random.Generator, *, corrupt: bool) -> list[Slice]:
    """Write the slices of a head CT into the folder of all slices.

    Args:
        folder: ``stage_2_train``.
        phantom: a head CT; its thick series is written.
        rng: draws how the scanner stores its pixels.
        corrupt: give one slice the name of the known damaged file, and its damage.

    Returns:
        For each slice its id and the labels of :data:`RSNA_FINDINGS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    signed, several = chance(0.5, rng), chance(0.4, rng)
    width = pick((80, 100, 150), rng)
    present = _labels_by_slice(phantom)
    num = phantom.volume_hu.shape[2]
    spacing, origin = np.diag(phantom.affine)[:3], phantom.affine[:3, 3]
    corner = origin + spacing * [phantom.volume_hu.shape[0] - 1, phantom.volume_hu.shape[1] - 1, 0]
    slices = []
    for k in range(num):
        damaged = corrupt and k == num // 2
        name = CORRUPT_SLICE if damaged else rsna_id(9, "rsna slice", phantom.seed, phantom.index, k)
        image = phantom.volume_hu[::-1, ::-1, k].T
        dataset = _dataset(phantom, name, (-corner[0], -corner[1], origin[2] + k * spacing[2]), spacing, signed)
        dataset.WindowCenter = ["40", "40"] if several else "40"
        dataset.WindowWidth = [str(width)] * 2 if several else str(width)
        pixels = (image + np.int16(1024)).astype("<i2").tobytes()
        dataset.PixelData = pixels[: 2 * (len(pixels) // 6)] if damaged else pixels
        dataset["PixelData"].VR = "OW"
        buffer = BytesIO()
        save_quietly(dataset, buffer)
        write_file(folder / f"{name}.dcm", buffer.getvalue())
        slices.append((name, present[k]))
    return slices


def _labels_by_slice(phantom: HeadPhantom) -> list[list[int]]:
    """0 or 1 of :data:`RSNA_FINDINGS` for each slice, from the masks."""
    found = {name: np.zeros(phantom.volume_hu.shape[2], bool) for name in RSNA_FINDINGS}
    compartment = {finding.name: finding.params.get("compartment") for finding in phantom.findings}
    for name, mask in phantom.masks.items():
        if name == "ChronicBleed":
            target = "intraparenchymal" if compartment[name] == "intra-axial" else "subdural"
        elif name in _NAMES:
            target = _NAMES[name]
        else:
            continue
        shown = np.count_nonzero(mask, axis=(0, 1)) >= _LEAST_VOXELS
        found[target] |= shown
        found["any"] |= shown
    return [[int(found[name][k]) for name in RSNA_FINDINGS] for k in range(phantom.volume_hu.shape[2])]


def _dataset(
    phantom: HeadPhantom, name: str, position: tuple[float, ...], spacing: np.ndarray, signed: bool
) -> Dataset:
    """The elements that the published files have."""
    from pydicom import config
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset, FileMetaDataset

    out = Dataset()
    key = (phantom.seed, phantom.index)
    for keyword, value in (
        ("SOPInstanceUID", name),
        ("StudyInstanceUID", rsna_study_id(*key)),
        ("SeriesInstanceUID", rsna_id(10, "rsna series", *key)),
    ):  # no valid UIDs, as published
        out[keyword] = DataElement(keyword, "UI", value, validation_mode=config.IGNORE)
    out.Modality = "CT"
    out.SyntheticData = "YES"
    out.PatientID = rsna_patient_id(*key)
    out.StudyID = ""
    out.ImagePositionPatient = [f"{value:.6f}" for value in position]
    out.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    out.PixelSpacing = [f"{spacing[1]:.9f}", f"{spacing[0]:.9f}"]
    out.SamplesPerPixel = 1
    out.PhotometricInterpretation = "MONOCHROME2"
    out.Columns, out.Rows = phantom.volume_hu.shape[:2]
    out.BitsAllocated = 16
    out.BitsStored, out.HighBit = (16, 15) if signed else (12, 11)
    out.PixelRepresentation = int(signed)
    out.RescaleIntercept, out.RescaleSlope = "-1024", "1"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT_IMAGE_STORAGE
    meta.MediaStorageSOPInstanceUID = make_uid("rsna", *key, name)
    meta.TransferSyntaxUID = EXPLICIT_LITTLE_ENDIAN
    meta.ImplementationClassUID = make_uid("itemclip_med")
    out.file_meta = meta
    return out


def stage_2_train_csv(slices: Iterable[Slice]) -> str:
    """The text of ``stage_2_train.csv``: six rows a slice, in the order of their ids, some slices twice.

    Args:
        slices: id and labels of :data:`RSNA_FINDINGS` of each.
    """
    ordered = sorted(slices)
    lines = ["ID,Label"]
    for number, (name, labels) in enumerate(ordered):
        known = dict(zip(RSNA_FINDINGS, labels, strict=True))
        rows = [f"{name}_{finding},{known[finding]}" for finding in _ROW_ORDER]
        lines += rows * (2 if number % _ONE_TWICE_IN == 0 else 1)
    return "\n".join(lines) + "\n"


def slices_csv(studies: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The text of ``slices.csv``, which says to which study a slice belongs; the published set has no such table.

    Args:
        studies: id and its slices' ids.
    """
    rows = sorted((slice_id, study_id) for study_id, names in studies for slice_id in names)
    return "\n".join(["SOPInstanceUID,StudyInstanceUID", *(",".join(row) for row in rows)]) + "\n"
