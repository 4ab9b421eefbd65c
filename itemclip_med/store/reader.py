"""Reading a store: its studies, arrays, items and whether all of it is there."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np

from itemclip_med.errors import StoreError
from itemclip_med.records import Item, Report, Series, Study
from itemclip_med.store.arrays import read_array
from itemclip_med.store.manifest import ITEMS, check_version, read_lines, read_manifest, study_to_line


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
            raise StoreError(f"Study {study_id} is not in the store of {len(self)} studies ({some} …).")
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
        reports = {}
        for values in read_lines(self.root / ITEMS):
            try:
                items = tuple(Item.from_dict(item) for item in values["items"])
                reports[values["study_id"]] = Report(values["study_id"], items, values.get("is_normal"))
            except (KeyError, TypeError, ValueError) as error:
                raise StoreError(f"{ITEMS} holds an entry that is no report ({error}).") from error
        return reports

    def check(self) -> list[str]:
        """Open every array and compare it with the manifest; what is wrong, in words."""
        problems = []
        for study in self.studies:
            for number, series in enumerate(study.series):
                try:
                    array = self.read(series)
                    if series.modality == "CT" and array.size and array.min() == array.max():
                        problems.append(f"Study {study.study_id}, series {number}: all voxels are {array.flat[0]}.")
                except StoreError as error:
                    problems.append(f"Study {study.study_id}, series {number}: {error}")
        unknown = [study_id for study_id in self.reports if study_id not in self._by_id]
        if unknown:
            problems.append(f"{len(unknown)} entries of {ITEMS} belong to no study.")
        return problems

    def digest(self) -> str:
        """SHA-256 over studies and items: two stores with one digest hold the same."""
        digest = hashlib.sha256()
        for study in self.studies:
            digest.update(study_to_line(study).encode())
        path = self.root / ITEMS
        if path.exists():
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def export(self, study_id: str, out_dir: Path | str) -> list[Path]:
        """Write the series of a study as NIfTI in patient space.

        Returns:
            The paths, ``<n>_<name>.nii.gz``.
        """
        import nibabel as nib

        out_dir = Path(out_dir)
        study = self.study(study_id)
        out_dir.mkdir(parents=True, exist_ok=True)
        paths = []
        for number, series in enumerate(study.series):
            path = out_dir / f"{number}_{series.name}.nii.gz"
            nib.save(nib.Nifti1Image(self.read(series), np.array(series.affine)), path)
            paths.append(path)
        return paths
