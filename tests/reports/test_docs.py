"""The tables of the docs page say what the itemizer does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from itemclip_med.reports import itemize
from tests.reports.helpers import in_abnormal

PAGE = (Path(__file__).parents[2] / "docs/how-to/itemize-reports.md").read_text(encoding="utf-8")


def rows_under(heading):
    """Rows of the first table behind a line."""
    lines = PAGE[PAGE.index(heading) :].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    found = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            return found
        found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


RULES = rows_under("## Every rule, before and after")
STATUSES = rows_under("Status:")


def plain(cell):
    return cell.replace("`", "").replace("⏎", "\n").replace("\\|", "|").strip()


def test_tables_are_found():
    assert len(RULES) >= 40 and len(STATUSES) >= 5


def items_of(report):
    """Items of a report; of one without findings, those it keeps beside a finding elsewhere."""
    alone = itemize(report)
    return itemize(f"{report}\n\nADDENDUM: Left apical bulla.").items[:-1] if alone.is_normal else alone.items


@pytest.mark.parametrize("row", RULES, ids=lambda row: row[0])
def test_rule_does_what_its_row_says(row):
    _, before, after = row
    if after == "–":
        assert [items_of(one) for one in plain(before).split(" · ")] == [()] * len(before.split(" · "))
        return
    found = items_of(plain(before))
    after, _, repeats = plain(after).partition(", alt: ")
    expected = [plain(before).rstrip(".")] if after == "unchanged" else after.split(" · ")
    for item, text in zip(found, expected, strict=True):
        text, _, status = text.partition(" (")
        assert item.text == text.strip()
        assert not status or item.status == status.rstrip(")")
    assert [text for item in found for text in item.repeats] == ([repeats] if repeats else [])


@pytest.mark.parametrize("row", STATUSES, ids=lambda row: row[1])
def test_words_have_the_status_of_their_row(row):
    for statement in plain(row[0].split(" (")[0]).split(" · "):
        assert {status for _, status in in_abnormal(f"{statement}.")} == {row[1]}, statement


def test_the_example_of_the_page_prints_what_the_page_says(capsys):
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)[:2]
    exec(compile(code, "docs", "exec"), {})
    assert capsys.readouterr().out == printed
