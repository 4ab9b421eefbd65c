"""Files of reports in and out: readers, summaries, workers, audit, corrections, scrubbing, and the commands."""

# ruff: noqa: E501  (one example a line)
from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from itemclip_med.cli.reports import reports
from itemclip_med.errors import FormatError
from itemclip_med.reports import (
    AuditStudy,
    ItemizedReport,
    TracedItem,
    apply_corrections,
    itemize,
    itemize_file,
    read_items,
    read_rows,
    scrub,
    write_audit,
)
from itemclip_med.reports.audit import shield, unshield
from itemclip_med.reports.corrections import read_corrections
from itemclip_med.reports.readers import guess_columns
from tests.reports.helpers import read_jsonl


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def source(tmp_path):
    rows = [
        {"id": "a", "report": "Renal cyst. No stones.", "site": "x", "items": [1], "is_normal": True},
        {"id": "b", "report": "Normal chest CT."},
        {"id": "c", "report": ""},
    ]
    return write(tmp_path / "in.jsonl", lines(rows))


def test_jsonl_passes_fields_through_and_replaces_items(source, tmp_path):
    summary = itemize_file(source, tmp_path / "out.jsonl")
    first, second, third = read_jsonl(tmp_path / "out.jsonl")
    assert first["site"] == "x" and first["is_normal"] is False
    assert [(item["text"], item["status"]) for item in first["items"]] == [
        ("Renal cyst", "present"),
        ("No stones", "absent"),
    ]
    assert second["is_normal"] is True
    assert (third["items"], third["is_normal"], third["reason"]) == ([], None, "empty")
    assert (summary.num_reports, summary.num_normal, len(summary.empty)) == (2, 1, 1)
    assert "report" not in first


