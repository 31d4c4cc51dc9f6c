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
SOT, COD, QCD, QCC = 0xFF90, 0xFF52, 0xFF5C, 0xFF5D
EOC, EOC_BYTES = 0xFFD9, b"\xff\xd9"
COD_LENGTH = 10  # bytes: of the segment, without precincts
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
    bit_planes: int
    """The most bits of a coefficient, its sign aside."""
    levels: int
    """How often the wavelet transform halves the image."""

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
    first_tile = tile_x0 <= x0 < tile_x0 + tile_x and tile_y0 <= y0 < tile_y0 + tile_y
    if len(listed) != 3 * count or not count or not (x0 < x1 and y0 < y1 and first_tile):
        raise Undecodable("a damaged JPEG 2000 codestream: its image size makes no sense")
    tiles = -(-(x1 - tile_x0) // tile_x) * -(-(y1 - tile_y0) // tile_y)
    if tiles > MOST_TILES:
        raise Undecodable(f"a JPEG 2000 codestream of {tiles} tiles; at most {MOST_TILES} exist")
    transformed, reversible, bit_planes, levels = _coding(codestream, SIZ_AT + length)
    return Jpeg2000Header(
        rows=y1 - y0,
        columns=x1 - x0,
        components=tuple(zip(listed[::3], listed[1::3], listed[2::3], strict=True)),
        transformed=transformed,
        reversible=reversible,
        bit_planes=bit_planes,
        levels=levels,
    )


def check_whole(codestream: bytes) -> None:
    """Undecodable where the codestream ends before its last tile-part does.

    Libraries make something of what there is, which is right for a preview only.
    """
    at = SIZ_AT - 2
    while at + 4 <= len(codestream):
        marker, length = struct.unpack_from(">HH", codestream, at)
        if marker == SOT and at + 10 <= len(codestream):
            (part,) = struct.unpack_from(">I", codestream, at + 6)
            if not part:  # up to the end
                at = codestream.rfind(EOC_BYTES)
                break
            length = part - 2
        if marker == EOC or length < 2:
            break
        at += 2 + length
    if not SIZ_AT <= at <= len(codestream):
        raise Undecodable("the JPEG 2000 codestream is cut short")


def _coding(codestream: bytes, at: int) -> tuple[bool, bool, int, int]:
    """Whether components are transformed, whether the wavelet is reversible, bit planes, levels."""
    coding, planes = b"", 0
    while at + 4 <= len(codestream):
        marker, length = struct.unpack_from(">HH", codestream, at)
        segment = codestream[at + 4 : at + 2 + length]
        if marker == SOT or marker < 0xFF00 or length < 2:
            break
        if marker == COD:
            coding = segment
        if marker == QCD:
            planes = max(planes, _bit_planes(segment))
        if marker == QCC:
            planes = max(planes, _bit_planes(segment[1:]))
        at += 2 + length
    if len(coding) < COD_LENGTH or not planes:
        raise Undecodable("a damaged JPEG 2000 codestream: it has no coding style")
    return bool(coding[4]), coding[9] == 1, planes, coding[5]


def _bit_planes(quantization: bytes) -> int:
    """The most magnitude bits that a sub-band may have (ISO/IEC 15444-1 §E.1)."""
    if not quantization:
        return 0
    style, steps = quantization[0], quantization[1:]
    exponents = steps if style & 0x1F == 0 else steps[::2]
    return (style >> 5) + max((step >> 3 for step in exponents), default=0) - 1


def with_precision(codestream: bytes, precision: int, *, signed: bool) -> bytes:
    """The codestream, its components said to have so many bits."""
    (count,) = struct.unpack_from(">H", codestream, SIZ_AT + SIZ.size - 2)
    first = SIZ_AT + SIZ.size
    said = bytearray(codestream)
    said[first : first + 3 * count : 3] = bytes([precision - 1 | signed << 7]) * count
    return bytes(said)
