"""From a source to a store, as a recipe says: study by study, resumable, every study accounted for."""

from itemclip_med.preprocess.checking import check_dataset
from itemclip_med.preprocess.checks.oddities import CheckReport, Oddity
from itemclip_med.preprocess.joining import merge_reports, read_reports
from itemclip_med.preprocess.recipe import Recipe, list_recipes, load_recipe
from itemclip_med.preprocess.runner import run_recipe
from itemclip_med.preprocess.summary import Summary

__all__ = [
    "CheckReport",
    "Oddity",
    "Recipe",
    "Summary",
    "check_dataset",
    "list_recipes",
    "load_recipe",
    "merge_reports",
    "read_reports",
    "run_recipe",
]
