"""Prompts for findings in the style of items: the words by which reports name a finding, and their denial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from itemclip_med.reports import attributes, cutting
from itemclip_med.reports.status import is_generic_denial, status_of

MAX_WORDS = 8


def write_prompts(
    findings: Mapping[str, str], studies: Iterable[Mapping[str, Any]] = (), *, num_wordings: int = 3
) -> dict[str, dict[str, list[str]]]:
    """Prompts of each finding, as ``zeroshot run --prompts`` reads them.

    Args:
        findings: name to title ("SDH": "Subdural hematoma").
        studies: itemized reports, dictionaries with ``items``; their own wordings of a finding come first, the most
            frequent one first: short present items that hold every word of the title.
        num_wordings: most texts a finding.

    Returns:
        Name to ``prompts`` and ``negative_prompts``; a finding that no item names has its title and "No …".
    """
    wordings: dict[str, Counter[str]] = {name: Counter() for name in findings}
    titles = {name: attributes.words_of(_statement(title).lower()).content for name, title in findings.items()}
    for study in studies:
        for item in study.get("items", ()):
            if item.get("status") != "present" or attributes.sizes_of(item["text"].lower()):
                continue
            text = _statement(item["text"])
            if not text or len(text.split()) > MAX_WORDS:
                continue
            words = attributes.words_of(text.lower())
            for name, wanted in titles.items():
                if wanted and wanted <= words.content:
                    wordings[name][text] += 1
    return {name: _prompts(title, wordings[name], num_wordings) for name, title in findings.items()}


def _prompts(title: str, found: Counter[str], num_wordings: int) -> dict[str, list[str]]:
    ranked = sorted(found, key=lambda text: (-found[text], len(text), text))
    own = _statement(title)
    texts = [own, *(text for text in ranked if text.lower() != own.lower())][:num_wordings]
    return {"prompts": texts, "negative_prompts": [denied for text in texts[:1] if (denied := deny(text))]}


def deny(text: str) -> str | None:
    """The item that denies a finding: "Pleural effusion" gives "No pleural effusion".

    Args:
        text: names a finding; abbreviations keep their capitals.

    Returns:
        The denial; None where "No …" would not deny it (a normal statement, or one that denies already).
    """
    first = text.split()[0]
    text = text if first[1:].lower() != first[1:] else text[:1].lower() + text[1:]
    denied = f"No {text}"
    if status_of(text.lower()) not in ("present", "uncertain"):
        return None
    return denied if status_of(denied.lower()) == "absent" or is_generic_denial(denied.lower()) else None


def _statement(text: str) -> str:
    """Without lead-in and article, with a capital."""
    text = " ".join(text.split()).rstrip(".")
    low = text.lower()
    text = text[cutting.cut_lead_in(low, 0, len(low)) :]
    for article in ("a ", "an ", "the "):
        if text.lower().startswith(article):
            text = text[len(article) :]
            break
    return text[:1].upper() + text[1:]
