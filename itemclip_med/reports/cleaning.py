"""Blank out what is no report text (HTML, RTF, control characters, marks of de-identification), character by character.

The cleaned text has the length of the report, so that a place in one is the same place in the other: every item can be
traced to its characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from itemclip_med.reports.vocabulary import word_lists

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,9})(?:\s[^<>]{0,500})?/?>|<!--[^>]{0,1000}-->")
_BLOCK_TAGS = frozenset(
    [
        "p",
        "br",
        "div",
        "li",
        "ul",
        "ol",
        "tr",
        "td",
        "th",
        "table",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "body",
        "html",
        "head",
        "title",
        "hr",
    ]
)
_ENTITY = re.compile(r"&(#\d{1,6}|#x[0-9a-fA-F]{1,5}|[a-zA-Z]{2,8});")
_ENTITIES = {"nbsp": " ", "lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "deg": "°", "micro": "µ"}
_RTF_GROUP = re.compile(r"\{\\(?:\*|fonttbl|colortbl|stylesheet|info|pict|header|footer|generator)")
_RTF_WORD = re.compile(r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'[0-9a-fA-F]{2}|\\[^a-zA-Z]")
_RTF_BREAKS = frozenset(("par", "line", "row", "page", "sect", "cell", "tab"))
_DEID = re.compile(
    r"\[\*\*[^\]]{0,80}\]|_{2,}|\[(?:REDACTED|redacted|NAME|DATE|name|date)\]|<(?:NAME|DATE|ID)>|\bXXXX+\b"
)
# A form's boxes: what is not ticked beside a ticked one says nothing, and a tick is no text.
_TICKED = re.compile(r"\[ ?[xX✓✔] ?\]|[☑☒]")
_UNTICKED_CHOICE = re.compile(r"(?:\[ {0,3}\]|☐)[^\[\]☐☑☒,;|]{0,60}")
_STARS = re.compile(r"\*{2,}|={3,}|-{4,}|~{3,}")
_CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, 173, 65279, 8203, 160, 8239, 8201), " ")
# Same length, one meaning: matched as ASCII, shown as written.
_ALIKE = str.maketrans("‐‑‒–—−‘’“”×•·●▪◦‣⁃", "------''\"\"x" + "*" * 7)


@dataclass(frozen=True, slots=True)
class CleanText:
    """A report without marks, as long as the report.

    Attributes:
        shown: letters as written.
        low: the same in lower case with look-alikes replaced, for matching.
    """

    shown: str
    low: str


def clean(report: str) -> CleanText:
    """Blank out marks; the result is as long as ``report``.

    Args:
        report: any text.
    """
    text = report.translate(_CONTROL)
    if text.lstrip().startswith("{\\rtf"):
        text = _without_rtf(text)
    if "<" in text:
        text = _TAG.sub(_blank_tag, text)
    if "&" in text:
        text = _ENTITY.sub(_blank_entity, text)
    if "[" in text or "__" in text or "<" in text or "XXX" in text:
        text = _DEID.sub(_blank, text)
    if "[" in text or "☑" in text or "☒" in text:
        text = "\n".join(_without_choices(line) for line in text.split("\n"))
    if "**" in text or "---" in text or "==" in text or "~~" in text:
        text = _STARS.sub(_blank, text)
    text = text.replace("\r\n", " \n").replace("\r", "\n")
    return CleanText(text, _lower(text.translate(_ALIKE)))


def _lower(text: str) -> str:
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(lower if len(lower := char.lower()) == 1 else char for char in text)


def _without_choices(line: str) -> str:
    """As in: "Shift: [ ] yes [x] no" as "Shift: no"; a line with an open box alone stays."""
    if not _TICKED.search(line):
        return line
    return _TICKED.sub(_blank, _UNTICKED_CHOICE.sub(_blank, line))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _blank_tag(match: re.Match[str]) -> str:
    is_break = (match[2] or "").lower() in _BLOCK_TAGS
    return ("\n" if is_break else " ") + " " * (len(match[0]) - 1)


def _blank_entity(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[1].lower(), " ") + " " * (len(match[0]) - 1)


def _without_rtf(text: str) -> str:
    """Blank out RTF control words and the groups that hold no text."""
    parts, position, depth, skip_from = [], 0, 0, None
    for match in re.finditer(r"[{}]|\\[a-zA-Z]{1,32}-?\d{0,10} ?|\\'[0-9a-fA-F]{2}|\\[^a-zA-Z]", text):
        between = text[position : match.start()]
        parts.append(between if skip_from is None else re.sub(r"[^\n]", " ", between))
        position = match.end()
        mark = match[0]
        if mark == "{":
            depth += 1
            if skip_from is None and _RTF_GROUP.match(text, match.start()):
                skip_from = depth
        elif mark == "}":
            if skip_from == depth:
                skip_from = None
            depth -= 1
        word = _RTF_WORD.match(mark)
        is_break = word is not None and word[1] in _RTF_BREAKS and skip_from is None
        parts.append(("\n" if is_break else " ") + " " * (len(mark) - 1))
    parts.append(text[position:] if skip_from is None else " " * (len(text) - position))
    return "".join(parts)


_WORD = re.compile(r"[^\W\d_]+")


def is_english(text: CleanText) -> bool:
    """Whether the text can be read by English rules; short texts and telegraphic notes get the benefit of the doubt.

    Args:
        text: a cleaned report.
    """
    words = _WORD.findall(text.low[:5000])
    if 20 * text.low.count("\ufffd") > len(text.low):
        return False  # bytes that are no text
    if len(words) < 4:
        return not any(ord(char) > 0x24F and char.isalpha() for char in text.low[:5000])
    if not text.low.isascii() and sum(not _is_latin(word) for word in words) > len(words) / 3:
        return False
    foreign = sum(word in word_lists.FOREIGN for word in words)
    english = sum(word in word_lists.ENGLISH for word in words)
    return foreign < 3 or foreign <= english


def _is_latin(word: str) -> bool:
    return all(ord(char) <= 0x24F for char in word)
