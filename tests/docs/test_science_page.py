"""The page of the science shows what the committed results say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.science_methods import LEFT_OUT, METHODS, QUEUE
from benchmarks.science_table import BEGIN, END, read_results, tables, write_into

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "concepts" / "science.md"


def result(method="itemclip", seed=0, mean_auc=0.8, **values):
    test = {"mean_auc": mean_auc, "control_mean_auc": 0.5, "completeness": 0.6, "auc": {"ICH": mean_auc}}
    found = {"method": method, "seed": seed, "quick": False, "cpu_seconds": {"train": 100.0}, "tests": {"usual": test}}
    return found | values


def written(folder, *results):
    for one in results:
        (folder / f"{one['method']}_{one['seed']}.json").write_text(json.dumps(one))
    return read_results(folder)


def test_the_page_shows_the_tables_of_the_committed_results():
    page = PAGE.read_text(encoding="utf-8")
    shown = page.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == tables(read_results(RESULTS)).strip(), (
        "run: python benchmarks/science.py --table --write docs/concepts/science.md"
    )


def test_results_of_one_comparison_had_the_same_data_steps_and_size():
    found = [one for rows in read_results(RESULTS).values() for one in rows]
    assert len(found) > 1
    for length in {METHODS[one["method"]].length for one in found}:
        alike = [one for one in found if METHODS[one["method"]].length == length]
        for name in ("data_digest", "num_train", "num_steps", "shared", "num_train_drawn"):
            assert len({json.dumps(one[name]) for one in alike}) == 1, name
        sizes = {one["num_parameters"] for one in alike}
        assert max(sizes) - min(sizes) <= 1  # InfoNCE has no bias


def test_several_seeds_are_a_mean_and_a_standard_deviation(tmp_path):
    found = written(tmp_path, result(mean_auc=0.7), result(seed=1, mean_auc=0.8), result("siglip", mean_auc=0.6))
    lines = tables(found).splitlines()
    assert next(line for line in lines if line.startswith("| ItemizedCLIP ")).split(" | ")[1:3] == [
        "0, 1",
        "0.750 ± 0.071",
    ]
    assert next(line for line in lines if line.startswith("| SigLIP")).split(" | ")[1:3] == ["0", "0.600"]


def test_what_a_method_does_not_have_is_a_dash(tmp_path):
    maps = {
        "separation": {"model": 0.4, "control": 0.6},
        "mean": {"model": {"hit": 0.7, "auprc": 0.2}, "control": {"hit": 0.1, "auprc": 0.02}},
    }
    lines = tables(written(tmp_path, result(maps=maps), result("siglip", maps=None))).splitlines()
    assert "0.700 (0.100) | 0.200 (0.020)" in next(line for line in lines if line.startswith("| ItemizedCLIP "))
    assert "| – | – | – |" in next(line for line in lines if line.startswith("| SigLIP"))


def test_quick_results_stay_out_of_the_tables(tmp_path):
    assert written(tmp_path, result(quick=True)) == {}


def test_runs_that_are_missing_are_named(tmp_path):
    text = tables(written(tmp_path, result()))
    assert "Not run yet:" in text
    assert "SigLIP, whole report (seed 0)" in text
    assert "ItemizedCLIP (seed 0)" not in text


def test_a_page_keeps_what_stands_around_the_tables(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_into(page, "new\n")
    write_into(page, "newer\n")
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    page.write_text("no markers")
    with pytest.raises(ValueError, match="expected the markers"):
        write_into(page, "new")


def test_every_method_is_run_and_the_important_ones_three_times():
    seeds = {name: [seed for method, seed in QUEUE if method == name] for name in METHODS}
    assert len(set(QUEUE)) == len(QUEUE)
    assert all(sorted(seeds[name]) == [0, 1, 2] for name in ("itemclip", "siglip", "flair"))
    assert all(seeds.values())


def test_only_items_and_losses_differ_between_methods():
    assert all(key.startswith("loss_def::") for method in METHODS.values() for key in method.changes)
    assert {name for name, _ in LEFT_OUT} == {"EDH", "SDH", "ChronicBleed"}
