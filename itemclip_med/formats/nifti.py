"""NIfTI: what its header says of place and values, checked before voxels are read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from itemclip_med.errors import FormatError
from itemclip_med.formats.rules import FileRules
from itemclip_med.formats.series import Header
from itemclip_med.formats.voxels import affine_from_letters, check_affine, check_shape, is_usable, rescale

_GZIP_RATIO = 1100  # deflate makes at most 1032 bytes of one
_TO_MM = {"meter": 1000.0, "micron": 0.001}
_AGREEING_MM = 1.0


def read_header(path: Path, rules: FileRules) -> Header:
    """Read the header of a ``.nii`` or ``.nii.gz``.

    The sform is taken where it has a code and is usable, else the qform; where both are given and differ, a warning
    says so. With neither, left and right are unknown, and the recipe's ``orientation`` must say them.

    Raises:
        FormatError: if it is no NIfTI, is too short for its voxels, holds no volume, or does not say where it lies.

    Sources:
        nifti1.h, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE".
    """
    image = _open(path)
    header = image.header
    size = tuple(int(number) for number in header.get_data_shape())
    num_volumes = size[3] if len(size) == 4 and size[3] > 0 else 1
    shape = check_shape(size[:3] if len(size) == 4 and size[3] > 0 else size)
    if math.prod(shape) * num_volumes > 2**36:
        raise FormatError(f"{' x '.join(map(str, shape))} voxels {num_volumes} times: too large to be true.")
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise FormatError(f"its values are {dtype}, expected whole or real numbers.")
    _check_length(path, math.prod(shape) * num_volumes * dtype.itemsize, int(header.get("vox_offset", 0)))
    affine, warnings = _affine(header, shape, rules)
    return Header(shape, affine, num_volumes, warnings)


def read_array(path: Path, volume: int | None) -> np.ndarray:
    """Read the voxels (X, Y, Z), or one of several volumes, as its header scales them.

    Returns:
        int16 where that is exact, else float32.

    Raises:
        FormatError: if they cannot be read.
    """
    image = _open(path)
    try:
        proxy = image.dataobj
        slope, intercept = float(proxy.slope), float(proxy.inter)
        if volume is not None:
            # Only that volume is read from a plain file; a compressed one is unpacked up to it.
            values = np.asarray(proxy[..., volume], dtype=np.float32 if (slope, intercept) != (1, 0) else None)
            return rescale(values, 1.0, 0.0)
        stored = np.asarray(proxy.get_unscaled())
        return rescale(stored.reshape(stored.shape[:3]), slope, intercept)
    except FormatError:
        raise
    except Exception as error:  # nibabel raises its own kinds, zlib's, EOFError and OSError
        raise FormatError(f"its voxels cannot be read as NIfTI ({type(error).__name__}): is it cut off?") from error


def _open(path: Path) -> Any:
    import nibabel as nib

    try:
        image = nib.load(path)
    except Exception as error:  # nibabel raises its own kinds, zlib's, EOFError and OSError
        raise FormatError(f"it cannot be read as NIfTI ({type(error).__name__}).") from error
    if not isinstance(image, nib.Nifti1Image):
        raise FormatError(f"it is {type(image).__name__}, expected NIfTI.")
    return image


def _check_length(path: Path, num_bytes: int, offset: int) -> None:
    size = path.stat().st_size
    if path.name.lower().endswith(".gz"):
        if size * _GZIP_RATIO < num_bytes:
            raise FormatError(f"its {size} bytes cannot hold the {num_bytes} that its header promises.")
    elif size < num_bytes + offset:
        raise FormatError(f"it has {size} bytes, its header promises {num_bytes + offset}: it is cut off.")


def _affine(header: Any, shape: tuple[int, ...], rules: FileRules) -> tuple[np.ndarray, tuple[str, ...]]:
    if rules.place == "recipe" and rules.spacing_mm is not None and rules.orientation:
        affine = affine_from_letters(rules.orientation, rules.spacing_mm, shape)
        check_affine(affine)
        return affine, ()
    scale = _TO_MM.get(_units(header), 1.0)
    sform, qform = (_form(header, name, scale) for name in ("sform", "qform"))
    if sform is not None:
        if qform is not None and _largest_gap_mm(sform, qform, shape) > _AGREEING_MM:
            return sform, ("sform and qform differ: the sform is taken",)
        return sform, ()
    if qform is not None:
        return qform, ()
    if not rules.orientation:
        raise FormatError(
            "neither sform nor qform can be used, so left and right are unknown: set files: orientation in the recipe "
            "if you know them."
        )
    affine = affine_from_letters(rules.orientation, [float(zoom) * scale for zoom in header.get_zooms()[:3]], shape)
    check_affine(affine)
    return affine, (f"orientation {rules.orientation} is the recipe's word, not the file's",)


def _form(header: Any, name: str, scale: float) -> np.ndarray | None:
    try:
        affine, code = getattr(header, f"get_{name}")(coded=True)
    except Exception:  # a quaternion that is none
        return None
    if not code or affine is None:
        return None
    affine = np.array(affine, dtype=np.float64)
    affine[:3] *= scale
    return affine if is_usable(affine) else None


def _units(header: Any) -> str:
    try:
        return header.get_xyzt_units()[0]
    except Exception:  # a code that is none
        return "unknown"


def _largest_gap_mm(one: np.ndarray, other: np.ndarray, shape: tuple[int, ...]) -> float:
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in shape])).reshape(3, -1)
    gaps = (one - other)[:3, :3] @ corners + (one - other)[:3, 3:]
    return float(np.linalg.norm(gaps, axis=0).max())
