"""JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1, -2 and -15; PS3.5 §8.2.4)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import imagecodecs
import numpy as np

from filmroom.dicom.pixel_format import RGB, YBR_ICT, YBR_RCT, PixelFormat
from filmroom.errors import Undecodable
from filmroom.pixels.checks import check_header
from filmroom.pixels.jpeg2000_header import (
    Jpeg2000Header,
    check_whole,
    codestream_of,
    read_jpeg2000_header,
    with_precision,
)
from filmroom.pixels.values import Samples, Values

MOST_HTJ2K_BITS = 24  # beyond, the wrapper misreads the library's 64-bit lines
MOST_BIT_PLANES = 30  # of the library's 32-bit coefficients
WIDE = 18  # bits: more than one byte or two, and room for overshoot

_HOOK = threading.Lock()  # there is one hook for all threads


def decode_jpeg2000(frame: bytes, format: PixelFormat) -> Samples:
    """The samples of a codestream, its component transform undone."""
    codestream = codestream_of(frame)
    header = checked_header(codestream, format)
    values = imagecodecs.jpeg2k_decode(codestream, planar=False)
    return samples_of(values, header, format)


def decode_htj2k(frame: bytes, format: PixelFormat) -> Samples:
    """The same for block coding of high throughput, which another library does faster."""
    codestream = codestream_of(frame)
    header = checked_header(codestream, format)
    if header.precision > MOST_HTJ2K_BITS:
        raise Undecodable(f"HTJ2K samples of {header.precision} bits are not decoded")
    if header.bit_planes > MOST_BIT_PLANES:
        raise Undecodable(f"an HTJ2K codestream of {header.bit_planes} bit planes is not decoded")
    with heard():
        if header.reversible or header.precision >= WIDE:
            values = imagecodecs.htj2k_decode(codestream, planar=False)
        else:
            values = _within_range(codestream, header)
    return samples_of(values, header, format)


@contextmanager
def heard() -> Iterator[None]:
    """Raise what the wrapper would only print: an error in the middle of the image.

    It gives the lines decoded until then, and zeros for the rest.
    """
    ours, errors = threading.get_ident(), []

    def note(unraisable: sys.UnraisableHookArgs) -> None:
        if threading.get_ident() == ours:
            errors.append(str(unraisable.exc_value))
        else:
            before(unraisable)

    with _HOOK:
        before, sys.unraisablehook = sys.unraisablehook, note
        try:
            yield
        finally:
            sys.unraisablehook = before
    if errors:
        raise Undecodable(f"a damaged HTJ2K codestream: {errors[0]}")


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


def checked_header(codestream: bytes, format: PixelFormat) -> Jpeg2000Header:
    """The header of a codestream that is all there and holds what the format says."""
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
    check_whole(codestream)
    return header


def samples_of(values: Values, header: Jpeg2000Header, format: PixelFormat) -> Samples:
    """What a decoder gave, and what that means."""
    photometric = format.photometric
    if header.transformed or photometric in (YBR_RCT, YBR_ICT):
        photometric = RGB if format.samples == 3 else photometric
    return Samples(values, header.precision, photometric, lossy=not header.reversible)
