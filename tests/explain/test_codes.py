"""Codes of findings mean what they are written for, as far as a public dictionary can tell."""

from __future__ import annotations

import re

import pytest

from itemclip_med.explain.codes import CODES, PRIVATE_SCHEME, finding_code

pytest.importorskip("highdicom", reason="codes are made with highdicom (extra dicom-out)")

# In no context group of DICOM; their sources stand beside them.
ELSEWHERE = {
    "274100004", "21454007", "230745008", "87433001", "12295008", "95436008", "46621007", "84089009",
}  # fmt: skip


def meanings_in_dicom(scheme):
    """Number to the meanings that pydicom's dictionary knows, without the tag in parentheses."""
    from pydicom.sr._concepts_dict import concepts

    found: dict[str, set[str]] = {}
    for numbers in concepts[scheme].values():
        for value, (meaning, *_) in numbers.items():
            found.setdefault(value, set()).add(re.sub(r" \(.*\)$", "", meaning).lower())
    return found


@pytest.mark.parametrize("words", CODES)
def test_a_code_in_dicoms_dictionary_has_the_same_meaning_there(words):
    scheme, value, meaning = CODES[words]
    known = meanings_in_dicom(scheme)
    assert (value in known) != (value in ELSEWHERE), "say where this code is confirmed"
    if value in known:
        assert meaning.lower() in known[value]


@pytest.mark.parametrize(
    ("words", "scheme", "value"),
    [
        ("Intracranial haemorrhage", "SCT", "1386000"),
        ("Ground-glass opacity", "DCM", "112120"),
        ("pneumothorax on the left", PRIVATE_SCHEME, None),
        ("skull fracture", PRIVATE_SCHEME, None),
    ],
)
def test_only_whole_wordings_have_a_public_code(words, scheme, value):
    code = finding_code(words)
    assert code.scheme_designator == scheme
    assert code.value == (value or code.value)
    assert scheme != PRIVATE_SCHEME or code.meaning == words
