"""Left and right of a chest by its liver."""

from __future__ import annotations

import numpy as np
import pytest

from itemclip_med.phantoms.chest_ct import make_chest_ct
from itemclip_med.preprocess.checks.sides import liver_side


@pytest.mark.parametrize(
    ("index", "findings"), [(0, []), (1, ["Pleural effusion", "Atelectasis"]), (2, ["Hiatal hernia"])]
)
def test_the_liver_lies_right_whatever_way_the_axes_run(index, findings):
    made = make_chest_ct(11, index, findings=findings)
    side = liver_side(made.volume_hu, made.affine)
    assert side > 0.3
    turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    turn[:2, 3] = np.array(made.volume_hu.shape[:2]) - 1
    assert liver_side(made.volume_hu[::-1, ::-1], made.affine @ turn) == pytest.approx(side, abs=0.05)
    assert liver_side(made.volume_hu[::-1], made.affine) == pytest.approx(-side, abs=0.05)


def test_without_lungs_nothing_is_said():
    assert liver_side(np.full((40, 40, 20), 40, np.int16), np.diag([5.0, 5.0, 5.0, 1.0])) is None


@pytest.mark.real_dicom
def test_a_real_chest_has_its_liver_on_the_right(shared_dir):
    from itemclip_med.dicom import discover, load_series

    sides = []
    for folder in sorted(shared_dir("data/dicom").glob("case*_chest_ct*")):
        for study in discover(folder).studies:
            for series in study.volumes:
                volume = load_series(series)
                sides.append(liver_side(volume.array, volume.affine))
    assert sides and all(side is None or side > 0.2 for side in sides)
