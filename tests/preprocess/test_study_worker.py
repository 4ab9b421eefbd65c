"""What one study's surprise costs the others: nothing."""

from __future__ import annotations

import re

from itemclip_med.preprocess import run_recipe
from itemclip_med.preprocess.study_worker import StudyWorker
from tests.dicom.making import write_series


def test_an_unforeseen_error_costs_one_study_and_tells_its_place_without_its_words(tmp_path, monkeypatch):
    for name in ("CQ500CT1", "CQ500CT2"):
        write_series(tmp_path / "in" / name, num=10, patient_id=name)
    done = StudyWorker._do_series

    def fail_once(worker, series):
        monkeypatch.setattr(StudyWorker, "_do_series", done)
        raise RuntimeError("DOE^JANE")

    monkeypatch.setattr(StudyWorker, "_do_series", fail_once)
    summary = run_recipe("cq500", tmp_path / "in", tmp_path / "s", workers=1)
    (failure,) = summary.failures
    assert summary.num_stored == 1
    assert re.search(r"unexpected RuntimeError \(test_study_worker.py, line \d+\).*report this line", failure)
    assert "DOE" not in failure + summary.log_path.read_text()
