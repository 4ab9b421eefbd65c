"""The page holds what it shows, nothing else, and is read by a browser as it is meant."""

from __future__ import annotations

import base64
import gzip
import json
import re

import numpy as np
import pytest

from itemclip_med.explain import Extras, Heatmap, explain_study
from itemclip_med.explain.page import write_page
from itemclip_med.models import ItemizedCLIP
from itemclip_med.transforms import to_source_grid
from tests.explain.browser import open_browser
from tests.explain.making import AFFINE, head, plant_attention, write_store

PLACE, OTHER = (2, 3, 5), (1, 5, 2)  # (d, h, w): left of the middle, and right of it


@pytest.fixture(scope="module")
def model():
    return ItemizedCLIP.from_pretrained("head_ct_phantom")


@pytest.fixture
def page(tmp_path, model, monkeypatch):
    plant_attention(monkeypatch, model, [PLACE, OTHER, None])
    store = write_store(tmp_path / "s", [head()])
    extras = Extras(per_head=True, model_name="a model", warnings=("A </script> warning",))
    items = ["first finding", "second <b>finding</b>", "nothing"]
    (path,) = explain_study(store, "study-1", model, items, tmp_path / "out", formats=["html"], extras=extras)
    return path


def data_of(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def unpacked(volume):
    raw = np.frombuffer(gzip.decompress(base64.b64decode(volume["data"])), np.uint8)
    steps = raw[: raw.size // 2].astype(np.uint16) | (raw[raw.size // 2 :].astype(np.uint16) << 8)
    levels = np.cumsum(steps.reshape(volume["shape"][::-1]), axis=2, dtype=np.uint16)
    return (volume["low"] + volume["step"] * levels).transpose(2, 1, 0)


def test_the_page_holds_the_volume_in_its_values_and_place(page):
    (volume,) = data_of(page)["volumes"]
    shown = unpacked(volume)
    index = np.array([100, 70, 9, 1])  # x to the left, y to the front, z up
    place = np.array([*volume["affine"], 0, 0, 0, 1]).reshape(4, 4) @ index
    stored = np.rint(np.linalg.inv(AFFINE) @ place).astype(int)
    assert shown[tuple(index[:3])] == max(head()[tuple(stored[:3])], -1024)


def test_the_map_in_the_page_lies_where_the_nifti_does(page):
    values = data_of(page)
    entry = values["items"][0]["maps"][0]
    patches = np.frombuffer(base64.b64decode(entry["values"]), "<f4").reshape(entry["shape"])
    to_patch = np.array([*entry["matrix"], 0, 0, 0, 1]).reshape(4, 4)
    affine = np.array([*values["volumes"][0]["affine"], 0, 0, 0, 1]).reshape(4, 4)
    fine = to_source_grid(patches, affine @ np.linalg.inv(to_patch), affine, values["volumes"][0]["shape"])
    centre = to_patch @ [*np.unravel_index(fine.argmax(), fine.shape), 1]
    assert np.abs(centre[:3] - PLACE).max() < 0.5
    assert np.abs((to_patch @ [*entry["peak"], 1])[:3] - PLACE).max() < 1


def test_texts_cannot_leave_the_data(page):
    assert page.read_text(encoding="utf-8").count("</script>") == 2
    assert data_of(page)["warnings"] == ["A </script> warning"]


def test_nothing_is_fetched(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["']?(http|//)|@import|url\(""", text)
    assert "default-src 'none'" in text


def test_a_large_volume_is_made_coarser_until_the_page_is_small(tmp_path, model, monkeypatch):
    monkeypatch.setattr("itemclip_med.explain.page._MAX_BYTES", 200_000)
    store = write_store(tmp_path / "s", [head()])
    (path,) = explain_study(store, "study-1", model, ["a bleed"], tmp_path / "out", formats=["html"])
    (volume,) = data_of(path)["volumes"]
    assert path.stat().st_size < 350_000
    assert np.prod(volume["shape"]) < 128 * 128 * 32
    ends = np.array([*volume["affine"], 0, 0, 0, 1]).reshape(4, 4) @ [*(np.array(volume["shape"]) / 2 - 0.5), 1]
    assert ends[:3] == pytest.approx((AFFINE @ [63.5, 63.5, 15.5, 1])[:3], abs=6)


@pytest.mark.browser
def test_a_browser_shows_the_page_and_follows_clicks_and_keys(page):
    with open_browser() as tab:
        for width in (1280, 390):
            tab.open(page, width)
            painted = "Number(document.querySelector('#axial canvas').dataset.painted)"
            assert tab.value("document.documentElement.scrollWidth") <= width
            entry = data_of(page)["items"]
            assert tab.value("state.at") == entry[0]["maps"][0]["peak"]
            assert tab.value(painted) > 0
            tab.click(".item:nth-child(2)")
            assert tab.value("document.querySelector('.item[aria-selected=true]').textContent").startswith("second <b>")
            assert tab.value("state.at") == entry[1]["maps"][0]["peak"]
            tab.key("3")
            assert tab.value(painted) == 0
            assert "zero everywhere" in tab.value("document.getElementById('about').textContent")
            tab.key("1")
            tab.click("#axial canvas")
            assert tab.value("state.at") != entry[0]["maps"][0]["peak"]
            tab.key("j")
            assert tab.value("state.at") == entry[0]["maps"][0]["peak"]
            tab.key("h")
            assert tab.value(painted) == 0
            tab.key("w")
            assert tab.value("state.window") == 1
            tab.key("m")
            assert tab.value("document.getElementById('method').selectedOptions[0].text") == "Attention, head 1"
        assert tab.problems == []


@pytest.mark.browser
def test_colors_mean_the_same_in_every_series_and_the_jump_goes_to_the_strongest(tmp_path):
    store = write_store(tmp_path / "s", [head(), head()])
    (study,) = store.studies
    patches = np.zeros((4, 8, 7), np.float32)
    patches[PLACE] = 30
    grid = AFFINE @ [[0, 0, 18, 9], [0, 16, 0, 8], [8, 0, 0, 4], [0, 0, 0, 1]]
    maps = [
        Heatmap("x", 0.1, one, to_source_grid(share * patches, grid, one.affine, one.shape), 0.0, share * patches, grid)
        for one, share in zip(study.series, (0.1, 1), strict=True)
    ]
    arrays = {one: store.read(one) for one in study.series}
    path = write_page(tmp_path / "page.html", study, arrays, maps, extras=Extras(), checks={})
    painted = "Number(document.querySelector('#axial canvas').dataset.painted)"
    with open_browser() as tab:
        tab.open(path, 1280)
        assert tab.value("state.series") == 1 and tab.value(painted) > 0
        tab.value("show(0)")
        tab.wait("state.series === 0 && data.volumes[0].array")
        assert tab.value(painted) == 0
        assert "see AX_1" in tab.value("document.getElementById('about').textContent")
        tab.click("#jump")
        tab.wait("state.series === 1 && document.getElementById('series').value === '1'")
        assert tab.value(painted) > 0
        assert tab.problems == []
