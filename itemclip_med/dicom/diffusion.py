"""b-values and gradient directions that vendors keep in private elements, found by the block's creator."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from itemclip_med.dicom.elements import Value, numbers_of, read_value
from itemclip_med.dicom.headers import no_remarks, read_header
from itemclip_med.dicom.slices import SliceFile

# Group, creator of the block, elements of the b-value, elements of the direction (one of three, or three of one each).
_BLOCKS = (
    (0x0019, "SIEMENS MR HEADER", (0x0C,), (0x0E,)),
    (0x0043, "GEMS_PARM_01", (0x39,), ()),
    (0x0019, "GEMS_ACQU_01", (), (0xBB, 0xBC, 0xBD)),
    (0x2001, "Philips Imaging DD 001", (0x03,), ()),
    (0x2005, "Philips MR Imaging DD 001", (), (0xB0, 0xB1, 0xB2)),
    (0x0065, "Image Private Header", (0x09,), (0x37,)),
)
_MAX_B = 100_000  # GE adds 1e9 and more to its b-values as a flag


def read_private_diffusion(slices: Sequence[SliceFile]) -> bool:
    """Read b-values and directions of single-frame slices again, from private elements, into their values.

    Only done where standard elements do not tell images apart, since it means parsing whole headers.

    Returns:
        True where a value was found that the slices did not have.
    """
    if any(file.pixels is None or file.pixels.num_frames > 1 for file in slices):
        return False
    found = False
    for file in slices:
        try:
            with no_remarks():
                values = _private_values(read_header(file.path)[0])
        except Exception:  # pydicom raises many kinds; the header was read before, the private part is broken
            return False
        new = {name: value for name, value in values.items() if not file.text(name)}
        if new:
            file.values = {**file.values, **new}
            found = True
    return found


def _private_values(dataset: Dataset) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for group, creator, b_value, direction in _BLOCKS:
        block = _find_block(dataset, group, creator)
        if block is None:
            continue
        numbers = _numbers(dataset, group, block, b_value, creator)
        if numbers and "DiffusionBValue" not in values:
            values["DiffusionBValue"] = (numbers[0] % 1e9 if numbers[0] >= _MAX_B else numbers[0],)
        numbers = _numbers(dataset, group, block, direction, creator)
        if len(numbers) == 3:
            values["DiffusionGradientOrientation"] = tuple(numbers)
    return values


def _find_block(dataset: Dataset, group: int, creator: str) -> int | None:
    for block in range(0x10, 0x100):
        if (group, block) in dataset and read_value(dataset, f"{group:04x},{block:04x}", "LO") == creator:
            return block
    return None


def _numbers(dataset: Dataset, group: int, block: int, elements: Sequence[int], creator: str) -> list[float]:
    numbers: list[float] = []
    for element in elements:
        numbers += numbers_of(read_value(dataset, f"{group:04x},{block << 8 | element:04x}", creator))
    return numbers
