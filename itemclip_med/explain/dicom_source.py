"""The DICOM images that a stored series came from, for objects that refer to them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.dicom import DicomSeries, discover_folder, open_source
from itemclip_med.errors import DicomError, SourceError
from itemclip_med.preprocess.recipe_ids import StudyIdRule
from itemclip_med.preprocess.study_ids import IdMaker, default_key_path, load_key
from itemclip_med.records import Series, Study

if TYPE_CHECKING:
    from pydicom import Dataset

logger = logging.getLogger(__name__)
_LPS = np.diag([-1.0, -1.0, 1.0])
_HASH_DIGITS = 64
_LEAST_OVERLAP = 0.6  # of the boxes: a straightened gantry tilt makes the stored box larger
_LARGE_PIXEL_MM = 3.0  # maps are far coarser than images
_FILLED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
           "AccessionNumber", "ReferringPhysicianName")  # fmt: skip


@dataclass(frozen=True, eq=False)
class SourceImages:
    """The images of one series, in the order of their slices, and the grid of maps on them.

    Attributes:
        datasets: headers of the files, each once.
        orientation: (6,) row and column direction cosines, LPS.
        positions: (D, 3) LPS mm, center of the first pixel of each frame of a map.
        spacing_mm: between rows, between columns of a map; whole multiples of the image's.
        depth_mm: median distance of the slices.
        size: rows and columns of a map.
    """

    datasets: list[Dataset]
    orientation: np.ndarray
    positions: np.ndarray
    spacing_mm: tuple[float, float]
    depth_mm: float
    size: tuple[int, int]

    def frame_affine(self, index: int) -> np.ndarray:
        """(4, 4), indices (column, row, 0) of a frame to RAS millimetres."""
        row, column = self.orientation[:3], self.orientation[3:]
        affine = np.eye(4)
        affine[:3, 0] = _LPS @ row * self.spacing_mm[1]
        affine[:3, 1] = _LPS @ column * self.spacing_mm[0]
        affine[:3, 2] = _LPS @ np.cross(row, column) * self.depth_mm
        affine[:3, 3] = _LPS @ self.positions[index]
        return affine


@contextmanager
def opened_images(
    source: Path, study: Study, series: Sequence[Series], *, store: Path, id_key: Path | None = None
) -> Iterator[dict[Series, SourceImages]]:
    """Find the images of stored series under a source.

    Args:
        source: folder, zip or tar of DICOM.
        study: the stored study.
        series: those of its series that are wanted.
        store: the store's folder; the key of its ids is looked for beside it.
        id_key: that key, if it lies elsewhere.

    Raises:
        SourceError: if the source does not exist or holds no DICOM, is another study by its id, or no series of it lies
            where a stored one does.
    """
    with open_source(source) as root:
        inventory = discover_folder(root)
        found = [one for study_ in inventory.studies for one in study_.volumes]
        ids = _id_maker(study, store, id_key)
        found = _of_study(found, study, ids)
        yield {one: _images(_match(one, found, ids)) for one in series}


def _id_maker(study: Study, store: Path, id_key: Path | None) -> IdMaker | None:
    """What makes the store's ids; None where they are public, or the key is not there."""
    path = id_key or default_key_path(store)
    if len(study.study_id) != _HASH_DIGITS or not path.is_file():
        return None
    return IdMaker(StudyIdRule("hashed"), key=load_key(path, store))


def _of_study(found: list[DicomSeries], study: Study, ids: IdMaker | None) -> list[DicomSeries]:
    """The series whose study has the stored id, where that can be told."""
    own = [one for one in found if one.study_uid and study.study_id in (one.study_uid, ids and ids.hash(one.study_uid))]
    if own or ids is None:
        return own or found
    raise SourceError(
        f"The source is not study {study.study_id[:12]}: none of its {len({one.study_uid for one in found})} "
        "studies has that id under the store's key. Name the DICOM of this study with --source."
    )


