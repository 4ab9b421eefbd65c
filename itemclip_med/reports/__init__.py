"""Reports become items: independent statements with their status, each traced to its characters in the report."""

from itemclip_med.reports.itemize import NO_ABNORMALITY, ItemizedReport, TracedItem, itemize

__all__ = ["NO_ABNORMALITY", "ItemizedReport", "TracedItem", "itemize"]
