"""JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1, -2 and -15; PS3.5 §8.2.4)."""

from __future__ import annotations

import imagecodecs
import numpy as np

from filmroom.dicom.pixel_format import RGB, YBR_ICT, YBR_RCT, PixelFormat
from filmroom.errors import Undecodable
from filmroom.pixels.checks import check_header
from filmroom.pixels.jpeg2000_header import (
    Jpeg2000Header,
    codestream_of,
    read_jpeg2000_header,
    with_precision,
)
from filmroom.pixels.values import Samples, Values

MOST_HTJ2K_BITS = 24  # beyond, the wrapper misreads the library's 64-bit lines
WIDE = 18  # bits: more than one byte or two, and room for overshoot


def decode_jpeg2000(frame: bytes, format: PixelFormat) -> Samples:
    """The samples of a codestream, its component transform undone."""
    codestream = codestream_of(frame)
    header = _checked(codestream, format)
    values = imagecodecs.jpeg2k_decode(codestream, planar=False)
    return _samples(values, header, format)


def decode_htj2k(frame: bytes, format: PixelFormat) -> Samples:
    """The same for block coding of high throughput, which another library does faster."""
    codestream = codestream_of(frame)
    header = _checked(codestream, format)
    if header.precision > MOST_HTJ2K_BITS:
        raise Undecodable(f"HTJ2K samples of {header.precision} bits are not decoded")
    if header.reversible or header.precision >= WIDE:
        values = imagecodecs.htj2k_decode(codestream, planar=False)
    else:
        values = _within_range(codestream, header)
    return _samples(values, header, format)


def _within_range(codestream: bytes, header: Jpeg2000Header) -> Values:
    """Samples of an irreversible transform, which overshoot the range of what was coded.

    The library leaves them there, and its wrapper would wrap them around. Said to have
    more bits, and a sign, they are scaled up, without a level shift, and fit.
    """
    wide = imagecodecs.htj2k_decode(with_precision(codestream, WIDE, signed=True), planar=False)
    spare = WIDE - header.precision
    half = 1 << (header.precision - 1)
    centred = (wide + (1 << (spare - 1))) >> spare
    level, kind = (0, "i") if header.signed else (half, "u")
    values: Values = np.clip(centred + level, level - half, level + half - 1)
    return values.astype(f"<{kind}{1 if header.precision <= 8 else 2}")


def _checked(codestream: bytes, format: PixelFormat) -> Jpeg2000Header:
    header = read_jpeg2000_header(codestream)
    check_header(
        "JPEG 2000",
        format,
        rows=header.rows,
        columns=header.columns,
        samples=len(header.components),
        precision=header.precision,
    )
    if not header.alike:
        raise Undecodable("a JPEG 2000 codestream whose components differ is not decoded")
    return header


def _samples(values: Values, header: Jpeg2000Header, format: PixelFormat) -> Samples:
    photometric = format.photometric
    if header.transformed or photometric in (YBR_RCT, YBR_ICT):
        photometric = RGB if format.samples == 3 else photometric
    return Samples(values, header.precision, photometric, lossy=not header.reversible)
