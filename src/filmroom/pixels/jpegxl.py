"""JPEG XL (ISO/IEC 18181, PS3.5 §8.2.18)."""

from __future__ import annotations

import imagecodecs

from filmroom.dicom.pixel_format import RGB, PixelFormat
from filmroom.dicom.transfer_syntaxes import TransferSyntax
from filmroom.errors import Undecodable, Unsupported
from filmroom.pixels.checks import check_header
from filmroom.pixels.jpeg import decode_jpeg
from filmroom.pixels.jpegxl_header import JpegXlHeader, read_jpegxl_header
from filmroom.pixels.values import Coding, Samples, Values, unsigned

RECOMPRESSION = "1.2.840.10008.1.2.4.111"
EFFORT = 3  # of 1 to 10
LOSSLESS_QUALITY = 100


def decode_jpegxl(frame: bytes, format: PixelFormat) -> Samples:
    """The samples of a codestream, colour as RGB; its orientation is the data set's affair.

    Of a recompressed JPEG they are those of the JPEG, to the bit.
    """
    header = check_jpegxl(frame, format)
    if header.recompressed:
        return decode_jpeg(jpeg_of(frame), format)
    values = imagecodecs.jpegxl_decode(frame, 0, keeporientation=True, numthreads=1)
    photometric = RGB if format.samples == 3 else format.photometric
    return Samples(values, header.precision, photometric)


def check_jpegxl(frame: bytes, format: PixelFormat) -> JpegXlHeader:
    """What a codestream says of itself; Undecodable where it is not what its data set says."""
    header = read_jpegxl_header(frame)
    if header.animated or header.extra_channels or header.floating:
        raise Undecodable(
            "a JPEG XL codestream with animation, extra channels or floating samples is not decoded"
        )
    check_header(
        "JPEG XL",
        format,
        rows=header.rows,
        columns=header.columns,
        samples=format.samples,  # which follow from a colour profile: the result is compared
        precision=header.precision,
    )
    return header


def encode_jpegxl(
    values: Values, format: PixelFormat, syntax: TransferSyntax, quality: int
) -> Coding:
    """Values as a bare codestream."""
    if syntax.uid == RECOMPRESSION:
        raise Unsupported(f"{syntax.name} is made of JPEG frames only")
    lossless = not syntax.lossy or quality >= LOSSLESS_QUALITY
    data = imagecodecs.jpegxl_encode(
        unsigned(values, format),
        None if lossless else quality,
        effort=EFFORT,
        lossless=lossless,
        bitspersample=format.bits_stored,
        photometric="RGB" if format.samples == 3 else "GRAY",
        usecontainer=False,
        numthreads=1,
    )
    return Coding(bytes(data), format.photometric, lossy=not lossless)


def recompress(frame: bytes) -> bytes:
    """A JPEG frame as JPEG XL, from which it can be had back to the byte."""
    return bytes(imagecodecs.jpegxl_encode_jpeg(frame, usecontainer=True, numthreads=1))


def jpeg_of(frame: bytes) -> bytes:
    """The JPEG frame that was recompressed."""
    return bytes(imagecodecs.jpegxl_decode_jpeg(frame, numthreads=1))
