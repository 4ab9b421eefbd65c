"""Write sets of head CT phantoms to disk: DICOM studies, labels, reports with gold items, truth masks.

A study is complete once its record lies in the set's hidden folder of parts; a run that was stopped goes on there, and
the finished set is the same however often that happened and however many workers made it.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from itemclip_med.errors import SourceError
from itemclip_med.phantoms.cq500_layout import reads_csv, reads_row, study_dir, study_name
from itemclip_med.phantoms.findings import CQ500_LABELS, FINDING_NAMES
from itemclip_med.phantoms.head_ct import HeadPhantom, Size, make_head_ct
from itemclip_med.phantoms.head_ct_series import write_study
from itemclip_med.phantoms.wording import compose_report
from itemclip_med.workers import worker_pool

if TYPE_CHECKING:
    from collections.abc import Mapping

Layout = Literal["cq500", "plain"]
LAYOUTS: tuple[Layout, ...] = ("cq500", "plain")
SIZES: tuple[Size, ...] = ("demo", "clinical")
TRUTH_BITS: dict[str, int] = {name: bit for bit, name in enumerate(FINDING_NAMES)}
"""Which bit of a truth mask belongs to which finding; 0 is the lowest."""

_VERSION = 1  # of the set's files; also to be raised where the same seed makes other studies
_PARTS = ".parts"
_REPORT_STREAM, _READS_STREAM = 1000, 1001  # apart from those that make the phantom


@dataclass(frozen=True, slots=True)
class PhantomSet:
    """Which phantoms to write, and how.

    Attributes:
        num: how many studies.
        seed: of the set.
        start: number of the first study; with one seed, sets whose numbers differ share no study.
        layout: "cq500" (the data set's own folders and reads.csv) or "plain" (a folder per study, labels.csv).
        size: "demo" (128 x 128, one series) or "clinical" (512 x 512; thick, thin, bone kernel, localizer).
    """

    num: int
    seed: int = 0
    start: int = 0
    layout: Layout = "cq500"
    size: Size = "demo"

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises:
            ValueError: if a count is negative or the layout or size is unknown.
        """
        if self.num < 1 or self.seed < 0 or self.start < 0:
            raise ValueError(f"expected num >= 1, seed and start >= 0; found {self.num}, {self.seed}, {self.start}")
        if self.layout not in LAYOUTS or self.size not in SIZES:
            raise ValueError(
                f"layout {self.layout!r}, size {self.size!r}; expected {' or '.join(LAYOUTS)}, {' or '.join(SIZES)}"
            )

    @property
    def indices(self) -> range:
        """Numbers of the studies."""
        return range(self.start, self.start + self.num)

    def study_id(self, index: int) -> str:
        """The id of a study in reports, labels and truth."""
        return study_name(index) if self.layout == "cq500" else f"head-ct-{index:05d}"

    def study_dir(self, index: int) -> PurePosixPath:
        """The folder of a study's series, below the set's."""
        if self.layout == "cq500":
            return PurePosixPath("cq500") / study_dir(index)
        return PurePosixPath("plain", self.study_id(index))

    def to_dict(self) -> dict[str, Any]:
        """What ``phantoms.json`` says."""
        return {"kind": "head-ct", "version": _VERSION, **asdict(self)}


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What a run did.

    Attributes:
        num_made: studies written now.
        num_known: studies that were already there.
        num_files: DICOM files of the whole set.
    """

    num_made: int
    num_known: int
    num_files: int


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
    if workers < 1:
        raise ValueError(f"expected at least 1 worker, found {workers}")
    try:
        finished = _open(out_dir, wanted)
        if finished:
            return ExportSummary(0, wanted.num, sum(1 for _ in out_dir.rglob("*.dcm")))
        parts = out_dir / _PARTS
        missing = [index for index in wanted.indices if not (parts / f"{index}.json").is_file()]
        for done, _ in enumerate(_make_all(out_dir, wanted, missing, workers), 1):
            if on_study is not None:
                on_study(done)
        num_files = _finish(out_dir, wanted)
    except OSError as error:
        raise SourceError(
            f"{out_dir} cannot be written ({error.strerror or type(error).__name__}): mend that and run the same "
            "command again; finished studies are kept."
        ) from error
    except BrokenProcessPool as error:
        raise SourceError(
            "A worker process was ended from outside, probably for want of memory: run the same command again with "
            "fewer workers; finished studies are kept."
        ) from error
    return ExportSummary(len(missing), wanted.num - len(missing), num_files)


def truth_bits(phantom: HeadPhantom) -> NDArray[np.uint16]:
    """The masks of all findings in one array.

    Args:
        phantom: a head CT.

    Returns:
        (X, Y, Z); bit ``TRUTH_BITS[name]`` is set where ``name`` is.
    """
    bits = np.zeros(phantom.volume_hu.shape, np.uint16)
    for name, mask in phantom.masks.items():
        bits |= mask.astype(np.uint16) << np.uint16(TRUTH_BITS[name])
    return bits


def _open(out_dir: Path, wanted: PhantomSet) -> bool:
    """Begin a set or go on with it; True if it is finished."""
    settings_path = out_dir / "phantoms.json"
    if out_dir.exists() and not out_dir.is_dir():
        raise SourceError(f"{out_dir} is a file: name a new folder.")
    if not out_dir.exists() or not any(out_dir.iterdir()):
        (out_dir / _PARTS).mkdir(parents=True, exist_ok=True)
        _write_json(settings_path, {**wanted.to_dict(), "complete": False})
        return False
    found = _read_settings(settings_path)
    if found is None:
        raise SourceError(f"{out_dir} is not empty and holds no phantoms: name a new folder.")
    complete = found.get("complete") is True
    differing = [name for name, value in wanted.to_dict().items() if found.get(name) != value]
    if differing:
        told = ", ".join(f"{name} {found.get(name)!r}" for name in differing)
        raise SourceError(f"{out_dir} holds other phantoms ({told}): name a new folder, or ask for the same set.")
    if complete:
        shutil.rmtree(out_dir / _PARTS, ignore_errors=True)  # of a run that was stopped at its very end
        return True
    (out_dir / _PARTS).mkdir(exist_ok=True)
    return False


def _read_settings(path: Path) -> dict[str, Any] | None:
    """What ``phantoms.json`` holds; None if it is none of ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == "head-ct" else None


def _make_all(out_dir: Path, wanted: PhantomSet, indices: list[int], workers: int) -> Iterator[int]:
    """Make studies, a few in flight at a time, and say which is done."""
    workers = min(workers, len(indices))
    if workers < 2:
        for index in indices:
            yield _make_study(out_dir, wanted, index)
        return
    waiting = iter(indices)
    with worker_pool(workers) as pool:
        running: set[Future[int]] = set()
        try:
            while True:
                while len(running) < 3 * workers and (index := next(waiting, None)) is not None:
                    running.add(pool.submit(_make_study, out_dir, wanted, index))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _make_study(out_dir: Path, wanted: PhantomSet, index: int) -> int:
    """Make one study with all that belongs to it; its record comes last."""
    phantom = make_head_ct(wanted.seed, index, size=wanted.size)
    study_id = wanted.study_id(index)
    report = compose_report(phantom.findings, _rng(wanted, index, _REPORT_STREAM))
    labels = phantom.labels()
    target = out_dir / wanted.study_dir(index)
    fresh = out_dir / _PARTS / f"{index}.study"
    for leftover in (fresh, target):  # of a run that was stopped right here
        shutil.rmtree(leftover, ignore_errors=True)
    # The name of a CQ500 patient is the id without hyphens.
    num_files = write_study(fresh, phantom, study_id, study_id.replace("-", ""))
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(target)
    _write_truth(out_dir / "truth" / f"{study_id}.nii.gz", phantom)
    record = {
        "num_files": num_files,
        "reads": reads_row(index, labels, _rng(wanted, index, _READS_STREAM)),
        "labels": [study_id, *(str(labels[name]) for name in CQ500_LABELS)],
        "report": {
            "id": study_id,
            "report": report.text,
            "items": [item.to_dict() for item in report.items],
            "is_normal": report.is_normal,
        },
        "truth": {
            "id": study_id,
            "index": index,
            "findings": [finding.to_dict() for finding in phantom.findings],
            "volume_ml": _volumes_ml(phantom),
        },
    }
    _write_json(out_dir / _PARTS / f"{index}.json", record)
    return index


def _rng(wanted: PhantomSet, index: int, stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(entropy=wanted.seed, spawn_key=(index, stream)))


def _volumes_ml(phantom: HeadPhantom) -> dict[str, float]:
    """How much of the head each finding's mask covers."""
    voxel_ml = abs(float(np.linalg.det(phantom.affine[:3, :3]))) / 1000
    return {name: round(int(np.count_nonzero(mask)) * voxel_ml, 3) for name, mask in phantom.masks.items()}


def _write_truth(path: Path, phantom: HeadPhantom) -> None:
    import nibabel as nib

    image = nib.Nifti1Image(truth_bits(phantom), phantom.affine, dtype=np.uint16)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(exist_ok=True)
    _write(path, gzip.compress(image.to_bytes(), compresslevel=1, mtime=0))


def _finish(out_dir: Path, wanted: PhantomSet) -> int:
    """Write what tells of all studies, in their order, and drop the parts; counts the DICOM files."""
    parts = out_dir / _PARTS
    records = [json.loads((parts / f"{index}.json").read_text(encoding="utf-8")) for index in wanted.indices]
    if wanted.layout == "cq500":
        _write(out_dir / "cq500" / "reads.csv", reads_csv([record["reads"] for record in records]).encode())
    else:
        rows = [["study_id", *CQ500_LABELS], *(record["labels"] for record in records)]
        _write(out_dir / "labels.csv", "".join(",".join(row) + "\n" for row in rows).encode())
    _write_jsonl(out_dir / "reports.jsonl", [record["report"] for record in records])
    _write_jsonl(out_dir / "truth" / "studies.jsonl", [record["truth"] for record in records])
    bits = {"dtype": "uint16", "grid": "the thick series", "bits": TRUTH_BITS}
    _write_json(out_dir / "truth" / "findings.json", bits)
    _write_json(out_dir / "phantoms.json", {**wanted.to_dict(), "complete": True})
    shutil.rmtree(parts)
    return sum(record["num_files"] for record in records)


def _write_jsonl(path: Path, lines: list[Mapping[str, Any]]) -> None:
    _write(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    _write(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)
