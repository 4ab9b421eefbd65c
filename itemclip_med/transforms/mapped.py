"""What the dictionary forms of invertible transforms share."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.transforms import InvertibleTransform, MapTransform


class MappedTransform(MapTransform, InvertibleTransform):
    """An invertible transform on entries of a dictionary.

    Attributes:
        transform: what is done to each entry, with an ``inverse``.
    """

    transform: Any

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Apply it to every entry."""
        out = dict(data)
        for key in self.key_iterator(data):
            out[key] = self.transform(data[key])
        return out

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Undo it on every entry."""
        out = dict(data)
        for key in self.key_iterator(data):
            out[key] = self.transform.inverse(data[key])
        return out
