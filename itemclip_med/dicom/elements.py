"""Values of DICOM elements as text or numbers, read tolerantly: one bad optional value must not lose an image.

Values are taken from the undecoded bytes where there are such, so that nothing of what they hold reaches a warning or a
log on the way.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR, private_dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

Value = str | tuple[float, ...]

_BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d"}
_OPAQUE = {"SQ", "OB", "OW", "OD", "OF", "OL", "OV", "UN", "AT"}
_MAX_TEXT_BYTES = 65_536  # of one value; longer ones are none that we read


def read_values(dataset: Dataset, keywords: Iterable[str]) -> dict[str, Value]:
    """Read what is there of the named elements.

    Args:
        dataset: a parsed data set, or an item of a sequence.
        keywords: DICOM keywords, or their tags as text (``"0043,1039"``) for private elements.

    Returns:
        Keyword to its value: text without padding (several values keep their backslashes), or a tuple of numbers for
        binary representations. What is missing, empty or undecodable is left out.
    """
    values = {}
    for keyword in keywords:
        value = read_value(dataset, keyword)
        if value not in (None, "", ()):
            values[keyword] = value
    return values


def read_value(dataset: Dataset, keyword: str, creator: str = "") -> Value | None:
    """One value as :func:`read_values` gives it; None where there is none.

    Args:
        dataset: a parsed data set, or an item of a sequence.
        keyword: DICOM keyword, or a tag as text.
        creator: of the block of a private element, whose representation is looked up where the file lacks it.
    """
    tag = tag_for_keyword(keyword) or int(keyword.replace(",", ""), 16)
    try:
        element: Any = dataset.get_item(tag)  # decoded or raw
        if element is None:
            return None
        if not getattr(element, "is_raw", False):
            return _from_decoded(element.value)
        raw = element.value
        if not isinstance(raw, bytes):
            return None
        representation = element.VR
        if creator and representation in (None, "UN"):
            representation = private_dictionary_VR(tag, creator)
        return value_of_bytes(raw, representation, tag, is_little_endian=element.is_little_endian)
    except Exception:  # pydicom raises many kinds on what it cannot decode
        return None


def value_of_bytes(raw: bytes, representation: str | None, tag: int, *, is_little_endian: bool = True) -> Value | None:
    """A value as :func:`read_values` gives it, from its undecoded bytes.

    Args:
        raw: the bytes.
        representation: as the file says, None where it does not; the dictionary says it then, and for UN.
        tag: of the element.
        is_little_endian: byte order of binary values.
    """
    if len(raw) > _MAX_TEXT_BYTES:
        return None
    if representation in (None, "UN"):
        representation = _representation_of(tag)
    return _from_bytes(raw, representation, is_little_endian=is_little_endian)


@cache
def _representation_of(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def text_of(value: Value | None) -> str:
    """A value as text, "" for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else "\\".join(f"{number:g}" for number in value)


def numbers_of(value: Value | None) -> list[float]:
    """A value as numbers: a decimal comma, more than 16 characters and blanks are read; [] where one is no number."""
    if value is None:
        return []
    if not isinstance(value, str):
        return list(value)
    try:
        return [float(part.strip(" \0").replace(",", ".")) for part in value.split("\\")]
    except ValueError:
        return []


def _from_bytes(raw: bytes, representation: str, *, is_little_endian: bool) -> Value | None:
    code = _BINARY.get(representation)
    if representation in ("US or SS", "US or OW", "US or SS or OW"):  # implicit: the sign is the reader's to know
        code = "H"
    if code:
        size = struct.calcsize(f"={code}")
        number = len(raw) // size
        return struct.unpack(f"{'<' if is_little_endian else '>'}{number}{code}", raw[: number * size])
    if representation in _OPAQUE:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.strip(" \0\r\n\t")


def _from_decoded(value: object) -> Value | None:
    """A value that pydicom has decoded already, or that was set in memory."""
    if value is None or isinstance(value, bytes):
        return None
    if isinstance(value, int | float):
        return (float(value),) if isinstance(value, float) else (value,)
    if isinstance(value, str):
        return value.strip(" \0")
    if isinstance(value, Iterable):
        parts = list(value)
        if any(isinstance(part, Dataset) for part in parts):
            return None
        return "\\".join(str(part).strip(" \0") for part in parts)
    return str(value).strip(" \0")
