"""Signal equations against their known limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itemclip_med.phantoms.mri_signals import TISSUES, PulseSequence, Substance, null_time_ms, palette, signal
from itemclip_med.phantoms.tissues import NUM_TISSUES, Tissue

WATER = Substance(1.0, 4000, 1200, 3.0, free=True)
TISSUE = Substance(0.8, 900, 90, 0.8, 0.5)


def test_a_long_repetition_and_a_short_echo_leave_the_proton_density():
    assert signal(PulseSequence("se", 1e6, 0), TISSUE) == pytest.approx(0.8)


def test_two_echoes_give_t2():
    first, second = (signal(PulseSequence("se", 3000, te), TISSUE) for te in (20, 80))
    assert 60 / np.log(first / second) == pytest.approx(90)


def test_diffusion_weighting_gives_the_adc():
    plain, weighted = (signal(PulseSequence("se", 5000, 80, b_value=b), TISSUE) for b in (0, 1000))
    assert np.log(plain / weighted) / 1000 == pytest.approx(0.8e-3)


def test_inversion_recovery_nulls_water_at_its_null_time():
    sequence = PulseSequence("ir", 9000, 110, null_time_ms(4000, 9000))
    assert abs(signal(sequence, WATER)) < 1e-6
    assert signal(sequence, TISSUE) > 0.1
    assert signal(replace(sequence, ti_ms=100), TISSUE) < 0


def test_a_gradient_echo_is_brightest_at_the_ernst_angle():
    ernst = np.rad2deg(np.arccos(np.exp(-20 / 900)))
    best = signal(PulseSequence("gre", 20, 4, flip_deg=ernst), TISSUE)
    assert all(signal(PulseSequence("gre", 20, 4, flip_deg=ernst + d), TISSUE) < best for d in (-3, 3))


def test_contrast_shortens_t1_and_a_higher_field_lengthens_it():
    sequence = PulseSequence("se", 500, 10)
    assert signal(sequence, TISSUE, contrast=True) > signal(sequence, TISSUE) > signal(sequence, TISSUE, tesla=3.0)
    assert signal(sequence, WATER, contrast=True) == signal(sequence, WATER, tesla=3.0)  # neither takes up nor changes


def test_flowing_blood_is_dark_in_spin_echoes_and_bright_in_gradient_echoes():
    artery, white = TISSUES[Tissue.ARTERY], TISSUES[Tissue.WHITE]
    assert signal(PulseSequence("se", 4000, 95), artery) < 0.5 * signal(PulseSequence("se", 4000, 95), white)
    gradient = PulseSequence("gre", 18, 4, flip_deg=25)
    assert signal(gradient, artery) > signal(gradient, white)


def test_a_palette_has_every_tissue_and_then_the_lesions():
    sequence = PulseSequence("se", 500, 10)
    colors = palette(sequence, [TISSUE], tesla=1.5, contrast=False)
    assert colors.shape == (NUM_TISSUES + 1,)
    assert colors[Tissue.WHITE] == pytest.approx(signal(sequence, TISSUES[Tissue.WHITE]))
    assert colors[-1] == pytest.approx(signal(sequence, TISSUE))
