"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPO_DIR = Path(__file__).resolve().parent.parent


def find_shared(part: str) -> Path:
    """The folder ``part`` of the developers' shared data; skips when there is none, fails when it was promised."""
    named = os.environ.get("ITEMCLIP_SHARED")
    shared = Path(named) if named else REPO_DIR.parent / "shared"
    folder = shared / part
    if folder.is_dir():
        return folder
    if named:
        pytest.fail(f"ITEMCLIP_SHARED names a folder without {part}")
    pytest.skip(f"no {part} beside the checkout; set ITEMCLIP_SHARED to run this test")


@pytest.fixture(scope="session")
def repo_dir() -> Path:
    """The top of the checkout."""
    return REPO_DIR


@pytest.fixture(scope="session")
def shared_dir():
    """A function from a part's name ("golden", "data/dicom", …) to its folder."""
    return find_shared
