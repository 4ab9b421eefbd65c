"""Write sets of brain MRI phantoms to disk: DICOM studies or the files of Pub-Brain-5, labels, reports, truth masks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.brain_mri import BrainMriPhantom, Size, make_brain_mri
from itemclip_med.phantoms.defects import cut_short, plan_defects, stretch_nifti
from itemclip_med.phantoms.mri_findings import MRI_FINDING_NAMES, MRI_LABELS, PUB_BRAIN_5_LABELS
from itemclip_med.phantoms.mri_series import write_mri_study
from itemclip_med.phantoms.mri_wording import compose_mri_report
from itemclip_med.phantoms.pub_brain_5_layout import make_source_study, source_of, write_source_study
from itemclip_med.phantoms.sets import (
    ExportSummary,
    Record,
    listed_records,
    pack_masks,
    place_study,
    report_record,
    study_rng,
    volumes_ml,
    write_defects,
    write_file,
    write_set,
    write_tables,
    write_truth,
)

MriLayout = Literal["plain", "pub-brain-5"]
MRI_LAYOUTS: tuple[MriLayout, ...] = ("plain", "pub-brain-5")
MRI_TRUTH_BITS: dict[str, int] = {name: bit for bit, name in enumerate(MRI_FINDING_NAMES)}
"""Which bit of a truth mask belongs to which finding; 0 is the lowest."""

_SIZES: tuple[Size, ...] = ("demo", "clinical")
_VERSION = 1  # of the set's files; also to be raised where the same seed makes other studies
_REPORT_STREAM = 1077  # apart from those that make the phantom


@dataclass(frozen=True, slots=True)
class BrainMriSet:
    """Which phantoms to write, and how.

    Attributes:
        num: how many studies.
        seed: of the set.
        start: number of the first study; with one seed, sets whose numbers differ share no study.
        layout: "plain" (DICOM, a folder per study, labels.csv) or "pub-brain-5" (NIfTI as its five sources have it).
        size: "demo" (about 24 slices of 96 to 128 squared a series) or "clinical".
        defects: planted ones, of :data:`~itemclip_med.phantoms.defects.DEFECTS_OF`; one study each.
    """

    num: int
    seed: int = 0
    start: int = 0
    layout: MriLayout = "plain"
    size: Size = "demo"
    defects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises:
            ValueError: if a count is negative or the layout or size is unknown.
        """
        if self.num < 1 or self.seed < 0 or self.start < 0:
            raise ValueError(f"expected num >= 1, seed and start >= 0; found {self.num}, {self.seed}, {self.start}")
        if self.layout not in MRI_LAYOUTS or self.size not in _SIZES:
            raise ValueError(
                f"layout {self.layout!r}, size {self.size!r}; expected {' or '.join(MRI_LAYOUTS)}, "
                f"{' or '.join(_SIZES)}"
            )
        self.plan()

    def plan(self) -> dict[int, str]:
        """Which study gets which defect.

        Raises:
            ValueError: if a defect is unknown, or there are more of them than studies.
        """
        return plan_defects(self.defects, self.layout, self.indices, self.seed)

    @property
    def indices(self) -> range:
        """Numbers of the studies."""
        return range(self.start, self.start + self.num)

    def study_id(self, index: int) -> str:
        """The id of a study in reports, labels and truth."""
        if self.layout == "pub-brain-5":
            return source_of(self.seed, index).study_id
        return f"brain-mri-{index:05d}"

    def study_dir(self, index: int) -> PurePosixPath:
        """The folder of a study's series, below the set's."""
        top = "pub_brain_5" if self.layout == "pub-brain-5" else "plain"
        return PurePosixPath(top, self.study_id(index))

    @property
    def volume_glob(self) -> str:
        """Pattern of the image files."""
        return "pub_brain_5/**/*.nii.gz" if self.layout == "pub-brain-5" else "plain/**/*.dcm"

    def to_dict(self) -> dict[str, Any]:
        """What ``phantoms.json`` says."""
        values = {"kind": "brain-mri", "version": _VERSION, **asdict(self)}
        if self.defects:
            values["defects"] = list(self.defects)
        else:  # sets made before there was this setting stay the same
            del values["defects"]
        return values


