"""Order, spacing, gaps, tilt and affine of slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itemclip_med.dicom.geometry import build_affine, order_slices, plane_of
from itemclip_med.errors import GeometryError

AXIAL = (1, 0, 0, 0, 1, 0)


@settings(deadline=None)
@given(
    order=st.permutations(range(7)),
    spacing=st.floats(0.4, 10),
    angle=st.floats(-1, 1),
    start=st.floats(-500, 500),
)
def test_slices_are_ordered_along_the_normal_whatever_order_they_come_in(order, spacing, angle, start):
    orientation = (1, 0, 0, 0, np.cos(angle), np.sin(angle))
    normal = np.cross(orientation[:3], orientation[3:])
    positions = start + np.outer(np.arange(7) * spacing, normal)
    stack = order_slices(orientation, positions[list(order)])
    assert [order[index] for index in stack.order] == list(range(7))
    assert stack.spacing_mm == pytest.approx(spacing, rel=1e-6)
    assert stack.is_even and not stack.is_tilted


def test_a_missing_slice_is_a_gap_and_no_change_of_spacing():
    positions = np.array([[0, 0, z] for z in (0, 5, 10, 20, 25)], dtype=float)
    stack = order_slices(AXIAL, positions)
    assert stack.gaps == ((2, 1),)
    assert not stack.is_even
    assert stack.spacing_mm == pytest.approx(5)


def test_two_spacings_are_uneven_and_no_gap():
    stack = order_slices(AXIAL, np.array([[0, 0, z] for z in (0, 4, 8, 9.1, 16, 23)], dtype=float))
    assert stack.gaps == ()
    assert not stack.is_even


def test_jitter_of_one_percent_is_even():
    positions = np.array([[0, 0, 5 * k + 0.04 * (-1) ** k] for k in range(8)])
    assert order_slices(AXIAL, positions).is_even


def test_drift_within_the_plane_is_tilt():
    stack = order_slices(AXIAL, np.array([[0, 1.5 * k, 5 * k] for k in range(5)], dtype=float))
    assert stack.is_tilted
    assert stack.step_mm == pytest.approx([0, 1.5, 5])


def test_two_slices_at_one_position_are_refused():
    with pytest.raises(GeometryError, match="one position"):
        order_slices(AXIAL, np.zeros((3, 3)))


def test_affine_puts_columns_first_and_turns_lps_into_ras():
    affine = build_affine(AXIAL, (2.0, 3.0), np.array([10.0, 20.0, 30.0]), np.array([0, 0, 5.0]))
    assert affine @ [1, 0, 0, 1] == pytest.approx([-13, -20, 30, 1])  # one column: 3 mm to the left
    assert affine @ [0, 1, 0, 1] == pytest.approx([-10, -22, 30, 1])  # one row: 2 mm to the back
    assert affine @ [0, 0, 1, 1] == pytest.approx([-10, -20, 35, 1])


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [(AXIAL, "axial"), ((1, 0, 0, 0, 0, -1), "coronal"), ((0, 1, 0, 0, 0, -1), "sagittal")],
)
def test_planes_are_named(orientation, plane):
    assert plane_of(orientation) == plane
