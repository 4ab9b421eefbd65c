"""Defects planted on request, so that what checks a data set can be tested: which study gets which."""

from __future__ import annotations

import contextlib
import gzip
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DEFECTS: dict[str, str] = {
    "hu-twice": "HU rescaled twice",
    "flipped-axis": "left and right exchanged under the same geometry",
    "corrupt-file": "a file or slice cut short",
    "duplicate-rows": "rows of labels and reports that stand there twice",
    "unlabeled-volume": "images without labels",
    "missing-volume": "labels without images",
    "old-version": "what the scanner stored, in the folder of volumes in HU",
    "impossible-spacing": "slices farther apart than a body is long",
    "repeated-volume": "a second reconstruction that equals the first",
    "pickled-array": "an archive whose array holds objects",
    "missing-slice": "a stack with a slice missing",
    "repeated-study": "a study in a second folder, spelled differently",
    "odd-spelling": "an id spelled as in no other row and folder",
}
"""Name to what is wrong."""

_CHEST = ("hu-twice", "flipped-axis", "corrupt-file", "duplicate-rows", "unlabeled-volume", "missing-volume")
_HEAD = ("hu-twice", "corrupt-file", "missing-slice", "unlabeled-volume", "missing-volume")
DEFECTS_OF: dict[str, tuple[str, ...]] = {
    "plain": (),
    "chest-ct": _CHEST,
    "ct-rate": (*_CHEST, "old-version", "impossible-spacing", "repeated-volume"),
    "ct-rate-v1": _CHEST,
    "rad-chestct": (*_CHEST, "pickled-array"),
    "cq500": (*_HEAD, "duplicate-rows", "repeated-study", "odd-spelling"),
    "rsna": _HEAD,
    "pub-brain-5": ("corrupt-file", "duplicate-rows", "unlabeled-volume", "missing-volume", "impossible-spacing"),
}
"""Layout to the defects that can be planted in it; "chest-ct" is the plain layout of chests."""

Change = Callable[[NDArray[np.int16]], NDArray[np.int16]]


def read_defects(text: str, layout: str) -> tuple[str, ...]:
    """The defects that a command names, comma between them; ``all`` for all of a layout.

    Raises:
        ValueError: if all are asked for and the layout has none.
    """
    if text.strip() == "all":
        if not DEFECTS_OF[layout]:
            able = ", ".join(name for name, defects in DEFECTS_OF.items() if defects and name != "chest-ct")
            raise ValueError(f"layout {layout!r} has no defects to plant; expected one of {able}")
        return DEFECTS_OF[layout]
    return tuple(name.strip() for name in text.split(",") if name.strip())


def plan_defects(defects: Sequence[str], layout: str, indices: range, seed: int) -> dict[int, str]:
    """Which study gets which defect; one each.

    Args:
        defects: of those that the layout can have.
        layout: a key of :data:`DEFECTS_OF`.
        indices: numbers of the set's studies.
        seed: of the set.

    Returns:
        Study number to defect.

    Raises:
        ValueError: if a defect is unknown, or there are more of them than studies.
    """
    possible = DEFECTS_OF[layout]
    unknown = sorted(set(defects) - set(possible))
    if unknown:
        raise ValueError(
            f"unknown defects {', '.join(unknown)}; expected {', '.join(possible) or f'none in layout {layout!r}'}"
        )
    wanted = [name for name in possible if name in defects]
    if len(wanted) > len(indices):
        raise ValueError(f"{len(wanted)} defects need as many studies, found {len(indices)}")
    rng = np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(9, indices.start)))
    chosen = rng.choice(len(indices), len(wanted), replace=False)
    return {indices[int(number)]: name for number, name in zip(chosen, wanted, strict=True)}


def change_of(defect: str | None) -> Change | None:
    """What a defect does to the HU of a volume (X, Y, Z); None where it leaves them alone."""
    return {"hu-twice": _rescale_again, "flipped-axis": _flip}.get(defect or "")


def cut_short(content: bytes) -> bytes:
    """The first half of a file."""
    return content[: len(content) // 2]


def spoil_slices(paths: Sequence[Path], defect: str | None) -> int:
    """Spoil the DICOM files of one stack.

    Args:
        paths: all of them.
        defect: "hu-twice", "corrupt-file", "missing-slice", or another that leaves them alone.

    Returns:
        How many files are left.
    """
    if defect not in ("hu-twice", "corrupt-file", "missing-slice"):
        return len(paths)
    with _quiet():
        return _spoil(paths, defect)


def _spoil(paths: Sequence[Path], defect: str) -> int:
    import pydicom

    if defect == "hu-twice":
        for path in paths:
            dataset = pydicom.dcmread(path)
            dataset.RescaleIntercept = str(int(float(dataset.RescaleIntercept)) - 1024)
            save_quietly(dataset, path)
    else:
        positions = {
            path: float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2]) for path in paths
        }
        middle = sorted(paths, key=positions.__getitem__)[len(paths) // 2]
        if defect == "missing-slice":
            middle.unlink()
            return len(paths) - 1
        middle.write_bytes(cut_short(middle.read_bytes()))
    return len(paths)


def save_quietly(dataset: Dataset, target: Path | BinaryIO) -> None:
    """Write a data set whose UIDs are none, as published ones are not, without a warning for each of them."""
    with _quiet():
        dataset.save_as(target, enforce_file_format=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No word of pydicom on UIDs that are none."""
    logger = logging.getLogger("pydicom")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def repeat_study(folder: Path, other: Path) -> None:
    """Put a copy of a study's folder at another place."""
    other.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, other, dirs_exist_ok=True)


def stretch_nifti(content: bytes, factor: float = 50.0) -> bytes:
    """A ``.nii.gz`` whose slices are said to be farther apart."""
    import nibabel as nib

    image = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    affine = image.affine.copy()
    affine[:3, 2] *= factor
    stretched = nib.Nifti1Image(np.asarray(image.dataobj), affine, dtype=image.get_data_dtype())
    stretched.header.set_xyzt_units("mm")
    return gzip.compress(stretched.to_bytes(), compresslevel=1, mtime=0)


def _rescale_again(volume_hu: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.maximum(volume_hu.astype(np.int32) - 1024, -2048).astype(np.int16)


def _flip(volume_hu: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.ascontiguousarray(volume_hu[::-1])