def test_the_scorer_and_the_store_read_the_output(source, tmp_path):
    from itemclip_med.records import Item

    itemize_file(source, tmp_path / "out.jsonl")
    for row in read_jsonl(tmp_path / "out.jsonl"):
        assert all(Item.from_dict(item).text for item in row["items"])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{broken", "expected a JSON object"), ("[1]", "expected a JSON object"), ('{"report": "x"}', "expected an id"),
        ('{"id": "z", "report": 5}', "expected text in the field report, found int"), ('{"id": "z"}', "found nothing"),
        ('{"id": "a", "report": "Cyst."}', "its id stood before"), ("[" * 100_000, "expected a JSON object"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_the_others_are_kept(source, tmp_path, line, problem):
    write(source, source.read_text() + line + "\n")
    summary = itemize_file(source, tmp_path / "out.jsonl")
    assert len(read_jsonl(tmp_path / "out.jsonl")) == 3
    [(where, reason)] = summary.failed
    assert where == "in.jsonl, line 4" and problem in reason


def test_rows_in_are_rows_out_or_lines_of_the_summary(source, tmp_path):
    write(source, source.read_text() + "{broken\n" + '{"id": "d", "report": "\\u0000"}\n')
    summary = itemize_file(source, tmp_path / "out.jsonl")
    assert summary.num_reports + len(summary.empty) + len(summary.failed) == 5
    assert len(list(summary.lines())) == len(summary.empty) + len(summary.failed) + 1


def test_ct_rate_columns_are_known(tmp_path):
    path = write(
        tmp_path / "reports.csv",
        "VolumeName,ClinicalInformation_EN,Technique_EN,Findings_EN,Impressions_EN\n"
        'train_1_a_1.nii.gz,Not given.,Non-contrast.,"Renal cyst of 14 mm. No stones, no mass.",Renal cyst.\n'
        "train_2_a_1.nii.gz,,,Not given.,Not given.\n",
    )
    itemize_file(path, tmp_path / "out.jsonl")
    first, second = read_jsonl(tmp_path / "out.jsonl")
    assert first["id"] == "train_1_a_1.nii.gz"
    assert [item["text"] for item in first["items"]] == ["Renal cyst of 14 mm", "No stones", "no mass"]
    assert second["reason"] == "empty"


def test_mr_rate_columns_are_known():
    names = ["study_uid", "report", "clinical_information", "technique", "findings", "impression"]
    assert guess_columns(names).sections == (("findings", "FINDINGS"), ("impression", "IMPRESSION"))


def test_own_columns_are_named(tmp_path):
    path = write(tmp_path / "own.csv", "nr,body\n7,Renal cyst.\n")
    [row] = read_rows(path, id_column="nr", text_column="body")
    assert (row.study_id, row.text) == ("7", "Renal cyst.")


@pytest.mark.parametrize(
    ("names", "options", "problem"),
    [
        (["x", "report"], {}, "no column of ids"), (["id", "x"], {}, "no column of reports"),
        (["id", "report"], {"study_id": "nr"}, "no column nr"), (["id", "report"], {"text": "body"}, "no column body"),
    ],
)  # fmt: skip
def test_a_missing_column_is_named(names, options, problem):
    with pytest.raises(FormatError, match=problem):
        guess_columns(names, **options)


@pytest.mark.parametrize("name", ["in.docx", "missing.csv"])
def test_a_source_of_another_kind_is_refused(tmp_path, name):
    if name != "missing.csv":
        write(tmp_path / name, "x")
    with pytest.raises(FormatError, match=name):
        itemize_file(tmp_path / name, tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("out*"))


def test_a_short_csv_row_is_named(tmp_path):
    path = write(tmp_path / "r.csv", "id,report\n1,Renal cyst.\n2\n,Cyst.\n")
    problems = [(row.where, row.problem) for row in read_rows(path) if row.problem]
    assert [where for where, _ in problems] == ["r.csv, row 3", "r.csv, row 4"]


def test_a_folder_of_text_files_is_read(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "s1.txt", "Renal cyst.")
    (tmp_path / "s2.txt").write_bytes(b"Cyst \xff of the liver.\0")
    assert [row.study_id for row in read_rows(tmp_path)] == ["s2", "sub/s1"]


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"no \.txt file"):
        list(read_rows(tmp_path))


def test_workers_do_not_change_the_output(tmp_path):
    rows = [{"id": str(number), "report": f"{number} mm nodule in the lingula."} for number in range(600)]
    path = write(tmp_path / "in.jsonl", lines(rows))
    itemize_file(path, tmp_path / "one.jsonl")
    itemize_file(path, tmp_path / "two.jsonl", workers=2)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_items_are_scrubbed_unless_kept(tmp_path):
    path = write(tmp_path / "in.jsonl", lines([{"id": "a", "report": "Clip placed by Dr. Jane Roe on 03/04/2019."}]))
    itemize_file(path, tmp_path / "out.jsonl")
    assert "Roe" not in (tmp_path / "out.jsonl").read_text() and "2019" not in (tmp_path / "out.jsonl").read_text()
    itemize_file(path, tmp_path / "raw.jsonl", scrub_identifiers=False)
    assert "Roe" in (tmp_path / "raw.jsonl").read_text()


def test_other_wordings_are_scrubbed_too():
    report = ItemizedReport((TracedItem("cyst", "present", repeats=("cyst since 03/04/2019",)),), False)
    assert scrub(report).items[0].repeats == ("cyst since ___",)


@pytest.mark.parametrize("line", ["nope", "{}", '{"id": 1, "items": [{"status": "present"}]}', '{"id": 1, "items": 5}'])
def test_a_bad_line_of_items_is_named(tmp_path, line):
    with pytest.raises(FormatError, match="line 1"):
        list(read_items(write(tmp_path / "items.jsonl", line + "\n")))


def audit(tmp_path, text="Renal <b>cyst</b>. Qwerty zxcvb."):
    items = [item.to_dict() for item in itemize(text).items]
    studies = [AuditStudy("s<1>", text, items, False), AuditStudy("s2", "", [], None, "empty")]
    write_audit(studies, tmp_path / "a.html", tmp_path / "a.csv")
    return (tmp_path / "a.html").read_text(), list(csv.DictReader((tmp_path / "a.csv").open()))


def test_the_audit_page_escapes_and_loads_nothing(tmp_path):
    page, rows = audit(tmp_path)
    assert "s&lt;1&gt;" in page and "<b>cyst" not in page
    assert "http" not in page and "<script" not in page
    assert next(row["text"] for row in rows) == "Renal cyst"


def test_the_audit_page_puts_the_least_sure_first(tmp_path):
    studies = [
        AuditStudy(name, "x", [{"text": "x", "status": "present", "confidence": sure}])
        for name, sure in [("a", 0.9), ("b", 0.2)]
    ]
    write_audit(studies, tmp_path / "a.html", tmp_path / "a.csv", max_studies=1)
    assert ">b " in (tmp_path / "a.html").read_text() and "1 of 2 studies" in (tmp_path / "a.html").read_text()


def test_the_audit_page_cuts_a_report_without_items_short(tmp_path):
    write_audit([AuditStudy("a", "y" * 5000, [], reason="too long")], tmp_path / "a.html", tmp_path / "a.csv")
    page = (tmp_path / "a.html").read_text()
    assert "y" * 2000 in page and "y" * 2001 not in page and "and 3000 characters" in page


def test_the_audit_command_tells_what_it_does_not_show(tmp_path):
    rows = [
        '{"id": "a", "report": "Renal cyst."}',
        '{"id": "a", "report": "Mass."}',
        "[1]",
        '{"id": "b", "report": "x"}',
    ]
    write(tmp_path / "r.jsonl", "\n".join(rows))
    write(tmp_path / "i.jsonl", '{"id": "a", "items": [{"text": "Renal cyst", "status": "present"}]}')
    names = ["audit", str(tmp_path / "r.jsonl"), "--items", str(tmp_path / "i.jsonl"), "-o"]
    printed = CliRunner().invoke(reports, [*names, str(tmp_path / "a.html")]).output
    assert "line 2: not shown: its id stood before" in printed
    assert "line 3: not shown: expected a JSON object" in printed
    assert "line 4: not shown: no line in i.jsonl has its id" in printed
    assert "1 studies on a.html" in printed


@pytest.mark.parametrize("cell", ["=1+1", "+x", "-x", "@x", "'x", "x", ""])
def test_cells_come_back_from_a_spreadsheet(cell):
    assert unshield(shield(cell)) == cell
    assert not shield(cell).startswith(("=", "+", "-", "@"))


@pytest.fixture
def corrected(source, tmp_path):
    itemize_file(source, tmp_path / "items.jsonl")

    def apply(rows):
        table = tmp_path / "c.csv"
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["study_id", "item", "keep", "status", "text", "confidence"])
            writer.writerows(rows)
        return apply_corrections(table, tmp_path / "items.jsonl", tmp_path / "new.jsonl"), read_jsonl(
            tmp_path / "new.jsonl"
        )

    return apply


