"""What the command line does when the system refuses."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "/exports/Doe_Jane/x"), "No space left on device"),
        (PermissionError(13, "Permission denied", "/exports/Doe_Jane/x"), "Permission denied"),
    ],
)
def test_a_refusing_system_is_told_in_one_line_without_names(monkeypatch, tmp_path, error, words):
    def refuse(*_args, **_keywords):
        raise error

    monkeypatch.setattr("itemclip_med.dicom.inspect", refuse)
    done = CliRunner().invoke(main, ["preprocess", "inspect", str(tmp_path)])
    assert done.exit_code == 1
    assert words in done.output and "run the same command again" in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert "Doe" not in done.output


def test_a_bug_keeps_its_traceback(monkeypatch, tmp_path):
    def fail(*_args, **_keywords):
        raise ZeroDivisionError

    monkeypatch.setattr("itemclip_med.dicom.inspect", fail)
    assert isinstance(CliRunner().invoke(main, ["preprocess", "inspect", str(tmp_path)]).exception, ZeroDivisionError)


@pytest.mark.parametrize(
    "words",
    [
        "preprocess inspect NOTHING",
        "preprocess inspect HERE --recipe nothing",
        "preprocess dicom NOTHING HERE --recipe head_ct",
        "preprocess dicom HERE NOTHING --recipe nothing",
        "store ls NOTHING",
        "store ls HERE",
        "store export HERE study -o NOTHING",
        "reports itemize NOTHING -o NOTHING",
        "checkpoint info nothing",
        "checkpoint export nothing -o NOTHING",
        "zeroshot run HERE --task nothing --model head_ct_phantom -o NOTHING",
        "zeroshot run HERE --task cq500-10 --model head_ct_phantom -o NOTHING",
        "zeroshot search HERE words --model head_ct_phantom",
        "explain HERE study --item words -o OUT",
        "predict NOTHING --bundle head_ct_itemclip -o OUT",
        "predict HERE --bundle nothing -o OUT",
        "predict HERE --model nothing -o OUT",
        "predict HERE --bundle head_ct_itemclip --task nothing -o OUT",
        "predict HERE --bundle chest_ct_itemclip -o OUT",
        "bundle path nothing",
        "bundle copy nothing NOTHING",
        "bundle copy head_ct_itemclip NOTHING --model nothing",
    ],
)
def test_what_is_named_and_not_there_is_misuse(words, tmp_path):
    (tmp_path / "here").mkdir()
    places = {"HERE": tmp_path / "here", "NOTHING": tmp_path / "nothing", "OUT": tmp_path / "out"}
    done = CliRunner().invoke(main, [str(places.get(word, word)) for word in words.split()])
    assert done.exit_code == 2, done.output
    assert "Error: " in done.output
    assert list((tmp_path / "here").iterdir()) == [] and not (tmp_path / "nothing").exists()
