"""What DICOM objects hold where there is little or nothing to show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itemclip_med.explain import Extras
from itemclip_med.explain.heatmap import LoadedStudy
from itemclip_med.explain.output import write_maps
from itemclip_med.models import ItemizedCLIP
from itemclip_med.predict.intake import take_in
from itemclip_med.transforms import ModelInput
from tests.dicom.making import write_series
from tests.explain.making import head, plant_attention
from tests.explain.reading import errors_by_dciodvfy

hd = pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")
SHAPE = (48, 64, 30)


def write_mr(folder, **options):
    array = head(SHAPE).clip(0).astype("<u2")
    return write_series(
        folder, num=SHAPE[2], size=(SHAPE[1], SHAPE[0]), modality="MR", intercept=0, FrameOfReferenceUID="1.2.3.9",
        each=lambda k: {"PixelData": array[..., k].T.tobytes()}, **options,
    )  # fmt: skip


@pytest.fixture
def study(tmp_path):
    """A brain MRI of two series on the model's grid; its DICOM lies in ``in``."""
    for number, name in enumerate(("Ax T2", "Ax FLAIR")):
        write_mr(tmp_path / "in" / name, study_uid="1.2.3.4", SeriesDescription=name, EchoTime=90.0 + number)
    model = ItemizedCLIP.from_pretrained("head_ct_phantom")
    model.preprocessing = ModelInput("MR", grid=(32, 128, 112), depth="auto", max_series=2).to_dict()
    taken = take_in(tmp_path / "in", tmp_path / "work", "generic_brain_mri")
    assert len(taken.study.series) == 2
    return LoadedStudy.load(taken.store, taken.study.study_id, model)


def written(study, maps, folder):
    extras = Extras(source=folder / "in", model_name="a model")
    return write_maps(study.store, study.study.study_id, maps, folder / "out", formats=["dicom"], extras=extras)


def test_maps_of_zeros_are_said_and_leave_a_report_alone(study, tmp_path, monkeypatch, caplog):
    plant_attention(monkeypatch, study.model, [None])
    maps = study.heatmaps(["a lesion"], study.map(study.embed(["a lesion"])))
    paths = written(study, maps, tmp_path)
    assert [path.name.rsplit("_", 1)[1] for path in paths] == ["report.dcm", "report.dcm"]
    assert caplog.text.count("zero everywhere") == 2
    report = hd.sr.srread(paths[0])
    (group,) = report.content.get_image_measurement_groups()
    assert group.get_measurements()[1].value == pytest.approx(1)  # all attention looked nowhere
    assert errors_by_dciodvfy(paths[0]) == []


def test_a_series_that_hardly_has_attention_gets_no_segment(study, tmp_path, monkeypatch):
    plant_attention(monkeypatch, study.model, [(2, 3, 3)])
    one, other = study.heatmaps(["a lesion"], study.map(study.embed(["a lesion"])))
    weak = replace(other, values=other.values * np.float32(0.1), patches=other.patches * np.float32(0.1))
    names = [path.name for path in written(study, [one, weak], tmp_path)]
    assert [name.rsplit("_", 1)[1] for name in names if name.startswith("0_")] == [
        "map.dcm", "segmentation.dcm", "report.dcm"
    ]  # fmt: skip
    assert [name.rsplit("_", 1)[1] for name in names if name.startswith("1_")] == ["map.dcm", "report.dcm"]
