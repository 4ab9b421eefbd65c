"""Draw the figures of docs/concepts/method.md: ``python tools/draw_concepts.py``."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

OUT_DIR = Path(__file__).resolve().parent.parent / "docs" / "images" / "concepts"

BLUE, ORANGE, GREEN, RED, PURPLE = "#2f6db3", "#d97a1e", "#2b8a57", "#c43d3d", "#7a52a8"
INK, GREY, PALE = "#22272e", "#8b949e", "#e6e9ee"
GROUPS = (BLUE, ORANGE, GREEN, PURPLE, RED, "#138a8a")


class Drawing:
    """A picture of given size, in units of a pixel."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height = width, height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>',
            f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        ]

    def box(
        self, x: float, y: float, w: float, h: float, fill: str, edge: str = "none", bold: float = 1, round_: float = 2
    ) -> None:
        """A rectangle."""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{round_:g}" fill="{fill}" stroke="{edge}" '
            f'stroke-width="{bold:g}"/>'
        )

    def dot(self, x: float, y: float, r: float, fill: str) -> None:
        """A filled circle."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{fill}"/>')

    def arrow(self, x0: float, y0: float, x1: float, y1: float, color: str = INK, bold: float = 1.5) -> None:
        """A straight arrow."""
        self.parts.append(
            f'<line x1="{x0:g}" y1="{y0:g}" x2="{x1:g}" y2="{y1:g}" stroke="{color}" stroke-width="{bold:g}" '
            'marker-end="url(#tip)"/>'
        )

    def line(self, x0: float, y0: float, x1: float, y1: float, color: str = GREY, bold: float = 1) -> None:
        """A straight line."""
        self.parts.append(
            f'<line x1="{x0:g}" y1="{y0:g}" x2="{x1:g}" y2="{y1:g}" stroke="{color}" stroke-width="{bold:g}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 13,
        color: str = INK,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Words on their base line; a new line at each line break."""
        weight = ' font-weight="bold"' if bold else ""
        for number, line in enumerate(words.split("\n")):
            self.parts.append(
                f'<text x="{x:g}" y="{y + 1.3 * size * number:g}" font-size="{size:g}" fill="{color}" '
                f'text-anchor="{anchor}"{weight}>{escape(line)}</text>'
            )

    def item(self, x: float, y: float, words: str, color: str, width: float = 170) -> None:
        """An item: a pill with words."""
        self.box(x, y, width, 26, "#ffffff", color, 1.5, 13)
        self.text(x + width / 2, y + 17, words, 12, color, "middle")

    def save(self, name: str) -> None:
        """Write the picture."""
        OUT_DIR.mkdir(parents=True, exist_ok=True)
        (OUT_DIR / f"{name}.svg").write_text("\n".join([*self.parts, "</svg>"]) + "\n", encoding="utf-8")


