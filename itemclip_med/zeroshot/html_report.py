"""``report.html``, one file that needs nothing else, and the same tables as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itemclip_med import __version__
from itemclip_med.zeroshot.charts import calibration_chart, histogram_chart, roc_chart
from itemclip_med.zeroshot.errors_shown import ShownError, confident_errors, thumbnail
from itemclip_med.zeroshot.layout import Table, interval, number
from itemclip_med.zeroshot.matching import Exclusions, Matched, match
from itemclip_med.zeroshot.protocol import Task
from itemclip_med.zeroshot.report import remarks, report_tables
from itemclip_med.zeroshot.tables import read_scores, read_studies

if TYPE_CHECKING:
    from itemclip_med.store import Store

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;background:#fff;max-width:1180px;margin:2rem auto;
padding:0 1.2rem}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}h3{font-size:1rem;margin:0 0 .3rem}
p.lead{font-size:1.05rem}.quiet{color:#5a6675}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:.28rem .7rem;text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}
thead th{border-bottom:2px solid #1c2430;font-weight:600}tbody tr:nth-child(even){background:#f5f7f9}
tr.last td{border-top:2px solid #1c2430;font-weight:600}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(440px,1fr));gap:1rem}
.card{border:1px solid #d6dce3;border-radius:8px;padding:.8rem 1rem}.charts{display:flex;flex-wrap:wrap;gap:.4rem}
svg.chart{width:32%;height:auto;min-width:150px}svg.chart text{font-size:11px;fill:#5a6675}
svg .plot{fill:none;stroke:#b9c2cc}svg .note{font-size:12px}
svg polyline{fill:none}svg .diagonal{stroke:#b9c2cc;stroke-dasharray:3 3}svg .curve{stroke:#1f5fa8;stroke-width:2}
svg .thin{stroke-width:1}svg .band{fill:#1f5fa8;opacity:.18}svg .dot{fill:#1f5fa8}
svg .without{fill:#7b8794;opacity:.55}svg .with{fill:#c4561b;opacity:.6}svg .cut{stroke:#1c2430;stroke-dasharray:4 2}
.key::before{content:"";display:inline-block;width:.8em;height:.8em;margin:0 .35em 0 .9em;border-radius:2px}
.key.with::before{background:#c4561b}.key.without::before{background:#7b8794}
.errors{display:grid;grid-template-columns:repeat(auto-fill,minmax(175px,1fr));gap:.8rem}
figure{margin:0;border:1px solid #d6dce3;border-radius:8px;padding:.5rem;font-size:13px;overflow-wrap:anywhere}
figure .picture{height:150px;display:flex;justify-content:center;align-items:center;background:#11161c;
border-radius:4px;color:#8b97a5}figcaption{margin-top:.4rem}code{font-size:.92em}
"""


def write_reports(
    out_dir: Path | str, task: Task, result: Mapping[str, Any], *, store: Store | Path | str | None = None
) -> list[Path]:
    """Write ``report.html``, ``report.md`` and ``report.tex`` beside the tables of an evaluation.

    Args:
        out_dir: holds ``scores.csv``, ``labels.csv`` and, where known, ``studies.csv``.
        task: its task.
        result: what ``metrics.json`` holds.
        store: for pictures of the most confident errors; None leaves them out.

    Returns:
        The three paths.

    Raises:
        TaskError: if a table is not in its format.
        StoreError: if the store cannot be read.
    """
    from itemclip_med.store import Store

    out_dir = Path(out_dir)
    if store is not None and not isinstance(store, Store):
        store = Store(store)
    matched = _matched(out_dir, task, result)
    tables = report_tables(result, task)
    page = _page(task, result, tables, matched, store)
    texts = {
        "report.html": page,
        "report.md": "\n".join(table.markdown() for table in tables) + _remarks_markdown(result, task),
        "report.tex": "% needs \\usepackage{booktabs}\n" + "\n".join(table.latex() for table in tables),
    }
    for name, text in texts.items():
        (out_dir / name).write_text(text, encoding="utf-8")
    return [out_dir / name for name in texts]


def _matched(out_dir: Path, task: Task, result: Mapping[str, Any]) -> Matched:
    """The evaluated studies again, from the tables that the evaluation wrote."""
    studies_path = out_dir / "studies.csv"
    exclusions = Exclusions({reason: list(ids) for reason, ids in result["excluded_studies"].items()})
    return match(
        task,
        read_scores(out_dir / "scores.csv", task),
        task.read_labels(out_dir / "labels.csv"),
        read_studies(studies_path, task) if studies_path.is_file() else {},
        exclusions,
    )


