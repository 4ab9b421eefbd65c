"""The header of a well-formed file, read in one pass over its first bytes; anything unusual is left to pydicom.

A study has hundreds of files and of each header some dozen elements are wanted: walking over the others costs a
sixth of what parsing them does.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from itemclip_med.dicom.elements import Value, value_of_bytes
from itemclip_med.dicom.pixel_source import DEFLATED, find_data_set

_IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_SHORT = frozenset({
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
})  # fmt: skip
_LONG = frozenset({
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
})  # fmt: skip
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_MAX_DEPTH = 16
_explicit, _implicit = struct.Struct("<HH2sH").unpack_from, struct.Struct("<HHL").unpack_from
_length = struct.Struct("<L").unpack_from


class UnusualHeader(Exception):
    """Nothing is wrong with the file as far as is known, but it is not for this reader."""


@dataclass(frozen=True)
class QuickHeader:
    """What :func:`read_quick_header` found.

    Attributes:
        values: by keyword, as :func:`itemclip_med.dicom.elements.read_values` gives them.
        syntax: transfer syntax.
        place: where the element of the pixel data begins.
        is_implicit: True where elements do not name their representation.
    """

    values: dict[str, Value]
    syntax: str
    place: int
    is_implicit: bool


def read_quick_header(head: bytes, wanted: Mapping[int, str]) -> QuickHeader:
    """Read a header that ends within the first bytes of its file.

    Args:
        head: these bytes.
        wanted: tag to keyword of what is read; sequences are skipped.

    Raises:
        UnusualHeader: if the file has no preamble, is deflated or big endian, its elements are not in order, or one of
            them is of no known form.
        struct.error: if the bytes end before the pixel data.
    """
    if head[128:132] != b"DICM":
        raise UnusualHeader
    place, syntax = find_data_set(head)
    if syntax in ("", DEFLATED, _BIG_ENDIAN) or not syntax.replace(".", "").isdecimal():
        raise UnusualHeader
    is_implicit = syntax == _IMPLICIT
    if is_implicit and head[place + 4 : place + 6].isalpha():
        raise UnusualHeader  # it says implicit and is explicit
    values: dict[str, Value] = {}
    last = 0
    while True:
        tag, representation, start, length = _element(head, place, is_implicit)
        if tag in _PIXELS:
            return QuickHeader(values, syntax, place, is_implicit)
        if tag <= last or tag > _PIXELS[-1]:
            raise UnusualHeader
        last = tag
        place = start + length if length != _UNDEFINED else _skip_items(head, start, representation, is_implicit)
        if tag in wanted and length != _UNDEFINED:
            if place > len(head):
                raise struct.error
            value = value_of_bytes(head[start:place], representation, tag)
            if value not in (None, "", ()):
                values[wanted[tag]] = value


def _element(head: bytes, place: int, is_implicit: bool) -> tuple[int, str | None, int, int]:
    """Tag, representation, start and length of the value of the element at a place."""
    if is_implicit:
        group, element, length = _implicit(head, place)
        return group << 16 | element, None, place + 8, length
    group, element, representation, length = _explicit(head, place)
    if representation in _SHORT:
        return group << 16 | element, representation.decode(), place + 8, length
    if representation in _LONG:
        return group << 16 | element, representation.decode(), place + 12, _length(head, place + 8)[0]
    raise UnusualHeader


def _skip_items(head: bytes, place: int, representation: str | None, is_implicit: bool, depth: int = 0) -> int:
    """Where a sequence of undefined length ends."""
    if representation not in (None, "SQ") or depth == _MAX_DEPTH:
        raise UnusualHeader
    while True:
        group, element, length = _implicit(head, place)
        tag = group << 16 | element
        place += 8
        if tag == _SEQUENCE_END:
            return place
        if tag != _ITEM:
            raise UnusualHeader
        place = place + length if length != _UNDEFINED else _skip_item(head, place, is_implicit, depth)


def _skip_item(head: bytes, place: int, is_implicit: bool, depth: int) -> int:
    """Where an item of undefined length ends."""
    while True:
        group, element, length = _implicit(head, place)
        if group << 16 | element == _ITEM_END:
            return place + 8
        _, representation, start, length = _element(head, place, is_implicit)
        if length == _UNDEFINED:
            place = _skip_items(head, start, representation, is_implicit, depth + 1)
        else:
            place = start + length
