"""Studies of a store as batches for the model."""

from itemclip_med.data.augmentation import Augmentation
from itemclip_med.data.collate import collate_studies
from itemclip_med.data.dataset import StudyDataset
from itemclip_med.data.items import NORMAL_ITEM, ItemSampling
from itemclip_med.data.samplers import BlockSampler
from itemclip_med.data.workers import close_workers, outlive_signals

__all__ = [
    "NORMAL_ITEM",
    "Augmentation",
    "BlockSampler",
    "ItemSampling",
    "StudyDataset",
    "close_workers",
    "collate_studies",
    "outlive_signals",
]
