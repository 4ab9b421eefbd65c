"""Codes of findings, models and measurements for DICOM objects.

A finding is coded in DICOM's or SNOMED CT's terms only where a public list confirms the number; everything else has a
code of the private scheme ``99ITEMCLIP``, whose meaning is the words that were asked.

Sources:
    DICOM PS3.16 (2024b), context groups as pydicom's ``pydicom.sr.codedict`` holds them (a test compares). Elsewhere:
    HL7 Lithuania, Lung Cancer Implementation Guide, value set of incidental findings; HL7 Europe, PanCareSurPass
    Implementation Guide, value set of other conditions (expanded from SNOMED CT International 2023-09); RES-Q stroke
    registry, code system of stroke types; VisualDx, page of hiatal hernia; CTCAE v5 to SNOMED CT map of MedDRA terms.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

PRIVATE_SCHEME = "99ITEMCLIP"
CODES: dict[str, tuple[str, str, str]] = {
    # DICOM's own: in pydicom's dictionary, by number and meaning.
    "intracranial hemorrhage": ("SCT", "1386000", "Intracranial hemorrhage"),
    "stroke": ("SCT", "230690007", "Cerebrovascular accident"),
    "pulmonary embolism": ("SCT", "59282003", "Pulmonary embolism"),
    "pneumothorax": ("SCT", "36118008", "Pneumothorax"),
    "pleural effusion": ("SCT", "60046008", "Pleural effusion"),
    "pericardial effusion": ("SCT", "373945007", "Pericardial effusion"),
    "lymphadenopathy": ("SCT", "30746006", "Lymphadenopathy"),
    "cardiomegaly": ("SCT", "287272002", "Cardiomegaly"),
    "ground glass opacity": ("DCM", "112120", "Ground glass opacity"),
    "mosaic attenuation pattern": ("DCM", "112130", "Mosaic pattern"),
    # RES-Q.
    "cerebral hemorrhage": ("SCT", "274100004", "Cerebral hemorrhage"),
    "intracerebral hemorrhage": ("SCT", "274100004", "Cerebral hemorrhage"),
    "intraparenchymal hemorrhage": ("SCT", "274100004", "Cerebral hemorrhage"),
    "subarachnoid hemorrhage": ("SCT", "21454007", "Subarachnoid intracranial hemorrhage"),
    # PanCareSurPass.
    "hydrocephalus": ("SCT", "230745008", "Hydrocephalus"),
    # Lung Cancer Implementation Guide.
    "emphysema": ("SCT", "87433001", "Pulmonary emphysema"),
    "bronchiectasis": ("SCT", "12295008", "Bronchiectasis"),
    "consolidation": ("SCT", "95436008", "Lung consolidation"),
    # CTCAE map, VisualDx.
    "atelectasis": ("SCT", "46621007", "Atelectasis"),
    "hiatal hernia": ("SCT", "84089009", "Hiatal hernia"),
}
_MAX_MEANING = 64  # characters of an LO


def finding_code(words: str) -> CodedConcept:
    """The code of a finding: a public one where the whole words have one, else a private one."""
    plain = " ".join(re.sub(r"[^a-z ]+", " ", words.lower().replace("haemorrhage", "hemorrhage")).split())
    if plain in CODES:
        from highdicom.sr import CodedConcept

        scheme, value, meaning = CODES[plain]
        return CodedConcept(value, scheme, meaning)
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
