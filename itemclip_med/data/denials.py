"""Turn what a report denies into what it would say if it were there: the text of a hard negative."""

from __future__ import annotations

import re

_LEADING = re.compile(
    r"(?:there\s+(?:is|are)\s+)?(?:no|without|nil|neither|nor|absence\s+of|negative\s+for|free\s+of)\s+"
    r"(?:(?:definite|convincing|obvious|other|further|any)\s+)*"
    r"(?:(?:evidence|signs?|indication|suggestion|features?|finding)\s+(?:of|for|in\s+favou?r\s+of)\s+)?(?:a\s+|an\s+|any\s+)?",
    re.IGNORECASE,
)
_AFTER_HEADING = re.compile(
    r"(?P<heading>[^:]{2,60}):\s*(?:none|nil|no|absent|negative)(?:\s+(?:seen|identified|noted|detected))?",
    re.IGNORECASE,
)
_HEADING = re.compile(r"(?P<heading>[^:]{2,60}):\s*(?P<rest>\S.*)", re.DOTALL)
_SEEN = r"(?:seen|noted|identified|observed|detected|demonstrated|visuali[sz]ed|evident|present|found)"
_NOT_SEEN = re.compile(
    rf"\s+(?:is|are|was|were)\s+(?:not\s+(?:definitely\s+|clearly\s+)?{_SEEN}|absent)$", re.IGNORECASE
)
_NOT = re.compile(r"\b(?P<copula>(?:(?:is|are|was|were)\s+)?)not\s+(?=\w+(?:ed|ing)\b)", re.IGNORECASE)
_SHOWS_NO = re.compile(r"\b(?P<verb>shows?|demonstrates?|has|have|with)\s+no\s+", re.IGNORECASE)
_MORE_DENIALS = re.compile(r"\b(?:no|not|without|neither|nor|none|nil|absent|longer|resolved|removed)\b", re.IGNORECASE)


def affirm(text: str) -> str | None:
    """The finding that an absent item denies, as an item would say that it is there.

    Args:
        text: an item of status "absent".

    Returns:
        The text without its denial ("No pleural effusion" gives "Pleural effusion"); None where no single denial can be
        taken out, as in "The effusion has resolved", which was there.
    """
    text = " ".join(text.split()).rstrip(".")
    alone = _AFTER_HEADING.fullmatch(text)
    if alone:
        return _capital(alone["heading"])
    headed = _HEADING.fullmatch(text)
    if headed:
        inner = affirm(headed["rest"])
        return None if inner is None else f"{headed['heading']}: {inner}"
    leading = _LEADING.match(text)
    if leading:
        found = text[leading.end() :]
    elif _NOT_SEEN.search(text):
        found = _NOT_SEEN.sub("", text)
    elif _NOT.search(text):
        found = _NOT.sub(r"\g<copula>", text)
    elif _SHOWS_NO.search(text):
        found = _SHOWS_NO.sub(r"\g<verb> ", text)
    else:
        return None
    return None if not re.search(r"[^\W\d_]", found) or _MORE_DENIALS.search(found) else _capital(found)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
