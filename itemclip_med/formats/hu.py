"""Are these Hounsfield units? The levels of air and soft tissue tell, whatever a header or a folder says."""

from __future__ import annotations

import numpy as np

from itemclip_med.errors import FormatError

_SAMPLES = 400_000
_WRAPPED_FROM_HU, _WRAPPED_SHARE = 2800, 0.02  # more of it than any head has of metal and enamel
_TOO_FEW = 2**15  # voxels of which levels say nothing
_BIN_HU = 8
_REACH_HU = 9216  # shifts that are looked for: CT-RATE stores down to -8192 below zero
_AIR = (-1100, -700)  # air and inflated lung
_SOFT = (-150, 150)  # fat to muscle
_GAP_HU = 16  # below the first value that is not padding
_PADDING_SHARE = 0.005
_ENOUGH_AIR = 0.05  # share of the voxels; more says no more
_LEAST = 0.01  # share of soft tissue, and of air, that a volume must have
_AGREEING_HU = 200
_CLEARLY = 2.0  # how much better a shift must fit than none


def shift_of(values: np.ndarray) -> int | None:
    """By how much the values of a CT are shifted against Hounsfield units.

    Air and soft tissue lie about 1000 HU apart in any body part, so the true shift is the one at which -150 to 150 HU
    hold most voxels while -1100 to -700 HU are not empty. A single value far below all others (what scanners put
    around their circle) is not counted.

    Args:
        values: any shape, in what should be Hounsfield units.

    Returns:
        0 where they are; -1024 where 1024 was subtracted once too often, 1024 where an intercept is missing, and so on
        (to about 100 HU); None where no shift shows air and soft tissue.
    """
    flat = values.reshape(-1)
    flat = flat[:: max(1, flat.size // _SAMPLES)]
    flat = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
    if not flat.size:
        return None
    first = _fit(_without_padding(flat))
    return first if first is not None else _fit(flat)


def is_wrapped(values: np.ndarray) -> bool:
    """True for a head whose negative values were written into 12 unsigned bits: no air, and much above all bone.

    Args:
        values: any shape, in what should be Hounsfield units.
    """
    flat = values.reshape(-1)
    flat = flat[:: max(1, flat.size // _SAMPLES)]
    air = np.count_nonzero((flat > _AIR[0] - 100) & (flat < _AIR[1] + 100))
    high = np.count_nonzero(flat > _WRAPPED_FROM_HU)
    return bool(air < _WRAPPED_SHARE * flat.size < high)


def require_hu(values: np.ndarray) -> None:
    """Refuse a volume (X, Y, Z) whose values are no Hounsfield units; very small ones must only hold air.

    Raises:
        FormatError: says by how much they are off.
    """
    low = values.min()
    if values.size < _TOO_FEW and low <= _AIR[1]:
        return
    shift = shift_of(values)
    if shift is None:
        raise FormatError(
            f"The values of the file ({low:g} and above) show no air near -1000 with soft tissue near 0: they are not "
            "in Hounsfield units. Set files: check_hu: false in the recipe if air or tissue was cut away."
        )
    _refuse_shift(shift)


def refuse_shifted(values: np.ndarray) -> None:
    """Refuse a volume (X, Y, Z) whose values are clearly shifted; one in which no level is seen may have lost its air.

    Raises:
        FormatError: says by how much they are off.
    """
    if values.size >= _TOO_FEW:
        _refuse_shift(shift_of(values) or 0)


def _refuse_shift(shift: int) -> None:
    if not shift:
        return
    cause = "they were rescaled twice" if shift < 0 else "an intercept was not applied, or it is of another version"
    raise FormatError(
        f"The values lie about {abs(shift)} {'below' if shift < 0 else 'above'} Hounsfield units: {cause}. Nothing is "
        "guessed: get the file again, or correct its intercept."
    )


def _fit(values: np.ndarray) -> int | None:
    if not values.size:
        return None
    edges = np.arange(-_REACH_HU - 1200, _REACH_HU + 1200 + _BIN_HU, _BIN_HU)
    counts, _ = np.histogram(values, edges)
    below = np.concatenate([[0], np.cumsum(counts)]) / values.size  # share below each edge

    def share(low: int, high: int, shifts: np.ndarray) -> np.ndarray:
        last = len(below) - 1
        first, after = ((np.clip((edge + shifts - edges[0]) // _BIN_HU, 0, last)) for edge in (low, high))
        return below[after] - below[first]

    shifts = np.arange(-_REACH_HU, _REACH_HU + 1, _BIN_HU)
    air, soft = share(*_AIR, shifts), share(*_SOFT, shifts)
    fits = np.where(np.minimum(air, soft) < _LEAST, 0, np.minimum(air, _ENOUGH_AIR) * soft)
    best, best_near = fits.max(), fits[np.abs(shifts) <= _AGREEING_HU].max()
    if not best:
        return None
    if best < _CLEARLY * best_near:
        return 0
    plateau = shifts[fits >= 0.98 * best]
    return int(plateau[len(plateau) // 2])


def _without_padding(values: np.ndarray) -> np.ndarray:
    """Without lowest values that many voxels share and that lie apart from all others."""
    for _ in range(3):
        low = values.min()
        above = values[values > low]
        if not above.size or above.min() - low <= _GAP_HU or values.size - above.size < _PADDING_SHARE * values.size:
            break
        values = above
    return values
