"""Know a heading of a report when it stands at the start of a line or statement."""

from __future__ import annotations

import re
from functools import lru_cache

from itemclip_med.reports.tokens import tokenize
from itemclip_med.reports.vocabulary import dropping, headings

Span = tuple[int, int]

_COLON_HEADING = re.compile(r"(?P<name>[^\W\d_][\w /&,()+'’.-]{0,70}?)[ ]*:(?=[\s?]|[^\W\d_]|$)")
_POINTERS = frozenset(("interval", "since", "prior", "previous", "compared", "comparison", "last", "interim"))
_ANSWER = re.compile(r"(?:yes|no|none|nil)\b(?!\s+\w)")
_RATIO = re.compile(r"\w{1,4}:\w{1,4}\s+ratio\b")
_QUESTION_HEADING = re.compile(
    r"(?P<name>[^\W\d_][\w /&,()+'.-]{0,70}?)[ ]*\?[ ]+(?=(?:yes|no|none|nil|possibl[ey]|probabl[ey]|unclear|"
    r"unsure|unknown|equivocal|indeterminate|present|absent|not)\b)"
)
_TABLE_HEADING = re.compile(r"\|?[ ]*(?P<name>[^\W\d_][\w /&,()+'.-]{0,60}?)[ ]*(?:\|+|\t+)[ ]*")
_DASH_HEADING = re.compile(r"(?P<name>[^\W\d_][\w/&]*(?:[ ](?!-)[\w/&,]+){0,4})[ ]+-+[ ]+")


def is_carried(low: str, span: Span) -> bool:
    """Whether a heading says something that a statement may need: "Other" and "MRI BRAIN" do not.

    Args:
        low: the cleaned report in lower case.
        span: place of the heading.
    """
    words = low[span[0] : span[1]].split()
    if words[0] in ("in", "since", "compared", "from", "as") and _POINTERS & set(words):
        return False  # "In the interval since 10/2023: …"
    is_title = all(word in dropping.TITLE_WORDS for name in words for word in name.split("/"))
    has_modality = any(word in dropping.TITLE_MODALITIES for name in words for word in name.split("/"))
    return " ".join(words) not in headings.EMPTY_HEADINGS and not (is_title and has_modality)


def heading_at(low: str, start: int, end: int, line_start: bool) -> tuple[Span, int] | None:
    """Place of an organ heading at ``start`` and where its statement begins.

    Args:
        low: the cleaned report in lower case.
        start: where the heading may stand.
        end: behind the last character of the stretch.
        line_start: whether a line begins there, so that tables and dashes count too.
    """
    if line_start:
        line = low[start:end]
        match = _TABLE_HEADING.match(low, start, end) if "|" in line or "\t" in line else None
        if match and len(match["name"].split()) <= 6:
            return match.span("name"), match.end()
    colon = low.find(":", start, min(end, start + 80))
    match = _COLON_HEADING.match(low, start, end) if colon >= 0 else None
    if (
        match
        and _may_head(low[match.start("name") : match.end("name")])
        and not low[match.end() : match.end() + 2].isdigit()
        and not _RATIO.match(low, start, end)
    ):
        return match.span("name"), match.end()
    asked = _QUESTION_HEADING.match(low, start, end) if "?" in low[start : min(end, start + 80)] else None
    if asked and _may_head(asked["name"]):
        return asked.span("name"), asked.end()
    match = _DASH_HEADING.match(low, start, end)
    if match and (line_start or _ANSWER.match(low, match.end(), end)) and _may_head_with_dash(match["name"]):
        return match.span("name"), match.end()
    return None


def is_column_row(line: str) -> bool:
    """Whether a line names the columns of a table ("Structure | Finding") and says nothing.

    Args:
        line: in lower case.
    """
    if "|" not in line and "\t" not in line:
        return False
    cells = [cell.split() for cell in re.split(r"[|\t]+", line) if cell.strip(" -")]
    return len(cells) > 1 and all(word.strip("().,") in headings.COLUMN_WORDS for cell in cells for word in cell)


@lru_cache(maxsize=10_000)
def _may_head(name: str) -> bool:
    """Whether words before a colon are a heading and not the start of a sentence ("three lesions: 9 mm in …")."""
    words = re.sub(r"\([^)]*\)", " ", name).split()
    if not 0 < len(words) <= 7 or re.search(r"[.?!]\s", name):
        return False
    kinds = ["E" if token.word == "lines" else token.kind for token in tokenize(name, 0, len(name))]
    if "V" in kinds or "N" in kinds or "K" in kinds:
        return False
    if kinds[0] == "#" or (kinds[0] in "dD" and len(kinds) > 2) or "example" in words:
        return False
    return words[0] not in ("there", "includes", "including")


@lru_cache(maxsize=10_000)
def _may_head_with_dash(name: str) -> bool:
    kinds = [token.kind for token in tokenize(name, 0, len(name))]
    return (
        _may_head(name)
        and len(kinds) <= 5
        and not set(kinds) & set("dtsP#D")
        and (bool(set(kinds) & set("AFE")) or len(kinds) == 1)
    )


def is_bare_place(low: str, start: int, end: int) -> bool:
    """A line that names a place and says nothing of it ("1. Brain") heads the lines below it.

    Args:
        low: the cleaned report in lower case.
        start: first character of the line.
        end: behind its last.
    """
    name = low[start:end].strip(" .")
    if len(name) > 50 or "," in name or not name:
        return False
    kinds = [token.kind for token in tokenize(name, 0, len(name))]
    return len(kinds) <= 5 and "A" in kinds and set(kinds) <= set("AaC/&r") and kinds[0] != "C" and kinds[-1] in "Aa"
