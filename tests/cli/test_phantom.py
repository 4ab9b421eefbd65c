"""``itemclip-med phantom``: makes a set, completes it, and says in one line what is wrong."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main


def run(*args):
    return CliRunner().invoke(main, ["phantom", "make", *map(str, args)])


def test_a_set_is_made_and_counted(tmp_path):
    done = run("head-ct", tmp_path / "set", "--num", 2, "--seed", 3, "--layout", "cq500", "--workers", 1)
    assert done.exit_code == 0, done.output
    files = len(list((tmp_path / "set").rglob("*.dcm")))
    assert f"2 studies, {files} DICOM files" in done.output
    told = json.loads((tmp_path / "set" / "phantoms.json").read_text())
    assert (told["num"], told["seed"], told["layout"], told["size"]) == (2, 3, "cq500", "demo")
    assert (tmp_path / "set" / "cq500" / "reads.csv").is_file()
    again = run("head-ct", tmp_path / "set", "--num", 2, "--seed", 3, "--layout", "cq500")
    assert again.exit_code == 0
    assert "(2 of them were there)" in again.output


def test_plain_is_the_default_layout(tmp_path):
    assert run("head-ct", tmp_path / "set", "--num", 1, "--start", 7).exit_code == 0
    assert (tmp_path / "set" / "plain" / "head-ct-00007").is_dir()


def test_quiet_says_nothing(tmp_path):
    done = CliRunner().invoke(main, ["-q", "phantom", "make", "head-ct", str(tmp_path / "set"), "--num", "1"])
    assert (done.exit_code, done.output) == (0, "")


def test_a_used_folder_is_one_line_and_exit_1(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    done = run("head-ct", tmp_path, "--num", 1)
    assert done.exit_code == 1
    assert done.output.strip().startswith("Error: ")
    assert len(done.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "args",
    [("knee-mri", "out"), ("head-ct",), ("head-ct", "out", "--num", 0), ("head-ct", "out", "--layout", "ct-rate"),
     ("head-ct", "out", "--seed", -1), ("head-ct", "out", "--workers", 0)],
)  # fmt: skip
def test_misuse_is_exit_2(args):
    assert run(*args).exit_code == 2


def test_a_harder_mix_in_other_words_is_made_and_told(tmp_path):
    done = run("head-ct", tmp_path / "set", "--num", 1, "--mix", "compositional", "--words", "other", "--workers", 1)
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "set" / "phantoms.json").read_text())
    assert (told["mix"], told["words"]) == ("compositional", "other")
    report = json.loads((tmp_path / "set" / "reports.jsonl").read_text())
    assert "dura" in report["report"]


def test_an_unknown_mix_is_misuse(tmp_path):
    done = run("head-ct", tmp_path / "set", "--mix", "easy")
    assert done.exit_code == 2
    assert "'usual', 'hard', 'compositional', 'normal-heavy'" in done.output
