"""The quality page: what is unusual comes first, and nothing identifying or foreign is in it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.preprocess import Summary
from itemclip_med.preprocess.quality import measure_quality
from itemclip_med.preprocess.quality_page import write_quality_page
from itemclip_med.records import Series, Study
from itemclip_med.store import Store, StoreWriter
from tests.dicom.making import write_series

SPACING = (2.0, 2.0, 5.0)


def _series(name: str = "AX_THICK", spacing: tuple[float, float, float] = SPACING, **values) -> Series:
    affine = np.diag([*spacing, 1.0])
    return Series(name, "", (24, 24, 12), spacing, tuple(map(tuple, affine.tolist())), "CT", "int16", **values)


def _head(rng: np.random.Generator, shift: int = 0) -> np.ndarray:
    array = np.full((24, 24, 12), -1000, dtype=np.int16)
    array[4:20, 4:20, 1:11] = 30 + shift + rng.integers(-5, 5, (16, 16, 10))
    return array


@pytest.fixture
def root(tmp_path) -> Path:
    """Ten studies alike, one of which is far denser and one of which has other spacing and a warning."""
    rng = np.random.default_rng(0)
    with StoreWriter(tmp_path / "store") as writer:
        for number in range(10):
            series = _series()
            if number == 3:
                series = _series(spacing=(2.0, 2.0, 9.0), warnings=("gap: 1 slice(s) missing were interpolated",))
            writer.add(Study(f"study{number}", (series,)), [_head(rng, 800 if number == 7 else 0)])
    return tmp_path / "store"


def test_unusual_series_come_first_with_their_reason(root):
    quality = measure_quality(Store(root))
    assert {entry.study_id for entry in quality.series[:2]} == {"study3", "study7"}
    by_id = {entry.study_id: entry for entry in quality.series}
    assert any("spacing along z is 9 mm" in remark for remark in by_id["study3"].remarks)
    assert any(remark.startswith("gap") for remark in by_id["study3"].remarks)
    assert any("99th percentile" in remark for remark in by_id["study7"].remarks)
    assert all(not entry.remarks for name, entry in by_id.items() if name not in ("study3", "study7"))


def test_a_few_series_of_a_kind_say_nothing_of_what_is_usual(tmp_path):
    rng = np.random.default_rng(0)
    with StoreWriter(tmp_path / "store") as writer:
        for number, shift in enumerate((0, 900, 0)):
            writer.add(Study(f"s{number}", (_series(),)), [_head(rng, shift)])
    assert all(not entry.remarks for entry in measure_quality(Store(tmp_path / "store")).series)


def test_studies_with_warnings_are_among_those_drawn(root):
    quality = measure_quality(Store(root), max_studies=2)
    assert quality.num_studies == 2
    assert "study3" in {entry.study_id for entry in quality.series}


def test_a_damaged_array_is_named_and_the_rest_is_shown(root):
    victim = next((root / "volumes" / "study5").glob("*.b2nd"))
    victim.write_bytes(victim.read_bytes()[:40])
    quality = measure_quality(Store(root))
    assert len(quality.series) == 9
    assert len(quality.unreadable) == 1
    assert "study5" in quality.unreadable[0]


def test_the_page_stands_alone_and_shows_every_series(root, tmp_path):
    summary = Summary("head_ct", root, num_stored=10, num_failed=1, failures=Counter({"<b>no slices</b>": 1}))
    text = write_quality_page(root, tmp_path / "page.html", summary=summary).read_text()
    assert text.count("data:image/jpeg;base64,") == 50
    assert not re.search(r"(src|href)=['\"](?!data:)", text)
    assert "&lt;b&gt;no slices" in text
    assert text.index("study3") < text.index("study0")


def test_the_page_says_how_many_studies_it_leaves_out(root, tmp_path):
    text = write_quality_page(root, tmp_path / "page.html", max_studies=4).read_text()
    assert "4 of 10 studies" in text


def test_an_empty_store_gives_a_page(tmp_path):
    StoreWriter(tmp_path / "store").close()
    assert "studies in the store" in write_quality_page(tmp_path / "store", tmp_path / "page.html").read_text()


def test_a_series_of_one_value_is_shown(tmp_path):
    with StoreWriter(tmp_path / "store") as writer:
        series = replace(_series(), modality="MR")
        writer.add(Study("flat", (series,)), [np.zeros((24, 24, 12), dtype=np.uint16)])
    assert "flat" in write_quality_page(tmp_path / "store", tmp_path / "page.html").read_text()


@pytest.mark.parametrize("wanted", [True, False])
def test_preprocess_leaves_a_page_beside_the_store_unless_told_not_to(tmp_path, wanted):
    write_series(tmp_path / "in", num=10)
    arguments = ["preprocess", "dicom", str(tmp_path / "in"), str(tmp_path / "s"), "--recipe", "head_ct"]
    done = CliRunner().invoke(main, [*arguments, "--workers", "1", "--page" if wanted else "--no-page"])
    assert done.exit_code == 0, done.output
    page = tmp_path / "s.quality.html"
    assert page.is_file() is wanted
    assert (str(page) in done.output) is wanted
    if wanted:
        assert "stored by this run" in page.read_text()
    assert not list((tmp_path / "s").rglob("*.html"))
