"""Where in a study the model saw a finding: NIfTI in patient space, pictures, a page to explore, DICOM objects."""

from itemclip_med.explain.heatmap import Heatmap, find_heatmaps, share_inside
from itemclip_med.explain.output import DEFAULT_FORMATS, FORMATS, Extras, explain_study
from itemclip_med.explain.patch_maps import METHODS
from itemclip_med.explain.widget import StaticView, view

__all__ = [
    "DEFAULT_FORMATS",
    "FORMATS",
    "METHODS",
    "Extras",
    "Heatmap",
    "StaticView",
    "explain_study",
    "find_heatmaps",
    "share_inside",
    "view",
]
