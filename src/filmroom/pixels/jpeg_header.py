"""What a JPEG or JPEG-LS codestream says of itself, read before it is decoded.

ISO/IEC 10918-1 Annex B, ISO/IEC 14495-1 Annex C; markers of colour: JFIF, and Adobe's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.errors import Undecodable
from filmroom.pixels.checks import check_header

SCAN = 0xDA
APP0, APP14 = 0xE0, 0xEE
BASELINE_PROCESS, EXTENDED_PROCESS = 0xC0, 0xC1
LOSSLESS, LOSSLESS_ARITHMETIC, JPEG_LS = 0xC3, 0xCB, 0xF7
FRAMES = frozenset([*range(0xC0, 0xD0), JPEG_LS]) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset([0x01, *range(0xD0, 0xDA)])
"""Markers without a length."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """The frame header, and what is said of colour."""

    start: int
    """Where the frame header's marker is, in bytes from the start of the codestream."""
    process: int
    """The second byte of the frame header's marker, such as 0xC0 for baseline."""
    precision: int
    rows: int
    columns: int
    components: bytes
    """Their identifiers."""
    sampling: tuple[int, ...]
    """Their sampling factors, horizontal and vertical in four bits each."""
    jfif: bool
    adobe: int | None
    """Adobe's transform: 0 none, 1 YCbCr, 2 YCCK; None where nothing is said."""
    complete: bool
    """Whether the codestream has its end marker; without it, it was cut."""

    @property
    def lossless(self) -> bool:
        """Whether samples are predicted, not transformed."""
        return self.process in (LOSSLESS, LOSSLESS_ARITHMETIC)

    def check(self, what: str, format: PixelFormat) -> None:
        """Undecodable where this is not what the data set says, or the codestream was cut."""
        check_header(
            what,
            format,
            rows=self.rows,
            columns=self.columns,
            samples=len(self.components),
            precision=self.precision,
        )
        if not self.complete:
            raise Undecodable(f"the {what} codestream is cut short: it has no end marker")


def read_jpeg_header(frame: bytes) -> JpegHeader:
    """Read up to the first scan; Undecodable where there is no frame header."""
    if frame[:2] != b"\xff\xd8":
        raise Undecodable("no JPEG codestream: it does not begin with SOI")
    at, jfif, adobe = 2, False, None
    while at + 4 <= len(frame):
        if frame[at] != 0xFF:
            raise Undecodable(f"a damaged JPEG codestream: no marker at byte {at}")
        marker = frame[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in ALONE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", frame, at + 2)
        segment = frame[at + 4 : at + 2 + length]
        if marker in FRAMES:
            complete = frame.find(b"\xff\xd9", at) >= 0
            return _frame(at, marker, segment, jfif=jfif, adobe=adobe, complete=complete)
        if marker == APP0 and segment[:5] == b"JFIF\0":
            jfif = True
        if marker == APP14 and segment[:5] == b"Adobe" and len(segment) >= 12:
            adobe = segment[11]
        if marker == SCAN or length < 2:
            break
        at += 2 + length
    raise Undecodable("a damaged JPEG codestream: it has no frame header")


def _frame(
    start: int, marker: int, segment: bytes, *, jfif: bool, adobe: int | None, complete: bool
) -> JpegHeader:
    if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
        raise Undecodable("a damaged JPEG codestream: its frame header is cut short")
    precision, rows, columns, count = struct.unpack_from(">BHHB", segment)
    listed = segment[6 : 6 + 3 * count]
    return JpegHeader(
        start=start,
        process=marker,
        precision=precision,
        rows=rows,
        columns=columns,
        components=listed[::3],
        sampling=tuple(listed[1::3]),
        jfif=jfif,
        adobe=adobe,
        complete=complete,
    )
