"""Where in a study the model saw a finding: as NIfTI in the patient's space, and as pictures."""

from itemclip_med.explain.heatmap import FORMATS, Heatmap, explain_study, find_heatmaps, share_inside

__all__ = ["FORMATS", "Heatmap", "explain_study", "find_heatmaps", "share_inside"]
