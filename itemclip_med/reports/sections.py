"""Cut a report into blocks: runs of text in one section, under one heading, without the marks of lists and tables."""

# ruff: noqa: E501  (patterns and tables read better unbroken)
from __future__ import annotations

import re
from dataclasses import dataclass

from itemclip_med.reports.cleaning import CleanText
from itemclip_med.reports.line_breaks import goes_on, is_open, writes_capitals
from itemclip_med.reports.organ_headings import heading_at, is_bare_place, is_carried, is_column_row
from itemclip_med.reports.statements import is_answer
from itemclip_med.reports.tokens import tokenize
from itemclip_med.reports.vocabulary import headings

KEPT_SECTIONS = ("findings", "impression", "addendum", "body")

_NAMES: dict[str, str] = {
    name: section
    for table in (headings.KEPT, headings.DROPPED)
    for section, row in table.items()
    for name in row.split("|")
}
_NAME_PATTERN = "|".join(re.escape(name).replace(r"\ ", r"[ ]+") for name in sorted(_NAMES, key=len, reverse=True))
# "FINDINGS:" at the start of a line or after the end of a sentence; a date may stand between ("Addendum (11/05/2021):").
_SECTION_NAME = rf"(?P<name>{_NAME_PATTERN})(?:[ ]*\([^()\n]{{0,60}}\)|[ ]+\d[\d/.: -]{{3,16}})?[ ]*:"
_SECTION_HERE = re.compile(_SECTION_NAME)
_SECTION = re.compile(
    rf"(?:(?<=^)|(?<=[.;:?!)]\s)|(?<=\s\s)|(?<=[.;?!)])){_SECTION_NAME}",
    re.MULTILINE,
)
# With a date before the colon they point to an examination, and findings follow: "Compared to 5/5/2023: …".
_LEADS_ON = frozenset(("compared to", "comparison made"))
_SECTION_DASH = re.compile(rf"(?P<name>{_NAME_PATTERN})[ ]+-+[ ]+")
_SECTION_TABLE = re.compile(rf"(?P<name>{_NAME_PATTERN})[ ]*[|\t]")
_SECTION_GLUED = re.compile(rf"(?P<name>{_NAME_PATTERN})[ ]+(?=\S)")
# Before a heading of findings, what follows a history or technique still belongs to it.
_STATEMENT_END = re.compile(r"(?<=[.;])\s+")
_FINDINGS_LINE = re.compile(rf"^[ \t*#]*(?:{headings.KEPT['findings']})[ ]*(?::|$)", re.MULTILINE)
_MARK = re.compile(
    r"[ \t]*(?:[*>+o§][ \t]+|[*>][ \t]*(?=[^\W\d])|-+[ \t]*(?=[^\W_])|\(?\d{1,2}[.)](?!\d)[ \t]*|\(?\d{1,2}(?:\.\d{1,2}){1,3}[.)]?[ \t]+(?=[^\W\d])"
    r"(?!(?:mm|cm|ml|x|by|hu)\b)|\d{1,2}[ ]*-[ ]+|\(?[a-hj-z][.)][ \t]+|\(?[ivx]{1,4}[.)][ \t]+|#\d{0,2}[ \t]*)"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of text in one section.

    Attributes:
        start: its first character in the report.
        end: behind its last.
        section: "findings", "impression", "addendum", "body" (no heading), or a dropped section's name.
        heading: place of its organ heading without the mark; None for none.
    """

    start: int
    end: int
    section: str
    heading: tuple[int, int] | None = None


@dataclass(slots=True)
class _State:
    section: str = "body"
    heading: tuple[int, int] | None = None
    until_blank: bool = False
    since: int = 0
    is_open: bool = False  # the line above stops in the middle of a phrase


def find_blocks(text: CleanText) -> list[Block]:
    """The blocks of a report, in its order, dropped sections included.

    Args:
        text: the cleaned report.
    """
    has_capitals = writes_capitals(text.shown)
    blocks: list[Block] = []
    state = _State()
    position, previous_end = 0, None
    dropped: str | None = None
    findings_at = max((match.start() for match in _FINDINGS_LINE.finditer(text.low)), default=-1)
    for line in text.low.split("\n"):
        start, end = position, position + len(line)
        position = end + 1
        if not line.strip():
            previous_end = None
            if state.until_blank and (blocks and blocks[-1].end > state.since):
                state.until_blank = False
                state.heading = None
                if state.section not in KEPT_SECTIONS and state.section != "signature" and start > findings_at:
                    state.section = "body"
            continue
        before = state.section
        state.is_open = (
            previous_end is not None and bool(blocks) and is_open(text.low, blocks[-1].start, blocks[-1].end)
        )
        fresh = _read_line(text, start, end, state)
        if state.section == "body" and before == "body" and start < findings_at and dropped is not None:
            fresh = [Block(block.start, block.end, dropped) for block in fresh]
        if fresh and fresh[-1].section not in KEPT_SECTIONS and fresh[-1].section != "signature":
            dropped = fresh[-1].section
        elif state.section in ("findings", "impression", "addendum"):
            dropped = None
        if not fresh:
            previous_end = None
            continue
        joins = previous_end is not None and blocks and _continues(text, blocks[-1], fresh[0], start, has_capitals)
        if joins:
            last = blocks.pop()
            fresh[0] = Block(last.start, fresh[0].end, last.section, last.heading)
            if state.section != last.section and len(fresh) == 1:
                state.section = last.section
        blocks.extend(fresh)
        previous_end = end
    return [block for block in blocks if text.low[block.start : block.end].strip()]


def _read_line(text: CleanText, start: int, end: int, state: _State) -> list[Block]:
    """The blocks of one line; the state goes on to the next line."""
    low = text.low
    mark = _MARK.match(low, start, end)
    begin = mark.end() if mark and mark.end() < end else start
    while begin < end and low[begin] in " \t":
        begin += 1
    if is_column_row(low[begin:end]):
        return []
    blocks: list[Block] = []
    alone = _NAMES.get(" ".join(low[begin:end].strip(" :-|*#").split()).rstrip(":-"))
    if alone:
        state.section, state.heading, state.until_blank, state.since = alone, None, True, end
        return []
    sections = list(_SECTION.finditer(low, begin, end)) if ":" in low[begin:end] else []
    if not sections or sections[0].start() > begin:
        named = _SECTION_HERE.match(low, begin, end)  # behind a list mark
        single = (
            _SECTION_DASH.match(low, begin, end)
            or _SECTION_TABLE.match(low, begin, end)
            or _caps_heading(text, begin, end)
        )
        if named:
            sections.insert(0, named)
        elif single and _NAMES[" ".join(single["name"].split())] != "category":
            sections.insert(0, single)
    leading = sections[0].start() if sections else end
    if leading > begin:
        blocks += _organ_blocks(text, begin, leading, state, line_start=True, fresh_mark=mark is not None)
    for index, match in enumerate(sections):
        stop = sections[index + 1].start() if index + 1 < len(sections) else end
        name = " ".join(match["name"].split())
        if name in _LEADS_ON and match.end() - match.start() > len(match["name"]) + 3:
            state.section = state.section if state.section in KEPT_SECTIONS else "body"
        else:
            state.section, state.heading = _NAMES[name], None
        rest = low[match.end() : stop].strip()
        if not rest:
            state.until_blank = index + 1 == len(sections)
            continue
        body = match.end()
        inner = _MARK.match(low, body, stop)
        if inner and inner.end() < stop and re.match(r"\s*[\d(*>]", low[body:stop]):
            body = inner.end()
        blocks += _organ_blocks(text, body, stop, state, line_start=True)
        state.until_blank = False
    if sections and blocks and state.section not in KEPT_SECTIONS and not state.until_blank:
        # What follows a history or technique on a line of its own is prose about the images again.
        dropped, state.section = state.section, "body"
        if dropped == "signature":
            state.section = "signature"
    return blocks


def _caps_heading(text: CleanText, begin: int, end: int) -> re.Match[str] | None:
    """As in: "FINDINGS There is …": a heading in capitals without a mark, glued to its text."""
    if not text.shown[begin : begin + 5].isupper():
        return None
    match = _SECTION_GLUED.match(text.low, begin, end)
    if match is None:
        return None
    name, rest = text.shown[match.start() : match.end()].strip(), text.shown[match.end() : end]
    return match if name.isupper() and len(name) > 4 and not rest.isupper() and rest[:1].isupper() else None


def _organ_blocks(
    text: CleanText, start: int, end: int, state: _State, *, line_start: bool, fresh_mark: bool = False
) -> list[Block]:
    """Blocks of one stretch of one section, cut at organ headings inside it."""
    low = text.low
    while start < end and low[start] in " \t|":
        start += 1
    if start >= end:
        return []
    if state.section not in KEPT_SECTIONS:
        return _after_dropped(text, start, end, state)
    heading = state.heading if state.until_blank else None
    blocks: list[Block] = []
    found = heading_at(text.low, start, end, line_start)
    if found is not None:
        span, body = _innermost(low, found, end)
        heading = span if is_carried(low, span) else None
        if not low[body:end].strip(" .-|"):
            state.heading, state.until_blank = heading, True
            return []
        start, state.heading, state.until_blank = body, None, False
    elif not state.is_open and is_bare_place(text.low, start, end) and (fresh_mark or state.section != "impression"):
        state.heading, state.until_blank = (start, end), True
        return []
    return [*blocks, *inner_blocks(low, start, end, state.section, heading)]


def inner_blocks(low: str, start: int, end: int, section: str, heading: tuple[int, int] | None = None) -> list[Block]:
    """Blocks of a stretch with headings inside it: "… are clear. Sella: normal. IAC: no mass."

    Args:
        low: the cleaned report in lower case.
        start: first character.
        end: behind the last.
        section: in which it stands.
        heading: place of the heading that holds at its start.
    """
    blocks: list[Block] = []
    position = start
    for stop in _STATEMENT_END.finditer(low, start, end):
        if stop.start() < position:
            continue
        if heading is not None and is_answer(low[position : stop.start()]):
            blocks.append(Block(position, stop.start(), section, heading))
            position, heading = stop.end(), None  # "Fracture: none. The mastoid is …"
        inner = heading_at(low, stop.end(), end, False)
        if inner is not None:
            blocks.append(Block(position, stop.start(), section, heading))
            span, position = _innermost(low, inner, end)
            heading = span if is_carried(low, span) else None
    blocks.append(Block(position, end, section, heading))
    return [block for block in blocks if low[block.start : block.end].strip(" .|-;")]


def _innermost(low: str, found: tuple[tuple[int, int], int], end: int) -> tuple[tuple[int, int], int]:
    """As in: "MRA: Anterior circulation: …": of headings in a row, the last one."""
    while True:
        inner = heading_at(low, found[1] + (low[found[1] : found[1] + 1] == " "), end, False)
        if inner is None or is_answer(low[slice(*inner[0])]):
            return found
        found = inner


def _after_dropped(text: CleanText, start: int, end: int, state: _State) -> list[Block]:
    """Text of a dropped section; an organ heading with a place ends it ("TECHNIQUE: …" then "Lungs: …")."""
    found = heading_at(text.low, start, end, True)
    if found is not None and state.section in ("technique", "comparison", "history", "exam", "quality"):
        kinds = {token.kind for token in tokenize(text.low, *found[0])}
        if kinds & {"A", "F"} and kinds <= set("AaFErC,&/um()"):
            state.section = "body"
            return _organ_blocks(text, start, end, state, line_start=True)
    return [Block(start, end, state.section)]


def _continues(text: CleanText, last: Block, fresh: Block, line_start: int, has_capitals: bool) -> bool:
    """Whether the first block of a line belongs to the last one above it."""
    if fresh.heading is not None and fresh.heading != last.heading:
        return False
    if text.low[line_start : fresh.start].strip():
        return False  # a list mark or a heading stands before it
    if fresh.section != last.section and not (last.section not in KEPT_SECTIONS and fresh.section == "body"):
        return False
    return goes_on(text, (last.start, last.end), (fresh.start, fresh.end), has_capitals)
