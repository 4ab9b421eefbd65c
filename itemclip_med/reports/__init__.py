"""Reports become items: independent statements with their status, each traced to its characters in the report."""

from itemclip_med.reports.audit import AuditStudy, write_audit
from itemclip_med.reports.corrections import AppliedCorrections, apply_corrections
from itemclip_med.reports.itemize import NO_ABNORMALITY, ItemizedReport, TracedItem, itemize
from itemclip_med.reports.prompting import write_prompts
from itemclip_med.reports.readers import ReportRow, read_rows
from itemclip_med.reports.running import ItemizeSummary, itemize_file, read_items
from itemclip_med.reports.scrubbing import scrub

__all__ = [
    "NO_ABNORMALITY",
    "AppliedCorrections",
    "AuditStudy",
    "ItemizeSummary",
    "ItemizedReport",
    "ReportRow",
    "TracedItem",
    "apply_corrections",
    "itemize",
    "itemize_file",
    "read_items",
    "read_rows",
    "scrub",
    "write_audit",
    "write_prompts",
]
