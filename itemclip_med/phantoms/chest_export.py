"""Write sets of chest CT phantoms to disk: as DICOM, or in the official layouts of CT-RATE and Rad-ChestCT."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms import chest_ct_rate as ct_rate
from itemclip_med.phantoms import chest_rad as rad
from itemclip_med.phantoms.chest_ct import ChestPhantom, Size, make_chest_ct
from itemclip_med.phantoms.chest_findings import CT_RATE_FINDINGS
from itemclip_med.phantoms.chest_series import write_chest_study
from itemclip_med.phantoms.chest_wording import compose_chest_sections
from itemclip_med.phantoms.ct_series import CtSeries
from itemclip_med.phantoms.defects import change_of, cut_short, plan_defects, stretch_nifti
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

ChestLayout = Literal["plain", "ct-rate", "ct-rate-v1", "rad-chestct"]
CHEST_LAYOUTS: tuple[ChestLayout, ...] = ("plain", "ct-rate", "ct-rate-v1", "rad-chestct")
CHEST_SIZES: tuple[Size, ...] = ("demo", "clinical")
CHEST_TRUTH_BITS: dict[str, int] = {name: bit for bit, name in enumerate(CT_RATE_FINDINGS)}
"""Which bit of a truth mask belongs to which finding; 0 is the lowest."""

_VERSION = 1  # of the set's files; also to be raised where the same seed makes other studies
_REPORT_STREAM = 1000  # apart from those that make the phantom
_GLOBS = {
    "plain": "plain/**/*.dcm", "ct-rate": "dataset/**/*.nii.gz", "ct-rate-v1": "dataset/**/*.nii.gz",
    "rad-chestct": "rad-chestct/*.npz",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChestSet:
    """Which chest phantoms to write, and how.

    Attributes:
        num: how many studies.
        seed: of the set.
        start: number of the first study; with one seed, sets whose numbers differ share no study.
        layout: "plain" (DICOM, a folder per study, labels.csv), "ct-rate" (its second version), "ct-rate-v1" or
            "rad-chestct".
        size: "demo" (128 x 128) or "clinical" (512 x 512).
        defects: planted ones, of :data:`~itemclip_med.phantoms.defects.DEFECTS_OF`; one study each.
    """

    num: int
    seed: int = 0
    start: int = 0
    layout: ChestLayout = "plain"
    size: Size = "demo"
    defects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises:
            ValueError: if a count is negative, or the layout, the size or a defect is unknown.
        """
        if self.num < 1 or self.seed < 0 or self.start < 0:
            raise ValueError(f"expected num >= 1, seed and start >= 0; found {self.num}, {self.seed}, {self.start}")
        if self.layout not in CHEST_LAYOUTS or self.size not in CHEST_SIZES:
            raise ValueError(
                f"layout {self.layout!r}, size {self.size!r}; expected {', '.join(CHEST_LAYOUTS)} and "
                f"{' or '.join(CHEST_SIZES)}"
            )
        self.plan()

    def plan(self) -> dict[int, str]:
        """Which study gets which defect.

        Raises:
            ValueError: if a defect is unknown, or there are more of them than studies.
        """
        layout = "chest-ct" if self.layout == "plain" else self.layout
        return plan_defects(self.defects, layout, self.indices, self.seed)

    @property
    def indices(self) -> range:
        """Numbers of the studies."""
        return range(self.start, self.start + self.num)

    @property
    def volume_glob(self) -> str:
        """Pattern of the files that hold images."""
        return _GLOBS[self.layout]

    def study_id(self, index: int) -> str:
        """The id of a study in reports and truth: of CT-RATE such as ``valid_3_a``, of Rad-ChestCT ``trn00001``."""
        if self.layout == "plain":
            return f"chest-ct-{index:05d}"
        return rad.volume_id(index) if self.layout == "rad-chestct" else ct_rate.scan_of(index).study_id

    def to_dict(self) -> dict[str, Any]:
        """What ``phantoms.json`` says."""
        return {"kind": "chest-ct", "version": _VERSION, **asdict(self), "defects": list(self.defects)}


