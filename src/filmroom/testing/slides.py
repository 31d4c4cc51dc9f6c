"""Whole-slide images for tests: levels of a pyramid, of many thousands of tiles, made quickly.

Written byte by byte, since a library takes minutes for as many functional groups.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import ceil

from filmroom.testing.objects import uid

VL_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
UNDEFINED = 0xFFFFFFFF
TILE_SPACING = 0.0005  # mm from pixel to pixel


class Table(Enum):
    """How the frames of a level are told apart."""

    NATIVE = auto()
    BASIC = auto()
    EXTENDED = auto()
    NONE = auto()
    """One fragment a frame, and an empty table."""
    FRAGMENTS = auto()
    """Several fragments a frame, and a basic table."""


@dataclass(frozen=True)
class Level:
    """One level of a slide; tiles go row by row from the top left corner."""

    tiles: Sequence[bytes]
    across: int
    """Tiles in a row."""
    side: int
    """Pixels of a tile's side."""
    table: Table = Table.BASIC
    sparse: bool = False
    """Whether each frame says where it lies."""
    study: int = 900
    instance: int = 1
    scale: int = 1
    """Pixels of the base level to one of this."""

    def part10(self) -> bytes:
        """The level as a Part 10 file."""
        native = self.table is Table.NATIVE
        syntax = EXPLICIT_LITTLE if native else JPEG_BASELINE
        instance = uid(self.study, 1, self.instance)
        meta = element(0x00020001, "OB", b"\0\1") + text(0x00020002, "UI", VL_WHOLE_SLIDE)
        meta += text(0x00020003, "UI", instance) + text(0x00020010, "UI", syntax)
        meta += text(0x00020012, "UI", uid(0))
        meta = element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta
        body = b"".join([*self._instance(instance), *self._image(native=native), *self._groups()])
        return bytes(128) + b"DICM" + meta + body + self._pixels()

    def _instance(self, instance: str) -> Iterator[bytes]:
        yield text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\VOLUME\\NONE")
        yield text(0x00080016, "UI", VL_WHOLE_SLIDE) + text(0x00080018, "UI", instance)
        yield text(0x00080020, "DA", "20240115") + text(0x00080030, "TM", "101500")
        yield text(0x00080060, "CS", "SM") + text(0x0008103E, "LO", "Slide")
        yield text(0x00100010, "PN", "Slide^Sam") + text(0x00100020, "LO", f"ID{self.study}")
        yield text(0x0020000D, "UI", uid(self.study)) + text(0x0020000E, "UI", uid(self.study, 1))
        yield text(0x00200011, "IS", "1") + text(0x00200013, "IS", str(self.instance))
        yield text(0x00200052, "UI", uid(self.study, 0))
        yield text(0x00209311, "CS", "TILED_SPARSE" if self.sparse else "TILED_FULL")

    def _image(self, *, native: bool) -> Iterator[bytes]:
        down = ceil(len(self.tiles) / self.across)
        yield shorts(0x00280002, 1 if native else 3)
        yield text(0x00280004, "CS", "MONOCHROME2" if native else "YBR_FULL_422")
        if not native:
            yield shorts(0x00280006, 0)
        yield text(0x00280008, "IS", str(len(self.tiles)))
        yield shorts(0x00280010, self.side) + shorts(0x00280011, self.side)
        yield shorts(0x00280100, 8) + shorts(0x00280101, 8) + shorts(0x00280102, 7)
        yield shorts(0x00280103, 0) + text(0x00282110, "CS", "00" if native else "01")
        yield text(0x00400512, "LO", "SLIDE-1")
        yield element(0x00480001, "FL", struct.pack("<f", self._width))
        yield element(0x00480002, "FL", struct.pack("<f", self._width))
        yield longs(0x00480006, self.across * self.side) + longs(0x00480007, down * self.side)
        origin = text(0x0040072A, "DS", "0") + text(0x0040073A, "DS", "0")
        yield sequence(0x00480008, item(origin))
        yield text(0x00480102, "DS", "0\\-1\\0\\-1\\0\\0")
        code = text(0x00080100, "SH", "111744") + text(0x00080102, "SH", "DCM")
        lit = sequence(0x00220016, item(code + text(0x00080104, "LO", "Brightfield illumination")))
        yield sequence(0x00480105, item(lit + text(0x00480106, "SH", "1")))
        yield longs(0x00480302, 1) + longs(0x00480303, 1)

    @property
    def _width(self) -> float:
        """Of the whole level, in mm."""
        return self.across * self.side * self.scale * TILE_SPACING

    def _groups(self) -> Iterator[bytes]:
        spacing = TILE_SPACING * self.scale
        measures = text(0x00180050, "DS", "0.001")
        measures += text(0x00280030, "DS", f"{spacing:.6g}\\{spacing:.6g}")
        yield sequence(0x52009229, item(sequence(0x00289110, item(measures))))
        if self.sparse:
            places = (self._place(number) for number in range(len(self.tiles)))
            yield sequence(0x52009230, b"".join(map(item, places)))

    def _place(self, number: int) -> bytes:
        """The functional groups of a frame: where its tile lies."""
        row, column = divmod(number, self.across)
        spacing = TILE_SPACING * self.scale * self.side
        content = longs(0x00209157, column + 1, row + 1)
        place = text(0x0040072A, "DS", f"{row * spacing:.6g}")
        place += text(0x0040073A, "DS", f"{column * spacing:.6g}") + text(0x0040074A, "DS", "0")
        corner = struct.pack("<i", column * self.side + 1), struct.pack("<i", row * self.side + 1)
        place += element(0x0048021E, "SL", corner[0]) + element(0x0048021F, "SL", corner[1])
        path = text(0x00480106, "SH", "1")
        return b"".join(
            sequence(tag, item(macro))
            for tag, macro in ((0x00209111, content), (0x00480207, path), (0x0048021A, place))
        )

    def _pixels(self) -> bytes:
        if self.table is Table.NATIVE:
            return element(0x7FE00010, "OB", b"".join(self.tiles))
        parts = 3 if self.table is Table.FRAGMENTS else 1
        fragments, starts, at = [], [], 0
        for tile in self.tiles:
            starts.append(at)
            for fragment in _cut(tile, parts):
                fragments.append(item(fragment))
                at += len(fragments[-1])
        tables = basic = b""
        if self.table in (Table.BASIC, Table.FRAGMENTS):
            basic = struct.pack(f"<{len(starts)}I", *starts)
        if self.table is Table.EXTENDED:
            lengths = [len(tile) for tile in self.tiles]
            tables = element(0x7FE00001, "OV", struct.pack(f"<{len(starts)}Q", *starts))
            tables += element(0x7FE00002, "OV", struct.pack(f"<{len(starts)}Q", *lengths))
        head = struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OB", UNDEFINED)
        end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return tables + head + item(basic) + b"".join(fragments) + end


