"""What is done to one study, in whatever process: read, choose, load, transform, write; what fails is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.dicom import select_series
from itemclip_med.errors import DicomError, FormatError, ItemClipError, SourceError, StoreError, place_of
from itemclip_med.formats.hu import refuse_shifted
from itemclip_med.preprocess.checks.geometry import geometry_of, implausible
from itemclip_med.preprocess.recipe import parse_recipe
from itemclip_med.preprocess.sources import SourceFiles, SourceSeries, SourceStudy, open_kind
from itemclip_med.preprocess.study_ids import IdMaker
from itemclip_med.records import Series, Study
from itemclip_med.store import write_arrays

LOADS = ("itemclip_med.transforms", "monai.bundle", "monai.transforms")  # what building a recipe's transforms imports


@dataclass
class Outcome:
    """What became of the files of one study.

    Attributes:
        stored: studies whose arrays are written, with what labels may call them.
        failures: reasons of studies that should be there and are not.
        num_skipped: studies without a wanted series.
        series_left_out: reason to number of series.
        files_skipped: reason to number of files.
    """

    stored: list[tuple[Study, list[str]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    num_skipped: int = 0
    series_left_out: Counter[str] = field(default_factory=Counter)
    files_skipped: Counter[str] = field(default_factory=Counter)


class StudyWorker:
    """Turns the files of one study into arrays of a store; lives in a worker process.

    Args:
        values: contents of the recipe.
        name: its name.
        ids: makes the ids.
        store: the store's folder; None only checks.
        kind: format of the source; None for the recipe's first.
    """

    def __init__(
        self, values: Mapping[str, Any], name: str, ids: IdMaker, store: Path | None, kind: str | None = None
    ) -> None:
        self.recipe = parse_recipe(values, name)
        self.source = open_kind(self.recipe, kind)
        self.ids = ids
        self.store = store
        self.transform = self.recipe.build_transform()

    def __call__(self, files: SourceFiles) -> Outcome:
        """Parse, select, load, transform and write one study.

        Raises:
            StoreError: if the store cannot be written: no other study could be stored either.
        """
        outcome = Outcome()
        try:
            studies, outcome.files_skipped = self.source.read(files)
        except ItemClipError as error:
            outcome.failures.append(str(error))
            return outcome
        for study in studies:
            try:
                self._do_study(study, outcome)
            except StoreError:
                raise
            except ItemClipError as error:
                outcome.failures.append(str(error))
            except Exception as error:  # one study's surprise must not cost the others
                outcome.failures.append(_unexpected(error))
        # Files of several studies are known once the last of them is stored and none has failed.
        last = None if outcome.failures else len(outcome.stored) - 1
        for number, (record, names) in enumerate(outcome.stored):
            if number != last:
                outcome.stored[number] = (replace(record, source_digest=f"{record.source_digest}.{number}"), names)
        return outcome

    def _do_study(self, study: SourceStudy, outcome: Outcome) -> None:
        chosen, left_out = select_series(study, self.recipe.select)
        outcome.series_left_out += left_out
        failure = None if chosen else self.source.failure(study)
        if not chosen and failure is None:
            outcome.num_skipped += 1
            return
        study_id = self.ids.study_id(
            uid=study.uid, patient=study.patient_id, accession=study.accession, path=study.relative_dir
        )
        entries, arrays, errors = [], [], [failure]
        per_name: Counter[str] = Counter()
        for number, series in enumerate(chosen):
            if len(entries) == self.recipe.max_series:
                outcome.series_left_out[f"more than {self.recipe.max_series} series"] += len(chosen) - number
                break
            if per_name[series.name] == self.recipe.max_per_name:
                outcome.series_left_out[f"more than {self.recipe.max_per_name} series of one name"] += 1
                continue
            try:
                self._refuse_implausible(series)
                entry, array = self._do_series(series)
            except (DicomError, FormatError) as error:
                errors.append(str(error))
                outcome.series_left_out[str(error)] += 1
                continue
            per_name[series.name] += 1
            entries.append(entry)
            arrays.append(array)
        if not entries:
            shown = study_id[:12] if self.ids.is_hashing else study_id
            raise SourceError(f"Study {shown}: {errors[-1]}")
        record = Study(
            study_id=study_id,
            series=tuple(entries),
            patient_id=self.ids.patient_id(study.patient_id, study_id),
            source=self.recipe.source_name,
            split=self.ids.split(study_id),
            scanner=study.scanner or None,
            recipe_digest=self.recipe.digest,
            source_digest=study.digest,
        )
        if self.store is not None:
            record = write_arrays(self.store, record, arrays)
        aliases = self.ids.aliases(uid=study.uid, accession=study.accession, path=study.relative_dir)
        outcome.stored.append((record, aliases))

    def _refuse_implausible(self, series: SourceSeries) -> None:
        """Before anything is resampled: a wrong spacing would make a huge volume of it.

        Raises:
            FormatError: if the recipe has limits and the series is beyond them.
        """
        place = geometry_of(series) if "check" in self.recipe.values else None
        text = implausible(self.recipe.check, place) if place is not None else None
        if text is not None:
            raise FormatError(text)

    def _do_series(self, series: SourceSeries) -> tuple[Series, np.ndarray]:
        try:
            volume = self.transform({"image": series})["image"]
        except RuntimeError as error:  # MONAI wraps what a transform raises
            raise _own_error(error) or error from error
        if series.modality == "CT" and "check" in self.recipe.values:
            refuse_shifted(volume.numpy())
        affine = np.asarray(volume.affine, dtype=np.float64)
        array = _stored(volume.numpy()[0], self.recipe.stored_dtype)
        uids = volume.meta.get("sop_uids", [])
        entry = Series(
            name=series.name,
            path="",
            shape=tuple(int(size) for size in array.shape),
            spacing_mm=tuple(round(float(value), 6) for value in np.linalg.norm(affine[:3, :3], axis=0)),
            affine=tuple(tuple(round(float(value), 6) for value in row) for row in affine),
            modality=series.modality,
            dtype=array.dtype.name,
            sop_uids=tuple(self.ids.sop_uid(uid) for uid in uids) if len(uids) == array.shape[2] else (),
            warnings=tuple(volume.meta.get("warnings", [])),
        )
        return entry, array


def _own_error(error: BaseException | None) -> ItemClipError | None:
    while error is not None and not isinstance(error, ItemClipError):
        error = error.__cause__
    return error


def _stored(values: np.ndarray, dtype: str) -> np.ndarray:
    if values.dtype.name == dtype:
        return values
    info = np.iinfo(dtype)
    stored = np.empty_like(values, dtype=dtype)  # of the same layout in memory
    slowest = int(np.argmax(np.abs(values.strides)))
    for part, out in zip(np.moveaxis(values, slowest, 0), np.moveaxis(stored, slowest, 0), strict=True):
        out[...] = np.clip(np.rint(part), info.min, info.max)  # slice by slice, so that memory stays small
    return stored


def _unexpected(error: Exception) -> str:
    """Kind and place of an error that nobody foresaw; its own words may hold what a header says."""
    return (
        f"unexpected {type(error).__name__} ({place_of(error)}): an error of the program, please report this line; "
        "the study is left out"
    )
