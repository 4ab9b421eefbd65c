"""The whole road at tiny size: DICOM phantoms, store, bundle, zero-shot, heatmap."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.predict import DemoSettings, run_demo
from itemclip_med.store import Store
from tests.dicom.making import write_series


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("road") / "demo"
    settings = DemoSettings(
        num_train=16, num_test=10, epochs=1, workers=1, num_pictures=1,
        overrides=(("batch_size", "4"), ("tensorboard", "False")),
    )  # fmt: skip
    return out, run_demo(out, settings, say=lambda line: None)


@pytest.mark.e2e
def test_the_road_ends_with_a_table_and_a_picture(demo):
    _, result = demo
    assert result.metrics["num_studies"] == 10
    assert 0 <= result.metrics["mean"]["auc"] <= 1
    assert "mean of" in result.report
    assert result.pictures and all(path.stat().st_size > 10_000 for path in result.pictures)
    assert (result.model / "model.safetensors").is_file()


@pytest.mark.e2e
def test_heatmaps_lie_on_the_grid_of_the_stored_series(demo):
    out, result = demo
    store = Store(out / "stores" / "test")
    study = store.study(result.pictures[0].parent.name)
    image = nib.load(next(result.pictures[0].parent.glob("*.nii.gz")))
    assert image.shape == study.series[0].shape
    assert image.affine == pytest.approx(np.array(study.series[0].affine), abs=1e-4)


@pytest.mark.e2e
def test_the_trained_model_scores_a_store_from_the_command_line(demo, tmp_path):
    out, result = demo
    done = run(
        "zeroshot", "run", out / "stores" / "test", "--task", "cq500-10", "--model", result.model, "-o", tmp_path
    )
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "metrics.json").read_text())["mean"]["auc"] == result.metrics["mean"]["auc"]


@pytest.mark.e2e
def test_a_folder_of_something_else_is_no_place_for_the_demo(tmp_path):
    (tmp_path / "file").touch()
    done = run("demo", "run", tmp_path)
    assert done.exit_code == 1
    assert "no earlier demo" in done.output


def test_a_bad_study_is_recorded_and_the_rest_goes_on(tmp_path):
    write_series(tmp_path / "in" / "good", num=10)
    write_series(tmp_path / "in" / "bad", num=10, skip=(4,))
    (tmp_path / "in" / "junk").write_text("junk" * 100)
    done = run("preprocess", "dicom", tmp_path / "in", tmp_path / "s", "--recipe", "head_ct", "--workers", 1)
    assert done.exit_code == 1
    assert "1 studies stored" in done.output and "1 failed" in done.output
    assert "missing" in done.output
    again = run("preprocess", "dicom", tmp_path / "in", tmp_path / "s", "--recipe", "head_ct", "--workers", 1)
    assert "1 known before" in again.output


def test_nothing_identifying_enters_a_store_or_its_log(tmp_path):
    write_series(tmp_path / "in", num=10, study_uid="1.2.826.0.1.99", SeriesDescription="Doe^Jane 1970")
    done = run("preprocess", "dicom", tmp_path / "in", tmp_path / "s", "--recipe", "head_ct", "--workers", 1)
    assert done.exit_code == 0, done.output
    files = [path for path in tmp_path.rglob("*") if path.is_file() and (tmp_path / "in") not in path.parents]
    text = b"".join(path.read_bytes() for path in files) + done.output.encode()
    for secret in (b"SECRET", b"Doe", b"1970", b"1.2.826.0.1.99"):
        assert secret not in text


def test_workers_do_not_change_a_store(tmp_path):
    for index in range(3):
        write_series(tmp_path / "in" / str(index), num=10, patient_id=f"p{index}")
    for name, workers in (("one", 1), ("two", 2)):
        key = tmp_path / "key"
        done = run(
            "preprocess", "dicom", tmp_path / "in", tmp_path / name, "--recipe", "head_ct",
            "--workers", workers, "--id-key", key,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    assert Store(tmp_path / "one").digest() == Store(tmp_path / "two").digest()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("preprocess", "dicom", "EMPTY", "OUT", "--recipe", "head_ct"), 1, "no file in it"),
        (("preprocess", "dicom", "SOURCE", "OUT", "--recipe", "head_cd"), 2, "Did you mean head_ct"),
        (("preprocess", "dicom", "SOURCE", "OUT"), 2, "--recipe NAME"),
        (("preprocess", "dicom", "SOURCE", "OUT", "--recipe", "head_ct", "--labels", "LABELS"), 1, "None of the 1"),
        (("store", "ls", "OLD"), 1, "version 99"),
    ],
)
def test_bad_input_is_answered_in_one_line(arguments, status, message, tmp_path):
    write_series(tmp_path / "SOURCE", num=10)
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "OLD").mkdir()
    (tmp_path / "OLD" / "store.json").write_text('{"version": 99}')
    (tmp_path / "LABELS").write_text("study_id,ICH\nother,1\n")
    names = {"SOURCE", "EMPTY", "OUT", "OLD", "LABELS"}
    done = run(*[tmp_path / part if part in names else part for part in arguments])
    assert done.exit_code == status
    assert message in done.output
    assert "Traceback" not in done.output
