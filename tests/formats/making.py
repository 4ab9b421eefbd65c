"""One small volume, written in every format."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import SimpleITK as sitk

SPACING = (0.75, 1.5, 4.0)


def make_array(shape=(7, 6, 5), low=-1000):
    """int16 (X, Y, Z), no two voxels alike: any flip or swap of axes shows."""
    return (low + np.arange(np.prod(shape)).reshape(shape)).astype(np.int16)


def make_affine(shape=(7, 6, 5)):
    """Axes to R, A, S, the center at 0."""
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -np.array(SPACING) * (np.array(shape) - 1) / 2
    return affine


def write_nifti_file(path, array=None, affine=None, *, sform=1, qform=1, slope=None, inter=None, header=None):
    """NIfTI with the codes and scaling that are asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = make_array() if array is None else array
    affine = make_affine(array.shape[:3]) if affine is None else affine
    image = nib.Nifti1Image(array, affine, header)
    image.set_sform(affine if sform else None, code=sform)
    image.set_qform(affine if qform else None, code=qform)
    image.to_filename(path) if slope is None else _write_raw(image, array, slope, inter, path)
    return path


def _write_raw(image, array, slope, inter, path):
    """Stored values as they are: nibabel would undo the scaling."""
    header = image.header.copy()
    header.set_data_dtype(array.dtype)
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    header["scl_slope"], header["scl_inter"] = slope, inter
    path.write_bytes(header.binaryblock + bytes(4) + array.tobytes(order="F"))


def write_npz_file(path, array=None, **arrays):
    """As Rad-ChestCT: key ``ct``, axes to I, P, L."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = make_array() if array is None else array
    np.savez_compressed(path, ct=array.transpose(2, 1, 0)[::-1, ::-1, ::-1], **arrays)
    return path


def write_itk_file(path, array=None, *, compress=False):
    """NRRD or MetaImage, whose space is LPS."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = make_array() if array is None else array
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    affine = make_affine(array.shape)
    image.SetSpacing(SPACING)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    image.SetOrigin((-affine[0, 3], -affine[1, 3], affine[2, 3]))
    sitk.WriteImage(image, str(path), compress)
    return path
