"""Where the pixels of one DICOM object lie in its file, and the bytes of one frame at a time.

A file is parsed up to its pixel data; the bytes of a frame are read when they are needed, so that an object of many
frames never lies in memory as a whole.
"""

from __future__ import annotations

import io
import itertools
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from itemclip_med.errors import PixelError

MAX_SLICE_PIXELS = 2**26  # 8192 x 8192
MAX_FRAMES = 100_000
MAX_INFLATED_BYTES = 2**29
DEFLATED = "1.2.840.10008.1.2.1.99"
_PLAIN = ("", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", DEFLATED)
_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
_MAX_META_BYTES = 65_536
_MAX_FRAGMENTS = 5_000_000


@dataclass(frozen=True)
class PixelFormat:
    """How the pixels of an object are stored (DICOM PS3.3 C.7.6.3).

    Attributes:
        rows: height.
        columns: width.
        allocated: bits a pixel takes.
        stored: bits of them that count.
        high_bit: the highest of these.
        is_signed: True for two's complement.
        syntax: transfer syntax UID; "" where the file names none.
        is_little_endian: byte order.
    """

    rows: int
    columns: int
    allocated: int
    stored: int
    high_bit: int
    is_signed: bool
    syntax: str
    is_little_endian: bool

    @property
    def is_compressed(self) -> bool:
        """True where the frames are encapsulated."""
        return self.syntax not in _PLAIN

    @property
    def is_native16(self) -> bool:
        """True for plain 16-bit values in the byte order of this machine."""
        return self.allocated == 16 and not self.is_compressed and self.is_little_endian == (sys.byteorder == "little")

    @property
    def has_junk_bits(self) -> bool:
        """True where bits of a pixel do not count."""
        return self.stored < self.allocated or self.high_bit != self.allocated - 1

    @property
    def frame_bytes(self) -> int:
        """Size of one uncompressed frame."""
        return self.rows * self.columns * (self.allocated // 8)


@dataclass(eq=False)
class PixelSource:
    """The pixel data of one object.

    Attributes:
        path: its file.
        format: how its pixels are stored.
        num_frames: frames it declares.
        offset: where the value begins in the data set's stream.
        length: of the value; None where it is encapsulated, with undefined length.
    """

    path: Path
    format: PixelFormat
    num_frames: int
    offset: int
    length: int | None
    _fragments: list[list[tuple[int, int]]] | None = field(default=None, repr=False)

    def open(self) -> AbstractContextManager[BinaryIO]:
        """The stream that ``offset`` counts in: the file itself, or what a deflated data set inflates to."""
        return open_stream(self.path) if self.format.syntax == DEFLATED else self.path.open("rb")

    def read_frame(self, index: int) -> bytes:
        """The bytes of one frame, compressed as they are in the file.

        Raises:
            PixelError: if the value ends before it, or the fragments cannot be told apart by frames.
        """
        with self.open() as stream:
            if not self.format.is_compressed:
                size = self.format.frame_bytes
                stream.seek(self.offset + index * size)
                return _read_exactly(stream, size)
            if self._fragments is None:
                self._fragments = _frames_of(stream, self.offset, self.num_frames)
            parts = []
            for offset, length in self._fragments[index]:
                stream.seek(self.offset + offset)
                parts.append(_read_exactly(stream, length))
        return b"".join(parts)

    def read_frame_into(self, index: int, out: memoryview) -> None:
        """Read one frame that is not compressed straight into ``out``, bytes in the frame's size.

        Raises:
            PixelError: if the value ends before it.
        """
        size, done = self.format.frame_bytes, 0
        with self.open() as stream:
            read: Callable[[memoryview], int] = stream.readinto  # type: ignore[attr-defined]
            stream.seek(self.offset + index * size)
            while done < size and (number := read(out[done:])):
                done += number
        if done < size:
            raise PixelError(f"the pixel data end after {done} of {size} bytes")


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    here = stream.tell()
    there = stream.seek(0, io.SEEK_END) - here
    if there < size:
        raise PixelError(f"the pixel data end after {max(there, 0)} of {size} bytes")
    stream.seek(here)
    return stream.read(size)


def _frames_of(stream: BinaryIO, start: int, num_frames: int) -> list[list[tuple[int, int]]]:
    """The fragments of each frame, as offset and length from the start of the value.

    One frame may lie in many fragments; offset tables are often empty and sometimes wrong, so that they are used only
    where fragments and frames differ in number.

    Raises:
        PixelError: if the items are damaged, or nothing tells which fragment belongs to which frame.

    Sources:
        DICOM PS3.5 A.4.
    """
    fragments: list[tuple[int, int]] = []
    table: tuple[int, ...] = ()
    stream.seek(start)
    first, place = True, 0
    while True:
        head = stream.read(8)
        if len(head) < 8:
            break
        group, element, length = struct.unpack("<HHL", head)
        tag = group << 16 | element
        place += 8
        if tag != _ITEM or length == 0xFFFFFFFF:
            if tag != _SEQUENCE_END and not fragments:
                raise PixelError("the pixel data are no sequence of fragments")
            break
        if first:
            count = min(length // 4, num_frames + 1)
            table = struct.unpack(f"<{count}L", _read_exactly(stream, 4 * count))
            first = False
            table_end = place + length
        else:
            fragments.append((place, length))
            if len(fragments) > _MAX_FRAGMENTS:
                raise PixelError(f"more than {_MAX_FRAGMENTS} fragments")
        place += length
        stream.seek(start + place)
    if num_frames == 1:
        return [fragments]
    if len(fragments) == num_frames:
        return [[fragment] for fragment in fragments]
    if len(table) == num_frames and len(fragments) > num_frames:
        bounds = [*table, 1 << 62]
        starts = [offset - 8 - table_end for offset, _ in fragments]
        frames = [
            [fragment for fragment, begin in zip(fragments, starts, strict=True) if low <= begin < high]
            for low, high in itertools.pairwise(bounds)
        ]
        if all(frames) and sum(map(len, frames)) == len(fragments):
            return frames
    raise PixelError(f"{len(fragments)} fragments for {num_frames} frames, and no offset table that tells them apart")


def find_data_set(head: bytes) -> tuple[int, str]:
    """Where the data set begins, and the transfer syntax that the file meta information names ("" for none)."""
    place = 132 if head[128:132] == b"DICM" else 0
    syntax = ""
    while place + 8 <= len(head) and head[place : place + 2] == b"\x02\x00":
        representation = head[place + 4 : place + 6]
        if representation in (b"OB", b"OW", b"UN", b"UT", b"SQ"):
            start, length = place + 12, int.from_bytes(head[place + 8 : place + 12], "little")
        else:
            start, length = place + 8, int.from_bytes(head[place + 6 : place + 8], "little")
        if head[place + 2 : place + 4] == b"\x10\x00":
            syntax = head[start : start + length].decode("ascii", "replace").strip(" \0")
        place = start + length
    return place, syntax


def open_stream(path: Path) -> BinaryIO:
    """A file of which a data set can be read; a deflated one is inflated, its file meta information left out.

    Raises:
        PixelError: if it inflates to more than 512 MiB.
    """
    file = path.open("rb")
    head = file.read(_MAX_META_BYTES)
    start, syntax = find_data_set(head)
    file.seek(0)
    if syntax != DEFLATED:
        return file
    with file:
        file.seek(start)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        value = inflater.decompress(file.read(), MAX_INFLATED_BYTES)
        if len(value) >= MAX_INFLATED_BYTES and not inflater.eof:
            raise PixelError("the deflated data set is larger than 512 MiB")
    return io.BytesIO(value)
