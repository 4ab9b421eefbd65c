"""Take obvious identifiers out of items: dates, names behind a title, phone, record and accession numbers, e-mail.

This is a safety net and no de-identification: a name without a title, a place or a rare disease stays. Texts that must
be de-identified have to be so before they are read.
"""

# ruff: noqa: E501  (patterns and tables read better unbroken)
from __future__ import annotations

import re
from dataclasses import replace

from itemclip_med.reports.itemize import ItemizedReport, TracedItem

MARK = "___"

_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
# (name, pattern, an example, what is left of it)
IDENTIFIERS: tuple[tuple[str, str, str, str], ...] = (
    ("date in numbers", r"\b\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})\b|\b(?:19|20|21)\d\d[/.-]\d{1,2}[/.-]\d{1,2}\b", "stable since 03/02/2018", "stable since ___"),
    ("date in words", rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}\.?,?\s+(?:19|20)\d\d\b|\b{_MONTH}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+(?:19|20)\d\d\b|\b{_MONTH}\s+(?:19|20)\d\d\b", "on 12 March 2018", "on ___"),
    ("year", r"(?<=\bsince\s)(?:19|20)\d\d\b|(?<=\bfrom\s)(?:19|20)\d\d\b|(?<=\bin\s)(?:19|20)\d\d\b", "unchanged since 2017", "unchanged since ___"),
    ("time", r"\b\d{1,2}[:.]\d{2}\s*(?:a\.?m\.?|p\.?m\.?|hrs?|hours)(?!\w)|\b\d{1,2}:\d{2}\b", "at 4:15 p.m. by phone", "at ___ by phone"),
    ("name behind a title", r"\b(?:dr|drs|prof|professor|doctor|mr|mrs|ms|miss|sister|nurse)\b\.?\s+(?-i:[A-Z][\w'’-]+(?:\s+[A-Z][\w'’.-]*){0,2})", "seen by Dr. Jane Roe", "seen by ___"),
    ("phone", r"(?<![\w.])(?:\+\d{1,3}[\s-]?)?(?:\(\d{2,5}\)[\s-]?|\d{3,5}[\s-])\d{3,4}[\s-]?\d{3,4}(?![\w.])", "call 555-123-4567", "call ___"),
    ("record number", r"\b(?:mrn|m\.r\.n\.|medical\s+record(?:\s+number)?|patient\s+id|hospital\s+(?:no|number)|nhs(?:\s+(?:no|number))?|uhid|ssn|dob|acc(?:ession)?(?:\s*(?:no|number|\#))?)\b\.?\s*[:#]?\s*[a-z]{0,4}[\d][\w/-]{3,}", "MRN: 00123456", "___"),
    ("long number", r"\b\d{7,}\b|\b[A-Z]{1,3}\d{6,}\b", "study 1234567890", "study ___"),
    ("e-mail", r"\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{2,64}\b", "to a.b@example.org", "to ___"),
)  # fmt: skip

_PATTERN = re.compile("|".join(f"(?:{pattern})" for _, pattern, _, _ in IDENTIFIERS), re.IGNORECASE)


def scrub_text(text: str) -> str:
    """A text with each obvious identifier replaced by ``___``.

    Args:
        text: an item.
    """
    return _PATTERN.sub(MARK, text)


def scrub(report: ItemizedReport) -> ItemizedReport:
    """The same items without obvious identifiers; places in the report stay.

    Args:
        report: as :func:`itemize` gives it.
    """
    return replace(report, items=tuple(_scrub_item(item) for item in report.items))


def _scrub_item(item: TracedItem) -> TracedItem:
    return replace(item, text=scrub_text(item.text), repeats=tuple(scrub_text(text) for text in item.repeats))
