"""What a JPEG XL codestream says of itself, read before it is decoded (ISO/IEC 18181-1, -2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

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
    floating: bool = False
    extra_channels: int = 0
    animated: bool = False
    recompressed: bool = False
    """Whether there is what makes a JPEG of it again (the box jbrd)."""


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
    start, recompressed = _unpacked(frame)
    if start[:2] != SIGNATURE:
        raise Undecodable("no JPEG XL codestream: it has no signature")
    header = _image(_Bits(start[2:HEAD]))
    return replace(header, recompressed=recompressed)


def _image(bits: _Bits) -> JpegXlHeader:
    """The size, and what the image metadata tell first (ImageMetadata)."""
    rows, columns = _size(bits)
    if bits.read(1):  # all_default
        return JpegXlHeader(rows, columns, 8)
    if bits.read(1):  # extra_fields
        bits.read(3)  # orientation
        if bits.read(1):  # an intrinsic size
            _size(bits)
        if bits.read(1):
            raise Undecodable("a JPEG XL codestream with a preview is not decoded")
        if bits.read(1):
            return JpegXlHeader(rows, columns, 8, animated=True)
    floating = bool(bits.read(1))
    if floating:
        precision = bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
        bits.read(4)  # exponent
    else:
        precision = bits.choose((8, 0), (10, 0), (12, 0), (1, 6))
    bits.read(1)  # modular_16bit_buffers
    extra = bits.choose((0, 0), (1, 0), (2, 4), (1, 12))
    return JpegXlHeader(rows, columns, precision, floating=floating, extra_channels=extra)


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


def _unpacked(frame: bytes) -> tuple[bytes, bool]:
    """The first bytes of the codestream at least, and whether a JPEG can be had of it."""
    if frame[: len(CONTAINER)] != CONTAINER:
        return frame[:HEAD], False
    at, start, recompressed = 0, b"", False
    while at + 8 <= len(frame):
        length, kind = struct.unpack_from(">I4s", frame, at)
        head = 8
        if length == 1 and at + 16 <= len(frame):
            (length,) = struct.unpack_from(">Q", frame, at + 8)
            head = 16
        end = at + length if length else len(frame)
        if end < at + head:
            break
        skipped = 4 if kind == b"jxlp" else 0  # a part, after its number
        if kind in (b"jxlc", b"jxlp") and len(start) < HEAD:
            start += frame[at + head + skipped : min(end, at + head + HEAD)]
        recompressed |= kind == b"jbrd"
        at = end
    return start, recompressed
