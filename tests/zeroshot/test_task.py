"""Task files: those that ship are sound, and a wrong one says what is wrong."""

from __future__ import annotations

import pytest
import yaml

from itemclip_med.errors import LabelsError, TaskError
from itemclip_med.labels import CQ500_FINDINGS
from itemclip_med.zeroshot import list_tasks, load_task, read_prompts
from itemclip_med.zeroshot.task import task_from_dict

TASK = {
    "name": "two",
    "title": "Two findings",
    "protocol": "as it comes",
    "study_id": "plain",
    "labels": {"reader": "csv"},
    "metrics": ["auc"],
    "findings": {"A": {"title": "Finding A", "prompts": ["a"]}, "B": {"prompts": ["b", "bb"]}},
}


@pytest.mark.parametrize("name", list_tasks())
def test_every_task_that_ships_loads_under_its_file_name(name):
    task = load_task(name)
    assert task.name == name
    assert task.protocol
    assert all(finding.prompts for finding in task.findings)
    for entry in task.published:
        assert set(entry.findings) <= set(task.names)
        assert entry.source


@pytest.mark.parametrize("name", list_tasks())
def test_every_task_that_ships_stands_in_the_reference(name, repo_dir):
    assert f"| `{name}` |" in (repo_dir / "docs/reference/tasks.md").read_text()


def test_cq500_tasks_have_the_official_column_names():
    ten, eleven = load_task("cq500-10"), load_task("cq500-11")
    assert len(ten.names) == 10
    assert set(eleven.names) - set(ten.names) == {"Fracture"}
    assert set(eleven.names) <= set(CQ500_FINDINGS)
    assert list(ten.exclude) == ["CQ500-CT-163"]


def test_each_cq500_prompt_asks_for_the_finding_whose_column_is_read():
    # The released script asks for the two in one order and reads their labels in the other.
    prompts = load_task("cq500-10").prompts
    assert all("mass effect" in prompt.lower() for prompt in prompts["MassEffect"])
    assert all("midline" in prompt.lower() for prompt in prompts["MidlineShift"])


def test_unknown_task_lists_the_known_ones():
    with pytest.raises(TaskError, match="cq500-10, cq500-11"):
        load_task("cq500")


def test_a_task_of_ones_own_is_loaded_by_path(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(TASK))
    task = load_task(path)
    assert task.names == ("A", "B")
    assert task.findings[0].title == "Finding A"
    assert task.prompts["B"] == ("b", "bb")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": None, "prtocol": "x"}, "unknown fields prtocol"),
        ({"labels": {"reader": "qure"}}, "labels.reader is 'qure', expected one of cq500_reads, csv"),
        ({"study_id": "hash"}, "study_id is 'hash'"),
        ({"metrics": ["accuracy"]}, "metrics is"),
        ({"findings": {}}, "findings is empty"),
        ({"findings": {"A": {"prompts": "a"}}}, "finding A needs prompts"),
        ({"findings": {"A": {"prompts": [""]}}}, "finding A needs prompts"),
        ({"findings": ["A"]}, "findings is list"),
        ({"study_id": "cq500", "exclude": {"12": "why"}}, "exclude: '12' is no CQ500 study id"),
        ({"published": [{"who": "me"}]}, "published: expected entries"),
    ],
)
def test_a_wrong_field_is_named(change, message):
    with pytest.raises(TaskError, match=message):
        task_from_dict({**TASK, **change})


def test_a_missing_field_is_named():
    with pytest.raises(TaskError, match="lacks protocol"):
        task_from_dict({key: value for key, value in TASK.items() if key != "protocol"})


@pytest.mark.parametrize(
    ("content", "message"), [("- a", "expected a mapping"), ("a: [", "not a YAML file"), (None, "cannot be read")]
)
def test_a_file_that_is_no_task_is_refused(tmp_path, content, message):
    path = tmp_path / "task.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TaskError, match=message):
        load_task(path)


def test_labels_without_a_finding_of_the_task_are_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("study_id,A\nx,1\n")
    with pytest.raises(LabelsError, match="no column for B of task two"):
        task_from_dict(TASK).read_labels(path)


def test_prompts_file_replaces_the_prompts_it_names(tmp_path):
    path = tmp_path / "prompts.yaml"
    path.write_text("B: other  words\n")
    task = task_from_dict(TASK).with_prompts(path)
    assert task.prompts == {"A": ("a",), "B": ("other words",)}


def test_prompts_for_a_finding_the_task_lacks_are_refused(tmp_path):
    path = tmp_path / "prompts.yaml"
    path.write_text("C: words\n")
    with pytest.raises(TaskError, match="C is no finding of task two; it has A, B"):
        task_from_dict(TASK).with_prompts(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected a mapping"),
        ("- a\n", "expected a mapping"),
        ("A: 3\n", "A: expected a text or a list of texts"),
        ("A: []\n", "A: expected a text or a list of texts"),
        ("A: ' '\n", "A: a prompt is empty"),
        (f"A: {'word ' * 2001}\n", "A: a prompt has 10,004 characters"),
        ("A: a\nA: b\n", "A stands there twice"),
        ("A: [\n", "no YAML file"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_prompts_file_says_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "prompts.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TaskError, match=message):
        read_prompts(path)


def test_a_huge_prompts_file_is_not_read(tmp_path):
    path = tmp_path / "prompts.yaml"
    path.write_bytes(b" " * (4 * 2**20 + 1))
    with pytest.raises(TaskError, match="larger than 4 MiB"):
        read_prompts(path)
