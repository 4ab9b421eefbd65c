"""The tables of ``science.py``, from the committed results alone."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.science_methods import METHODS, QUEUE

BLEEDS = ("IPH", "IVH", "SDH", "EDH", "SAH")
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"
_NONE = "–"
_SHORT = {"BleedLocation-Left": "left", "BleedLocation-Right": "right", "MassEffect": "mass", "MidlineShift": "shift"}

Result = dict[str, Any]
Results = dict[str, list[Result]]


def read_results(folder: Path) -> Results:
    """Results by method, in the order of METHODS, each method's by seed; those of ``--quick`` are not among them."""
    found: Results = {name: [] for name in METHODS}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if not result["quick"]:
            found[result["method"]].append(result)
    return {name: sorted(rows, key=lambda row: row["seed"]) for name, rows in found.items() if rows}


def tables(results: Results) -> str:
    """All tables as Markdown."""
    parts = [_main(results), _by_finding(results), _harder(results), _missing(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_into(page: Path, text: str) -> None:
    """Put the tables between the two markers of a page.

    Raises:
        ValueError: if the page lacks the markers.
    """
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"{page}: expected the markers {BEGIN} and {END}.")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def _main(results: Results) -> str:
    header = (
        "method", "seeds", "mean AUC", "shuffled weights", "completeness", "separation", "hits (shuffled)",
        "AUPRC (shuffled)", "training, CPU s",
    )  # fmt: skip
    rows = []
    for name, found in results.items():
        rows.append([
            METHODS[name].title,
            ", ".join(str(result["seed"]) for result in found),
            _spread(found, lambda r: r["tests"]["usual"]["mean_auc"]),
            _spread(found, lambda r: r["tests"]["usual"]["control_mean_auc"]),
            _spread(found, lambda r: r["tests"]["usual"]["completeness"]),
            _spread(found, lambda r: r["maps"]["separation"]["model"]),
            _against(found, "hit"),
            _against(found, "auprc"),
            _spread(found, lambda r: r["cpu_seconds"]["train"], digits=0),
        ])  # fmt: skip
    return _markdown(header, rows)


def _by_finding(results: Results) -> str:
    every = (result["tests"].get("usual") for found in results.values() for result in found)
    names = list(next((test["auc"] for test in every if test), {}))
    rows = [
        [
            METHODS[method].title,
            *(_mean(found, lambda r, name=name: r["tests"]["usual"]["auc"][name]) for name in names),
            _mean(found, lambda r: statistics.mean(r["tests"]["usual"]["auc"][name] for name in BLEEDS)),
        ]
        for method, found in results.items()
    ]
    return _markdown(
        ("AUC by finding, mean of seeds", *(_SHORT.get(name, name) for name in names), "five bleeds"), rows
    )


def _harder(results: Results) -> str:
    columns: dict[str, Callable[[Result], float | None]] = {
        "hard: mean AUC": lambda r: r["tests"]["hard"]["mean_auc"],
        "normal-heavy: mean AUPRC": lambda r: r["tests"]["normal-heavy"]["mean_auprc"],
        "pairs seen": lambda r: r["pairs"]["seen"],
        "pairs unseen": lambda r: r["pairs"]["unseen"],
        "usual words": lambda r: r["words"]["usual"],
        "other words": lambda r: r["words"]["other"],
    }
    rows = [
        [METHODS[method].title, *(_spread(found, pick) for pick in columns.values())]
        for method, found in results.items()
    ]
    if all(cell == _NONE for row in rows for cell in row[1:]):
        return ""
    return _markdown(("harder tests", *columns), rows)


def _missing(results: Results) -> str:
    done = {(name, result["seed"]) for name, found in results.items() for result in found}
    missing = [f"{METHODS[name].title} (seed {seed})" for name, seed in QUEUE if (name, seed) not in done]
    return f"Not run yet: {', '.join(missing)}." if missing else ""


def _against(found: Sequence[Result], name: str) -> str:
    model = _spread(found, lambda r: r["maps"]["mean"]["model"][name])
    return model if model == _NONE else f"{model} ({_mean(found, lambda r: r['maps']['mean']['control'][name])})"


def _values(found: Sequence[Result], pick: Callable[[Result], float | None]) -> list[float]:
    """What the results say; those that do not have it (no maps, a test not run yet) are left out."""
    values = []
    for result in found:
        try:
            values.append(pick(result))
        except (KeyError, TypeError):
            continue
    return [value for value in values if value is not None]


def _mean(found: Sequence[Result], pick: Callable[[Result], float | None], digits: int = 3) -> str:
    values = _values(found, pick)
    return f"{statistics.mean(values):.{digits}f}" if values else _NONE


def _spread(found: Sequence[Result], pick: Callable[[Result], float | None], digits: int = 3) -> str:
    """Mean over seeds, with the standard deviation where there are several."""
    values = _values(found, pick)
    if len(values) < 2:
        return _mean(found, pick, digits)
    return f"{_mean(found, pick, digits)} ± {statistics.stdev(values):.{digits}f}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
