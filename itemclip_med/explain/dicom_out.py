"""Heatmaps as DICOM objects: Parametric Map, thresholded Segmentation, and a Structured Report with the scores.

They refer to the source images and share their frame of reference. They hold what identifies the patient, as DICOM
wants it: they are written on request only.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med import __version__
from itemclip_med.errors import MissingPackageError, SourceError, place_of
from itemclip_med.explain.codes import finding_code, private_code, shorten
from itemclip_med.explain.dicom_source import SourceImages, opened_images
from itemclip_med.explain.heatmap import Heatmap
from itemclip_med.records import Series, Study
from itemclip_med.store import Store

if TYPE_CHECKING:
    from pydicom import Dataset

    from itemclip_med.explain.output import Extras

MANUFACTURER = "itemclip_med"
SEGMENT_FROM = 0.5  # of the peak that an item has over all series
_SERIES_NUMBERS = {"map": 9801, "segmentation": 9802, "report": 9803}


def require_dicom_out(source: Path | None) -> Path:
    """See early that DICOM can be written; returns the source.

    Raises:
        MissingPackageError: if highdicom is not installed.
        SourceError: if no source is named, or it is not there.
    """
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise MissingPackageError("highdicom", extra="dicom-out", purpose="Writing DICOM objects") from error
    if source is None or not source.exists():
        found = "" if source is None else f"The source {source.name} is not there. "
        raise SourceError(
            f"{found}DICOM objects refer to the images they were made from: name the study's DICOM (folder, zip or "
            "tar) with --source.",
            misuse=True,
        )
    return source


def write_dicom(study: Study, maps: Sequence[Heatmap], out_dir: Path, *, extras: Extras, store: Store) -> list[Path]:
    """Write the objects of a study: per series a Parametric Map for each item, one Segmentation, one report.

    Args:
        study: the stored study.
        maps: its heatmaps; those that are zero everywhere get no map and no segment, and where the model hardly
            looked in a series (below half of the item's peak over all series) there is no segment; the report says so.
        out_dir: made if needed.
        extras: source, key, model and words.
        store: where the study is.

    Returns:
        ``<series>_<n>_map.dcm``, ``<series>_segmentation.dcm``, ``<series>_report.dcm``.

    Raises:
        MissingPackageError: if highdicom is not installed.
        SourceError: if the source is not this study.
    """
    source = require_dicom_out(extras.source)
    wanted = list(dict.fromkeys(heatmap.series for heatmap in maps))
    peaks: dict[str, float] = {}
    for heatmap in maps:
        peaks[heatmap.item] = max(peaks.get(heatmap.item, 0.0), float(heatmap.values.max()))
    paths: list[Path] = []
    opened = opened_images(source, study, wanted, store=store.root, id_key=extras.id_key)
    with opened as images, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # highdicom's repeat patients' names
        out_dir.mkdir(parents=True, exist_ok=True)
        for number, series in enumerate(wanted):
            own = [heatmap for heatmap in maps if heatmap.series == series]
            try:
                paths += _write_series(own, peaks, images[series], out_dir / f"{number}_{_plain(series)}", extras)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                # highdicom is strict about what it copies; its words may hold a patient's name.
                raise SourceError(
                    f"Series {series.name}: DICOM objects cannot refer to its images, whose headers lack or contradict "
                    f"what they need ({type(error).__name__}, {place_of(error)}). Take nifti or html, or "
                    "another export."
                ) from error
    return paths


def _write_series(
    maps: Sequence[Heatmap], peaks: Mapping[str, float], images: SourceImages, stem: Path, extras: Extras
) -> list[Path]:
    """The objects of one series; ``peaks`` of items over all series, ``stem`` of the files."""
    from highdicom import UID

    from itemclip_med.explain.dicom_report import build_report

    names = [heatmap.item for heatmap in maps]
    best = sorted(range(len(maps)), key=lambda index: -maps[index].score)[: extras.max_maps]
    frames = {index: _frames(maps[index], images) for index in sorted(best)}
    shown = [index for index, values in frames.items() if values.max() > 0]
    map_series = UID()
    paths: list[Path] = []
    for number, index in enumerate(shown, start=1):
        built = _parametric_map(
            maps[index], names[index], frames[index], images, extras,
            series_uid=map_series, number=number,
        )  # fmt: skip
        paths.append(_save(built, stem.with_name(f"{stem.name}_{index + 1}_map.dcm")))
    masks = {index: frames[index] >= SEGMENT_FROM * peaks[names[index]] for index in shown}
    masks = {index: mask for index, mask in masks.items() if mask.any()}
    segments: dict[int, int] = {index: number for number, index in enumerate(masks, start=1)}
    segmentation = None
    if masks:
        chosen = [(maps[index], names[index]) for index in masks]
        segmentation = _segmentation(chosen, np.stack(list(masks.values()), axis=-1), images, extras)
        paths.append(_save(segmentation, stem.with_name(f"{stem.name}_segmentation.dcm")))
    report = build_report(maps, names, images, segmentation, segments, extras, number=_SERIES_NUMBERS["report"])
    paths.append(_save(report, stem.with_name(f"{stem.name}_report.dcm")))
    return paths


def _frames(heatmap: Heatmap, images: SourceImages) -> np.ndarray:
    """(D, rows, columns) float32: the map where the pixels of the source's slices lie; tilt and gaps are theirs."""
    from itemclip_med.transforms import to_source_grid

    rows, columns = images.size
    frames = [
        to_source_grid(heatmap.patches, heatmap.patches_affine, images.frame_affine(index), (columns, rows, 1))
        for index in range(len(images.positions))
    ]
    return np.stack([frame[..., 0].T for frame in frames])


def _geometry(images: SourceImages) -> dict[str, Any]:
    import highdicom as hd

    patient = hd.CoordinateSystemNames.PATIENT
    return {
        "pixel_measures": hd.PixelMeasuresSequence(
            pixel_spacing=images.spacing_mm, slice_thickness=images.depth_mm, spacing_between_slices=images.depth_mm
        ),
        "plane_orientation": hd.PlaneOrientationSequence(patient, [float(value) for value in images.orientation]),
        "plane_positions": [
            hd.PlanePositionSequence(patient, [float(value) for value in position]) for position in images.positions
        ],
    }


def _equipment(extras: Extras) -> dict[str, Any]:
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": shorten(extras.model_name or "itemclip_med", 64),
        "software_versions": __version__,
        "device_serial_number": "0",
    }


