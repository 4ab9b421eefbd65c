"""Heatmaps of a study as files: NIfTI in the patient's space, pictures, a page to explore, DICOM objects."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.errors import ModelError, SourceError
from itemclip_med.explain.heatmap import Heatmap, LoadedStudy
from itemclip_med.explain.patch_maps import METHODS, check_items
from itemclip_med.store import Store
from itemclip_med.volumes import write_nifti

if TYPE_CHECKING:
    from itemclip_med.explain.sanity import Sanity
    from itemclip_med.models import ItemizedCLIP

logger = logging.getLogger(__name__)
FORMATS = ("nifti", "png", "html", "dicom")
DEFAULT_FORMATS = ("nifti", "png")


@dataclass(frozen=True)
class Extras:
    """What may be made besides the maps of attention.

    Attributes:
        methods: which maps; the first is the one that files other than the page show.
        per_head: keep the heads of the pool apart in the page, and as NIfTI.
        check: measure what the maps are worth (slow), see :mod:`itemclip_med.explain.sanity`.
        source: folder, zip or tar of the study's DICOM; needed for DICOM out.
        id_key: key file of the store's hashed ids, to make sure that the source is the same study.
        model_name: how pages and DICOM objects call the model.
        warnings: shown in the page.
        words: item to the texts that asked for it, where it is a finding's name and not the text itself.
        max_maps: DICOM: maps and segments for so many items, the highest scores first; the report tells all.
        on_checks: gets a line for each number that ``check`` measures.
    """

    methods: tuple[str, ...] = ("attention",)
    per_head: bool = False
    check: bool = False
    source: Path | None = None
    id_key: Path | None = None
    model_name: str = ""
    warnings: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    max_maps: int | None = None
    on_checks: Callable[[str], object] | None = None


def explain_study(
    store: Store | Path | str,
    study_id: str,
    model: ItemizedCLIP | str | Path,
    items: Sequence[str],
    out_dir: Path | str,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    device: str = "cpu",
    extras: Extras | None = None,
) -> list[Path]:
    """Write heatmaps of a study.

    Args:
        store: a store or its folder.
        study_id: one of its studies.
        model: a model, its folder or its name.
        items: findings in words.
        out_dir: made if needed.
        formats: some of :data:`FORMATS`.
        device: where the model runs.
        extras: what else to make; only maps of attention by default.

    Returns:
        The files written: ``<n>_<words>_<series>.nii.gz`` and ``.png``, ``study.html``, and below ``dicom``
        the objects.

    Raises:
        StoreError: if the study is not in the store.
        ModelError: if the model cannot be loaded, no item or an unknown format or method is given.
        SourceError: if the folder cannot be written, or DICOM is wanted and its source is not this study.
        MissingPackageError: if DICOM is wanted and highdicom is not installed.
    """
    extras = extras or Extras()
    items = check_items(items)
    _check(formats, extras)
    out_dir = make_folder(out_dir)
    if not extras.model_name and isinstance(model, str | Path):
        extras = replace(extras, model_name=Path(model).name)
    loaded = LoadedStudy.load(store, study_id, model, device=device)
    texts = loaded.embed(items)
    maps: list[Heatmap] = []
    for method in dict.fromkeys(extras.methods):
        maps += loaded.heatmaps(items, loaded.map(texts, method, per_head=extras.per_head), method)
    checks: dict[str, Sanity] = {}
    if extras.check:
        from itemclip_med.explain.sanity import check_maps, write_checks

        checks = check_maps(loaded, items, texts, method=extras.methods[0])
        write_checks(out_dir / "checks.json", checks)
        for item, found in checks.items():
            for name, value in found.rows():
                (extras.on_checks or _silent)(f"{item}: {name}: {value}")
    return write_maps(loaded.store, study_id, maps, out_dir, formats=formats, extras=extras, checks=checks)


def write_maps(
    store: Store,
    study_id: str,
    maps: Sequence[Heatmap],
    out_dir: Path,
    *,
    formats: Sequence[str],
    extras: Extras,
    checks: dict[str, Sanity] | None = None,
) -> list[Path]:
    """Write heatmaps that are there already; arguments and errors as in :func:`explain_study`.

    A map that is zero everywhere is written as such (no DICOM map or segment), and logged.
    """
    main = [heatmap for heatmap in maps if heatmap.method == extras.methods[0]]
    for heatmap in main:
        if heatmap.is_empty:
            logger.warning("“%s” on series %s: the map is zero everywhere.", heatmap.item, heatmap.series.name)
    study = store.study(study_id)
    arrays = {series: store.read(series) for series in {heatmap.series: None for heatmap in main}}
    paths: list[Path] = []
    for stem, heatmap in _stems(study.series, main):
        if "nifti" in formats:
            paths += _write_nifti(heatmap, out_dir, stem, per_head=extras.per_head)
        if "png" in formats:
            from itemclip_med.explain.overlay import draw_overlay

            path = out_dir / f"{stem}.png"
            draw_overlay(arrays[heatmap.series], heatmap, path, study_id=study_id)
            paths.append(path)
    if "html" in formats:
        from itemclip_med.explain.page import write_page

        paths.append(write_page(out_dir / "study.html", study, arrays, maps, extras=extras, checks=checks or {}))
    if "dicom" in formats:
        from itemclip_med.explain.dicom_out import write_dicom

        paths += write_dicom(study, main, out_dir / "dicom", extras=extras, store=store)
    return paths


def make_folder(folder: Path | str) -> Path:
    """Make a folder for results and see that it can be written.

    Raises:
        SourceError: if it cannot.
    """
    folder = Path(folder)
    probe = folder / ".writing"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise SourceError(f"{folder} cannot be written ({error.strerror}): name another folder with -o.") from error
    return folder


def _silent(line: str) -> None:
    pass


def _check(formats: Sequence[str], extras: Extras) -> None:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ModelError(f"Unknown format {', '.join(unknown) or '(none)'}: expected some of {', '.join(FORMATS)}.")
    wrong = [name for name in extras.methods if name not in METHODS]
    if wrong or not extras.methods:
        raise ModelError(f"Unknown method {', '.join(wrong) or '(none)'}: expected some of {', '.join(METHODS)}.")
    if "dicom" in formats:
        from itemclip_med.explain.dicom_out import require_dicom_out

        require_dicom_out(extras.source)


def _stems(series: Sequence[object], maps: Sequence[Heatmap]) -> list[tuple[str, Heatmap]]:
    """File names of maps: number and words of the item, number and name of the series."""
    order = {item: number for number, item in enumerate(dict.fromkeys(one.item for one in maps), start=1)}
    stems = []
    for heatmap in maps:
        words = re.sub(r"[^a-z0-9]+", "_", heatmap.item.lower()).strip("_")[:40]
        name = re.sub(r"[^A-Za-z0-9_+-]", "_", heatmap.series.name)
        stems.append((f"{order[heatmap.item]}_{words}_{series.index(heatmap.series)}_{name}", heatmap))
    return stems


def _write_nifti(heatmap: Heatmap, out_dir: Path, stem: str, *, per_head: bool) -> list[Path]:
    from itemclip_med.transforms import to_source_grid

    affine = np.array(heatmap.series.affine)
    paths = [out_dir / f"{stem}.nii.gz"]
    write_nifti(heatmap.values, affine, paths[0])
    if per_head and heatmap.heads is not None:
        for number, head in enumerate(heatmap.heads, start=1):
            values = to_source_grid(head, heatmap.patches_affine, affine, heatmap.series.shape)
            paths.append(out_dir / f"{stem}_head{number}.nii.gz")
            write_nifti(values, affine, paths[-1])
    return paths
