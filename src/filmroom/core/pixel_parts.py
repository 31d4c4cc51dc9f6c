"""Pixel data as an element of a file: native, or fragments behind an offset table (PS3.5 §A.4)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from filmroom.dicom.encoding import SEQUENCE_END, UNDEFINED, element_header, item_header
from filmroom.errors import NotAcceptable, Undecodable

PIXEL_DATA = 0x7FE00010
OFFSETS, LENGTHS = 0x7FE00001, 0x7FE00002
MOST = 0xFFFFFFFE  # bytes of a native value, or of what a Basic Offset Table reaches


def write_fragments(file: BinaryIO, frames: Iterable[bytes], count: int, *, large: bool) -> int:
    """Write `count` compressed frames, a fragment each; how many bytes of them there were.

    Where they may be `large` in all, an Extended Offset Table says where they lie. Tables
    are filled in at the end, so that no more than a frame is in memory.
    """
    offsets, lengths = array("Q"), array("Q")
    tables = _extended_tables(file, count) if large else None
    file.write(element_header(PIXEL_DATA, "OB", UNDEFINED))
    file.write(item_header(0 if large else 4 * count))
    table = file.tell()
    file.write(bytes(0 if large else 4 * count))
    first = file.tell()
    for frame in frames:
        offsets.append(file.tell() - first)
        lengths.append(len(frame))
        file.write(item_header(len(frame) + len(frame) % 2))
        file.write(frame)
        file.write(bytes(len(frame) % 2))
    end = file.tell()
    if not large and end - first > MOST:
        raise Undecodable("the frames came out larger than an offset table reaches")
    if tables:
        _fill(file, tables[0], offsets.tobytes())
        _fill(file, tables[1], lengths.tobytes())
    else:
        _fill(file, table, array("I", offsets).tobytes())
    file.seek(end)
    file.write(SEQUENCE_END)
    return sum(lengths)


def _extended_tables(file: BinaryIO, count: int) -> tuple[int, int]:
    """Room for the tables (PS3.3 §C.7.6.3.1.8); where each begins."""
    places = []
    for tag in (OFFSETS, LENGTHS):
        file.write(element_header(tag, "OV", 8 * count))
        places.append(file.tell())
        file.write(bytes(8 * count))
    return places[0], places[1]


def _fill(file: BinaryIO, at: int, table: bytes) -> None:
    file.seek(at)
    file.write(table)


def native_element(
    pieces: Iterable[bytes], size: int, vr: str, *, tag: int = PIXEL_DATA, implicit: bool = False
) -> Iterator[bytes]:
    """Native pixel data of `size` bytes in pieces; NotAcceptable where that is too long."""
    if size > MOST:
        raise NotAcceptable("there are too many pixels to be written uncompressed")
    yield element_header(tag, vr, size + size % 2, implicit=implicit)
    written = 0
    for piece in pieces:
        written += len(piece)
        yield piece
    if written != size:
        raise Undecodable("the frames are not of one size")
    yield bytes(size % 2)


def joined(frames: Iterable[bytes], bits: int) -> Iterator[bytes]:
    """Frames of `bits` bits, each from a byte's first bit on, packed without padding between."""
    held, count = 0, 0
    for frame in frames:
        if not bits % 8:
            yield frame
            continue
        held |= (int.from_bytes(frame, "little") & ((1 << bits) - 1)) << count
        count += bits
        whole = count // 8
        yield (held & ((1 << 8 * whole) - 1)).to_bytes(whole, "little")
        held >>= 8 * whole
        count -= 8 * whole
    if count:
        yield held.to_bytes(1, "little")
