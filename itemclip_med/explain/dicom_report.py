"""The scores of a study as DICOM Structured Report (TID 1500), with the regions that belong to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from itemclip_med import __version__
from itemclip_med.explain.codes import finding_code, private_code, shorten
from itemclip_med.explain.dicom_source import SourceImages
from itemclip_med.explain.heatmap import Heatmap

if TYPE_CHECKING:
    from pydicom import Dataset

    from itemclip_med.explain.output import Extras

_DEVICE_ROOT = "itemclip_med"


def build_report(
    maps: Sequence[Heatmap],
    names: Sequence[str],
    images: SourceImages,
    segmentation: Dataset | None,
    segments: Mapping[int, int],
    extras: Extras,
    *,
    number: int,
) -> Dataset:
    """Build the report of one series.

    Args:
        maps: one for each item.
        names: of the items.
        images: the source.
        segmentation: where the items have segments; None where no map shows anything.
        segments: index of an item to the number of its segment.
        extras: names the model.
        number: of the report's series.

    Returns:
        A Comprehensive 3D SR: for each item its code, score, share of attention that saw nothing, and its segment.
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes

    groups = [
        _group(heatmap, name, images, segmentation, segments.get(index), extras)
        for index, (heatmap, name) in enumerate(zip(maps, names, strict=True))
    ]
    is_ct = images.datasets[0].get("Modality") == "CT"
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=_observer(extras)),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion if is_ct else codes.LN.MRIUnspecifiedBodyRegion,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    report = hd.sr.Comprehensive3DSR(
        evidence=[*images.datasets, *([] if segmentation is None else [segmentation])],
        content=content[0],
        series_instance_uid=hd.UID(),
        series_number=number,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=_DEVICE_ROOT,
        is_complete=True,
        is_verified=False,
    )
    report.SeriesDescription = "Scores of findings, research use only"
    return report


def _observer(extras: Extras) -> Any:
    """The software as observer of what the report tells."""
    import highdicom as hd
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    return hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=generate_uid(entropy_srcs=[_DEVICE_ROOT, __version__, extras.model_name]),
            name="itemclip_med, research use only",
            manufacturer_name=_DEVICE_ROOT,
            model_name=shorten(extras.model_name or "unnamed", 64),
        ),
    )


def _group(
    heatmap: Heatmap,
    name: str,
    images: SourceImages,
    segmentation: Dataset | None,
    segment: int | None,
    extras: Extras,
) -> Any:
    """What is told of one item: TID 1411 with its segment, TID 1501 where there is none."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    words = " | ".join(extras.words.get(heatmap.item, (heatmap.item,)))
    algorithm = hd.sr.AlgorithmIdentification(
        name="itemclip_med",
        version=__version__,
        parameters=[shorten(f"model: {extras.model_name or 'unnamed'}", 64), shorten(f"words: {words}", 1000)],
    )
    shared: dict[str, Any] = {
        "tracking_identifier": hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=shorten(name, 64)),
        "finding_type": finding_code(name),
        "algorithm_id": algorithm,
        "measurements": [
            hd.sr.Measurement(private_code("COSINE", "Cosine of finding and study"), heatmap.score, codes.UCUM.NoUnits),
            hd.sr.Measurement(
                private_code("UNSEEN", "Share of attention that looked nowhere"),
                heatmap.empty_share,
                codes.UCUM.NoUnits,
            ),
        ],
    }
    if segmentation is None or segment is None:
        return hd.sr.MeasurementsAndQualitativeEvaluations(**shared)
    region = hd.sr.ReferencedSegment(
        sop_class_uid=segmentation.SOPClassUID,
        sop_instance_uid=segmentation.SOPInstanceUID,
        segment_number=segment,
        source_series=hd.sr.SourceSeriesForSegmentation(images.datasets[0].SeriesInstanceUID),
    )
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=region, **shared)
