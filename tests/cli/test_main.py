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
