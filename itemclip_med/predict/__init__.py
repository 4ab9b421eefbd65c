"""Where zero-shot scores and heatmaps meet: one study, or the whole road, in one call."""

from itemclip_med.predict.demo import DemoResult, DemoSettings, run_demo
from itemclip_med.predict.sources import open_store

__all__ = ["DemoResult", "DemoSettings", "open_store", "run_demo"]
