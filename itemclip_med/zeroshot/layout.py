"""One table in three dresses: plain text, Markdown, LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NONE = "–"
_LATEX = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "–": "--",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Cells as text; the last row may stand apart.

    Attributes:
        title: what it shows.
        header: names of the columns.
        rows: cells.
        last: a row below a rule, or None.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    last: Sequence[str] | None = None

    def plain(self) -> list[str]:
        """Lines with aligned columns."""
        everything = [self.header, *self.rows, *([self.last] if self.last else [])]
        widths = [max(len(row[column]) for row in everything) for column in range(len(self.header))]
        rule = "  ".join("─" * width for width in widths)

        def line(row: Sequence[str]) -> str:
            others = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            return "  ".join([row[0].ljust(widths[0]), *others]).rstrip()

        end = [rule, line(self.last)] if self.last else []
        return [line(self.header), rule, *(line(row) for row in self.rows), *end]

    def markdown(self) -> str:
        """A Markdown table under its title in bold."""
        cells = [self.header, ["---", *["---:"] * (len(self.header) - 1)], *self.rows]
        cells += [[f"**{cell}**" if cell else "" for cell in self.last]] if self.last else []
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
        return "\n".join([f"**{self.title}**", "", *lines, ""])

    def latex(self) -> str:
        """A ``tabular`` with rules of booktabs in a ``table``."""
        rows = [" & ".join(cell.translate(_LATEX) for cell in row) + r" \\" for row in self.rows]
        end = [r"\midrule", " & ".join(cell.translate(_LATEX) for cell in self.last) + r" \\"] if self.last else []
        return "\n".join(
            [
                r"\begin{table}",
                rf"\caption{{{self.title.translate(_LATEX)}}}",
                rf"\begin{{tabular}}{{l{'r' * (len(self.header) - 1)}}}",
                r"\toprule",
                " & ".join(cell.translate(_LATEX) for cell in self.header) + r" \\",
                r"\midrule",
                *rows,
                *end,
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )


def number(value: float | None, digits: int = 3) -> str:
    """A number, or a dash where it is not defined."""
    return NONE if value is None else f"{value:.{digits}f}"


def interval(bounds: Sequence[float] | None) -> str:
    """Both ends of an interval."""
    return NONE if bounds is None else f"{bounds[0]:.3f}–{bounds[1]:.3f}"
