"""The official downloads from end to end: phantoms in their layouts, checked, converted, listed."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.phantoms.chest_export import ChestSet, export_chest_ct
from itemclip_med.phantoms.defects import DEFECTS_OF
from itemclip_med.phantoms.export import PhantomSet, export_head_ct
from itemclip_med.phantoms.mri_export import BrainMriSet, export_brain_mri
from itemclip_med.preprocess import check_dataset, load_recipe, run_recipe
from itemclip_med.store import Store

# Layout: recipe, folder below the set's, how a set is made.
LAYOUTS = {
    "cq500": ("cq500", "cq500", lambda out, n, d: export_head_ct(out, PhantomSet(n, layout="cq500", defects=d))),
    "rsna": ("rsna_ich", "rsna", lambda out, n, d: export_head_ct(out, PhantomSet(n, layout="rsna", defects=d))),
    "ct-rate": ("ct_rate", ".", lambda out, n, d: export_chest_ct(out, ChestSet(n, layout="ct-rate", defects=d))),
    "ct-rate-v1": ("ct_rate", ".", lambda out, n, d: export_chest_ct(out, ChestSet(n, layout="ct-rate-v1", defects=d))),
    "rad-chestct": (
        "rad_chestct", "rad-chestct",
        lambda out, n, d: export_chest_ct(out, ChestSet(n, layout="rad-chestct", defects=d)),
    ),
    "pub-brain-5": (
        "pub_brain_5", "pub_brain_5",
        lambda out, n, d: export_brain_mri(out, BrainMriSet(n, layout="pub-brain-5", defects=d)),
    ),
}  # fmt: skip
FEW = {
    "ct-rate-v1": ("hu-twice", "missing-volume", "unlabeled-volume"),
    "rad-chestct": ("pickled-array", "hu-twice", "unlabeled-volume"),
}
# With one study more than defects; of layouts that take long few defects are quick, all of them long.
SETS = [
    *LAYOUTS,
    *(pytest.param(f"{layout} with all defects", marks=pytest.mark.long) for layout in FEW),
]
# What a check calls a defect. An id that is only spelled differently is no oddity: it is understood, and noted.
KIND_OF = {
    "hu-twice": "hu-shifted",
    "flipped-axis": "flipped-sides",
    "corrupt-file": "unreadable-file",
    "duplicate-rows": "duplicate-row",
    "unlabeled-volume": "unlabeled-study",
    "missing-volume": "missing-study",
    "old-version": "other-version",
    "impossible-spacing": "impossible-geometry",
    "repeated-volume": "repeated-content",
    "pickled-array": "pickled-array",
    "missing-slice": "missing-slice",
    "repeated-study": "repeated-study",
}
REFUSED = ("hu-twice", "corrupt-file", "old-version", "pickled-array", "missing-slice", "impossible-spacing")


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    """Of each layout one set with all its defects, made when it is first asked for."""
    made = {}

    def make(name):
        layout = name.split(" ")[0]
        if name not in made:
            recipe, folder, export = LAYOUTS[layout]
            defects = FEW.get(name, DEFECTS_OF[layout])
            out = tmp_path_factory.mktemp(layout) / "set"
            # A table of which nothing is there is a note: no split may consist of the missing study alone.
            export(out, len(defects) + (2 if name == "ct-rate-v1" else 1), defects)
            planted = json.loads((out / "truth" / "defects.json").read_text())
            made[name] = (recipe, out / folder, planted)
        return made[name]

    return make


def study_of(oddity, planted):
    """The planted study that an oddity is about: its id, or one that its file or study id begins with."""
    for name in planted:
        if name in (oddity.study_id, oddity.file) or f"{name}_" in f"{oddity.study_id} {oddity.file}":
            return name
        if name in oddity.file or oddity.study_id.startswith(f"{name}_"):
            return name
    return oddity.study_id or oddity.file


@pytest.mark.parametrize("name", SETS)
def test_a_check_finds_the_planted_defects_and_nothing_else(spoiled, name):
    layout, (recipe, source, planted) = name.split(" ")[0], spoiled(name)
    report = check_dataset(recipe, source, workers=1, show_progress=False)
    found = defaultdict(set)
    for oddity in report.oddities:
        found[oddity.kind].add(study_of(oddity, planted))
    expected = defaultdict(set)
    for study, defect in planted.items():
        if defect == "odd-spelling":
            continue
        kind = KIND_OF[defect]
        if defect == "corrupt-file" and layout in ("cq500", "rsna"):
            kind = "damaged-slice"
        # Slices without a file: no header tells their study.
        expected[kind].add("stage_2_train.csv" if (layout, defect) == ("rsna", "missing-volume") else study)
    assert found == expected
    if layout == "cq500":
        assert any("ids are spelled in 4 ways" in note for note in report.notes)


@pytest.mark.parametrize("name", SETS)
def test_conversion_records_what_is_broken_and_stores_the_rest(spoiled, name, tmp_path):
    layout, (recipe, source, planted) = name.split(" ")[0], spoiled(name)
    summary = run_recipe(recipe, source, tmp_path / "store", workers=1, show_progress=False)
    store = Store(tmp_path / "store")
    stored = {study.study_id for study in store.studies}
    refused = {study for study, defect in planted.items() if defect in REFUSED}
    if layout == "rsna":  # its recipe interpolates a slice that is missing or damaged, and says so
        refused = {study for study, defect in planted.items() if defect == "hu-twice"}
    if layout == "pub-brain-5":  # a study has other series than the broken one
        refused = set()
    assert not [one for one in stored for study in refused if one == study or one.startswith(f"{study}_")]
    missing = {study for study, defect in planted.items() if defect == "missing-volume"}
    assert not stored & missing and summary.num_stored == len(stored)
    assert summary.num_failed >= len(refused) - len(missing & refused)
    unlabeled = next(study for study, defect in planted.items() if defect == "unlabeled-volume")
    for study in store.studies:
        is_unlabeled = study.study_id == unlabeled or study.study_id.startswith(f"{unlabeled}_")
        assert bool(study.labels) != is_unlabeled
        assert study.patient_id and study.source == load_recipe(recipe).source_name
    assert summary.unmatched["studies without labels"] >= 1
    assert store.check() == []
    done = CliRunner().invoke(main, ["store", "ls", str(tmp_path / "store")])
    assert done.exit_code == 0 and f"{len(stored)} studies" in done.output


def test_ct_rate_gets_patient_scanner_split_labels_and_items(spoiled, tmp_path):
    _, source, _ = spoiled("ct-rate")
    run_recipe("ct_rate", source, tmp_path / "store", workers=1, show_progress=False)
    store = Store(tmp_path / "store")
    for study in store.studies:
        start = "valid_" if study.split == "val" else "train_"
        assert study.study_id.startswith(start) and study.patient_id == "_".join(study.study_id.split("_")[:2])
        assert study.series[0].spacing_mm == pytest.approx((1, 1, 3), rel=0.03)
        if study.labels:
            report = store.reports[study.study_id]
            assert report.items and report.is_normal == (not any(study.labels.values()))


def test_both_versions_of_ct_rate_become_the_same_volumes(tmp_path):
    import numpy as np

    arrays = []
    for layout in ("ct-rate", "ct-rate-v1"):
        export_chest_ct(tmp_path / layout, ChestSet(1, seed=4, layout=layout))
        run_recipe("ct_rate", tmp_path / layout, tmp_path / f"s-{layout}", workers=1, show_progress=False)
        store = Store(tmp_path / f"s-{layout}")
        arrays.append(store.read(store.study("train_1_a_1").series[0]))
    assert arrays[0].shape == arrays[1].shape
    assert np.abs(arrays[0].astype(int) - arrays[1]).max() <= 1


def test_rsna_studies_take_the_greatest_label_of_their_slices(tmp_path):
    export_head_ct(tmp_path / "set", PhantomSet(3, layout="rsna", corrupt_file=True))
    summary = run_recipe("rsna_ich", tmp_path / "set" / "rsna", tmp_path / "store", workers=1, show_progress=False)
    assert (summary.num_stored, summary.num_failed, summary.files_skipped["truncated"]) == (3, 0, 1)
    from itemclip_med.labels import read_rsna_studies

    expected = read_rsna_studies(tmp_path / "set" / "rsna" / "stage_2_train.csv")  # by slices.csv beside it
    assert {study.study_id: study.labels for study in Store(tmp_path / "store").studies} == expected
    report = check_dataset("rsna_ich", tmp_path / "set" / "rsna", workers=1, show_progress=False)
    assert report.oddities == []
    assert report.notes == ["ID_6431af929: its pixel data are damaged as published"]


def test_the_command_exits_0_1_and_2(spoiled, tmp_path):
    export_brain_mri(tmp_path / "set", BrainMriSet(1, layout="pub-brain-5"))
    run = lambda *args: CliRunner().invoke(main, ["preprocess", "dataset", *map(str, args), "--workers", "1"])  # noqa: E731
    good = run(tmp_path / "set" / "pub_brain_5", "--recipe", "pub_brain_5", "--check")
    assert good.exit_code == 0 and "nothing odd" in good.output
    recipe, source, _ = spoiled("rad-chestct")
    bad = run(source, "--recipe", recipe, "--check", "--json")
    values = json.loads(bad.output)
    assert bad.exit_code == 1 and values["odd"]["pickled-array"] == 1 and values["num_looked"] == 3
    assert {"kind", "text", "study_id", "file", "line"} == set(values["oddities"][0])
    assert run(source, "--recipe", recipe).exit_code == 2
