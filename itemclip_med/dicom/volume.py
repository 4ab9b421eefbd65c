"""The volume that DICOM series become: the one that every source format gives."""

from itemclip_med.volumes import AIR_HU, Volume

__all__ = ["AIR_HU", "Volume"]
