"""Write sets of head CT phantoms to disk: DICOM studies, labels, reports with gold items, truth masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.cq500_layout import reads_csv, reads_row, study_dir, study_name
from itemclip_med.phantoms.defects import plan_defects, repeat_study, spoil_slices
from itemclip_med.phantoms.findings import CQ500_LABELS, FINDING_NAMES
from itemclip_med.phantoms.head_ct import HeadPhantom, Size, make_head_ct
from itemclip_med.phantoms.head_ct_series import write_study
from itemclip_med.phantoms.mixes import find_mix
from itemclip_med.phantoms.other_words import compose_in_other_words
from itemclip_med.phantoms.rsna_layout import Slice, rsna_study_id, slices_csv, stage_2_train_csv, write_rsna_study
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
from itemclip_med.phantoms.wording import compose_report

Layout = Literal["cq500", "plain", "rsna"]
LAYOUTS: tuple[Layout, ...] = ("cq500", "plain", "rsna")
Words = Literal["usual", "other"]
SIZES: tuple[Size, ...] = ("demo", "clinical")
WORDS: tuple[Words, ...] = ("usual", "other")
TRUTH_BITS: dict[str, int] = {name: bit for bit, name in enumerate(FINDING_NAMES)}
"""Which bit of a truth mask belongs to which finding; 0 is the lowest."""

_VERSION = 1  # of the set's files; also to be raised where the same seed makes other studies
_REPORT_STREAM, _READS_STREAM, _RSNA_STREAM = 1000, 1001, 1002  # apart from those that make the phantom


@dataclass(frozen=True, slots=True)
class PhantomSet:
    """Which phantoms to write, and how.

    Attributes:
        num: how many studies.
        seed: of the set.
        start: number of the first study; with one seed, sets whose numbers differ share no study.
        layout: "cq500" (the data set's own folders and reads.csv), "plain" (a folder per study, labels.csv) or "rsna"
            (loose slices of RSNA 2019 with stage_2_train.csv; the thick series alone).
        size: "demo" (128 x 128, one series) or "clinical" (512 x 512; thick, thin, bone kernel, localizer).
        corrupt_file: plant RSNA 2019's known damaged slice in the first study; in that layout only.
        defects: planted ones, of :data:`~itemclip_med.phantoms.defects.DEFECTS_OF`; one study each.
        mix: what findings are drawn from, of :data:`~itemclip_med.phantoms.mixes.MIXES`.
        words: "usual", or "other" for reports in words that the usual ones never use.
    """

    num: int
    seed: int = 0
    start: int = 0
    layout: Layout = "cq500"
    size: Size = "demo"
    corrupt_file: bool = False
    defects: tuple[str, ...] = ()
    mix: str = "usual"
    words: Words = "usual"

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises:
            ValueError: if a count is negative or the layout, size, mix or words are unknown.
        """
        if self.num < 1 or self.seed < 0 or self.start < 0:
            raise ValueError(f"expected num >= 1, seed and start >= 0; found {self.num}, {self.seed}, {self.start}")
        if self.layout not in LAYOUTS or self.size not in SIZES:
            raise ValueError(
                f"layout {self.layout!r}, size {self.size!r}; expected {' or '.join(LAYOUTS)}, {' or '.join(SIZES)}"
            )
        if self.corrupt_file and self.layout != "rsna":
            raise ValueError(f"a corrupt file belongs to layout 'rsna', found {self.layout!r}")
        find_mix(self.mix)
        if self.words not in WORDS:
            raise ValueError(f"words {self.words!r}; expected {' or '.join(WORDS)}")
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
        if self.layout == "rsna":
            return rsna_study_id(self.seed, index)
        return study_name(index) if self.layout == "cq500" else f"head-ct-{index:05d}"

    def study_dir(self, index: int) -> PurePosixPath:
        """The folder of a study's series, below the set's."""
        if self.layout == "cq500":
            return PurePosixPath("cq500") / study_dir(index)
        return (
            PurePosixPath("rsna/stage_2_train")
            if self.layout == "rsna"
            else PurePosixPath("plain", self.study_id(index))
        )

    @property
    def volume_glob(self) -> str:
        """Pattern of the DICOM files."""
        return "**/*.dcm"

    def to_dict(self) -> dict[str, Any]:
        """What ``phantoms.json`` says."""
        values = {"kind": "head-ct", "version": _VERSION, **asdict(self)}
        if not self.corrupt_file:  # sets made before there was this setting stay the same
            del values["corrupt_file"]
        if self.defects:
            values["defects"] = list(self.defects)
        else:
            del values["defects"]
        for name in ("mix", "words"):
            if values[name] == "usual":
                del values[name]
        return values


def export_head_ct(
    out_dir: Path, wanted: PhantomSet, *, workers: int = 1, on_study: Callable[[int], object] | None = None
) -> ExportSummary:
    """Write a set of head CT phantoms; a set that was begun with the same settings is completed.

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


def truth_bits(phantom: HeadPhantom) -> NDArray[np.uint16]:
    """The masks of all findings in one array.

    Args:
        phantom: a head CT.

    Returns:
        (X, Y, Z); bit ``TRUTH_BITS[name]`` is set where ``name`` is.
    """
    return pack_masks(phantom.masks, TRUTH_BITS, phantom.volume_hu.shape, np.uint16)


def _make_study(out_dir: Path, wanted: PhantomSet, index: int) -> Record:
    """Make one study with all that belongs to it."""
    phantom = make_head_ct(wanted.seed, index, size=wanted.size, mix=wanted.mix)
    study_id = wanted.study_id(index)
    compose = compose_report if wanted.words == "usual" else compose_in_other_words
    report = compose(phantom.findings, study_rng(wanted.seed, index, _REPORT_STREAM))
    labels = phantom.labels()

    defect = wanted.plan().get(index)
    num_files, slices = _write_images(out_dir, wanted, index, phantom, defect)
    write_truth(out_dir / "truth" / f"{study_id}.nii.gz", truth_bits(phantom), phantom.affine)
    return {
        "num_files": num_files,
        "slices": slices,
        "defect": defect,
        "reads": reads_row(index, labels, study_rng(wanted.seed, index, _READS_STREAM)),
        "labels": [study_id, *(str(labels[name]) for name in CQ500_LABELS)],
        "report": report_record(study_id, report),
        "truth": {
            "id": study_id,
            "index": index,
            "findings": [finding.to_dict() for finding in phantom.findings],
            "volume_ml": volumes_ml(phantom.masks, phantom.affine),
        },
    }


def _write_images(
    out_dir: Path, wanted: PhantomSet, index: int, phantom: HeadPhantom, defect: str | None
) -> tuple[int, list[Slice]]:
    """Write a study's images; how many files, and in RSNA's layout its slices with their labels."""
    target, study_id = out_dir / wanted.study_dir(index), wanted.study_id(index)
    if wanted.layout == "rsna":
        draws = study_rng(wanted.seed, index, _RSNA_STREAM)
        corrupt = wanted.corrupt_file and index == wanted.start
        slices = write_rsna_study(target, phantom, draws, corrupt=corrupt)
        paths = [target / f"{name}.dcm" for name, _ in slices]
        if defect == "missing-volume":
            for path in paths:
                path.unlink()
            return 0, slices
        return spoil_slices(paths, defect), slices

    def write(folder: Path) -> int:  # the name of a CQ500 patient is the id without hyphens
        num_files = write_study(folder, phantom, study_id, study_id.replace("-", ""))
        if defect == "missing-volume":
            for path in sorted(folder.rglob("*.dcm")):
                path.unlink()
            return 0
        first = min(path.parent for path in folder.rglob("*.dcm"))
        paths = sorted(first.glob("*.dcm"))
        return num_files - len(paths) + spoil_slices(paths, defect)

    if defect == "odd-spelling":
        target = out_dir / "cq500" / study_dir(index, zeros=True)
    num_files = place_study(out_dir, index, target, write)
    if defect == "repeated-study":
        repeat_study(target, out_dir / "cq500" / study_dir(index, zeros=True))
        num_files *= 2
    return num_files, []


def _finish(out_dir: Path, wanted: PhantomSet, records: list[Record]) -> None:
    """Write what tells of all studies, in their order."""
    if wanted.layout == "cq500":
        rows = [_spelled(record) for record in listed_records(records)]
        write_file(out_dir / "cq500" / "reads.csv", reads_csv(rows).encode())
    elif wanted.layout == "rsna":
        labeled = [record for record in records if record["defect"] != "unlabeled-volume"]
        every = [(name, labels) for record in labeled for name, labels in record["slices"]]
        owned = [(record["report"]["id"], [name for name, _ in record["slices"]]) for record in records]
        write_file(out_dir / "rsna" / "stage_2_train.csv", stage_2_train_csv(every).encode())
        write_file(out_dir / "rsna" / "slices.csv", slices_csv(owned).encode())
    else:
        rows = [["study_id", *CQ500_LABELS], *(record["labels"] for record in records)]
        write_file(out_dir / "labels.csv", "".join(",".join(row) + "\n" for row in rows).encode())
    write_tables(out_dir, records, TRUTH_BITS, dtype="uint16", grid="the thick series")
    write_defects(out_dir, records)


def _spelled(record: Record) -> list[str]:
    """A row of reads, its id without hyphens where that is the defect."""
    name, *cells = record["reads"]
    return [name.replace("-", "") if record["defect"] == "odd-spelling" else name, *cells]