def export_brain_mri(
    out_dir: Path, wanted: BrainMriSet, *, workers: int = 1, on_study: Callable[[int], object] | None = None
) -> ExportSummary:
    """Write a set of brain MRI phantoms; a set that was begun with the same settings is completed.

    Args:
        out_dir: a new or empty folder, or one that holds a begun set.
        wanted: the set.
        workers: processes; 1 works in this one.
        on_study: called after each study with the number of studies done by this run.

    Returns:
        What was done.

    Raises:
        SourceError: if the folder holds anything else, cannot be written, or a worker process dies.
        ValueError: if there is no worker.
    """
    return write_set(out_dir, wanted, _make_study, _finish, workers=workers, on_study=on_study)


def mri_truth_bits(phantom: BrainMriPhantom) -> NDArray[np.uint16]:
    """The masks of all findings in one array.

    Args:
        phantom: a brain MRI.

    Returns:
        (X, Y, Z) on the grid of the axial slices; bit ``MRI_TRUTH_BITS[name]`` is set where ``name`` is.
    """
    return pack_masks(phantom.masks, MRI_TRUTH_BITS, phantom.brain.shape, np.uint16)


def _make_study(out_dir: Path, wanted: BrainMriSet, index: int) -> Record:
    """Make one study with all that belongs to it."""
    study_id = wanted.study_id(index)
    public = wanted.layout == "pub-brain-5"
    phantom = (make_source_study if public else _plain_study)(wanted.seed, index, wanted.size)

    defect = wanted.plan().get(index)

    def write(folder: Path) -> int:
        if public:
            num_files = write_source_study(folder, phantom, source_of(wanted.seed, index))
            return _spoil(folder, num_files, defect)
        return write_mri_study(folder, phantom, study_id, study_id.replace("-", ""))

    num_files = place_study(out_dir, index, out_dir / wanted.study_dir(index), write)
    kinds = {series.plan.kind for series in phantom.series}
    report = compose_mri_report(phantom.findings, kinds, study_rng(wanted.seed, index, _REPORT_STREAM))
    labels = phantom.labels()
    columns = PUB_BRAIN_5_LABELS if public else MRI_LABELS
    path = out_dir / "truth" / f"{study_id.replace('/', '_')}.nii.gz"
    write_truth(path, mri_truth_bits(phantom), phantom.affine)
    return {
        "num_files": num_files,
        "defect": defect,
        "labels": [study_id, *(str(labels[name]) for name in columns)],
        "report": report_record(study_id, report),
        "truth": {
            "id": study_id,
            "index": index,
            "age": phantom.age,
            "series": [series.plan.kind for series in phantom.series],
            "findings": [finding.to_dict() for finding in phantom.findings],
            "volume_ml": volumes_ml(phantom.masks, phantom.affine),
        },
    }


def _spoil(folder: Path, num_files: int, defect: str | None) -> int:
    """Spoil the first image of a study; how many files are left."""
    path = min(path for path in folder.rglob("*.nii.gz") if "seg" not in path.name)
    if defect == "missing-volume":
        shutil.rmtree(folder)
        folder.mkdir()
        return 0
    spoil = {"corrupt-file": cut_short, "impossible-spacing": stretch_nifti}.get(defect or "")
    if spoil is not None:
        path.write_bytes(spoil(path.read_bytes()))
    return num_files


def _plain_study(seed: int, index: int, size: Size) -> BrainMriPhantom:
    return make_brain_mri(seed, index, size=size)


def _finish(out_dir: Path, wanted: BrainMriSet, records: list[Record]) -> None:
    """Write what tells of all studies, in their order."""
    public = wanted.layout == "pub-brain-5"
    header = ["study", *PUB_BRAIN_5_LABELS] if public else ["study_id", *MRI_LABELS]
    rows = [header, *(record["labels"] for record in listed_records(records))]
    target = out_dir / "pub_brain_5" / "pub_brain_5.csv" if public else out_dir / "labels.csv"
    write_file(target, "".join(",".join(row) + "\n" for row in rows).encode())
    write_tables(out_dir, records, MRI_TRUTH_BITS, dtype="uint16", grid="the axial slices")
    write_defects(out_dir, records)
