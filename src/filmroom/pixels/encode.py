"""Stored values → a frame in a transfer syntax, and the attributes that say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import (
    PALETTE_COLOR,
    RGB,
    YBR_FULL,
    YBR_FULL_422,
    YBR_ICT,
    YBR_RCT,
    PixelFormat,
)
from filmroom.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from filmroom.errors import ArchiveError, Unsupported
from filmroom.model.instance import Attributes
from filmroom.pixels.deflate import encode_deflate
from filmroom.pixels.jpeg import encode_jpeg
from filmroom.pixels.jpeg2000_encode import encode_htj2k, encode_jpeg2000
from filmroom.pixels.jpegls import encode_jpegls
from filmroom.pixels.jpegxl import encode_jpegxl
from filmroom.pixels.native import YBR_PARTIAL_422, encode_native
from filmroom.pixels.rle import encode_rle
from filmroom.pixels.values import Coding, Values

LOSSY, LOSSY_METHOD = "00282110", "00282114"
SAMPLES, PHOTOMETRIC, PLANAR = "00280002", "00280004", "00280006"
ALLOCATED, STORED, HIGH_BIT = "00280100", "00280101", "00280102"

METHODS = {
    Codec.JPEG: "ISO_10918_1",
    Codec.JPEG_LS: "ISO_14495_1",
    Codec.JPEG_2000: "ISO_15444_1",
    Codec.HTJ2K: "ISO_15444_15",
    Codec.JPEG_XL: "ISO_18181_1",
}
"""Defined terms of Lossy Image Compression Method (PS3.3 §C.7.6.1.1.5)."""

WHOLE = {YBR_FULL_422: YBR_FULL, YBR_RCT: RGB, YBR_ICT: RGB}
"""What values mean that were decoded from such frames."""


def _encode_native(
    values: Values, format: PixelFormat, syntax: TransferSyntax, quality: int
) -> Coding:
    return Coding(encode_native(values, format), format.photometric)


ENCODERS: dict[Codec, Callable[[Values, PixelFormat, TransferSyntax, int], Coding]] = {
    Codec.NATIVE: _encode_native,
    Codec.DEFLATE: encode_deflate,
    Codec.RLE: encode_rle,
    Codec.JPEG: encode_jpeg,
    Codec.JPEG_LS: encode_jpegls,
    Codec.JPEG_2000: encode_jpeg2000,
    Codec.HTJ2K: encode_htj2k,
    Codec.JPEG_XL: encode_jpegxl,
}
ANY_BITS = (Codec.NATIVE, Codec.DEFLATE)
ONE_BIT = (*ANY_BITS, Codec.RLE, Codec.JPEG_2000, Codec.HTJ2K)
WITHOUT_SIGN = (Codec.JPEG, Codec.JPEG_LS, Codec.JPEG_XL)
"""Whose samples have no sign: lossless, they carry two's complement, but nothing may be lost."""
MOST_BITS = {Codec.JPEG: 16, Codec.JPEG_LS: 16, Codec.JPEG_XL: 16, Codec.RLE: 64}


def encode(
    values: Values, format: PixelFormat, target: str, quality: int = 90
) -> tuple[bytes, Attributes]:
    """A frame in transfer syntax `target`, and the attributes that the coding changed.

    `format.photometric` says what the values mean. `quality` is 1 to 100, of lossy
    syntaxes; 100 is lossless where the syntax can be. A method of lossy compression is
    to be appended to those that the data set has. Unsupported where the syntax does not
    carry such values.
    """
    syntax = transfer_syntax(target)
    if syntax.encoder is None:
        raise Unsupported(f"nothing here encodes {syntax.name} ({syntax.uid})")
    format = replace(format, photometric=WHOLE.get(format.photometric, format.photometric))
    _check(format, syntax, syntax.encoder)
    try:
        coding = ENCODERS[syntax.encoder](values, format, syntax, quality)
    except ArchiveError:
        raise
    except Exception as error:
        raise Unsupported(f"{syntax.name} does not take this frame: {error}") from error
    return coding.data, _changes(coding, format, syntax.encoder)


def _check(format: PixelFormat, syntax: TransferSyntax, codec: Codec) -> None:
    """Refuse what a syntax cannot carry."""
    if format.floating and codec not in ANY_BITS:
        raise Unsupported(f"{syntax.name} does not carry floating point values")
    if format.bits_allocated == 1 and (codec not in ONE_BIT or syntax.lossy):
        raise Unsupported(f"{syntax.name} does not carry values of one bit")
    if format.bits_allocated % 8 and format.bits_allocated != 1 and codec not in ANY_BITS:
        raise Unsupported(f"{syntax.name} does not carry values packed in part of a byte")
    if format.bits_stored > MOST_BITS.get(codec, format.bits_stored):
        raise Unsupported(
            f"{syntax.name} carries {MOST_BITS[codec]} bits a sample, not {format.bits_stored}"
        )
    if format.signed and (codec is Codec.JPEG_XL or (codec in WITHOUT_SIGN and syntax.lossy)):
        raise Unsupported(f"{syntax.name} does not carry values with a sign")
    if format.samples not in (1, 3) and codec not in ANY_BITS:
        raise Unsupported(f"{syntax.name} does not carry {format.samples} samples a pixel here")
    if format.photometric == PALETTE_COLOR and syntax.lossy:
        raise Unsupported(f"{syntax.name} may lose something, which indices of a palette must not")
    if not _carries_colour(format, syntax, codec):
        raise Unsupported(f"{syntax.name} does not carry {format.photometric} here")


def _carries_colour(format: PixelFormat, syntax: TransferSyntax, codec: Codec) -> bool:
    """Whether a codec keeps the meaning of three samples."""
    if format.samples != 3:
        return True
    if codec is Codec.JPEG_XL:
        return format.photometric == RGB
    if codec is Codec.JPEG and syntax.lossy:
        return format.photometric in (RGB, YBR_FULL)
    return format.photometric != YBR_PARTIAL_422  # whose frames are two thirds as long


def _changes(coding: Coding, format: PixelFormat, codec: Codec) -> Attributes:
    """What a data set must say of the result, where that is another thing than before."""
    changes: Attributes = {PHOTOMETRIC: {"vr": "CS", "Value": [coding.photometric]}}
    changes[SAMPLES] = _number(format.samples)
    changes[PLANAR] = _number(0) if format.samples > 1 else None
    allocated = coding.bits_allocated or format.bits_allocated
    stored = coding.bits_stored or format.bits_stored
    if not format.floating:
        changes |= {
            ALLOCATED: _number(allocated),
            STORED: _number(stored),
            HIGH_BIT: _number(stored - 1),
        }
    if coding.lossy:
        changes[LOSSY] = {"vr": "CS", "Value": ["01"]}
        changes[LOSSY_METHOD] = {"vr": "CS", "Value": [METHODS[codec]]}
    return changes


def _number(value: int) -> Attributes:
    return {"vr": "US", "Value": [value]}