def _parametric_map(
    heatmap: Heatmap,
    name: str,
    frames: np.ndarray,
    images: SourceImages,
    extras: Extras,
    *,
    series_uid: str,
    number: int,
) -> Dataset:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    peak = float(frames.max())
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="ATTENTION",
        lut_explanation=shorten(f"{heatmap.method}: 1 is an even spread over all patches", 64),
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, peak),
        slope=1.0,
        intercept=0.0,
        quantity_definition=private_code(f"MAP-{heatmap.method.upper()[:9]}", f"Model {heatmap.method} for a finding"),
    )
    built = hd.pm.ParametricMap(
        source_images=images.datasets,
        pixel_array=frames[..., None].astype(np.float32),
        series_instance_uid=series_uid,
        series_number=_SERIES_NUMBERS["map"],
        sop_instance_uid=hd.UID(),
        instance_number=number,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[[mapping]],
        voi_lut_transformations=[hd.VOILUTTransformation(window_center=peak / 2, window_width=peak)],
        content_label="HEATMAP",
        content_description=shorten(f"{name}: research use only", 64),
        **_geometry(images),
        **_equipment(extras),
    )
    built.SeriesDescription = "Heatmaps, research use only"
    built.Laterality = ""  # of unpaired body parts; may be empty, not missing (PS3.3 C.7.3.1)
    return built


def _segmentation(
    maps: Sequence[tuple[Heatmap, str]], masks: np.ndarray, images: SourceImages, extras: Extras
) -> Dataset:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=shorten(name, 64),
            segmented_property_category=private_code("REGION", "Region a model looked at"),
            segmented_property_type=finding_code(name),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=hd.AlgorithmIdentificationSequence(
                name="itemclip_med explain",
                family=codes.DCM.ArtificialIntelligence,
                version=__version__,
                source=MANUFACTURER,
                parameters={
                    "model": shorten(extras.model_name or "unnamed", 64),
                    "method": heatmap.method,
                    "threshold": f"{SEGMENT_FROM:g} of the peak over all series",
                },
            ),
            tracking_uid=hd.UID(),
            tracking_id=shorten(name, 64),
        )
        for number, (heatmap, name) in enumerate(maps, start=1)
    ]
    built = hd.seg.Segmentation(
        source_images=images.datasets,
        pixel_array=masks.astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=hd.UID(),
        series_number=_SERIES_NUMBERS["segmentation"],
        sop_instance_uid=hd.UID(),
        instance_number=1,
        content_label="HEATMAP",
        content_description="Where a model looked, research use only",
        **_geometry(images),
        **_equipment(extras),
    )
    built.SeriesDescription = "Heatmaps above a threshold, research use only"
    return built


def _save(dataset: Dataset, path: Path) -> Path:
    part = path.with_name(f".{path.name}.part")
    dataset.save_as(part)
    part.replace(path)
    return path


def _plain(series: Series) -> str:
    return "".join(letter if letter.isalnum() or letter in "_+-" else "_" for letter in series.name) or "series"
