"""Sets of phantom studies on disk, whatever they show: begun, stopped, gone on with, finished.

A study is complete once its record lies in the set's hidden folder of parts; a run that was stopped goes on there, and
the finished set is the same however often that happened and however many workers made it.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from itemclip_med.errors import SourceError
from itemclip_med.workers import worker_pool

if TYPE_CHECKING:
    from itemclip_med.phantoms.composing import WrittenReport

_PARTS = ".parts"

Record = dict[str, Any]


class Wanted(Protocol):
    """Which phantoms to write, and how; it travels to the worker processes."""

    @property
    def indices(self) -> range:
        """Numbers of the studies."""

    @property
    def volume_glob(self) -> str:
        """Pattern, below the set's folder, of the files that hold images."""

    def to_dict(self) -> dict[str, Any]:
        """What ``phantoms.json`` says: ``kind`` and every setting."""


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What a run did.

    Attributes:
        num_made: studies written now.
        num_known: studies that were already there.
        num_files: image files of the whole set.
    """

    num_made: int
    num_known: int
    num_files: int


def write_set(
    out_dir: Path,
    wanted: Wanted,
    make_study: Callable[[Path, Any, int], Record],
    finish: Callable[[Path, Any, list[Record]], object],
    *,
    workers: int = 1,
    on_study: Callable[[int], object] | None = None,
) -> ExportSummary:
    """Write a set of phantoms; a set that was begun with the same settings is completed.

    Args:
        out_dir: a new or empty folder, or one that holds a begun set.
        wanted: the set.
        make_study: a module's function that writes one study and returns its record, plain values with ``num_files``.
        finish: writes what tells of all studies, given their records in order.
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
        num = len(wanted.indices)
        if _open(out_dir, wanted):
            return ExportSummary(0, num, sum(1 for _ in out_dir.glob(wanted.volume_glob)))
        parts = out_dir / _PARTS
        missing = [index for index in wanted.indices if not (parts / f"{index}.json").is_file()]
        for done, _ in enumerate(_make_all(out_dir, wanted, make_study, missing, workers), 1):
            if on_study is not None:
                on_study(done)
        records = [json.loads((parts / f"{index}.json").read_text(encoding="utf-8")) for index in wanted.indices]
        finish(out_dir, wanted, records)
        write_json(out_dir / "phantoms.json", {**wanted.to_dict(), "complete": True})
        shutil.rmtree(parts)
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
    return ExportSummary(len(missing), num - len(missing), sum(record["num_files"] for record in records))


def place_study(out_dir: Path, index: int, target: Path, write: Callable[[Path], int]) -> int:
    """Write a study's folder aside, then move it to where it belongs, so that it is never there in part.

    Args:
        out_dir: of the set.
        index: number of the study.
        target: the study's folder.
        write: writes into a new folder and returns the number of image files.

    Returns:
        What ``write`` returned.
    """
    fresh = out_dir / _PARTS / f"{index}.study"
    for leftover in (fresh, target):  # of a run that was stopped right here
        shutil.rmtree(leftover, ignore_errors=True)
    num_files = write(fresh)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(target)
    return num_files


def study_rng(seed: int, index: int, stream: int) -> np.random.Generator:
    """A stream of draws of one study, apart from all others.

    Args:
        seed: of the set.
        index: number of the study.
        stream: number of the purpose.

    Returns:
        A fresh generator.
    """
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(index, stream)))


def pack_masks(
    masks: Mapping[str, NDArray[np.bool_]], bits: Mapping[str, int], shape: tuple[int, ...], dtype: DTypeLike
) -> NDArray[Any]:
    """The masks of all findings in one array.

    Args:
        masks: finding to bool (X, Y, Z).
        bits: finding to its bit; 0 is the lowest.
        shape: (X, Y, Z).
        dtype: unsigned, of as many bits as there are findings.

    Returns:
        (X, Y, Z); a finding's bit is set where the finding is.
    """
    packed = np.zeros(shape, dtype)
    for name, mask in masks.items():
        packed |= mask.astype(packed.dtype) << packed.dtype.type(bits[name])
    return packed


def volumes_ml(masks: Mapping[str, NDArray[np.bool_]], affine: NDArray[np.float64]) -> dict[str, float]:
    """How much of the body each finding's mask (X, Y, Z) covers, in milliliters; ``affine`` (4, 4) is in mm."""
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    return {name: round(int(np.count_nonzero(mask)) * voxel_ml, 3) for name, mask in masks.items()}


