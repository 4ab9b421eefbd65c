"""What a compressed frame says of itself: size, precision, sign and loss, read before anything is decoded.

Headers and codestreams disagree in real files, and a damaged codestream may ask for gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from itemclip_med.errors import PixelError

_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_ALONE = {0x01, *range(0xD0, 0xD9)}  # JPEG markers without a length
_FRAME_STARTS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_LOSSLESS_STARTS = {0xC3, 0xC7, 0xCB, 0xCF}


@dataclass(frozen=True)
class Codestream:
    """One compressed image.

    Attributes:
        rows: height.
        columns: width.
        components: 1 for gray.
        precision: bits of a value.
        is_signed: True for two's complement (JPEG 2000 only).
        is_lossy: True where the values are not those that were compressed.
        is_exact: True where the precision holds whatever the header says (JPEG 2000, JPEG-LS).
        data: the codestream itself, without a file format around it.
    """

    rows: int
    columns: int
    components: int
    precision: int
    is_signed: bool
    is_lossy: bool
    is_exact: bool
    data: bytes


def read_codestream(data: bytes) -> Codestream:
    """Read the head of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K image.

    Raises:
        PixelError: if it is none of these, or ends within its head.

    Sources:
        ISO/IEC 10918-1 annex B, 14495-1 annex C, 15444-1 annex A.
    """
    try:
        if data.startswith(_JP2_SIGNATURE):
            data = _unwrap(data)
        if data[:4] == b"\xff\x4f\xff\x51":
            return _read_j2k(data)
        if data[:2] == b"\xff\xd8":
            return _read_jpeg(data)
    except IndexError:
        pass
    raise PixelError("the compressed data are damaged")


def _unwrap(data: bytes) -> bytes:
    place = 0
    while place + 8 <= len(data):
        length = _number(data, place, 4)
        if data[place + 4 : place + 8] == b"jp2c":
            return data[place + 8 :]
        if length < 8:
            break
        place += length
    raise PixelError("the compressed data are damaged")


def _read_j2k(data: bytes) -> Codestream:
    size = data[42]
    columns = _number(data, 8, 4) - _number(data, 16, 4)
    rows = _number(data, 12, 4) - _number(data, 20, 4)
    is_lossy = False
    place = 4 + _number(data, 4, 2)
    while data[place] == 0xFF and data[place + 1] not in (0x90, 0xD9):  # up to the first tile
        if data[place + 1] == 0x52:  # coding style: the last byte is 0 for the irreversible wavelet
            is_lossy = data[place + 13] == 0
        place += 2 + _number(data, place + 2, 2)
    return Codestream(
        rows, columns, _number(data, 40, 2), (size & 0x7F) + 1, bool(size & 0x80), is_lossy, is_exact=True, data=data
    )


def _read_jpeg(data: bytes) -> Codestream:
    place = 2
    found: Codestream | None = None
    while True:
        if data[place] != 0xFF:
            raise PixelError("the compressed data are damaged")
        marker = data[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
            continue
        if marker in _ALONE:
            place += 2
            continue
        if marker in _FRAME_STARTS:
            found = Codestream(
                rows=_number(data, place + 5, 2),
                columns=_number(data, place + 7, 2),
                components=data[place + 9],
                precision=data[place + 4],
                is_signed=False,
                is_lossy=marker not in _LOSSLESS_STARTS,
                is_exact=marker == 0xF7,
                data=data,
            )
        elif marker == 0xDA:
            if found is None:
                raise PixelError("the compressed data are damaged")
            if not found.is_exact:
                return found
            near = data[place + 5 + 2 * data[place + 4]]  # JPEG-LS: the largest error
            return Codestream(**{**vars(found), "is_lossy": near > 0})
        elif marker == 0xD9:
            raise PixelError("the compressed data are damaged")
        place += 2 + _number(data, place + 2, 2)


def _number(data: bytes, place: int, size: int) -> int:
    part = data[place : place + size]
    if len(part) < size:
        raise IndexError(place)
    return int.from_bytes(part, "big")
