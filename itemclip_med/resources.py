"""Where bundles, recipes and shipped weights lie: inside an installed wheel, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE_DIR = Path(__file__).resolve().parent


def _resource_dir(name: str) -> Path:
    """The folder ``name`` inside the wheel if it is there, else beside the package in the checkout."""
    installed = _PACKAGE_DIR / "_resources" / name
    return installed if installed.is_dir() else _PACKAGE_DIR.parent / name


def bundles_dir() -> Path:
    """The folder that holds the MONAI bundles."""
    return _resource_dir("bundles")


def recipes_dir() -> Path:
    """The folder that holds the recipes, one YAML file per data set."""
    return _resource_dir("preprocessing")


def weights_dir() -> Path:
    """The folder that holds the shipped models, one folder each."""
    return _PACKAGE_DIR / "weights"


def notebooks_dir() -> Path:
    """The folder that holds the Jupyter notebooks."""
    installed = _PACKAGE_DIR / "_resources" / "notebooks"
    return installed if installed.is_dir() else _PACKAGE_DIR.parent / "docs" / "notebooks"
