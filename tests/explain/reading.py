"""Read what was written, by other means than it was written with."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pydicom
import pytest

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def place_in_dicom(path, *, segment=None):
    """Centroid in RAS mm of the strongest part of a Parametric Map, or of one segment of a Segmentation."""
    dataset = pydicom.dcmread(path)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    rows, columns = dataset.Rows, dataset.Columns
    if "FloatPixelData" in dataset:
        frames = np.frombuffer(dataset.FloatPixelData, "<f4").reshape(-1, rows, columns)
        frames = frames >= 0.9 * frames.max()
    else:
        frames = dataset.pixel_array.reshape(-1, rows, columns) > 0
    places, weights = [], []
    for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        if segment is not None:
            told = groups if "SegmentIdentificationSequence" in groups else shared
            if told.SegmentIdentificationSequence[0].ReferencedSegmentNumber != segment:
                continue
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        holder = shared if "PlaneOrientationSequence" in shared else groups
        orientation = np.array(holder.PlaneOrientationSequence[0].ImageOrientationPatient, float)
        measures = (shared if "PixelMeasuresSequence" in shared else groups).PixelMeasuresSequence[0]
        down, right = (float(value) for value in measures.PixelSpacing)
        for row, column in np.argwhere(frames[number]):
            place = position + column * right * orientation[:3] + row * down * orientation[3:]
            places.append(LPS_TO_RAS @ place)
            weights.append(1.0)
    assert places, f"{path.name} shows nothing"
    return np.average(places, axis=0, weights=weights)


def place_in_report(path):
    """The same for the segment that a Structured Report of one finding points at, and the series it names as source."""
    import highdicom as hd

    report = hd.sr.srread(path)
    (group,) = report.content.get_volumetric_roi_measurement_groups()
    region = group.referenced_segment
    (segment,) = region.referenced_segment_numbers
    wanted, source = region.referenced_sop_instance_uid, region.source_series_for_segmentation.value
    beside = {pydicom.dcmread(one, stop_before_pixels=True).SOPInstanceUID: one for one in path.parent.glob("*.dcm")}
    evidence = {
        str(series.SeriesInstanceUID): {one.ReferencedSOPInstanceUID for one in series.ReferencedSOPSequence}
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
    }
    assert evidence[source] and any(wanted in instances for instances in evidence.values())
    return place_in_dicom(beside[wanted], segment=segment), source


def place_in_array(values, affine):
    """Centroid in RAS mm of the strongest part of a volume (X, Y, Z)."""
    index = np.argwhere(values >= 0.9 * values.max()).mean(axis=0)
    return (affine @ [*index, 1])[:3]


def patches_between(one_mm, other_mm, patches_affine):
    """Largest distance of two places along the axes of a map, in patches."""
    axes = patches_affine[:3, :3]
    return float(np.abs(np.linalg.inv(axes) @ (np.asarray(one_mm) - np.asarray(other_mm))).max())


def errors_by_dciodvfy(path):
    """What dicom3tools' validator calls an error; skips where it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy: install it (Debian: apt-get install dicom3tools) to validate DICOM objects")
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace")
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
