"""Reading a store: its studies, arrays, items and whether all of it is there."""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from pathlib import Path

import numpy as np

from itemclip_med.errors import StoreError
from itemclip_med.records import Report, Series, Study
from itemclip_med.store.arrays import read_array
from itemclip_med.store.check import check_store
from itemclip_med.store.files import telling_disk_errors
from itemclip_med.store.manifest import ITEMS, check_version, read_manifest, read_reports, study_to_line
from itemclip_med.volumes import write_nifti


class Store:
    """A store, for reading; any number of readers may be at work.

    Args:
        root: its folder.

    Raises:
        StoreError: if it is no store, or of another version.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        check_version(self.root)

    @cached_property
    def studies(self) -> list[Study]:
        """Every study, in the order of their ids."""
        return sorted(read_manifest(self.root), key=lambda study: study.study_id)

    @cached_property
    def _by_id(self) -> dict[str, Study]:
        return {study.study_id: study for study in self.studies}

    def __len__(self) -> int:
        return len(self.studies)

    def study(self, study_id: str) -> Study:
        """One study.

        Raises:
            StoreError: if it is not in the store; shows ids that are.
        """
        if study_id not in self._by_id:
            some = ", ".join(list(self._by_id)[:3]) or "none"
            raise StoreError(f"Study {study_id} is not in the store of {len(self)} studies ({some} …).", misuse=True)
        return self._by_id[study_id]

    def read(self, series: Series, box: tuple[slice, slice, slice] | None = None) -> np.ndarray:
        """The array (X, Y, Z) of a series, or a box of it.

        Raises:
            StoreError: if the file is missing or not what the manifest says.
        """
        return read_array(self.root, series, box)

    @cached_property
    def reports(self) -> dict[str, Report]:
        """The items of each study that has some.

        Raises:
            StoreError: if an entry is no report.
        """
        return read_reports(self.root)

    def check(self) -> list[str]:
        """Compare every file with its checksum and open every array; what is wrong, in words."""
        return check_store(self.root).problems

    def digest(self) -> str:
        """SHA-256 over studies and items: two stores with one digest hold the same."""
        digest = hashlib.sha256()
        for study in self.studies:
            digest.update(study_to_line(study))
        path = self.root / ITEMS
        if path.exists():
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def export(self, study_id: str, out_dir: Path | str) -> list[Path]:
        """Write the series of a study as NIfTI in patient space.

        Args:
            study_id: one of the studies.
            out_dir: made if needed.

        Returns:
            The paths, ``<n>_<name>.nii.gz``.

        Raises:
            StoreError: if the study is not in the store, an array cannot be read, or the disk is full.
        """
        out_dir, study, paths = Path(out_dir), self.study(study_id), []
        for number, series in enumerate(study.series):
            array = self.read(series)
            # A name from a manifest that somebody sent must not leave the folder.
            path = out_dir / f"{number}_{re.sub(r'[^A-Za-z0-9_+-]', '_', series.name)}.nii.gz"
            with telling_disk_errors(out_dir):
                out_dir.mkdir(parents=True, exist_ok=True)
                write_nifti(array, np.array(series.affine), path)
            paths.append(path)
        return paths
