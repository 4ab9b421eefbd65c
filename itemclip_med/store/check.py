"""Whether all of a store is there and unchanged, and what stopped runs left in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from itemclip_med.errors import StoreError
from itemclip_med.records import Series, Study
from itemclip_med.store.arrays import file_sha256, locate, read_array
from itemclip_med.store.files import PART, is_being_written, telling_disk_errors, whole_length
from itemclip_med.store.manifest import (
    ITEMS,
    MANIFEST,
    STORE_FILE,
    STORE_TEXT,
    VOLUMES,
    check_version,
    escape,
    from_line,
    raw_lines,
    report_from_dict,
    study_from_dict,
)
from itemclip_med.store.writer import remove, writing

_AGAIN = "run the preprocessing again, or `itemclip-med store check --clean`"


@dataclass
class StoreCheck:
    """What a check found.

    Attributes:
        num_studies: studies that the manifest names.
        num_without_checksum: arrays stored by an earlier release: they were read, and compared with nothing.
        problems: what is wrong, in words; empty where nothing is.
    """

    num_studies: int = 0
    num_without_checksum: int = 0
    problems: list[str] = field(default_factory=list)


def check_store(root: Path | str, *, show_progress: bool | None = False) -> StoreCheck:
    """Compare every file of a store with its checksum, open every array, and look for leftovers.

    A changed byte in the manifest, the items, an array or the version is found wherever it is. Damage is told, never
    raised, so that one damaged line does not hide the next.

    Args:
        root: the store's folder.
        show_progress: a bar over the studies; None asks the terminal.
    """
    from tqdm import tqdm

    root, check = Path(root), StoreCheck()
    try:
        check_version(root)
    except StoreError as error:
        check.problems.append(str(error))
        return check
    if (root / STORE_FILE).read_bytes() != STORE_TEXT:
        check.problems.append(f"{STORE_FILE} was changed: expected {STORE_TEXT.decode().strip()} and a newline.")
    studies = _check_manifest(root, check)
    check.num_studies = len(studies)
    disable = None if show_progress is None else not show_progress
    for study in tqdm(studies.values(), unit="study", desc="check", disable=disable):
        for number, series in enumerate(study.series):
            problem = _check_array(root, series)
            if problem:
                check.problems.append(f"Study {study.study_id}, series {number}: {problem}")
            check.num_without_checksum += not series.sha256
    _check_items(root, studies, check)
    if is_being_written(root):
        check.problems.append("The store is being written now: check again when that is done.")
    elif leftovers := find_leftovers(root, studies.values()):
        parts = sum(path.name.endswith(PART) for path in leftovers)
        if parts:
            check.problems.append(f"{parts} unfinished file(s) of a stopped run: {_AGAIN}.")
        if len(leftovers) > parts:
            check.problems.append(f"{len(leftovers) - parts} file(s) or folder(s) that no study names: {_AGAIN}.")
    return check


def clean_store(root: Path | str) -> int:
    """Remove what stopped runs left: unfinished files, and volumes that no line of the manifest names.

    Returns:
        How many files and folders went.

    Raises:
        StoreError: if the manifest is damaged (what it does not name might still be wanted), or a writer is at work.
    """
    root = Path(root)
    check_version(root)
    with writing(root), telling_disk_errors(root):
        check = StoreCheck()
        studies = _check_manifest(root, check)
        if any(MANIFEST in problem for problem in check.problems):
            raise StoreError(f"{check.problems[0]} Nothing was removed.")
        leftovers = find_leftovers(root, studies.values())
        for path in leftovers:
            remove(path)
    return len(leftovers)


def find_leftovers(root: Path, studies: Iterable[Study]) -> list[Path]:
    """Unfinished files, and files and folders of volumes that belong to none of the studies."""
    named = {escape(study.study_id): {Path(series.path).name for series in study.series} for study in studies}
    found = sorted(root.glob(f".*{PART}"))
    volumes = root / VOLUMES
    for folder in sorted(volumes.iterdir()) if volumes.is_dir() else []:
        if folder.name not in named:
            found.append(folder)
        elif folder.is_dir():
            found += sorted(path for path in folder.iterdir() if path.name not in named[folder.name])
    return found


def _check_manifest(root: Path, check: StoreCheck) -> dict[str, Study]:
    studies = {}
    if not (root / MANIFEST).is_file():
        check.problems.append(f"{MANIFEST} is missing: restore it, or preprocess into a new folder.")
    for where, line in _lines(root / MANIFEST, check):
        try:
            study = study_from_dict(from_line(line, where))
        except StoreError as error:
            check.problems.append(str(error))
            continue
        studies[study.study_id] = study
    return studies


def _check_items(root: Path, studies: dict[str, Study], check: StoreCheck) -> None:
    unknown = 0
    for where, line in _lines(root / ITEMS, check):
        try:
            unknown += report_from_dict(from_line(line, where)).study_id not in studies
        except StoreError as error:
            check.problems.append(str(error))
    if unknown:
        check.problems.append(f"{unknown} entries of {ITEMS} belong to no study.")


def _lines(path: Path, check: StoreCheck) -> Iterator[tuple[str, bytes]]:
    if path.is_file() and whole_length(path) != path.stat().st_size:
        check.problems.append(f"{path.name} ends in a torn line: run the preprocessing again.")
    for number, line in raw_lines(path):
        yield f"{path.name}, line {number}", line


def _check_array(root: Path, series: Series) -> str | None:
    """What is wrong with an array, if anything."""
    try:
        path = locate(root, series)
        if series.sha256 and file_sha256(path) != series.sha256:
            return f"the array {series.path} was changed: delete its study and preprocess it again."
        array = read_array(root, series)
    except StoreError as error:
        return str(error)
    except OSError as error:
        return f"the array {series.path} cannot be read ({error.strerror or type(error).__name__})."
    if series.modality == "CT" and array.min() == array.max():
        return f"all voxels are {array.flat[0]}."
    return None
