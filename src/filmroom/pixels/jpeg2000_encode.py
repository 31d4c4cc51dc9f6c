"""Values → JPEG 2000 and High-Throughput JPEG 2000 codestreams (PS3.5 §8.2.4, §8.2.14)."""

from __future__ import annotations

import math

import imagecodecs
import numpy as np

from filmroom.dicom.pixel_format import RGB, YBR_ICT, YBR_RCT, PixelFormat
from filmroom.dicom.transfer_syntaxes import TransferSyntax
from filmroom.errors import Unsupported
from filmroom.pixels.jpeg2000_header import with_precision
from filmroom.pixels.values import Coding, Values, span_of

RPCL = "1.2.840.10008.1.2.4.202"
LOSSLESS_QUALITY = 100
MOST_BITS = 24  # the library computes in 32
MOST_LOSSY_BITS = 16
MOST_HTJ2K_BITS = 16  # more do not pass through the library's 32-bit lines
THUMBNAIL = 64  # pixels: the lowest resolution of RPCL must be no larger (PS3.5 §10.18)


def encode_jpeg2000(
    values: Values, format: PixelFormat, syntax: TransferSyntax, quality: int
) -> Coding:
    """Values as a codestream; a lossy one has an error of about a 300th of their span at 90."""
    lossy = syntax.lossy and quality < LOSSLESS_QUALITY
    most = MOST_LOSSY_BITS if lossy else MOST_BITS
    if format.bits_stored > most:
        raise Unsupported(f"{syntax.name} carries {most} bits a sample, not {format.bits_stored}")
    bits = format.bits_stored
    size = 1 if bits <= 8 else 2 if bits <= 16 else 4
    data = imagecodecs.jpeg2k_encode(
        np.ascontiguousarray(values.astype(f"<{'i' if format.signed else 'u'}{size}", copy=False)),
        _noise_ratio(values, format, quality) if lossy else 0,
        codecformat="J2K",
        planar=False,
        bitspersample=bits if bits % (8 * size) else None,
        reversible=not lossy,
        mct=format.photometric == RGB,
        numthreads=1,
    )
    return Coding(bytes(data), _photometric(format, lossy=lossy), lossy=lossy)


def encode_htj2k(
    values: Values, format: PixelFormat, syntax: TransferSyntax, quality: int
) -> Coding:
    """Values as a codestream of high throughput, resolution by resolution.

    The library's wrapper codes whole bytes only. So that the codestream has the stored
    bits, they are handed over with a sign, which takes the level shift away, and then the
    precision is written into the header (ISO/IEC 15444-1 §G.1.2): samples of an irreversible
    transform are scaled to the whole word, those of a reversible one are the same for any.
    """
    if format.bits_stored > MOST_HTJ2K_BITS:
        raise Unsupported(
            f"{syntax.name} carries {MOST_HTJ2K_BITS} bits a sample, not {format.bits_stored}"
        )
    lossy = syntax.lossy and quality < LOSSLESS_QUALITY
    word = 8 if format.bits_stored <= 8 else 16
    level = 0 if format.signed else 1 << (format.bits_stored - 1)
    centred = values.astype(f"<i{word // 4}") - level
    if lossy:
        centred = centred << (word - format.bits_stored)
    decompositions = max(math.ceil(math.log2(max(format.rows, format.columns) / THUMBNAIL)), 1)
    rpcl = syntax.uid == RPCL
    data = imagecodecs.htj2k_encode(
        centred.astype(f"<i{word // 8}"),
        _step(values, format, quality) if lossy else 0,
        rgb=format.photometric == RGB,
        planar=False,
        resolutions=max(decompositions, 5) if rpcl else None,
        reversible=not lossy,
        tlm=rpcl,
        tilepart=1 if rpcl else None,
    )
    coded = with_precision(bytes(data), format.bits_stored, signed=format.signed)
    return Coding(coded, _photometric(format, lossy=lossy), lossy=lossy)


def _photometric(format: PixelFormat, *, lossy: bool) -> str:
    if format.photometric != RGB:
        return format.photometric
    return YBR_ICT if lossy else YBR_RCT


def _noise_ratio(values: Values, format: PixelFormat, quality: int) -> int:
    """The peak signal to noise ratio, in decibels of the codestream's whole range."""
    unused = 20 * math.log10((1 << format.bits_stored) / span_of(values))
    return round(30 + quality / 4 + unused)


def _step(values: Values, format: PixelFormat, quality: int) -> float:
    """The quantization step, as a part of the codestream's whole range."""
    used = span_of(values) / (1 << format.bits_stored)
    return max(used * (LOSSLESS_QUALITY - quality) / 1600, 0.00002)