def _match(series: Series, found: Sequence[DicomSeries], ids: IdMaker | None) -> DicomSeries:
    """The series with the stored one's images, else the one that fills its box.

    Of several in the box that of the same name, then that of most slices; never one of several studies.
    """
    stored = set(series.sop_uids)
    for one in found if stored else ():
        uids = {file.text("SOPInstanceUID") for file in one.slices}
        if stored & uids or (ids and stored & {ids.sop_uid(uid) for uid in uids}):
            return one
    box = _box(np.array(series.affine), series.shape)
    rated = []
    for one in found:
        if one.modality != series.modality:
            continue
        try:
            corners = np.concatenate([_plane_corners(file) for file in one.slices])
        except (TypeError, ValueError):
            continue
        overlap = _overlap(box, (corners.min(axis=0), corners.max(axis=0)))
        if overlap >= _LEAST_OVERLAP:
            rated.append((one.name == series.name, round(overlap, 2), len(one.slices), one))
    if not rated:
        raise SourceError(
            f"No {series.modality} series of the source lies where the stored series {series.name} does: is it "
            "the same study? Name the DICOM that the store was made from with --source."
        )
    if len({entry[3].study_uid for entry in rated}) > 1:
        raise SourceError(
            "Several studies of the source lie where the stored series does: name the folder of the one with --source."
        )
    return max(rated, key=lambda entry: entry[:3])[3]


def _plane_corners(file: Any) -> np.ndarray:
    """(4, 3) RAS mm of the outer corners of a slice."""
    rows, columns = file.shape
    right = file.orientation[:3] * file.spacing_mm[1]
    down = file.orientation[3:] * file.spacing_mm[0]
    ends = [(-0.5, -0.5), (columns - 0.5, -0.5), (-0.5, rows - 0.5), (columns - 0.5, rows - 0.5)]
    return np.array([file.position + i * right + j * down for i, j in ends]) @ _LPS


def _box(affine: np.ndarray, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    ends = [(-0.5, size - 0.5) if axis < 2 else (0.0, size - 1.0) for axis, size in enumerate(shape)]
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1)
    places = (affine[:3, :3] @ corners).T + affine[:3, 3]
    return places.min(axis=0), places.max(axis=0)


def _overlap(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    """Shared volume of two boxes, as share of what both fill."""
    shared = np.clip(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0, None).prod()
    both = (one[1] - one[0]).prod() + (other[1] - other[0]).prod() - shared
    return float(shared / both) if both > 0 else 0.0


def _images(series: DicomSeries) -> SourceImages:
    import pydicom

    first = series.slices[0]
    orientation = np.asarray(first.orientation, dtype=float)
    normal = np.cross(orientation[:3], orientation[3:])
    slices = sorted(series.slices, key=lambda file: float(np.asarray(file.position) @ normal))
    datasets: list[Dataset] = []
    for path in dict.fromkeys(file.path for file in slices):
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        except Exception as error:
            raise DicomError("A file of the source cannot be read any more: export the study again.") from error
        for name in _FILLED:
            if name not in dataset:
                setattr(dataset, name, None if name.endswith(("Date", "Time")) else "")
        if dataset.get("PatientIdentityRemoved") == "YES" and not dataset.get("DeidentificationMethod"):
            dataset.DeidentificationMethod = "not stated by the source"  # copied, and may not be empty
        if not dataset.get("SliceThickness"):
            dataset.SliceThickness = series.depth_spacing_mm  # highdicom asks for it and does not copy it
        datasets.append(dataset)
    if not all(dataset.get("FrameOfReferenceUID") for dataset in datasets):
        raise SourceError(
            f"The series {series.name} has no FrameOfReferenceUID: DICOM objects cannot say where their maps lie. "
            "Use nifti or html."
        )
    if len({str(dataset.FrameOfReferenceUID) for dataset in datasets}) > 1:
        # Some de-identified sets (LIDC-IDRI) give every slice its own.
        logger.warning("Series %s: its slices name several frames of reference; the first is used.", series.name)
        for other in datasets:
            other.FrameOfReferenceUID = datasets[0].FrameOfReferenceUID
    step = max(1, int(_LARGE_PIXEL_MM / min(first.spacing_mm)))
    rows, columns = first.shape
    right, down = orientation[:3] * first.spacing_mm[1], orientation[3:] * first.spacing_mm[0]
    shift = (step - 1) / 2 * (right + down)  # a map's pixel covers step x step pixels of the image
    positions = np.array([file.position for file in slices]) + shift
    return SourceImages(
        datasets,
        orientation,
        positions,
        (first.spacing_mm[0] * step, first.spacing_mm[1] * step),
        series.depth_spacing_mm or 1.0,
        (-(-rows // step), -(-columns // step)),
    )
