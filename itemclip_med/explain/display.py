"""How a volume is shown: its axes, its windows, and the place of a heatmap that a reader should see first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from itemclip_med.records import Series

# Name to lowest and highest Hounsfield unit shown, in the order of a head or a chest reader's keys.
_HEAD_HU = {"Brain": (0, 80), "Blood": (-20, 180), "Stroke": (20, 60), "Soft tissue": (-160, 240), "Bone": (-800, 2000)}
_BODY_HU = {"Lung": (-1350, 150), "Mediastinum": (-160, 240), "Bone": (-500, 1300), "Embolism": (-100, 500)}
_HEADROOM = 1.15  # of MR: what is brighter than the brain (restricted diffusion, contrast) stays apart from it
LETTERS = {2: "RLAP", 1: "RLSI", 0: "APSI"}  # axis of a cut to its sides: left, right, top, bottom
_STRONG = 0.6  # of the peak
_SKIN_HU, _BONE_HU = -500, 300  # pictures are cut between them: the slice through a skull cap shows nothing
_LUNG_HU = (-950, -600)
_LUNG_SHARE = 0.12  # of what the skin encloses; heads have sinuses, chests have lungs
_SMALLEST_BODY = 0.002


@dataclass(frozen=True, eq=False)
class Shown:
    """A volume with axes to the left, anterior and superior, as radiologists' screens have them.

    Attributes:
        array: (X, Y, Z).
        affine: (4, 4), its indices to RAS millimetres.
        modality: "CT" or "MR".
    """

    array: np.ndarray
    affine: np.ndarray
    modality: str

    @property
    def spacing_mm(self) -> np.ndarray:
        """(3,) distance of voxel centers."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))


def show(array: np.ndarray, series: Series) -> Shown:
    """Permute and flip a stored series (X, Y, Z); nothing is interpolated."""
    import nibabel as nib

    affine = np.array(series.affine, dtype=np.float64)
    change = _change(affine)
    turned = nib.orientations.apply_orientation(array, change)
    return Shown(turned, affine @ nib.orientations.inv_ornt_aff(change, array.shape), series.modality)


def cut(array: np.ndarray, axis: int, index: int) -> np.ndarray:
    """A slice as radiologists hang it, (across, up): the patient's right, or in sagittal slices the front, comes first.

    Args:
        array: (X, Y, Z), axes as in :class:`Shown`.
        axis: 0 sagittal, 1 coronal, 2 axial.
        index: of the slice.
    """
    plane: np.ndarray = np.take(array, index, axis)
    return plane[::-1] if axis == 0 else plane


def turn(values: np.ndarray, series: Series) -> np.ndarray:
    """The same for a map (X, Y, Z) on the voxels of a series."""
    import nibabel as nib

    return np.asarray(nib.orientations.apply_orientation(values, _change(np.array(series.affine, dtype=np.float64))))


def _change(affine: np.ndarray) -> np.ndarray:
    import nibabel as nib

    wanted = nib.orientations.axcodes2ornt("LAS")
    return np.asarray(nib.orientations.ornt_transform(nib.orientations.io_orientation(affine), wanted))


def windows(shown: Shown) -> dict[str, tuple[float, float]]:
    """Presets, name to lowest and highest value shown; the first fits the volume best."""
    if shown.modality != "CT":
        low, high = (float(value) for value in np.percentile(shown.array[:: _step(shown)], (1, 99.5)))
        high = low + max(_HEADROOM * (high - low), 1.0)
        middle, half = (low + high) / 2, (high - low) / 2
        return {
            "Standard": (low, high),
            "Contrast": (middle - half / 2, middle + half / 2),
            "Bright": (low, low + half),
        }
    return dict(_BODY_HU if has_lungs(shown.array) else _HEAD_HU)


def has_lungs(array_hu: np.ndarray) -> bool:
    """Whether much of a CT's body (X, Y, Z) has the density of lungs: a chest, not a head."""
    from scipy.ndimage import binary_fill_holes

    part = array_hu[::4, ::4, :: max(1, array_hu.shape[2] // 24)]
    body = np.stack([binary_fill_holes(part[..., z] > _SKIN_HU) for z in range(part.shape[2])], axis=2)
    if body.mean() < _SMALLEST_BODY:
        return False
    lungs = (part > _LUNG_HU[0]) & (part < _LUNG_HU[1]) & body
    return bool(lungs.sum() > _LUNG_SHARE * body.sum())


def _step(shown: Shown) -> int:
    return max(1, int(shown.array.shape[0]) // 64)


def find_peak(values: np.ndarray, array: np.ndarray, modality: str) -> tuple[int, int, int]:
    """The slices that show most of the strong part: first the axial one, then the others through it.

    In CT only the body counts, and not its bone. The strongest voxel itself may lie at the edge of a large patch.

    Args:
        values: (X, Y, Z), the map.
        array: (X, Y, Z), the volume, axes as in :class:`Shown`.
        modality: "CT" or "MR".

    Returns:
        A voxel; the middle where the map is zero.
    """
    strong = np.where(values >= _STRONG * values.max(), values, 0.0)
    if modality == "CT":
        inside = strong * _soft_parts(array)
        strong = inside if inside.any() else strong
    if strong.max() <= 0:
        return tuple(size // 2 for size in values.shape)
    z = int(strong.sum(axis=(0, 1)).argmax())
    y = int(strong[:, :, z].sum(axis=0).argmax())
    return int(strong[:, y, z].argmax()), y, z


def _soft_parts(array: np.ndarray) -> np.ndarray:
    """What the skin of a CT encloses in its axial slices, lungs too, without bone and what touches it."""
    from scipy.ndimage import binary_dilation, binary_fill_holes

    solid = array > _SKIN_HU
    body = np.stack([binary_fill_holes(solid[..., z]) for z in range(array.shape[2])], axis=2)
    return np.asarray(body & ~binary_dilation(array > _BONE_HU, iterations=2))