def _cut(tile: bytes, parts: int) -> Iterator[bytes]:
    step = ceil(len(tile) / parts / 2) * 2
    for at in range(0, len(tile), step):
        piece = tile[at : at + step]
        yield piece + b"\0" * (len(piece) % 2)


def element(tag: int, vr: str, value: bytes) -> bytes:
    """An explicit VR little endian element, its value padded with zeros."""
    value += b"\0" * (len(value) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    long = vr in ("OB", "OV", "SQ")
    return head + struct.pack("<2xI" if long else "<H", len(value)) + value


def text(tag: int, vr: str, value: str) -> bytes:
    """An element of text."""
    padding = "\0" if vr == "UI" else " "
    return element(tag, vr, (value + padding * (len(value) % 2)).encode())


def shorts(tag: int, *values: int) -> bytes:
    """An element of VR US."""
    return element(tag, "US", struct.pack(f"<{len(values)}H", *values))


def longs(tag: int, *values: int) -> bytes:
    """An element of VR UL."""
    return element(tag, "UL", struct.pack(f"<{len(values)}I", *values))


def item(value: bytes) -> bytes:
    """An item, of a sequence or with a fragment."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def sequence(tag: int, items: bytes) -> bytes:
    """A sequence of these items."""
    return element(tag, "SQ", items)
