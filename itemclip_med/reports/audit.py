"""One page to check items beside their reports, and a CSV to correct them in."""

from __future__ import annotations

import csv
import html
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CSV_COLUMNS = ("study_id", "item", "keep", "status", "text", "confidence")

_STYLE = """
:root { color-scheme: light dark; --present:#d9822b; --absent:#3d7dd8; --uncertain:#b05fd3; --normal:#3a9d5d; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1280px; padding: 20px; }
h1 { font-size: 22px; margin: 0 0 4px; } .quiet { opacity: .7; }
.study { border-top: 1px solid #8884; display: grid; gap: 20px; grid-template-columns: 1fr 1fr; padding: 14px 0; }
.study h2 { font-size: 15px; grid-column: 1 / -1; margin: 0; overflow-wrap: anywhere; }
pre { font: inherit; margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
ul { list-style: none; margin: 0; padding: 0; } li { border-left: 5px solid; margin: 0 0 6px; padding: 1px 8px; }
mark { background: none; border-bottom: 2px solid; color: inherit; }
.present { border-color: var(--present); } .absent { border-color: var(--absent); }
.uncertain { border-color: var(--uncertain); } .normal { border-color: var(--normal); }
.low { background: #f0a63a33; } .alt { font-size: 13px; opacity: .75; }
@media (max-width: 760px) { .study { grid-template-columns: 1fr; } }
"""
_LOW = 0.65
_SHOWN_WITHOUT_ITEMS = 2000  # characters of a report that was not cut


@dataclass(frozen=True, slots=True)
class AuditStudy:
    """What the page shows of one study.

    Attributes:
        study_id: its id.
        report: the text that the items were cut from.
        items: dictionaries as in the items file.
        is_normal: as there.
        reason: why there are no items.
    """

    study_id: str
    report: str
    items: Sequence[Mapping[str, Any]]
    is_normal: bool | None = None
    reason: str | None = None

    @property
    def confidence(self) -> float:
        """The lowest confidence of an item; studies without items come first of all."""
        return min((float(item.get("confidence", 1.0)) for item in self.items), default=0.0)


def write_audit(studies: Iterable[AuditStudy], page: Path | str, table: Path | str, *, max_studies: int = 200) -> int:
    """Write the page and the CSV, what is least sure first.

    Args:
        studies: reports with their items.
        page: the HTML file, nothing to load from elsewhere.
        table: the CSV to correct, of the studies on the page; read back by :func:`corrections.apply_corrections`.
        max_studies: studies shown; the page says how many there are.

    Returns:
        How many studies are shown.
    """
    chosen = sorted(studies, key=lambda study: (study.confidence, study.study_id))
    shown = chosen[:max_studies]
    _write(Path(page), _render(shown, len(chosen)))
    temporary = Path(table).with_name(f"{Path(table).name}.part")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for study in shown:
            for number, item in enumerate(study.items, start=1):
                row = (study.study_id, number, "yes", item.get("status", ""), item["text"], item.get("confidence", ""))
                writer.writerow([shield(str(value)) for value in row])
    os.replace(temporary, table)
    return len(shown)


def shield(value: str) -> str:
    """A cell that no spreadsheet takes for a formula; :func:`unshield` undoes it.

    Args:
        value: a cell.
    """
    return f"'{value}" if value[:1] in "=+-@\t'" and value else value


def unshield(value: str) -> str:
    """The cell that :func:`shield` was given.

    Args:
        value: a cell.
    """
    return value[1:] if value.startswith("'") else value


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _render(studies: Sequence[AuditStudy], num_all: int) -> str:
    counts = Counter(str(item.get("status")) for study in studies for item in study.items)
    legend = " · ".join(
        f"<mark class={status}>{status}</mark> {counts[status]}"
        for status in ("present", "absent", "uncertain", "normal")
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Report items</title><style>{_STYLE}</style><h1>Reports beside their items</h1>",
        f"<p class=quiet>{len(studies)} of {num_all} studies, least sure first. The page shows report text: "
        f"keep it as you keep the reports. Research only, not for diagnosis.</p>"
        f"<p>{legend} · <span class=low>low confidence</span></p>",
    ]
    parts.extend(_study(study) for study in studies)
    return "".join(parts) + "</html>"


def _study(study: AuditStudy) -> str:
    state = {True: "normal", False: "abnormal", None: study.reason or "no usable text"}[study.is_normal]
    items = "".join(_item(item) for item in study.items) or f"<li>no items: {html.escape(study.reason or '')}</li>"
    shown = study.report if study.items else study.report[:_SHOWN_WITHOUT_ITEMS]
    rest = len(study.report) - len(shown)
    more = f"<p class=quiet>… and {rest} characters</p>" if rest else ""
    return (
        f"<section class=study><h2>{html.escape(study.study_id)} <span class=quiet>{html.escape(state)}</span></h2>"
        f"<div><pre>{_marked(shown, study.items)}</pre>{more}</div><ul>{items}</ul></section>"
    )


def _item(item: Mapping[str, Any]) -> str:
    status = _status(item)
    low = " low" if float(item.get("confidence", 1.0)) < _LOW else ""
    extra = [status, *(str(item[name]) for name in ("anatomy", "laterality") if item.get(name))]
    details = f" <span class=alt>{html.escape(', '.join(extra))}</span>"  # in words too: colors are not for all eyes
    repeats = "".join(f"<div class=alt>= {html.escape(str(text))}</div>" for text in item.get("alt", ()))
    return f'<li class="{status}{low}">{html.escape(str(item["text"]))}{details}{repeats}</li>'


def _status(item: Mapping[str, Any]) -> str:
    status = str(item.get("status"))
    return status if status in ("present", "absent", "uncertain", "normal") else "present"


def _marked(report: str, items: Sequence[Mapping[str, Any]]) -> str:
    """The report with each item's words underlined in its color; of words used twice the first item wins."""
    owner: list[str | None] = [None] * len(report)
    for item in items:
        for span in item.get("spans", ()):
            start, end = max(0, int(span[0])), min(len(report), int(span[1]))
            for place in range(start, end):
                owner[place] = owner[place] or _status(item)
    parts, start = [], 0
    for place in range(1, len(report) + 1):
        if place == len(report) or owner[place] != owner[start]:
            text = html.escape(report[start:place])
            parts.append(f"<mark class={owner[start]}>{text}</mark>" if owner[start] else text)
            start = place
    return "".join(parts)