def _page(task: Task, result: Mapping[str, Any], tables: list[Table], matched: Matched, store: Store | None) -> str:
    expected = result.get("num_expected")
    of = f", {expected:,} when nothing is missing" if expected not in (None, result["num_studies"]) else ""
    mean = result["mean"]
    lead = f"Mean AUC {number(mean['auc'])}, 95 % CI {interval(mean['auc_ci'])}, over {mean['num_findings']} findings"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{escape(task.title)}: zero-shot evaluation</title><style>{_STYLE}</style>",
        f"<h1>{escape(task.title)}</h1>",
        f"<p class=lead>{escape(lead)}; {result['num_studies']:,} studies of {result['num_patients']:,} patients{of}."
        "</p>",
        f"<p class=quiet>Protocol <code>{escape(task.name)}</code>: {escape(result['protocol'])}<br>Intervals: 95 %, "
        f"{result['bootstrap']['num']:,} draws of patients. itemclip_med {escape(__version__)}. For research; not a "
        "medical device.</p>",
    ]
    for table in tables:
        parts += [f"<h2>{escape(table.title)}</h2>", _table(table)]
    parts += [
        "<h2>Curves and scores</h2><p class=quiet>ROC with its 95 % band; scores of studies "
        "<span class='key with'>with</span><span class='key without'>without</span> the finding, as shares of each"
        + ("; the dashed line is the threshold of the separate split." if result.get("threshold_split") else ".")
        + "</p>",
        "<div class=cards>",
        *(_card(task, result, matched, column) for column in range(len(task.names))),
        "</div>",
        _errors(task, matched, store),
        "<h2>Protocol, who is left out, sources</h2><ul>",
        *(f"<li>{escape(line)}</li>" for line in remarks(result, task)),
        "</ul>",
        _left_out(result),
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows]
    if table.last:
        rows.append("<tr class=last>" + "".join(f"<td>{escape(cell)}</td>" for cell in table.last) + "</tr>")
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _card(task: Task, result: Mapping[str, Any], matched: Matched, column: int) -> str:
    finding = task.findings[column]
    numbers = result["findings"][finding.name]
    scores, labels = matched.scores[:, column], matched.labels[:, column]
    curve = (numbers["calibration"] or {}).get("curve")
    words = "; ".join(finding.prompts[:2]) + (f"; {len(finding.prompts) - 2} more" if len(finding.prompts) > 2 else "")
    return (
        f"<div class=card><h3>{escape(finding.title)}</h3><div class=quiet>AUC {number(numbers['auc'])} "
        f"({interval(numbers['auc_ci'])}), {numbers['num_positive']} positive, {numbers['num_negative']} negative</div>"
        f"<div class=charts>{roc_chart(scores, labels, matched.patients)}"
        f"{histogram_chart(scores, labels, numbers['threshold'])}{calibration_chart(curve)}</div>"
        f"<div class=quiet>Asked as: {escape(words)}</div></div>"
    )


def _errors(task: Task, matched: Matched, store: Store | None) -> str:
    errors = confident_errors(task, matched)
    if not errors:
        return ""
    note = "" if store is not None else " Pictures need the store: give --store."
    return (
        "<h2>Most confident errors</h2><p class=quiet>Positive studies that score below most negative ones, and "
        f"negative ones that score above most positive ones.{note}</p><div class=errors>"
        + "".join(_figure(error, task, store) for error in errors)
        + "</div>"
    )


def _figure(error: ShownError, task: Task, store: Store | None) -> str:
    url = thumbnail(store, error.study_id, task) if store is not None else None
    picture = f"<img alt='middle axial slice' src='{url}'>" if url else "no picture"
    kind = "missed" if error.positive else "false alarm"
    others = "negative studies score higher" if error.positive else "positive studies score lower"
    return (
        f"<figure><div class=picture>{picture}</div><figcaption><b>{escape(task.titles[error.finding])}</b>, {kind}<br>"
        f"score {error.score:.3f}: {error.beaten:.0%} of {others}<br><code>{escape(error.study_id[:48])}</code>"
        "</figcaption></figure>"
    )


def _left_out(result: Mapping[str, Any]) -> str:
    parts = []
    for reason, ids in result["excluded_studies"].items():
        shown = ", ".join(ids[:200]) + (f", and {len(ids) - 200} more" if len(ids) > 200 else "")
        parts.append(
            f"<details><summary>{len(ids)} studies: {escape(reason)}</summary><p><code>{escape(shown)}</code></p>"
            "</details>"
        )
    return "".join(parts)


def _remarks_markdown(result: Mapping[str, Any], task: Task) -> str:
    return "\n" + "\n".join(f"- {line}" for line in remarks(result, task)) + "\n"
