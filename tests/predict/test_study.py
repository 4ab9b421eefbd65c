"""One study in, everything out; what cannot be done is said in one line."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.errors import ModelError, SourceError
from itemclip_med.predict.asked import Asked, ask_for, from_bundle
from itemclip_med.predict.intake import Place, domain_of, take_in
from itemclip_med.predict.study import predict_study
from itemclip_med.records import Finding
from itemclip_med.transforms import ModelInput
from itemclip_med.volumes import write_nifti
from tests.dicom.making import write_series
from tests.explain.making import head
from tests.explain.reading import errors_by_dciodvfy

FINDINGS = (
    Finding("SDH", "Subdural hematoma", ("subdural hematoma", "crescentic blood")),
    Finding("Normal", "Nothing", ("normal head",), ("hemorrhage",)),
)
ASKED = Asked("head_ct_phantom", "", FINDINGS)
SHAPE = (48, 64, 30)


def write_dicom(folder, array=None, **options):
    array = (head(SHAPE) if array is None else array).astype(np.int32)
    return write_series(
        folder, num=SHAPE[2], size=(SHAPE[1], SHAPE[0]), FrameOfReferenceUID="1.2.3.9",
        each=lambda k: {"PixelData": (array[..., k].T + 1024).clip(0, 4000).astype("<u2").tobytes()}, **options,
    )  # fmt: skip


def chest():
    """A body with two lungs, int16 HU."""
    x, y, _ = np.meshgrid(*(np.linspace(-1, 1, size) for size in SHAPE), indexing="ij")
    body, lungs = x**2 + y**2 < 0.9, ((np.abs(x) - 0.45) / 0.3) ** 2 + (y / 0.5) ** 2 < 1
    return np.select([lungs, body], [-800, 40], -1000).astype(np.int16)


def test_dicom_gives_scores_a_page_and_objects(tmp_path):
    pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")
    write_dicom(tmp_path / "in")
    said = []
    result = predict_study(tmp_path / "in", ASKED, tmp_path / "out", say=said.append)
    values = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert values == result.values
    assert [entry["name"] for entry in values["findings"]] == sorted(
        ["SDH", "Normal"], key=lambda name: -{e["name"]: e["score"] for e in values["findings"]}[name]
    )
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        "0_AX_THICK_1_map.dcm", "0_AX_THICK_2_map.dcm", "0_AX_THICK_report.dcm", "0_AX_THICK_segmentation.dcm",
        "scores.json", "study.html",
    ]  # fmt: skip
    assert any(line.startswith("Series: AX_THICK, 48 x 64 x 30") for line in said)
    assert any(line.startswith("Windows") and "brain 40/80" in line for line in said)
    assert any("trained on phantoms" in line for line in said)


def test_maps_can_be_made_of_something_else_than_attention(tmp_path):
    write_dicom(tmp_path / "in")
    result = predict_study(tmp_path / "in", ASKED, tmp_path / "out", formats=["html"], method="saliency")
    assert result.values["maps"] == "saliency"
    assert '"method":"Saliency"' in (tmp_path / "out" / "study.html").read_text(encoding="utf-8")
    assert all(entry["peaks_ras_mm"][0] for entry in result.values["findings"])


def test_scores_are_those_of_the_evaluation(tmp_path):
    from dataclasses import replace

    from itemclip_med.zeroshot import load_task, score_store

    write_dicom(tmp_path / "in")
    taken = take_in(tmp_path / "in", tmp_path / "work", "generic_head_ct")
    task = replace(load_task("cq500-10"), findings=FINDINGS)
    scores, _ = score_store(taken.store, task, "head_ct_phantom", show_progress=False)
    result = predict_study(tmp_path / "in", ASKED, tmp_path / "out", formats=["html"])
    found = {entry["name"]: entry["score"] for entry in result.values["findings"]}
    assert found == pytest.approx(scores[taken.study.study_id], abs=1e-4)


def test_nothing_written_names_the_patient(tmp_path):
    write_dicom(tmp_path / "in")
    predict_study(tmp_path / "in", ASKED, tmp_path / "out", formats=["html"])
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        assert b"SECRET-PATIENT" not in content and b"Doe" not in content


def test_the_report_says_score_words_and_place(tmp_path):
    hd = pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")
    paths = write_dicom(tmp_path / "in")
    result = predict_study(tmp_path / "in", ASKED, tmp_path / "out", formats=["dicom"])
    import pydicom

    report = hd.sr.srread(next(path for path in result.paths if path.name.endswith("report.dcm")))
    groups = report.content.get_volumetric_roi_measurement_groups()
    scores = {entry["title"]: entry["score"] for entry in result.values["findings"]}
    found = {group.tracking_identifier: group.get_measurements()[0].value for group in groups}
    assert found == pytest.approx(scores, abs=1e-5)
    source = pydicom.dcmread(paths[0])
    segmentation = pydicom.dcmread(next(path for path in result.paths if path.name.endswith("segmentation.dcm")))
    assert groups[0].referenced_segment.referenced_sop_instance_uid == segmentation.SOPInstanceUID
    assert segmentation.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert segmentation.StudyInstanceUID == source.StudyInstanceUID == report.StudyInstanceUID
    named = segmentation.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert "head_ct_phantom" in named.AlgorithmParameters
    assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID


def test_dciodvfy_finds_no_error(tmp_path):
    pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")
    write_dicom(tmp_path / "in")
    result = predict_study(tmp_path / "in", ASKED, tmp_path / "out", formats=["dicom"])
    objects = [path for path in result.paths if path.suffix == ".dcm"]
    assert len(objects) == 4
    assert {path.name: errors_by_dciodvfy(path) for path in objects} == {path.name: [] for path in objects}


def test_nifti_gives_a_page_and_says_why_no_dicom(tmp_path):
    affine = np.diag([-3.0, -2.0, 5.0, 1.0])
    write_nifti(head(SHAPE), affine, tmp_path / "head.nii.gz")
    result = predict_study(tmp_path / "head.nii.gz", ASKED, tmp_path / "out")
    assert [path.name for path in result.paths] == ["scores.json", "study.html"]
    assert any("No DICOM objects" in note for note in result.notes)


def test_npz_needs_its_place_told(tmp_path):
    np.savez(tmp_path / "head.npz", ct=head(SHAPE).transpose(2, 1, 0))
    with pytest.raises(SourceError, match="--spacing-mm"):
        take_in(tmp_path / "head.npz", tmp_path / "a", "generic_head_ct")
    taken = take_in(tmp_path / "head.npz", tmp_path / "b", "generic_head_ct", place=Place((5.0, 2.0, 3.0), "SPL", "ct"))
    assert taken.study.series[0].shape == SHAPE
    assert taken.study.series[0].spacing_mm == pytest.approx((3, 2, 5))


def test_a_study_of_another_domain_is_warned_of(tmp_path):
    write_dicom(tmp_path / "in", chest())
    result = predict_study(tmp_path / "in", ASKED, tmp_path / "out", formats=["html"])
    assert any("made for head CT" in warning for warning in result.warnings)
    assert "made for head CT" in (tmp_path / "out" / "study.html").read_text()


def test_domains_are_known_by_what_models_are_given():
    assert domain_of(ModelInput("MR")) == "brain MRI"
    assert domain_of(ModelInput("CT", windows_hu={"lung": (-600, 1500), "bone": (400, 1800)})) == "chest CT"
    assert domain_of(ModelInput("CT")) == "head CT"


def test_a_study_without_a_usable_series_says_what_is_there(tmp_path):
    write_dicom(tmp_path / "in", modality="MR")
    with pytest.raises(SourceError, match="1 x modality MR"):
        predict_study(tmp_path / "in", ASKED, tmp_path / "out")


def test_several_studies_are_refused(tmp_path):
    write_dicom(tmp_path / "in" / "a")
    write_dicom(tmp_path / "in" / "b")
    with pytest.raises(SourceError, match="holds 2 studies"):
        predict_study(tmp_path / "in", ASKED, tmp_path / "out")


def test_a_bundle_brings_model_recipe_and_findings():
    asked = from_bundle("head_ct_itemclip")
    assert (asked.model, asked.recipe) == ("head_ct_phantom", "generic_head_ct")
    assert "SDH" in [finding.name for finding in asked.findings]
    with pytest.raises(ModelError, match="head_ct_itemclip"):
        from_bundle("nope")
    with pytest.raises(ModelError, match="--model"):
        from_bundle("chest_ct_itemclip")


def test_prompts_of_a_file_replace_the_findings(tmp_path):
    (tmp_path / "p.yaml").write_text("SDH: a subdural\nNew: [one, two]\n")
    findings = ask_for(tmp_path / "p.yaml", "cq500-10")
    assert [(one.name, one.title, one.prompts) for one in findings] == [
        ("SDH", "Subdural hemorrhage", ("a subdural",)),
        ("New", "New", ("one", "two")),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere", "--bundle", "head_ct_itemclip"], 2, "does not exist"),
        (["nowhere"], 2, "--bundle"),
        (["nowhere", "--model", "head_ct_phantom", "--spacing-mm", "1", "1", "1"], 2, "--orientation"),
        (["nowhere", "--bundle", "head_ct_itemclip", "--prompts", "EMPTY"], 1, "empty"),
        (["nowhere", "--bundle", "head_ct_itemclip", "--prompts", "LONG"], 1, "10,000"),
    ],
)
def test_misuse_is_told_in_one_line(arguments, code, message, tmp_path):
    (tmp_path / "EMPTY").write_text("SDH: ' '\n")
    (tmp_path / "LONG").write_text(f"SDH: {'x' * 10_000}\n")
    arguments = [str(tmp_path / one) if one in ("EMPTY", "LONG") else one for one in arguments]
    done = CliRunner().invoke(main, ["predict", *arguments, "-o", str(tmp_path / "out")])
    assert done.exit_code == code
    assert message in done.output


def test_a_source_that_moved_or_is_another_study_is_told(tmp_path):
    pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")
    from itemclip_med.explain import Extras, explain_study

    write_dicom(tmp_path / "in")
    taken = take_in(tmp_path / "in", tmp_path / "work", "generic_head_ct")

    def explain(source):
        return explain_study(
            taken.store, taken.study.study_id, "head_ct_phantom", ["a bleed"], tmp_path / "out", formats=["dicom"],
            extras=Extras(source=source),
        )  # fmt: skip

    with pytest.raises(SourceError, match="--source"):
        explain(None)
    with pytest.raises(SourceError, match="is not there"):
        explain(tmp_path / "moved")
    write_dicom(tmp_path / "other")
    with pytest.raises(SourceError, match="is not study"):
        explain(tmp_path / "other")
    (tmp_path / "work" / "store.id-key").unlink()
    shutil.rmtree(tmp_path / "other")
    write_dicom(tmp_path / "other", positions=np.array([500.0, 0, 0]) + np.outer(np.arange(30) * 5.0, (0, 0, 1)))
    with pytest.raises(SourceError, match="No CT series of the source lies"):
        explain(tmp_path / "other")


def test_images_are_found_by_their_ids_among_studies_at_one_place(tmp_path):
    pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")
    import pydicom

    from itemclip_med.explain.dicom_source import opened_images

    for name in ("a", "b", "c"):
        write_dicom(tmp_path / "all" / name)
    shutil.copytree(tmp_path / "all" / "b", tmp_path / "one")
    taken = take_in(tmp_path / "one", tmp_path / "work", "generic_head_ct")
    (series,) = taken.study.series
    wanted = pydicom.dcmread(next((tmp_path / "one").iterdir())).SeriesInstanceUID
    with opened_images(tmp_path / "all", taken.study, [series], store=taken.store.root) as images:
        assert {dataset.SeriesInstanceUID for dataset in images[series].datasets} == {wanted}
    (tmp_path / "work" / "store.id-key").unlink()
    with (
        pytest.raises(SourceError, match="Several studies"),
        opened_images(tmp_path / "all", taken.study, [series], store=taken.store.root),
    ):
        pass


def test_mr_gets_objects_too(tmp_path, monkeypatch):
    pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")
    from itemclip_med.explain import Extras
    from itemclip_med.explain.heatmap import LoadedStudy
    from itemclip_med.explain.output import write_maps
    from itemclip_med.models import ItemizedCLIP

    model = ItemizedCLIP.from_pretrained("head_ct_phantom")
    model.preprocessing = ModelInput("MR", grid=(32, 128, 112), depth="auto", max_series=1).to_dict()
    write_dicom(tmp_path / "in", modality="MR", intercept=0)
    taken = take_in(tmp_path / "in", tmp_path / "work", "generic_brain_mri")
    maps = LoadedStudy.load(taken.store, taken.study.study_id, model).ask(FINDINGS)
    extras = Extras(source=tmp_path / "in")
    paths = write_maps(taken.store, taken.study.study_id, maps, tmp_path, formats=["dicom", "html"], extras=extras)
    objects = [path for path in paths if path.suffix == ".dcm"]
    assert len(objects) == 4
    assert [errors_by_dciodvfy(path) for path in objects] == [[]] * 4
