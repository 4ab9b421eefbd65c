"""Technical names of series."""

from __future__ import annotations

import pytest

from itemclip_med.dicom.naming import technical_name


@pytest.mark.parametrize(
    ("modality", "description", "name"),
    [
        ("MR", "* T1 AXIAL PRE GAD", "AX_T1"),
        ("MR", "t1 ax w/o contrast", "AX_T1"),
        ("MR", "T1 AX POST GAD", "AX_T1_CE"),
        ("MR", "T1 +C Doe^Jane", "AX_T1_CE"),
        ("CT", "Doe Jane head", "AX_THICK"),
        ("PT", "Doe Jane", "AX_PT"),
    ],
)
def test_names_are_of_a_closed_vocabulary(modality, description, name):
    made = technical_name(
        modality=modality, plane="axial", description=description, kernel="", contrast=False, thickness_mm=5
    )
    assert made == name
