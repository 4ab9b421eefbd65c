"""Volumes from formats beside DICOM: NIfTI, NPZ, NRRD and MetaImage, found, grouped into studies and read."""

from itemclip_med.formats.files import FORMATS, FileGroup, FileScan, format_of, scan_files
from itemclip_med.formats.read import load_file_series, read_group, read_volume
from itemclip_med.formats.rules import FileRules, parse_file_rules
from itemclip_med.formats.series import FileSeries, FileStudy

__all__ = [
    "FORMATS",
    "FileGroup",
    "FileRules",
    "FileScan",
    "FileSeries",
    "FileStudy",
    "format_of",
    "load_file_series",
    "parse_file_rules",
    "read_group",
    "read_volume",
    "scan_files",
]
