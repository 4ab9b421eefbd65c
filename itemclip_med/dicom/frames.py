"""Enhanced multi-frame objects: each frame a slice, described by its functional groups.

What the groups of a frame lack, the shared ones say; the top level of the object is never asked for what belongs to
frames. DimensionIndexValues and InStackPositionNumber are optional and sometimes wrong: positions decide.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from itemclip_med.dicom.elements import Value, numbers_of, read_value
from itemclip_med.dicom.slices import SliceFile, take_geometry

# The value of a slice -> sequences that lead to it, and its keyword there (DICOM PS3.3 C.7.6.16, C.8.13.5, C.8.15.3).
_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "ImagePositionPatient": (("PlanePositionSequence", "ImagePositionPatient"),),
    "ImageOrientationPatient": (("PlaneOrientationSequence", "ImageOrientationPatient"),),
    "PixelSpacing": (("PixelMeasuresSequence", "PixelSpacing"),),
    "SliceThickness": (("PixelMeasuresSequence", "SliceThickness"),),
    "RescaleSlope": (("PixelValueTransformationSequence", "RescaleSlope"),),
    "RescaleIntercept": (("PixelValueTransformationSequence", "RescaleIntercept"),),
    "StackID": (("FrameContentSequence", "StackID"),),
    "TemporalPositionIdentifier": (
        ("FrameContentSequence", "TemporalPositionIndex"),
        ("TemporalPositionSequence", "TemporalPositionTimeOffset"),
    ),
    "AcquisitionNumber": (("FrameContentSequence", "FrameAcquisitionNumber"),),
    "ContentTime": (("FrameContentSequence", "FrameReferenceDateTime"),),
    "AcquisitionTime": (("FrameContentSequence", "FrameAcquisitionDateTime"),),
    "DimensionIndexValues": (("FrameContentSequence", "DimensionIndexValues"),),
    "ImageType": (
        ("MRImageFrameTypeSequence", "FrameType"),
        ("CTImageFrameTypeSequence", "FrameType"),
        ("PETFrameTypeSequence", "FrameType"),
    ),
    "ComplexImageComponent": (("MRImageFrameTypeSequence", "ComplexImageComponent"),),
    "EchoTime": (("MREchoSequence", "EffectiveEchoTime"),),
    "InversionTime": (("MRModifierSequence", "InversionTimes"),),
    "FlipAngle": (("MRTimingAndRelatedParametersSequence", "FlipAngle"),),
    "DiffusionBValue": (("MRDiffusionSequence", "DiffusionBValue"),),
    "DiffusionDirectionality": (("MRDiffusionSequence", "DiffusionDirectionality"),),
    "DiffusionGradientOrientation": (
        ("MRDiffusionSequence", "DiffusionGradientDirectionSequence", "DiffusionGradientOrientation"),
    ),
    "VelocityEncodingDirection": (("MRVelocityEncodingSequence", "VelocityEncodingDirection"),),
    "MetaboliteMapDescription": (("MRMetaboliteMapSequence", "MetaboliteMapDescription"),),
    "NominalPercentageOfCardiacPhase": (("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),),
    "TriggerTime": (("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),),
    "ConvolutionKernel": (("CTReconstructionSequence", "ConvolutionKernel"),),
    "KVP": (("CTXRayDetailsSequence", "KVP"),),
    "ContrastBolusAgentAdministered": (("ContrastBolusUsageSequence", "ContrastBolusAgentAdministered"),),
}
# What an object may say for all of its frames at its top level too.
_TOP_LEVEL_TOO = ("ImageType", "ComplexImageComponent")


def split_frames(file: SliceFile, dataset: Dataset) -> list[SliceFile]:
    """The frames of an object as slices, in the order they are stored.

    Args:
        file: the object, its pixels found.
        dataset: its header with the functional groups.

    Returns:
        One slice per frame, those that have no geometry with that reason; the object itself where its groups are
        missing or are not as many as its frames.
    """
    shared = _items(dataset, "SharedFunctionalGroupsSequence")
    per_frame = _items(dataset, "PerFrameFunctionalGroupsSequence")
    if not shared and not per_frame:
        file.reason = "missing geometry (multi-frame object without functional groups)"
        return [file]
    if len(per_frame) != file.pixels.num_frames and not (not per_frame and file.pixels.num_frames == 1):
        file.reason = "functional groups and frames differ in number"
        return [file]
    common = {name: value for name, value in file.values.items() if name not in _PLACES or name in _TOP_LEVEL_TOO}
    if shared:
        common |= read_groups(shared[0])
    slices = []
    for number, groups in enumerate(per_frame or [Dataset()]):
        values = common | read_groups(groups)
        frame = SliceFile(file.path, values, pixels=file.pixels, frame=number, modality=file.modality)
        frame.reason = take_geometry(frame)
        slices.append(frame)
    return slices


def read_groups(groups: Dataset) -> dict[str, Value]:
    """What one item of functional groups says, under the keywords that single-frame images use."""
    values: dict[str, Value] = {}
    for name, places in _PLACES.items():
        for *sequences, keyword in places:
            item: Dataset | None = groups
            for sequence in sequences:
                items = _items(item, sequence)
                item = items[0] if items else None
                if item is None:
                    break
            value = None if item is None else read_value(item, keyword)
            if value not in (None, "", ()):
                values[name] = value
                break
    for place, index in enumerate(numbers_of(values.pop("DimensionIndexValues", None))[:8]):
        values[f"DimensionIndex{place}"] = (index,)
    return values


def _items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence, none where it is missing or damaged."""
    try:
        return dataset.get(keyword) or ()
    except Exception:  # pydicom raises many kinds on a damaged sequence
        return ()
