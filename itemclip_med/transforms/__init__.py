"""What MONAI lacks: loading a DICOM series, HU windows, percentiles, coarser voxels, depth first,
the encoder's grid, and the way back.

``X`` works on one tensor, ``Xd`` on entries of a dictionary. :class:`ModelInput` is the whole of it as one contract
that is saved with a model. MONAI is imported when one of its transforms is asked for, not with the package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from itemclip_med.transforms.inverse import patch_affine, to_source_grid
from itemclip_med.transforms.model_input import ModelInput

if TYPE_CHECKING:
    from itemclip_med.transforms.coarsen import Coarsen, Coarsend
    from itemclip_med.transforms.grid import DepthFirst, DepthFirstd, FitToGrid, FitToGridd
    from itemclip_med.transforms.load import LoadSeries, LoadSeriesd
    from itemclip_med.transforms.percentile import PercentileScale, PercentileScaled
    from itemclip_med.transforms.spacing import ToSpacing, ToSpacingd
    from itemclip_med.transforms.unsigned import UnwrapUnsigned, UnwrapUnsignedd
    from itemclip_med.transforms.windows import HUWindows, HUWindowsd

_MODULES = {
    "Coarsen": "coarsen",
    "Coarsend": "coarsen",
    "DepthFirst": "grid",
    "DepthFirstd": "grid",
    "FitToGrid": "grid",
    "FitToGridd": "grid",
    "HUWindows": "windows",
    "HUWindowsd": "windows",
    "LoadSeries": "load",
    "LoadSeriesd": "load",
    "PercentileScale": "percentile",
    "PercentileScaled": "percentile",
    "ToSpacing": "spacing",
    "ToSpacingd": "spacing",
    "UnwrapUnsigned": "unsigned",
    "UnwrapUnsignedd": "unsigned",
}

__all__ = [
    "Coarsen",
    "Coarsend",
    "DepthFirst",
    "DepthFirstd",
    "FitToGrid",
    "FitToGridd",
    "HUWindows",
    "HUWindowsd",
    "LoadSeries",
    "LoadSeriesd",
    "ModelInput",
    "PercentileScale",
    "PercentileScaled",
    "ToSpacing",
    "ToSpacingd",
    "UnwrapUnsigned",
    "UnwrapUnsignedd",
    "patch_affine",
    "to_source_grid",
]


def __getattr__(name: str) -> Any:
    """Import the module of a MONAI transform when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
