"""Prompts in the style of items."""

# ruff: noqa: E501  (one example a line)
from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.reports import write_prompts
from itemclip_med.reports.prompting import deny


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("Pleural effusion", "No pleural effusion"), ("ICH", "No ICH"), ("Midline shift to the left", "No midline shift to the left"),
        ("Normal brain", None), ("No fracture", None), ("Abnormality", "No abnormality"),
    ],
)  # fmt: skip
def test_a_finding_is_denied_as_items_deny_it(text, denied):
    assert deny(text) == denied


def test_without_items_a_finding_has_its_title_and_its_denial():
    assert write_prompts({"SDH": "a subdural hematoma"}) == {
        "SDH": {"prompts": ["Subdural hematoma"], "negative_prompts": ["No subdural hematoma"]}
    }


def test_wordings_of_items_follow_the_most_frequent_first():
    items = [
        *[{"text": "Small left pleural effusion", "status": "present"}] * 2, {"text": "A pleural effusion on the right", "status": "present"},
        {"text": "No pleural effusion", "status": "absent"}, {"text": "4 cm pleural effusion", "status": "present"},
        {"text": "Pericardial effusion", "status": "present"}, {"text": "pleural effusion", "status": "present"},
    ]  # fmt: skip
    found = write_prompts({"e": "Pleural effusion"}, [{"items": items}])["e"]["prompts"]
    assert found == ["Pleural effusion", "Small left pleural effusion", "Pleural effusion on the right"]


def test_the_command_writes_what_zeroshot_reads(tmp_path):
    from itemclip_med.zeroshot.prompts import read_prompts

    items = {"id": "a", "items": [{"text": "Acute SDH", "status": "present"}], "is_normal": False}
    (tmp_path / "i.jsonl").write_text(json.dumps(items) + "\n")
    arguments = ["reports", "prompts", "Midline shift", "B=SDH", "--items", str(tmp_path / "i.jsonl"), "-o"]
    done = CliRunner().invoke(main, [*arguments, str(tmp_path / "p.yaml")])
    assert done.exit_code == 0, done.output
    found = read_prompts(tmp_path / "p.yaml")
    assert found["B"].positive == ("SDH", "Acute SDH")
    assert found["Midline shift"].negative == ("No midline shift",)


def test_findings_of_a_task_are_taken(tmp_path):
    from itemclip_med.zeroshot.prompts import read_prompts

    done = CliRunner().invoke(main, ["reports", "prompts", "--task", "cq500-10", "-o", str(tmp_path / "p.yaml")])
    assert done.exit_code == 0, done.output
    assert {"ICH", "MidlineShift"} <= set(read_prompts(tmp_path / "p.yaml"))


def test_no_finding_is_misuse(tmp_path):
    assert CliRunner().invoke(main, ["reports", "prompts", "-o", str(tmp_path / "p.yaml")]).exit_code == 2
