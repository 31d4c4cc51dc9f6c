"""What a JPEG XL codestream says of itself, read before it is decoded (ISO/IEC 18181-1, -2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from filmroom.errors import Undecodable

SIGNATURE = b"\xff\x0a"
CONTAINER = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
SIDE_BITS = (9, 13, 18, 30)
HEAD = 128  # bytes: more than the fields that are read can take


@dataclass(frozen=True, slots=True)
class JpegXlHeader:
    """Size and samples of the image."""

    rows: int
    columns: int
    precision: int
    floating: bool
    extra_channels: int
    animated: bool


class _Bits:
    """Bits of a byte string, the least significant of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), len(data) * 8

    def read(self, count: int) -> int:
        """The next bits as a number."""
        if count > self._left:
            raise Undecodable("a damaged JPEG XL codestream: its header is cut short")
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return found

    def choose(self, *choices: tuple[int, int]) -> int:
        """A number in one of four encodings, each an offset and a count of bits."""
        offset, count = choices[self.read(2)]
        return offset + self.read(count)


def read_jpegxl_header(frame: bytes) -> JpegXlHeader:
    """Read the image header, from the bare codestream or its container."""
    start = _codestream_head(frame)
    if start[:2] != SIGNATURE:
        raise Undecodable("no JPEG XL codestream: it has no signature")
    bits = _Bits(start[2:])
    rows, columns = _size(bits)
    if bits.read(1):  # all_default
        return JpegXlHeader(rows, columns, 8, floating=False, extra_channels=0, animated=False)
    animated = False
    if bits.read(1):  # extra_fields
        bits.read(3)  # orientation
        if bits.read(1):  # an intrinsic size
            _size(bits)
        if bits.read(1):
            raise Undecodable("a JPEG XL codestream with a preview is not decoded")
        animated = bool(bits.read(1))
        if animated:
            return JpegXlHeader(rows, columns, 8, floating=False, extra_channels=0, animated=True)
    floating = bool(bits.read(1))
    if floating:
        precision = bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
        bits.read(4)  # exponent
    else:
        precision = bits.choose((8, 0), (10, 0), (12, 0), (1, 6))
    bits.read(1)  # modular_16bit_buffers
    extra = bits.choose((0, 0), (1, 0), (2, 4), (1, 12))
    return JpegXlHeader(
        rows, columns, precision, floating=floating, extra_channels=extra, animated=animated
    )


def _size(bits: _Bits) -> tuple[int, int]:
    """Rows and columns (SizeHeader)."""
    small = bits.read(1)

    def side() -> int:
        if small:
            return 8 * (bits.read(5) + 1)
        return bits.choose(*((1, count) for count in SIDE_BITS))

    rows = side()
    ratio = bits.read(3)
    if not ratio:
        return rows, side()
    over, under = RATIOS[ratio - 1]
    return rows, rows * over // under


def _codestream_head(frame: bytes) -> bytes:
    """The first bytes of the codestream."""
    if frame[: len(CONTAINER)] != CONTAINER:
        return frame[:HEAD]
    at, found = 0, b""
    while at + 8 <= len(frame) and len(found) < HEAD:
        length, kind = struct.unpack_from(">I4s", frame, at)
        head = 8
        if length == 1 and at + 16 <= len(frame):
            (length,) = struct.unpack_from(">Q", frame, at + 8)
            head = 16
        end = at + length if length else len(frame)
        if kind == b"jxlc":
            return frame[at + head : min(end, at + head + HEAD)]
        if kind == b"jxlp":  # a part, after its number
            found += frame[at + head + 4 : min(end, at + head + 4 + HEAD)]
        if end < at + head:
            break
        at = end
    return found