def draw_encoder() -> None:
    """Who sees whom in slice, series and study blocks: tokens of one colour."""
    d = Drawing(760, 300, "Slice, series and study attention")
    for panel, (title, words) in enumerate(
        (
            ("slice block", "patches of one slice\nsee each other (chest CT)"),
            ("series block", "patches of one series\nsee each other"),
            ("study block", "all patches of the study\nsee each other"),
        )
    ):
        left = 70 + 235 * panel
        d.text(left + 82, 28, title, 15, INK, "middle", bold=True)
        for series in range(2):
            for depth in range(3):
                color = GROUPS[(series * 3 + depth, series, 0)[panel]]
                x, y = left + 57 * depth, 50 + 88 * series
                for patch in range(9):
                    d.box(x + 15 * (patch % 3), y + 15 * (patch // 3), 13, 13, color)
                if panel == 0:
                    d.dot(x + 21.5, y + 55, 5, color)
            if panel == 1:
                d.dot(left + 78.5, 50 + 88 * series + 55, 5, GROUPS[series])
        if panel == 2:
            d.dot(left + 78.5, 50 + 88 + 55, 5, BLUE)
        d.text(left + 82, 240, words, 12.5, INK, "middle")
    for series in range(2):
        d.text(56, 78 + 88 * series, f"series {series + 1}", 12.5, GREY, "end")
    d.dot(252, 283, 5, GREY)
    d.text(264, 287, "class token; the study's is the global embedding", 12, GREY)
    d.save("encoder")


def draw_pool() -> None:
    """An item asks the patch tokens; one slot looks nowhere."""
    d = Drawing(760, 250, "Attention pooling: an item asks the patch tokens of a study")
    d.item(20, 100, "left subdural hematoma", GREEN)
    d.arrow(192, 113, 236, 113)
    weights = (4, 6, 5, 30, 62, 44, 7, 4, 5, 3, 6, 4)
    for number, weight in enumerate(weights):
        x = 250 + 26 * number
        d.box(x, 150 - weight, 20, weight, GREEN)
        d.box(x, 156, 20, 20, BLUE)
    d.box(250 + 26 * 12 + 10, 150 - 24, 20, 24, GREY)
    d.box(250 + 26 * 12 + 10, 156, 20, 20, "#ffffff", GREY, 1.5)
    d.text(406, 70, "attention weights, sum 1", 12.5, GREEN, "middle")
    d.text(404, 198, "patch tokens of the study", 12.5, BLUE, "middle")
    d.text(250 + 26 * 12 + 20, 198, "zero slot:\nlooks nowhere", 12, GREY, "middle")
    d.arrow(612, 113, 656, 113)
    d.box(666, 100, 70, 26, GREEN, round_=13)
    d.text(701, 146, "what this item\nsees in the study", 12, INK, "middle")
    d.save("pool")


def draw_ila() -> None:
    """Each study meets its own items and one item of every other study."""
    d = Drawing(760, 330, "ILA: own items attract, one item of every other study repels")
    names = ("study 1", "study 2", "study 3", "study 4")
    real = (3, 2, 3, 1)
    d.text(110, 28, "texts that a study is compared with, each with its own pooling of that study", 13, INK)
    for row, name in enumerate(names):
        y = 50 + 58 * row
        d.text(100, y + 23, name, 13, INK, "end")
        column = 0
        for other in range(4):
            if other == row:
                for slot in range(3):
                    x = 115 + 62 * column
                    if slot < real[row]:
                        worst = slot == (1, 0, 2, 0)[row]
                        d.box(x, y, 54, 36, GREEN, INK if worst else "none", 3)
                        d.text(x + 27, y + 24, "× 1.5" if worst else "+", 14, "#ffffff", "middle", bold=True)
                    else:
                        d.box(x, y, 54, 36, "#ffffff", PALE, 1.5)
                        d.text(x + 27, y + 23, "empty", 11, GREY, "middle")
                    column += 1
            else:
                x = 115 + 62 * column
                excluded = {row, other} == {1, 3}
                d.box(x, y, 54, 36, "#ffffff" if excluded else RED, RED if excluded else "none", 1.5)
                d.text(
                    x + 27, y + 24, "0" if excluded else "−", 15, RED if excluded else "#ffffff", "middle", bold=True
                )
                column += 1
    for row, (fill, edge, sign, ink, words) in enumerate(
        (
            (GREEN, "none", "+", "#ffffff", "own item: should agree"),
            (GREEN, INK, "+", "#ffffff", "own item that agrees least:\nweighs more"),
            (RED, "none", "−", "#ffffff", "drawn item of another\nstudy: should not agree"),
            ("#ffffff", RED, "0", RED, "both studies normal:\nleft out"),
        )
    ):
        y = 52 + 58 * row
        d.box(520, y, 30, 30, fill, edge, 3 if edge == INK else 1.5)
        d.text(535, y + 20, sign, 14, ink, "middle", bold=True)
        d.text(560, y + (20 if "\n" not in words else 12), words, 12.5)
    d.text(
        115,
        305,
        "loss of a cell: −log σ(± (scale · cosine + bias)), summed, divided by the number of studies",
        12.5,
        GREY,
    )
    d.save("ila")


def draw_kta() -> None:
    """Of the attention of an item the strongest patches alone are pooled again."""
    d = Drawing(760, 250, "KTA: the item is pooled again from the patches that it attended to most")
    heat = {(2, 2): 0.9, (2, 3): 1.0, (3, 2): 0.55, (3, 3): 0.7, (1, 3): 0.4, (2, 1): 0.35, (4, 3): 0.25, (1, 2): 0.3}
    for panel, title in enumerate(("attention of the item", "key tokens: the top 5 %", "pooled from these alone")):
        left = 60 + 240 * panel
        d.text(left + 84, 28, title, 13.5, INK, "middle", bold=True)
        for y in range(6):
            for x in range(7):
                strength = heat.get((y, x), 0.06)
                key = (y, x) in ((2, 2), (2, 3))
                cx, cy = left + 24 * x, 44 + 24 * y
                shown = panel < 2 or key
                d.box(cx, cy, 22, 22, BLUE if shown else "#ffffff", PALE)
                if shown:
                    d.parts.append(
                        f'<rect x="{cx:g}" y="{cy:g}" width="22" height="22" rx="2" fill="{ORANGE}" '
                        f'opacity="{strength:g}"/>'
                    )
                if panel and key:
                    d.box(cx, cy, 22, 22, "none", INK, 2.5)
        if panel < 2:
            d.arrow(left + 180, 115, left + 226, 115)
    d.text(
        380,
        220,
        "The same own and other items as in ILA, the same loss of a cell; no gradient flows through the choice.",
        12.5,
        GREY,
        "middle",
    )
    d.save("kta")


def draw_mps() -> None:
    """The global embedding of a study meets all items of all studies."""
    d = Drawing(760, 270, "MPS: the global embedding meets every item of every study")
    d.text(120, 28, "all items of all studies", 13, INK)
    for row in range(4):
        y = 66 + 42 * row
        d.dot(98, y + 15, 7, BLUE)
        d.text(84, y + 20, f"study {row + 1}", 13, INK, "end")
        for column in range(12):
            x = 120 + 34 * column
            own = column // 3 == row
            d.box(x, y, 30, 30, GREEN if own else RED)
            d.text(x + 15, y + 20, "+" if own else "−", 14, "#ffffff", "middle", bold=True)
    for study in range(4):
        x = 120 + 102 * study
        d.line(x, 56, x + 98, 56, INK, 1.5)
        d.text(x + 49, 49, f"items of {study + 1}", 11.5, GREY, "middle")
    d.dot(556, 81, 7, BLUE)
    d.text(572, 85, "global embedding:\none per study, no pooling", 12.5)
    d.text(548, 140, "Counts lightly (0.01 to 0.1):\nit teaches the whole study,\nILA and KTA the parts.", 12.5, INK)
    d.text(120, 254, "divided by studies × item slots", 12.5, GREY)
    d.save("mps")


def draw_iis() -> None:
    """What one item pools must agree with that item alone among the items of its study."""
    d = Drawing(760, 250, "IIS: what an item pools agrees with that item, not with its neighbours")
    items = ("left subdural hematoma", "midline shift to the right", "mastoid air cells clear")
    colors = (GREEN, PURPLE, ORANGE)
    for row, (item, color) in enumerate(zip(items, colors, strict=True)):
        y = 70 + 50 * row
        d.item(20, y, item, color, 190)
        d.arrow(212, y + 13, 240, y + 13)
        d.box(250, y, 60, 26, color, round_=13)
        for column in range(3):
            x = 350 + 60 * column
            own = column == row
            d.box(x, y - 6, 46, 38, GREEN if own else RED)
            d.text(x + 23, y + 18, "+" if own else "−", 16, "#ffffff", "middle", bold=True)
    for column, color in enumerate(colors):
        d.box(356 + 60 * column, 40, 34, 14, "#ffffff", color, 1.5, 7)
    d.text(280, 48, "pooled", 12.5, INK, "middle")
    d.text(430, 30, "texts of the same study", 12.5, INK, "middle")
    d.text(
        560,
        90,
        "Without it, all items of a\nstudy may look at the same\nplace and still win ILA:\nthe study gives them away.",
        12.5,
    )
    d.text(20, 232, "divided by studies × item slots", 12.5, GREY)
    d.save("iis")


if __name__ == "__main__":
    for draw in (draw_encoder, draw_pool, draw_ila, draw_kta, draw_mps, draw_iis):
        draw()
