"""The layout of Pub-Brain-5 as downloaded: five sources, each with folders, file names and grids of its own.

Each class comes from sources of its own, so that site and protocol tell the label; phantoms keep that trap. Normal: T1
alone, of one volume. Stroke: diffusion as one four-dimensional file, ADC, FLAIR and T1 beside it. BraTS: four series on
one grid, without skull, with a segmentation. Both sets of metastases: a folder per series, an image within it.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.brain_mri import BrainMriPhantom, Size, draw_mri_parts, scan_phantom
from itemclip_med.phantoms.canvas import Grid
from itemclip_med.phantoms.mri_acquisition import MriScan, SeriesPlan
from itemclip_med.phantoms.mri_signals import PulseSequence, null_time_ms
from itemclip_med.phantoms.sets import study_rng, write_file

if TYPE_CHECKING:
    from itemclip_med.phantoms.dicom_writing import Affine

_STREAM = 1078
# source: (class, share of the studies)
_SOURCES: tuple[tuple[str, str, float], ...] = (
    ("open_bhb", "Normal", 0.25), ("stroke", "Stroke", 0.2), ("brats23", "Glioma", 0.15),
    ("brats23", "Meningioma", 0.13), ("brats23", "Metastasis", 0.07), ("nyu_mets", "Metastasis", 0.13),
    ("ucsf_mets", "Metastasis", 0.07),
)  # fmt: skip
_BRATS = {"Glioma": ("adult_glioma", "GLI"), "Meningioma": ("adult_meningioma", "MEN"),
          "Metastasis": ("adult_metastasis", "MET")}  # fmt: skip
_BRATS_FILES = {"T1": "t1n", "T1C": "t1c", "T2": "t2w", "FLAIR": "t2f"}
_SERIES = {
    "open_bhb": {"T1": "T1w"},
    "nyu_mets": {"T1": "T1_PRE", "T1C": "T1_POST", "T2": "T2", "FLAIR": "FLAIR"},
    "ucsf_mets": {"T1": "T1pre", "T1C": "T1post", "FLAIR": "FLAIR"},
}
_STEP_MM = {"demo": 2.0, "clinical": 1.0}


@dataclass(frozen=True, slots=True)
class SourceStudy:
    """A study as one of the five sources has it.

    Attributes:
        source: its folder: "open_bhb", "stroke", "brats23", "nyu_mets" or "ucsf_mets".
        label: its class.
        study_id: as the published list spells it, with the source's folder before it.
    """

    source: str
    label: str
    study_id: str


def source_of(seed: int, index: int) -> SourceStudy:
    """Where a study comes from, and what it shows.

    Args:
        seed: of the set.
        index: number of the study.

    Returns:
        The same for the same numbers; the id ends in the index, so that no two studies share one.
    """
    rng = study_rng(seed, index, _STREAM)
    source, label, _ = _SOURCES[int(rng.choice(len(_SOURCES), p=[share for *_, share in _SOURCES]))]
    if source == "brats23":
        folder, letters = _BRATS[label]
        part = "test" if rng.random() < 0.15 else "train"
        name = f"{part}/{folder}/BraTS-{letters}-{index:05d}-000"
    elif source == "open_bhb":
        name = f"sub-{int(rng.integers(1, 10**6)):06d}{index:06d}"
    elif source == "stroke":
        name = f"sub-{int(rng.integers(16**3)):03x}{index:05x}"
    elif source == "nyu_mets":
        name = f"NYU_Mets_{int(rng.integers(10, 100))}{index:06d}_{int(rng.integers(10**9, 10**10))}"
    else:
        name = f"{100000 + index}{'ABC'[int(rng.choice(3, p=[0.7, 0.2, 0.1]))]}"
    return SourceStudy(source, label, f"{source}/{name}")


def make_source_study(seed: int, index: int, size: Size) -> BrainMriPhantom:
    """Make a phantom of a source's class in its protocol.

    Args:
        seed: of the set.
        index: number of the study.
        size: "demo" (2 mm voxels in volumes) or "clinical" (1 mm).

    Returns:
        The phantom; its series are those of the source.
    """
    study = source_of(seed, index)
    names = () if study.label == "Normal" else (study.label,)
    scan, skull, pathology = draw_mri_parts(seed, index, size=size, findings=names, natural_effects=True)
    scan = _with_protocol(scan, study.source, _STEP_MM[size])
    return scan_phantom(seed, index, size, scan, skull, pathology)


def write_source_study(folder: Path, phantom: BrainMriPhantom, study: SourceStudy) -> int:
    """Write a study's files.

    Args:
        folder: a new folder.
        phantom: made by :func:`make_source_study`.
        study: where it comes from.

    Returns:
        How many files were written.
    """
    folder.mkdir(parents=True)
    name = study.study_id.rsplit("/", 1)[1]
    files: list[tuple[str, NDArray[np.generic], Affine]] = []
    if study.source == "stroke":
        weighted = [one for one in phantom.series if one.plan.kind == "DWI"]
        stacked = np.stack([one.volume for one in weighted], axis=-1)  # (X, Y, Z, 2): b = 0, then b = 1000
        files.append((f"{name}_dwi.nii.gz", stacked, weighted[0].affine))
        files += [
            (f"{name}_{one.plan.kind.lower()}.nii.gz", one.volume, one.affine)
            for one in phantom.series
            if one.plan.kind != "DWI"
        ]
    elif study.source == "brats23":
        for one in phantom.series:
            files.append((f"{name}-{_BRATS_FILES[one.plan.kind]}.nii.gz", one.volume * phantom.brain, one.affine))
        files.append((f"{name}-seg.nii.gz", phantom.masks[study.label].astype(np.uint8), phantom.affine))
    else:
        for one in phantom.series:
            series = _SERIES[study.source][one.plan.kind]
            files.append((f"{series}/nifti/{series}.nii.gz", one.volume, one.affine))
    for path, volume, affine in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_file(folder / path, _nifti(volume, affine))
    return len(files)


def _nifti(volume: NDArray[np.generic], affine: Affine) -> bytes:
    import nibabel as nib

    image = nib.Nifti1Image(volume, affine, dtype=volume.dtype)
    image.header.set_xyzt_units("mm", "sec")
    return gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)


def _with_protocol(scan: MriScan, source: str, step_mm: float) -> MriScan:
    """The same head in a source's protocol."""
    scale = np.array(scan.pose.scale)
    t1 = PulseSequence("gre", 18.0, 4.0, flip_deg=25.0)
    t2 = PulseSequence("se", 4500.0, 95.0)
    flair = PulseSequence("ir", 9000.0, 110.0, null_time_ms(4000.0, 9000.0))
    if source == "stroke":
        dwi = PulseSequence("se", 5000.0, 80.0, b_value=1000.0, fat_suppressed=True)
        thick = 0.9 * scan.axial.spacing_mm[2]
        plans = [
            SeriesPlan("DWI", "axial", scan.axial, thick, replace(dwi, b_value=0.0), blur_mm=2.4),
            SeriesPlan("DWI", "axial", scan.axial, thick, dwi, blur_mm=2.4),
            SeriesPlan("ADC", "axial", scan.axial, thick, dwi, blur_mm=2.4),
            SeriesPlan("FLAIR", "axial", scan.axial, thick, flair),
            SeriesPlan("T1", "axial", scan.axial, thick, PulseSequence("se", 500.0, 12.0)),
        ]
        return replace(scan, series=tuple(plans))
    shape = tuple(int(n) for n in np.ceil(np.array([160.0, 196.0, 164.0]) * scale / step_mm))
    first = np.array([-80.0, -112.0, -78.0]) * scale
    cube = Grid(shape, (step_mm,) * 3, tuple(first.tolist()))  # type: ignore[arg-type]
    kinds = {"open_bhb": ("T1",), "ucsf_mets": ("T1", "T1C", "FLAIR")}.get(source, ("T1", "T1C", "T2", "FLAIR"))
    sequences = {"T1": t1, "T1C": t1, "T2": t2, "FLAIR": flair}
    plans = [SeriesPlan(kind, "axial", cube, step_mm, sequences[kind], is_3d=True) for kind in kinds]
    frame = np.eye(3) if source in ("brats23", "open_bhb") else scan.frame  # registered to an atlas
    return replace(scan, series=tuple(plans), axial=cube, frame=frame, contrast="T1C" in kinds)
