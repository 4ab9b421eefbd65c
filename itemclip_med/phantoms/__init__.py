"""Studies that never were: procedural anatomy with findings, their masks, labels and reports."""

from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.head_ct import HeadPhantom, make_head_ct
from itemclip_med.phantoms.wording import write_report

__all__ = ["HeadPhantom", "PhantomFinding", "make_head_ct", "write_report"]