def test_corrections_change_remove_and_add(corrected):
    done, studies = corrected(
        [
            ["a", 1, "no", "present", "Renal cyst", 1],
            ["a", 2, "yes", "absent", "No renal stones", 1],
            ["a", "", "yes", "normal", "Liver normal", ""],
        ]
    )
    assert (done.num_changed, done.num_removed, done.num_added) == (1, 1, 1)
    assert [item["text"] for item in studies[0]["items"]] == ["No renal stones", "Liver normal"]
    assert studies[0]["is_normal"] is True and studies[1]["is_normal"] is True


def test_an_untouched_table_changes_nothing(corrected, tmp_path):
    done, _ = corrected([["a", 1, "yes", "present", "Renal cyst", 1], ["a", 2, "", "absent", "No stones", 1]])
    assert (done.num_changed, done.num_removed, done.num_added) == (0, 0, 0)
    assert (tmp_path / "new.jsonl").read_bytes() == (tmp_path / "items.jsonl").read_bytes()


def test_an_unknown_study_is_told(corrected):
    assert corrected([["zz", 1, "yes", "present", "x", 1]])[0].unknown == ("zz",)


@pytest.mark.parametrize(
    "row", [["", 1, "yes", "present", "x", 1], ["a", "x", "yes", "present", "x", 1], ["a", 1, "yes", "odd", "x", 1], ["a", 1, "yes", "present", "", 1], ["a", 1, "hm", "present", "x", 1]]
)  # fmt: skip
def test_a_bad_correction_is_named(corrected, row):
    with pytest.raises(FormatError, match=r"c\.csv, row 2"):
        corrected([row])


def test_an_item_corrected_twice_is_named(corrected):
    with pytest.raises(FormatError, match=r"c\.csv, row 3: item 1 of this study stood before"):
        corrected([["a", 1, "yes", "present", "x", 1], ["a", 1, "yes", "present", "y", 1]])


@pytest.mark.parametrize(
    "text", ['"never closes\nb,1,yes,present,x\n', '"' + "x" * 200_000 + '"\n'], ids=["open", "long"]
)
def test_a_row_of_corrections_that_is_none_is_told(tmp_path, text):
    table = write(tmp_path / "c.csv", f"study_id,item,keep,status,text\na,1,yes,present,{text}")
    csv.field_size_limit(131_072)
    with pytest.raises(FormatError, match=r"c\.csv, behind row 1: no CSV row"):
        read_corrections(table)


def test_a_table_without_its_columns_is_refused(tmp_path):
    with pytest.raises(FormatError, match="no column study_id"):
        read_corrections(write(tmp_path / "c.csv", "a,b\n1,2\n"))


def test_command_line_road_and_exit_codes(source, tmp_path):
    run = CliRunner().invoke
    out, page = str(tmp_path / "o.jsonl"), str(tmp_path / "p.html")
    done = run(reports, ["itemize", str(source), "-o", out])
    assert (
        done.exit_code == 0
        and "in.jsonl, line 3: no items: empty" in done.output
        and "2 reports itemized" in done.output
    )
    assert run(reports, ["audit", str(source), "--items", out, "-o", page]).exit_code == 0
    assert run(reports, ["audit", str(source), "-o", page]).exit_code == 0
    assert run(reports, ["apply", str(tmp_path / "p.csv"), out, "-o", str(tmp_path / "n.jsonl")]).exit_code == 0
    write(source, source.read_text() + "broken\n")
    assert run(reports, ["itemize", str(source), "-o", out]).exit_code == 1
    assert run(reports, ["itemize", str(write(tmp_path / "x.csv", "a,b\n")), "-o", out]).exit_code == 2
    assert run(reports, ["itemize", "missing.jsonl", "-o", out]).exit_code == 2
    assert run(reports, ["itemize", str(source), "-o", out, "--method", "magic"]).exit_code == 2
