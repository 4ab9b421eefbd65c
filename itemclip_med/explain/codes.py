"""Codes of findings, models and measurements for DICOM objects.

A finding is coded in SNOMED CT only where DICOM's own context groups or the terminology's browser leave no doubt;
everything else has a code of the private scheme ``99ITEMCLIP``, whose meaning is the words that were asked.

Sources:
    DICOM PS3.16 (2024b); SNOMED CT International browser.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

PRIVATE_SCHEME = "99ITEMCLIP"
_SNOMED: dict[str, tuple[str, str]] = {
    "intracranial hemorrhage": ("1386000", "Intracranial hemorrhage"),
    "cerebral hemorrhage": ("274100004", "Cerebral hemorrhage"),
    "intraparenchymal hemorrhage": ("274100004", "Cerebral hemorrhage"),
    "subarachnoid hemorrhage": ("21454007", "Subarachnoid hemorrhage"),
    "skull fracture": ("71642004", "Fracture of skull"),
    "hydrocephalus": ("230745008", "Hydrocephalus"),
    "stroke": ("230690007", "Cerebrovascular accident"),
    "pulmonary embolism": ("59282003", "Pulmonary embolism"),
    "pneumothorax": ("36118008", "Pneumothorax"),
    "pleural effusion": ("60046008", "Pleural effusion"),
    "pericardial effusion": ("373945007", "Pericardial effusion"),
    "lymphadenopathy": ("30746006", "Lymphadenopathy"),
    "atelectasis": ("46621007", "Atelectasis"),
    "consolidation": ("95436008", "Lung consolidation"),
    "emphysema": ("87433001", "Pulmonary emphysema"),
    "bronchiectasis": ("12295008", "Bronchiectasis"),
    "hiatal hernia": ("84089009", "Hiatal hernia"),
}
_MAX_MEANING = 64  # characters of an LO


def finding_code(words: str) -> CodedConcept:
    """The code of a finding: SNOMED CT where the whole words are one it is sure of, else a private one."""
    plain = " ".join(re.sub(r"[^a-z ]+", " ", words.lower().replace("haemorrhage", "hemorrhage")).split())
    if plain in _SNOMED:
        from highdicom.sr import CodedConcept

        value, meaning = _SNOMED[plain]
        return CodedConcept(value, "SCT", meaning)
    return private_code(f"F{hashlib.sha256(plain.encode()).hexdigest()[:10].upper()}", words)


def private_code(value: str, meaning: str) -> CodedConcept:
    """A code of our own scheme."""
    from highdicom.sr import CodedConcept

    return CodedConcept(value, PRIVATE_SCHEME, shorten(meaning, _MAX_MEANING))


def shorten(text: str, length: int) -> str:
    """Text that fits an element, without what DICOM strings may not hold."""
    text = re.sub(r"[\\\x00-\x1f]+", " ", text).strip()
    text = text.encode("ascii", "replace").decode("ascii")
    return text if len(text) <= length else f"{text[: length - 3]}..."
