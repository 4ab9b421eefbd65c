"""Which items a training step sees, and what denials become."""

# ruff: noqa: E501  (one example a line)
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from itemclip_med.data import ItemSampling, collate_studies
from itemclip_med.data.denials import affirm
from itemclip_med.data.items import NORMAL_ITEM
from itemclip_med.records import Item, Report

REPORT = Report(
    "a",
    (
        Item("Cyst"), Item("Possible mass", "uncertain"), Item("No pneumothorax", "absent"), Item("Ventricles not dilated", "absent"),
        Item("The effusion has resolved", "absent"), Item("Heart normal", "normal"), Item("No cyst", "absent"),
    ),
    False,
)  # fmt: skip
NORMAL = Report("b", (Item("Normal chest CT", "normal"),), True)


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("absent", "texts", "denied"),
    [
        ("keep", {item.text for item in REPORT.items}, set()),
        ("drop", {"Cyst", "Possible mass"}, set()),
        ("negative", {"Cyst", "Possible mass"}, {"Pneumothorax", "Ventricles dilated"}),
    ],
)
def test_what_becomes_of_denials(absent, texts, denied):
    found = ItemSampling(9, absent).draw(REPORT, random())
    assert (set(found[0]), set(found[1])) == (texts, denied)


@pytest.mark.parametrize("absent", ["keep", "drop", "negative"])
def test_a_normal_study_has_one_normal_item(absent):
    assert ItemSampling(5, absent).draw(NORMAL, random()) == (["Normal chest CT"], [])
    assert ItemSampling(5, absent).choose(Report("c", (), True), random()) == [NORMAL_ITEM]


def test_items_beyond_k_are_drawn_with_equal_chances_and_in_random_order():
    report = Report("a", tuple(Item(f"{number}") for number in range(6)), False)
    sampling, generator = ItemSampling(2), random(1)
    drawn = [tuple(sampling.choose(report, generator)) for _ in range(3000)]
    assert all(len(set(texts)) == 2 for texts in drawn)
    firsts = Counter(texts[0] for texts in drawn)
    assert len(firsts) == 6 and all(400 < count < 600 for count in firsts.values())


def test_hard_negatives_take_slots_of_k_but_never_the_last():
    texts, denied = ItemSampling(2, "negative", num_negatives=1).draw(REPORT, random())
    assert (len(texts), len(denied)) == (1, 1)
    with pytest.raises(ValueError, match="num_negatives 2 of 2 slots"):
        ItemSampling(2, "negative", num_negatives=2)


def test_what_the_study_shows_is_never_a_hard_negative():
    for seed in range(20):
        assert "Cyst" not in ItemSampling(4, "negative").draw(REPORT, random(seed))[1]


def test_hard_negatives_are_marked_in_a_batch():
    import torch

    sample = {"image": torch.zeros(1, 1, 2, 2, 2), "series": ["x"], "study_id": "a", "labels": {}, "acquisition": [0],
              "items": ["Cyst"], "denied": ["Mass"], "num_items": 4, "is_normal": False}  # fmt: skip
    batch = collate_studies([sample])
    assert batch["items"] == [["Cyst", "Mass", "", ""]]
    assert batch["item_mask"].tolist() == [[1, -1, 0, 0]]


@pytest.mark.parametrize(
    ("text", "affirmed"),
    [
        ("No pleural effusion", "Pleural effusion"), ("no evidence of a mass", "Mass"), ("Without midline shift", "Midline shift"),
        ("Neither fracture", "Fracture"), ("nor dislocation", "Dislocation"), ("HEMORRHAGE: None", "HEMORRHAGE"),
        ("Lungs: No nodule", "Lungs: Nodule"), ("Pericardial effusion was not observed", "Pericardial effusion"),
        ("Ventricles are not dilated", "Ventricles are dilated"), ("The left kidney shows no stone", "The left kidney shows stone"),
        ("Restricted diffusion is absent", "Restricted diffusion"), ("Negative for stroke.", "Stroke"),
        ("The effusion has resolved", None), ("No longer seen", None), ("No mass without edema", None), ("No", None),
    ],
)  # fmt: skip
def test_a_denial_is_taken_out(text, affirmed):
    if text == "Ventricles are not dilated":
        assert affirm("Ventricles not dilated") == "Ventricles dilated"
    assert affirm(text) == affirmed
