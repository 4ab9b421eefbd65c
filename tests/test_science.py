"""The parts of ``benchmarks/science.py`` that decide what its numbers mean."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import science, science_data
from benchmarks.science_data import PhantomStore, copy_studies, store_without_pairs
from benchmarks.science_methods import METHODS, QUEUE, QUICK, Sizes, shared_settings
from benchmarks.science_tests import PLACED, completeness, share_below


def fake_store(folder, truth_dir, findings):
    """A store of studies with made-up arrays, and the truth beside it."""
    for study_id in findings:
        (folder / "volumes" / study_id).mkdir(parents=True)
        (folder / "volumes" / study_id / "0.b2nd").write_bytes(study_id.encode())
    (folder / "store.json").write_text("{}")
    for name in ("manifest.jsonl", "items.jsonl"):
        (folder / name).write_text("".join(json.dumps({"study_id": study_id}) + "\n" for study_id in findings))
    truth_dir.mkdir(parents=True)
    lines = (
        json.dumps({"id": study_id, "findings": [{"name": name, "side": side} for name, side in pairs]}) + "\n"
        for study_id, pairs in findings.items()
    )
    (truth_dir / "studies.jsonl").write_text("".join(lines))
    return PhantomStore(folder, truth_dir)


def test_studies_with_a_left_out_pair_are_dropped_and_the_others_kept_whole(tmp_path, monkeypatch):
    drawn = fake_store(
        tmp_path / "drawn",
        tmp_path / "phantoms" / "usual" / "truth",
        {
            "normal": [],
            "seen": [("EDH", "right"), ("SDH", "left")],
            "left-edh": [("SAH", "left"), ("EDH", "left")],
            "right-sdh": [("SDH", "right")],
            "right-old": [("ChronicBleed", "right")],
        },
    )
    monkeypatch.setattr(science_data, "phantom_store", lambda *args: drawn)
    found = store_without_pairs(tmp_path, "usual", 5, 3, lambda line: None)
    kept = [json.loads(line)["study_id"] for line in (found.store / "manifest.jsonl").read_text().splitlines()]
    assert kept == ["normal", "seen"]
    assert sorted(path.name for path in (found.store / "volumes").iterdir()) == ["normal", "seen"]
    assert (found.store / "volumes" / "seen" / "0.b2nd").read_bytes() == b"seen"


def test_a_copy_that_was_stopped_is_made_again(tmp_path):
    store = fake_store(tmp_path / "drawn", tmp_path / "truth", {"one": [], "two": []}).store
    leftover = tmp_path / ".copy" / "volumes" / "three"
    leftover.mkdir(parents=True)
    copy_studies(store, tmp_path / "copy", {"two"})
    assert [path.name for path in (tmp_path / "copy" / "volumes").iterdir()] == ["two"]
    assert not (tmp_path / ".copy").exists()


def test_completeness_is_the_worst_finding_of_each_study():
    names = dict.fromkeys(PLACED, 0.0)
    scores = {
        "a": names | {"IPH": 0.9, "SDH": 0.2},  # both there: SDH is above one of two studies without it
        "b": names | {"IPH": 0.1, "SDH": 0.1},
        "c": names | {"IPH": 0.5, "SDH": 0.3},  # IPH there, above the one study without it
    }
    absent = dict.fromkeys(PLACED, 0)
    labels = {"a": absent | {"IPH": 1, "SDH": 1}, "b": absent, "c": absent | {"IPH": 1}}
    share, cosine = completeness(scores, labels)
    assert share == pytest.approx((0.5 + 1.0) / 2)
    assert cosine == pytest.approx((0.2 + 0.5) / 2)


def test_ties_count_half():
    assert share_below(0.5, np.array([0.1, 0.5, 0.5, 0.9])) == 0.5


def test_a_result_is_resumed_where_it_stopped(tmp_path, monkeypatch):
    paths = science.Paths(tmp_path, tmp_path / "results", "itemclip_0")
    paths.model.mkdir(parents=True)
    done = []

    def train(*args):
        done.append("train")
        return {"cpu_seconds": {"train": 1.0}}

    def measure(result, name, sizes, paths):
        done.append(name)
        if len(done) == 3:
            raise KeyboardInterrupt
        result["cpu_seconds"][name] = 1 / 3

    monkeypatch.setattr(science, "train", train)
    monkeypatch.setattr(science, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        science.run(METHODS["itemclip"], 0, QUICK, paths, ("usual", "maps"), quick=True)
    science.run(METHODS["itemclip"], 0, QUICK, paths, ("usual", "maps"), quick=True)
    assert done == ["train", "usual", "maps", "maps"]
    assert json.loads(paths.result.read_text())["cpu_seconds"] == {"train": 1.0, "usual": 0.33333, "maps": 0.33333}


def test_a_run_may_be_asked_for_by_name_and_seed():
    assert science.chosen_runs(Sizes(), None, None) == list(QUEUE)
    assert science.chosen_runs(Sizes(), "clip", None) == [run for run in QUEUE if run[0] == "clip"]
    assert science.chosen_runs(QUICK, "dual", 7) == [("dual", 7)]


def test_longer_runs_differ_in_nothing_but_their_length():
    usual, longer = shared_settings(Sizes()), shared_settings(Sizes(), 4)
    assert longer.pop("epochs") == 4 * usual.pop("epochs")
    assert longer.pop("val_interval") == 4 * usual.pop("val_interval")
    assert longer == usual
    for name in ("itemclip", "flair", "siglip"):
        short, long = METHODS[name], METHODS[f"{name}_long"]
        assert (short.baseline, short.changes) == (long.baseline, long.changes)
