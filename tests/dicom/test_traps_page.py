"""The page that lists what real exports break names tests that exist."""

from __future__ import annotations

import re

from tests.conftest import REPO_DIR


def test_every_row_of_the_page_names_tests_that_exist():
    page = (REPO_DIR / "docs" / "reference" / "dicom-traps.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| What is found")]
    sources = [path.read_text(encoding="utf-8") for path in (REPO_DIR / "tests").rglob("test_*.py")]
    defined = {name for text in sources for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}
    assert len(rows) > 40
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named and set(named) <= defined, row
