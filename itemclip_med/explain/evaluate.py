"""Maps against the masks of phantoms, by finding, with the same model of shuffled weights as control."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.errors import FormatError, SourceError
from itemclip_med.explain.heatmap import Heatmap, LoadedStudy
from itemclip_med.explain.localization import Localization, localize, separation
from itemclip_med.explain.sanity import randomize
from itemclip_med.records import Finding, Study
from itemclip_med.store import Store

if TYPE_CHECKING:
    from itemclip_med.models import ItemizedCLIP

_SKIN_HU = -500
_LEAST_VOXELS = 5
_MAX_JSON_BYTES = 2**20


def evaluate_maps(
    store: Store | Path | str,
    truth_dir: Path | str,
    model: ItemizedCLIP | str | Path,
    findings: Sequence[Finding],
    *,
    method: str = "attention",
    max_studies: int | None = None,
    num_controls: int = 3,
    device: str = "cpu",
    on_study: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Measure maps on phantoms of which the findings' masks are known.

    Args:
        store: of preprocessed phantoms.
        truth_dir: the folder ``truth`` of the phantom set: ``findings.json`` and a packed mask for each study.
        model: a model, its folder or its name.
        findings: named as in ``findings.json``; those that are not there are left out.
        method: what the maps are made of.
        max_studies: the first ones only.
        num_controls: models of shuffled weights whose results are averaged; 0: no control.
        device: where the model runs.
        on_study: gets the number of studies done.

    Returns:
        ``num_studies``, ``findings`` (name to ``model``, ``control`` and ``num``), ``separation`` and ``completeness``
        (each for ``model`` and ``control``).

    Raises:
        SourceError: if the folder holds no truth, or none of the store's studies.
        FormatError: if a mask does not lie on the voxels of its series.
    """
    from itemclip_med.models import ItemizedCLIP

    store = store if isinstance(store, Store) else Store(store)
    truth_dir = Path(truth_dir)
    bits = read_bits(truth_dir)
    model = ItemizedCLIP.from_pretrained(model) if isinstance(model, str | Path) else model
    models = [("model", model), *(("control", randomize(model, "all", seed)) for seed in range(num_controls))]
    studies = [one for one in store.studies if (truth_dir / f"{one.study_id}.nii.gz").is_file()]
    if not studies:
        raise SourceError("The truth is of other studies: none of the store's ids is among its masks.")
    asked = [finding for finding in findings if finding.name in bits]
    tallies = {kind: _Tally() for kind in dict(models)}
    for number, study in enumerate(studies[:max_studies], start=1):
        masks = read_masks(truth_dir, study, bits)
        body = store.read(study.series[0]) > _SKIN_HU
        there = [one for one in asked if (masks[one.name] & body).sum() >= _LEAST_VOXELS]
        for kind, one in models if there else ():
            loaded = LoadedStudy.load(store, study.study_id, one, device=device)
            tallies[kind].add(loaded.ask(there, method), study, {one.title: one.name for one in there}, masks, body)
        if on_study:
            on_study(number)
    counts = {"num_studies": len(studies[:max_studies]), "method": method, "num_controls": num_controls}
    return {**counts, **_summary(tallies, asked)}


@dataclass
class _Tally:
    """What was measured of one model's maps, or of several alike: by finding, and by study."""

    found: dict[str, list[Localization]] = field(default_factory=dict)
    separations: list[float] = field(default_factory=list)
    lowest: list[float] = field(default_factory=list)

    def add(
        self,
        maps: Sequence[Heatmap],
        study: Study,
        names: Mapping[str, str],
        masks: Mapping[str, np.ndarray],
        body: np.ndarray,
    ) -> None:
        """Take in the maps of a study's first series; ``names`` of findings by the maps' items."""
        maps = [heatmap for heatmap in maps if heatmap.series == study.series[0]]
        for heatmap in maps:
            name = names[heatmap.item]
            found = localize(heatmap, masks[name], body)
            if found is not None:
                self.found.setdefault(name, []).append(found)
        apart = separation(maps)
        if apart is not None:
            self.separations.append(apart)
        self.lowest.append(min(heatmap.score for heatmap in maps))


