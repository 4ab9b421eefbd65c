"""Processed volumes on disk: one compressed array per series, one manifest line per study, items beside them."""

from itemclip_med.store.check import StoreCheck, check_store, clean_store
from itemclip_med.store.reader import Store
from itemclip_med.store.writer import StoreWriter, write_arrays, write_items

__all__ = ["Store", "StoreCheck", "StoreWriter", "check_store", "clean_store", "write_arrays", "write_items"]
