"""Names and reports as the published loaders treat them: every recorded case, and the edges that none records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from itemclip_med.data.published_items import (
    PLACEHOLDER,
    brain_is_normal,
    chest_is_normal,
    item_slots,
    pub_brain_5_series_name,
    split_numbered_report,
)
from itemclip_med.models.series_names import encode_series_name
from tests.golden import golden_cases, read_case, require_golden

MRI = golden_cases("preprocess_mri_items.json")
CHEST = golden_cases("preprocess_ctrate_train.json")
PUB_BRAIN = golden_cases("preprocess_pub_brain_5.json")


@pytest.mark.golden
def test_cases_are_found():
    require_golden(MRI, CHEST, PUB_BRAIN)


@pytest.mark.golden
@pytest.mark.parametrize("path", MRI, ids=lambda path: path.stem)
def test_brain_reports_are_read_as_published(path):
    recorded = json.loads(path.read_text())
    assert recorded["normal_flags"] and recorded["listed_reports"]
    for case in recorded["normal_flags"]:
        assert brain_is_normal(case["report"]) == case["is_normal"], case["report"]
    for case in recorded["listed_reports"]:
        assert split_numbered_report(case["text"]) == case["items"]


@pytest.mark.golden
@pytest.mark.parametrize("path", CHEST, ids=lambda path: path.stem)
def test_chest_reports_are_read_as_published(path):
    recorded, tensors = read_case(path)
    for case in recorded["cases"]:
        assert chest_is_normal(case["report"]) == case["is_normal"]
        in_order = case["text_items_order"] == "as given"
        texts, mask = item_slots(case["report"], recorded["num_items"], None if in_order else np.random.default_rng(0))
        if in_order or len(case["report"]) <= recorded["num_items"]:
            assert (texts if in_order else sorted(texts)) == case["text_items"]
        else:  # another draw than the recorded one
            assert set(case["text_items"]) <= {item.lower() for item in case["report"]}
            assert len(texts) == len(case["text_items"])
        assert mask == tensors[f"{case['key']}.out.item_mask"].tolist()
        draws = tensors.get(f"{case['key']}.in.random_ints")
        assert case["random_ints"] == (None if draws is None else draws.tolist())
    keys = {name.split(".")[0] for name in tensors}
    assert keys == {case["key"] for case in recorded["cases"]}


@pytest.mark.golden
@pytest.mark.parametrize("path", PUB_BRAIN, ids=lambda path: path.stem)
def test_files_become_the_published_series_names(path):
    recorded, tensors = read_case(path)
    names = [pub_brain_5_series_name(name) for name in recorded["files"]]
    assert names == recorded["series_names"]
    for number, name in enumerate(names):
        assert encode_series_name(name) == tensors[f"case{number}.out.series_tokens"].tolist()


def test_items_beyond_the_slots_are_cut_and_drawn_at_random():
    items = [f"Item {number}" for number in range(9)]
    texts, mask = item_slots(items, 4, np.random.default_rng(1))
    assert len(set(texts)) == 4 and set(texts) <= {item.lower() for item in items}
    assert texts != [item.lower() for item in items[:4]]
    assert mask == [1.0] * 4


def test_report_without_items_is_filled_up_and_not_normal():
    assert item_slots([], 2) == ([PLACEHOLDER] * 2, [0.0, 0.0])
    assert not brain_is_normal([]) and not chest_is_normal([])
