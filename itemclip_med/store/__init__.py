"""Processed volumes on disk: one compressed array per series, one manifest line per study, items beside them."""

from itemclip_med.store.reader import Store
from itemclip_med.store.writer import StoreWriter, write_arrays, write_items

__all__ = ["Store", "StoreWriter", "write_arrays", "write_items"]
