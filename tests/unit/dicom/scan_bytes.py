"""Data sets written byte by byte, also wrongly: what no library would write."""

from __future__ import annotations

import struct

from filmroom.dicom.scan import Scan, ScanLimits, scan
from filmroom.testing.objects import uid

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED, JPEG, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"
MPEG4 = "1.2.840.10008.1.2.4.102"
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF


def even(value: bytes, pad: bytes = b" ") -> bytes:
    return value + pad * (len(value) % 2)


def el(tag: int, vr: str, value: bytes = b"", length: int | None = None) -> bytes:
    """One explicit VR little endian element; `length` may lie."""
    size = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    return (
        head
        + struct.pack("<HI" if vr in LONG else "<H", *([0] if vr in LONG else []), size)
        + value
    )


def im(tag: int, value: bytes = b"", length: int | None = None) -> bytes:
    """One implicit VR little endian element."""
    size = len(value) if length is None else length
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, size) + value


def big(tag: int, vr: str, value: bytes = b"") -> bytes:
    """One explicit VR big endian element."""
    head = struct.pack(">HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    return (
        head
        + struct.pack(">HI" if vr in LONG else ">H", *([0] if vr in LONG else []), len(value))
        + value
    )


def item(content: bytes, length: int | None = None) -> bytes:
    return im(ITEM, content, length)


def endless(tag: int, *items: bytes, vr: str = "SQ") -> bytes:
    """A sequence of undefined length."""
    return el(tag, vr, b"".join(items), UNDEFINED) + im(SEQUENCE_END)


def identity() -> list[bytes]:
    """SOP class and instance; study and series."""
    return [
        el(0x00080016, "UI", even(b"1.2.840.10008.5.1.4.1.1.7", b"\0")),
        el(0x00080018, "UI", even(uid(1, 1, 1).encode(), b"\0")),
        el(0x0020000D, "UI", even(uid(1).encode(), b"\0")),
        el(0x0020000E, "UI", even(uid(1, 1).encode(), b"\0")),
    ]


def body(*more: bytes) -> bytes:
    """A data set with what must be there, and more, in the order of tags."""
    return b"".join(sorted([*identity(), *more], key=lambda e: struct.unpack("<HH", e[:4])))


def meta(syntax: str = EXPLICIT, *more: bytes) -> bytes:
    """Preamble and File Meta Information."""
    group = b"".join([el(0x00020010, "UI", even(syntax.encode(), b"\0")), *more])
    length = el(0x00020000, "UL", struct.pack("<I", len(group)))
    return bytes(128) + b"DICM" + length + group


def file(*more: bytes, syntax: str = EXPLICIT) -> bytes:
    """A Part 10 file with these elements besides the identity."""
    return meta(syntax) + body(*more)


def read(data: bytes, limits: ScanLimits | None = None) -> Scan:
    return scan(memoryview(data), limits or ScanLimits(), "/dicom-web")


def pixels(
    rows: int = 4, columns: int = 4, bits: int = 8, frames: int | None = None
) -> list[bytes]:
    """The attributes that tell frames."""
    us = [(0x00280002, 1), (0x00280010, rows), (0x00280011, columns), (0x00280100, bits)]
    said = [el(tag, "US", struct.pack("<H", value)) for tag, value in us]
    if frames is not None:
        said.append(el(0x00280008, "IS", even(str(frames).encode())))
    return said


def fragments(*values: bytes, table: bytes = b"") -> bytes:
    """Encapsulated pixel data."""
    return endless(0x7FE00010, item(table), *map(item, values), vr="OB")
