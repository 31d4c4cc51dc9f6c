"""What a JPEG 2000 codestream says of itself, read before it is decoded.

ISO/IEC 15444-1 Annex A (SIZ, COD), Annex I (boxes, which some writers leave around it).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from filmroom.errors import Undecodable

SOC_SIZ = b"\xff\x4f\xff\x51"
BOX_START = b"\x00\x00\x00\x0cjP  "
CODESTREAM_BOX = b"jp2c"
SOT, COD, CAP = 0xFF90, 0xFF52, 0xFF50
SIZ = struct.Struct(">HHIIIIIIIIH")
SIZ_AT = 4  # bytes: after SOC and SIZ's marker
MOST_TILES = 65535


@dataclass(frozen=True, slots=True)
class Jpeg2000Header:
    """Size, components and coding of the whole image."""

    rows: int
    columns: int
    components: tuple[tuple[int, int, int], ...]
    """Of each: Ssiz (precision less one, the sign above), XRsiz, YRsiz."""
    transformed: bool
    """Whether the first three components went through the RCT or ICT."""
    reversible: bool
    """Whether the wavelet transform loses nothing."""

    @property
    def precision(self) -> int:
        """Bits of the widest component."""
        return max((ssiz & 0x7F) + 1 for ssiz, _, _ in self.components)

    @property
    def signed(self) -> bool:
        """Whether samples have a sign."""
        return bool(self.components[0][0] & 0x80)

    @property
    def alike(self) -> bool:
        """Whether all components have one precision, sign and full resolution."""
        return set(self.components) == {(self.components[0][0], 1, 1)}


def codestream_of(frame: bytes) -> bytes:
    """The bare codestream, taken out of a file's boxes if it lies in them."""
    if frame[:4] == SOC_SIZ:
        return frame
    if frame[: len(BOX_START)] != BOX_START:
        raise Undecodable("no JPEG 2000 codestream: it does not begin with SOC and SIZ")
    at = 0
    while at + 8 <= len(frame):
        length, kind = struct.unpack_from(">I4s", frame, at)
        head = 8
        if length == 1 and at + 16 <= len(frame):
            (length,) = struct.unpack_from(">Q", frame, at + 8)
            head = 16
        if kind == CODESTREAM_BOX:
            return frame[at + head : at + length if length else None]
        if length < head:
            break
        at += length
    raise Undecodable("the JPEG 2000 file holds no codestream")


def read_jpeg2000_header(codestream: bytes) -> Jpeg2000Header:
    """Read the main header; Undecodable where it is damaged."""
    if codestream[:4] != SOC_SIZ or len(codestream) < SIZ_AT + SIZ.size:
        raise Undecodable("a damaged JPEG 2000 codestream: it has no image size")
    fields = SIZ.unpack_from(codestream, SIZ_AT)
    length, _, x1, y1, x0, y0, tile_x, tile_y, tile_x0, tile_y0, count = fields
    listed = codestream[SIZ_AT + SIZ.size : SIZ_AT + length]
    if len(listed) != 3 * count or not count or x1 <= x0 or y1 <= y0 or not (tile_x and tile_y):
        raise Undecodable("a damaged JPEG 2000 codestream: its image size makes no sense")
    tiles = -(-(x1 - tile_x0) // tile_x) * -(-(y1 - tile_y0) // tile_y)
    if tiles > MOST_TILES:
        raise Undecodable(f"a JPEG 2000 codestream of {tiles} tiles; at most {MOST_TILES} exist")
    transformed, reversible = _coding(codestream, SIZ_AT + length)
    return Jpeg2000Header(
        rows=y1 - y0,
        columns=x1 - x0,
        components=tuple(zip(listed[::3], listed[1::3], listed[2::3], strict=True)),
        transformed=transformed,
        reversible=reversible,
    )


def _coding(codestream: bytes, at: int) -> tuple[bool, bool]:
    """Whether there is a component transform, and whether the wavelet is reversible."""
    while at + 4 <= len(codestream):
        marker, length = struct.unpack_from(">HH", codestream, at)
        if marker == COD and length >= 12 and at + 14 <= len(codestream):
            return bool(codestream[at + 8]), codestream[at + 13] == 1
        if marker == SOT or marker < 0xFF00 or length < 2:
            break
        at += 2 + length
    raise Undecodable("a damaged JPEG 2000 codestream: it has no coding style")


def with_precision(codestream: bytes, precision: int, *, signed: bool) -> bytes:
    """The codestream, its components said to have so many bits."""
    (count,) = struct.unpack_from(">H", codestream, SIZ_AT + SIZ.size - 2)
    first = SIZ_AT + SIZ.size
    said = bytearray(codestream)
    said[first : first + 3 * count : 3] = bytes([precision - 1 | signed << 7]) * count
    return bytes(said)