def _summary(tallies: Mapping[str, _Tally], findings: Sequence[Finding]) -> dict[str, Any]:
    """Means by finding, separation and completeness, each for model and control."""
    seen = [finding.name for finding in findings if tallies["model"].found.get(finding.name)]
    return {
        "findings": {
            name: {
                "num": len(tallies["model"].found[name]),
                **{kind: _means(tally.found[name]) for kind, tally in tallies.items()},
            }
            for name in seen
        },
        "separation": {kind: _mean(tally.separations) for kind, tally in tallies.items()},
        "completeness": {kind: _mean(tally.lowest) for kind, tally in tallies.items()},
    }


def format_evaluation(values: Mapping[str, Any]) -> str:
    """The numbers as a table in Markdown; the control's in parentheses."""
    lines = [
        "| finding | studies | hits | by chance | inside | AUPRC | finding's share | Dice, best |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in values["findings"].items():
        hit, auprc, dice = _beside(row, "hit", 2), _beside(row, "auprc", 3), _beside(row, "dice", 2)
        one = row["model"]
        lines.append(
            f"| {name} | {row['num']} | {hit} | {one['hit_by_chance']:.2f} | {one['hit_inside']:.2f} | {auprc} "
            f"| {one['prevalence']:.3f} | {dice} |"
        )
    for name, title in (("separation", "Separation of a study's maps"), ("completeness", "Completeness")):
        pair = values[name]
        if pair["model"] is not None:
            control = f" (control {pair['control']:.3f})" if "control" in pair else ""
            lines.append(f"\n{title}: {pair['model']:.3f}{control}")
    return "\n".join(lines)


def _beside(row: Mapping[str, Any], measure: str, digits: int) -> str:
    """A measure, and the control's in parentheses."""
    control = f" ({row['control'][measure]:.{digits}f})" if "control" in row else ""
    return f"{row['model'][measure]:.{digits}f}{control}"


def read_bits(truth_dir: Path) -> dict[str, int]:
    """Which bit of a phantom set's masks is which finding.

    Raises:
        SourceError: if the folder holds no truth.
    """
    path = truth_dir / "findings.json"
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ValueError("too large")
        bits = json.loads(path.read_text(encoding="utf-8"))["bits"]
        return {str(name): int(bit) for name, bit in bits.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{truth_dir.name} holds no findings.json of a phantom set: give the folder `truth` that `itemclip-med "
            "phantom make` wrote."
        ) from error


def read_masks(truth_dir: Path, study: Study, bits: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The masks (X, Y, Z) of a study on the voxels of its first series, by finding.

    Raises:
        FormatError: if they lie elsewhere.
    """
    import nibabel as nib

    image: Any = nib.load(truth_dir / f"{study.study_id}.nii.gz")
    series = study.series[0]
    affine = np.array(series.affine)
    packed = np.asarray(image.dataobj)
    if packed.shape != series.shape or np.abs(image.affine - affine).max() > 0.01:
        packed = _on_grid(packed, image.affine, affine, series.shape)
    return {name: (packed >> bit & 1).astype(bool) for name, bit in bits.items()}


def _on_grid(packed: np.ndarray, affine: np.ndarray, target: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Packed masks at the nearest voxel of another grid.

    Raises:
        FormatError: if the grids do not overlap.
    """
    from scipy.ndimage import affine_transform

    matrix = np.linalg.inv(affine) @ target
    out = affine_transform(packed, matrix[:3, :3], matrix[:3, 3], tuple(shape), order=0, cval=0)
    if packed.any() and not out.any():
        raise FormatError("The masks lie elsewhere than the series: are they of the same phantoms?")
    return np.asarray(out)


def _means(found: Sequence[Localization]) -> dict[str, float]:
    names = ("hit", "hit_by_chance", "hit_inside", "auprc", "prevalence", "dice")
    return {name: float(np.mean([getattr(one, name) for one in found])) for name in names}


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