def report_record(study_id: str, report: WrittenReport) -> Record:
    """A study's line of ``reports.jsonl``."""
    return {
        "id": study_id,
        "report": report.text,
        "items": [item.to_dict() for item in report.items],
        "is_normal": report.is_normal,
    }


def write_truth(path: Path, packed: NDArray[Any], affine: NDArray[np.float64]) -> None:
    """Write packed masks (X, Y, Z) as NIfTI in world RAS mm; the same masks give the same bytes."""
    import nibabel as nib

    image = nib.Nifti1Image(packed, affine, dtype=packed.dtype)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(exist_ok=True)
    write_file(path, gzip.compress(image.to_bytes(), compresslevel=1, mtime=0))


def write_tables(out_dir: Path, records: Sequence[Record], bits: Mapping[str, int], *, dtype: str, grid: str) -> None:
    """Write what every set has: reports, and what is true of the studies.

    Args:
        out_dir: of the set.
        records: with "report" and "truth", in the order of the studies.
        bits: finding to its bit in the masks.
        dtype: of the masks.
        grid: what the masks lie on, in words.
    """
    write_jsonl(out_dir / "reports.jsonl", [record["report"] for record in records])
    write_jsonl(out_dir / "truth" / "studies.jsonl", [record["truth"] for record in records])
    write_json(out_dir / "truth" / "findings.json", {"dtype": dtype, "grid": grid, "bits": dict(bits)})


def listed_records(records: Sequence[Record]) -> list[Record]:
    """The records as tables of labels list them: without the unlabeled, the doubled ones twice."""
    times = {"unlabeled-volume": 0, "duplicate-rows": 2}
    return [record for record in records for _ in range(times.get(record["defect"] or "", 1))]


def write_defects(out_dir: Path, records: Sequence[Record]) -> None:
    """Write which study has which planted defect; nothing where none has."""
    planted = {record["report"]["id"]: record["defect"] for record in records if record["defect"]}
    if planted:
        write_json(out_dir / "truth" / "defects.json", planted)


def write_jsonl(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write one JSON object a line."""
    write_file(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write one JSON object for people to read."""
    write_file(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)


def _open(out_dir: Path, wanted: Wanted) -> bool:
    """Begin a set or go on with it; True if it is finished."""
    settings_path = out_dir / "phantoms.json"
    settings = wanted.to_dict()
    if out_dir.exists() and not out_dir.is_dir():
        raise SourceError(f"{out_dir} is a file: name a new folder.")
    if not out_dir.exists() or not any(out_dir.iterdir()):
        (out_dir / _PARTS).mkdir(parents=True, exist_ok=True)
        write_json(settings_path, {**settings, "complete": False})
        return False
    found = _read_settings(settings_path, settings["kind"])
    if found is None:
        raise SourceError(f"{out_dir} is not empty and holds no phantoms: name a new folder.")
    complete = found.get("complete") is True
    differing = [name for name, value in settings.items() if found.get(name) != value]
    if differing:
        told = ", ".join(f"{name} {found.get(name)!r}" for name in differing)
        raise SourceError(f"{out_dir} holds other phantoms ({told}): name a new folder, or ask for the same set.")
    if complete:
        shutil.rmtree(out_dir / _PARTS, ignore_errors=True)  # of a run that was stopped at its very end
        return True
    (out_dir / _PARTS).mkdir(exist_ok=True)
    return False


def _read_settings(path: Path, kind: str) -> dict[str, Any] | None:
    """What ``phantoms.json`` holds; None if it is none of ours, or tells of another kind."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == kind else None


def _make_all(
    out_dir: Path, wanted: Wanted, make_study: Callable[[Path, Any, int], Record], indices: list[int], workers: int
) -> Iterator[int]:
    """Make studies, a few in flight at a time, and say which is done."""
    workers = min(workers, len(indices))
    if workers < 2:
        for index in indices:
            yield _make_one(out_dir, wanted, make_study, index)
        return
    waiting = iter(indices)
    with worker_pool(workers) as pool:
        running: set[Future[int]] = set()
        try:
            while True:
                while len(running) < 3 * workers and (index := next(waiting, None)) is not None:
                    running.add(pool.submit(_make_one, out_dir, wanted, make_study, index))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _make_one(out_dir: Path, wanted: Wanted, make_study: Callable[[Path, Any, int], Record], index: int) -> int:
    """Make one study with all that belongs to it; its record comes last."""
    write_json(out_dir / _PARTS / f"{index}.json", make_study(out_dir, wanted, index))
    return index
