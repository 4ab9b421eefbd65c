"""Where zero-shot scores and heatmaps meet: one study, or the whole road, in one call."""

from itemclip_med.predict.demo import DemoResult, DemoSettings, run_demo
from itemclip_med.predict.results import StudyResults, evaluate_scores, require_weights
from itemclip_med.predict.sources import open_store

__all__ = [
    "DemoResult",
    "DemoSettings",
    "StudyResults",
    "evaluate_scores",
    "open_store",
    "require_weights",
    "run_demo",
]
