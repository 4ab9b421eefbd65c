"""DICOM in: files to studies and series, series to volumes in HU or MR units with their place in the patient."""

from itemclip_med.dicom.discover import (
    discover,
    discover_folder,
    iter_studies,
    read_study,
    require_dicom,
)
from itemclip_med.dicom.inspect import inspect
from itemclip_med.dicom.pixels import load_series
from itemclip_med.dicom.scan import Scan, StudyFiles, open_source, scan_source
from itemclip_med.dicom.select import check_rules, select_series
from itemclip_med.dicom.series import MODALITIES, DicomSeries, DicomStudy, Inventory, count_skipped
from itemclip_med.dicom.to_nifti import convert
from itemclip_med.dicom.volume import AIR_HU, Volume

__all__ = [
    "AIR_HU",
    "MODALITIES",
    "DicomSeries",
    "DicomStudy",
    "Inventory",
    "Scan",
    "StudyFiles",
    "Volume",
    "check_rules",
    "convert",
    "count_skipped",
    "discover",
    "discover_folder",
    "inspect",
    "iter_studies",
    "load_series",
    "open_source",
    "read_study",
    "require_dicom",
    "scan_source",
    "select_series",
]