def export_chest_ct(
    out_dir: Path, wanted: ChestSet, *, workers: int = 1, on_study: Callable[[int], object] | None = None
) -> ExportSummary:
    """Write a set of chest CT phantoms; a set that was begun with the same settings is completed.

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


def chest_truth_bits(series: ChestPhantom | CtSeries) -> NDArray[np.uint32]:
    """The masks of all findings in one array (X, Y, Z); bit ``CHEST_TRUTH_BITS[name]`` is set where ``name`` is."""
    return pack_masks(series.masks, CHEST_TRUTH_BITS, series.volume_hu.shape, np.uint32)


def _make_study(out_dir: Path, wanted: ChestSet, index: int) -> Record:
    """Make one study with all that belongs to it."""
    rated = wanted.layout in ("ct-rate", "ct-rate-v1")
    person = ct_rate.scan_of(index).person if rated else None
    phantom = make_chest_ct(wanted.seed, index, size=wanted.size, person=person)
    study_id = wanted.study_id(index)
    defect = wanted.plan().get(index)
    report, *parts = compose_chest_sections(phantom.findings, study_rng(wanted.seed, index, _REPORT_STREAM))
    writer = {"plain": _write_plain, "rad-chestct": _write_rad}.get(wanted.layout, _write_ct_rate)
    record = writer(out_dir, wanted, index, phantom, defect)
    truth = phantom.reconstruct("isotropic") if wanted.layout == "rad-chestct" else phantom
    write_truth(out_dir / "truth" / f"{study_id}.nii.gz", chest_truth_bits(truth), truth.affine)
    labels = phantom.labels()
    return record | {
        "labels": [study_id, *(str(labels[name]) for name in CT_RATE_FINDINGS)],
        "defect": defect,
        "parts": parts,
        "report": report_record(study_id, report),
        "truth": {
            "id": study_id,
            "index": index,
            "sex": phantom.shape.sex,
            "age": phantom.shape.age,
            "phase": phantom.shape.phase,
            "findings": [finding.to_dict() for finding in phantom.findings],
            "volume_ml": volumes_ml(phantom.masks, phantom.affine),
        },
    }


def _write_plain(out_dir: Path, wanted: ChestSet, index: int, phantom: ChestPhantom, defect: str | None) -> Record:
    study_id = wanted.study_id(index)

    def write(folder: Path) -> int:
        if defect == "missing-volume":
            folder.mkdir()
            return 0
        num_files = write_chest_study(folder, phantom, study_id, study_id.replace("-", ""), change_of(defect))
        if defect == "corrupt-file":
            path = sorted(folder.rglob("*.dcm"))[num_files // 2]
            path.write_bytes(cut_short(path.read_bytes()))
        return num_files

    return {"num_files": place_study(out_dir, index, out_dir / "plain" / study_id, write)}


def _write_ct_rate(out_dir: Path, wanted: ChestSet, index: int, phantom: ChestPhantom, defect: str | None) -> Record:
    version = 1 if wanted.layout == "ct-rate-v1" else 2
    scan, change, intercept = ct_rate.scan_of(index), change_of(defect), ct_rate.intercept_of(phantom)
    metadata: list[list[str]] = []
    kinds = ct_rate.kinds_of(phantom)
    if defect == "repeated-volume":
        kinds = (kinds[0], *kinds)

    def write(folder: Path) -> int:
        folder.mkdir()
        num_files = 0
        for number, kind in enumerate(kinds, 1):
            series = phantom.reconstruct(kind)
            name = f"{scan.study_id}_{number}.nii.gz"
            metadata.append(ct_rate.metadata_row(name, phantom, series))
            if defect == "missing-volume":
                continue
            volume = series.volume_hu
            if change is not None and not (defect == "hu-twice" and version == 1):
                volume = change(volume)
            # Version 1 rescaled already: HU lie there as if they were stored values.
            added = 0 if defect == "hu-twice" and version == 1 else intercept
            content = ct_rate.volume_file(series, 1 if defect == "old-version" else version, added, volume)
            spoil = {"corrupt-file": cut_short, "impossible-spacing": stretch_nifti}.get(defect or "", bytes)
            (folder / name).write_bytes(spoil(content))
            num_files += 1
        return num_files

    num_files = place_study(out_dir, index, out_dir / "dataset" / scan.folder(version), write)
    return {"num_files": num_files, "split": scan.split, "metadata": metadata}


def _write_rad(out_dir: Path, wanted: ChestSet, index: int, phantom: ChestPhantom, defect: str | None) -> Record:
    volume_id, change = rad.volume_id(index), change_of(defect)
    series = phantom.reconstruct("isotropic")
    if defect != "missing-volume":
        volume = series.volume_hu if change is None else change(series.volume_hu)
        content = rad.pickled_file(volume) if defect == "pickled-array" else rad.volume_file(volume)
        (out_dir / "rad-chestct").mkdir(exist_ok=True)
        path = out_dir / "rad-chestct" / f"{volume_id}.npz"
        write_file(path, cut_short(content) if defect == "corrupt-file" else content)
    return {
        "num_files": int(defect != "missing-volume"),
        "positives": sorted(rad.positives(phantom.findings)),
        "summary": rad.summary_row(volume_id, index),
        "metadata": [f"mrn{index + 1:05d}", volume_id, f"{series.slice_thickness_mm:.6g}"],
    }


def _finish(out_dir: Path, wanted: ChestSet, records: list[Record]) -> None:
    """Write what tells of all studies, in their order."""
    {"plain": _finish_plain, "rad-chestct": _finish_rad}.get(wanted.layout, _finish_ct_rate)(out_dir, records)
    grid = "the isotropic volume" if wanted.layout == "rad-chestct" else "the thick series"
    write_tables(out_dir, records, CHEST_TRUTH_BITS, dtype="uint32", grid=grid)
    write_defects(out_dir, records)


def _finish_plain(out_dir: Path, records: list[Record]) -> None:
    rows = [record["labels"] for record in listed_records(records)]
    write_file(out_dir / "labels.csv", _csv([["study_id", *CT_RATE_FINDINGS], *rows]))


def _finish_ct_rate(out_dir: Path, records: list[Record]) -> None:
    tables: dict[str, dict[str, list[Sequence[str]]]] = {}
    for record in records:
        rows = tables.setdefault(record["split"], {"metadata": [], "labels": [], "reports": []})
        rows["metadata"] += record["metadata"]
    for record in listed_records(records):
        rows = tables[record["split"]]
        said = [text or ct_rate.EMPTY for text in record["parts"]]
        for cells in record["metadata"]:  # a study's labels and report are repeated for each reconstruction
            rows["labels"].append([cells[0], *record["labels"][1:]])
            rows["reports"].append([cells[0], ct_rate.EMPTY, ct_rate.EMPTY, *said])
    for path, content in ct_rate.table_files(tables).items():
        target = out_dir / "dataset" / PurePosixPath(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, content)


def _finish_rad(out_dir: Path, records: list[Record]) -> None:
    folder = out_dir / "rad-chestct"
    folder.mkdir(exist_ok=True)
    tables: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for record in listed_records(records):
        volume = record["summary"][1]
        tables.setdefault(rad.label_file(volume), []).append((volume, record["positives"]))
    for name, rows in tables.items():
        write_file(folder / name, rad.labels_csv(rows))
    summary = [rad.SUMMARY_COLUMNS, *(record["summary"] for record in records)]
    write_file(folder / "Summary_3630.csv", _csv(summary))
    metadata = [("MRN_DEID", "NoteAcc_DEID", "final_spacing"), *(record["metadata"] for record in records)]
    write_file(folder / "CT_Scan_Metadata_Complete_35747.csv", _csv(metadata))


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
