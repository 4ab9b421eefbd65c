"""One study in; scores, a page and DICOM objects out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med import __version__
from itemclip_med.errors import MissingPackageError
from itemclip_med.explain import Extras, Heatmap
from itemclip_med.explain.display import has_lungs
from itemclip_med.explain.heatmap import LoadedStudy
from itemclip_med.explain.notes import model_notes
from itemclip_med.explain.output import make_folder, write_maps
from itemclip_med.predict.asked import Asked, ask_for
from itemclip_med.predict.bundles import load_model
from itemclip_med.predict.intake import RECIPES, Intake, Place, domain_of, take_in
from itemclip_med.predict.results import DISCLAIMER
from itemclip_med.records import Finding
from itemclip_med.transforms import ModelInput

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP

FORMATS = ("html", "dicom", "nifti", "png")
DEFAULT_FORMATS = ("html", "dicom")
_TASKS = {"head CT": "cq500-10", "chest CT": "ctrate18", "brain MRI": "pubbrain5"}
_MAX_MAPS = 3


@dataclass(frozen=True)
class Prediction:
    """What became of one study.

    Attributes:
        values: what ``scores.json`` holds.
        paths: the files written.
        notes: what was chosen, for people.
        warnings: what a reader of the scores must know.
    """

    values: dict[str, Any]
    paths: list[Path]
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def predict_study(
    source: Path | str,
    asked: Asked,
    out_dir: Path | str,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    method: str = "attention",
    device: str = "cpu",
    id_key: Path | None = None,
    place: Place | None = None,
    images: Path | None = None,
    say: Callable[[str], object] | None = None,
) -> Prediction:
    """Score one study for findings, and write where they are seen.

    Args:
        source: DICOM (folder, zip or tar), or a NIfTI, NPZ, NRRD or MetaImage file.
        asked: model, preprocessing and findings.
        out_dir: made if needed; gets ``scores.json``, and by format ``study.html``, ``dicom/``, NIfTI and PNG.
        formats: some of :data:`FORMATS`; DICOM is left out, and said, where the source is no DICOM or highdicom lacks.
        method: what maps are made of, one of ``explain.METHODS``.
        device: where the model runs.
        id_key: key file of the study's id; a throwaway one by default.
        place: for NPZ.
        images: the DICOM to refer to, where it is not the source itself.
        say: gets a line for each choice and warning as it is made.

    Raises:
        SourceError: if the source cannot be read, holds no usable series or several studies, or the folder cannot be
            written.
        ModelError: if the model cannot be loaded or has no heatmaps.
    """
    say = say or _silent
    source, out_dir = Path(source), make_folder(out_dir)
    model = load_model(asked.model)
    model_input = ModelInput.from_dict(model.preprocessing)
    domain = domain_of(model_input)
    findings = asked.findings or ask_for(None, _TASKS[domain])
    with tempfile.TemporaryDirectory(prefix="itemclip_med_") as work_dir:
        intake = take_in(source, Path(work_dir), asked.recipe or RECIPES[domain], id_key=id_key, place=place)
        wanted, reason = _possible(formats, intake, images)
        notes = [*_choices(intake, model_input, model), *filter(None, [reason])]
        warnings = [*_warnings(intake, asked.model, domain), *intake.warnings]
        _tell(say, notes, warnings)
        loaded = LoadedStudy.load(intake.store, intake.study.study_id, model, device=device)
        maps = sorted(loaded.ask(findings, method), key=lambda heatmap: -heatmap.score)
        extras = Extras(
            methods=(method,),
            source=images or source,
            id_key=id_key,
            model_name=Path(asked.model).name,
            warnings=tuple(warnings),
            words=_words(findings),
            max_maps=_MAX_MAPS,
        )
        values = {**_record(intake, asked, findings, maps, warnings), "maps": method}
        path = _write_json(out_dir / "scores.json", values)
        paths = write_maps(intake.store, intake.study.study_id, maps, out_dir, formats=wanted, extras=extras)
    return Prediction(values, [path, *paths], notes, warnings)


def _silent(line: str) -> None:
    pass


def _tell(say: Callable[[str], object], notes: Sequence[str], warnings: Sequence[str]) -> None:
    for line in [*notes, *(f"Warning: {text}" for text in warnings)]:
        say(line)


def _words(findings: Sequence[Finding]) -> dict[str, tuple[str, ...]]:
    return {finding.title: (*finding.prompts, *finding.negative_prompts) for finding in findings}


def _write_json(path: Path, values: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _choices(intake: Intake, model_input: ModelInput, model: ItemizedCLIP) -> list[str]:
    used = intake.study.series[: model_input.max_series]
    lines = [
        f"Source: {intake.kind}, preprocessed by recipe {intake.recipe}",
        *(
            f"Series: {series.name}, {' x '.join(map(str, series.shape))} voxels of "
            f"{' x '.join(f'{size:.2f}' for size in series.spacing_mm)} mm"
            for series in used
        ),
    ]
    more = len(intake.study.series) - len(used)
    if more:
        lines.append(f"Not read: {more} more series; the model takes {model_input.max_series}")
    lines += [f"Left out: {number} x {reason}" for reason, number in intake.left_out.items()]
    if model_input.modality == "CT":
        windows = ", ".join(f"{name} {center:g}/{width:g}" for name, (center, width) in model_input.windows_hu.items())
        lines.append(f"Windows (center/width in HU): {windows}, {model_input.windows_as}")
    named = "the model reads them" if model.config.series_names else "the model does not read them"
    names = [name for series in used for name in model_input.series_names(series.name)]
    lines.append(f"Names: {', '.join(names)}; {named}")
    return lines


def _warnings(intake: Intake, model: str, domain: str) -> list[str]:
    found = []
    first = intake.study.series[0]
    if first.modality == "CT":
        looks_like = "chest CT" if has_lungs(intake.store.read(first)) else "head CT"
        if looks_like != domain:
            there = "much of it has" if looks_like == "chest CT" else "nearly nothing of it has"
            found.append(
                f"The model was made for {domain}, and this study is probably none ({there} the density of lungs): "
                "its scores mean nothing here."
            )
    found += model_notes(model)
    return found


def _possible(formats: Sequence[str], intake: Intake, images: Path | None) -> tuple[list[str], str]:
    """The formats that can be written, and why DICOM cannot where it is wanted."""
    if "dicom" not in formats:
        return list(formats), ""
    others = [name for name in formats if name != "dicom"]
    if intake.kind != "dicom" and images is None:
        return others, "No DICOM objects: the source is no DICOM that they could refer to (name it with --source)."
    from itemclip_med.explain.dicom_out import require_dicom_out

    try:
        require_dicom_out(images or Path())
    except MissingPackageError as error:
        return others, f"No DICOM objects: {error}"
    return list(formats), ""


def _record(
    intake: Intake,
    asked: Asked,
    findings: Sequence[Finding],
    maps: Sequence[Heatmap],
    warnings: Sequence[str],
) -> dict[str, Any]:
    by_item: Mapping[str, list[Heatmap]] = {
        finding.title: [one for one in maps if one.item == finding.title] for finding in findings
    }
    entries = [
        {
            "name": finding.name,
            "title": finding.title,
            "prompts": list(finding.prompts),
            "negative_prompts": list(finding.negative_prompts),
            "score": round(by_item[finding.title][0].score, 6),
            "not_seen_here": round(by_item[finding.title][0].empty_share, 4),
            "peaks_ras_mm": [_peak(one) for one in by_item[finding.title]],
        }
        for finding in findings
    ]
    return {
        "note": DISCLAIMER,
        "software": f"itemclip_med {__version__}",
        "model": Path(asked.model).name,
        "study_id": intake.study.study_id,
        "recipe": intake.recipe,
        "source": intake.kind,
        "series": [
            {"name": one.name, "shape": list(one.shape), "spacing_mm": list(one.spacing_mm), "modality": one.modality}
            for one in dict.fromkeys(heatmap.series for heatmap in maps)
        ],
        "series_left_out": intake.left_out,
        "warnings": list(warnings),
        "findings": sorted(entries, key=lambda entry: -entry["score"]),
    }


def _peak(heatmap: Heatmap) -> dict[str, Any] | None:
    """Where the map is strongest, None where it is zero."""
    if heatmap.is_empty:
        return None
    index = np.unravel_index(int(heatmap.patches.argmax()), heatmap.patches.shape)
    place = heatmap.patches_affine @ [*index, 1]
    return {"series": heatmap.series.name, "at": [round(float(value), 1) for value in place[:3]]}
