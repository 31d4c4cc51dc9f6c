"""JPEG: the processes of ISO/IEC 10918-1 that libjpeg-turbo has (PS3.5 §8.2.1)."""

from __future__ import annotations

import imagecodecs

from filmroom.dicom.pixel_format import RGB, YBR_FULL, YBR_FULL_422, PixelFormat
from filmroom.dicom.transfer_syntaxes import TransferSyntax
from filmroom.errors import Unsupported
from filmroom.pixels.jpeg_header import JpegHeader, read_jpeg_header
from filmroom.pixels.values import Coding, Samples, Values, unsigned

BASELINE = "1.2.840.10008.1.2.4.50"
EXTENDED_BITS = 12


def decode_jpeg(frame: bytes, format: PixelFormat) -> Samples:
    """The samples of a codestream, YCbCr as RGB."""
    header = check_jpeg(frame, format)
    if len(header.components) == 1:
        values = imagecodecs.jpeg8_decode(frame)
        return Samples(values, header.precision, format.photometric, lossy=not header.lossless)
    transformed = _is_transformed(header, format)
    values = imagecodecs.jpeg8_decode(
        frame, colorspace="YCBCR" if transformed else "RGB", outcolorspace="RGB"
    )
    photometric = RGB if transformed else _untransformed(header, format)
    return Samples(values, header.precision, photometric, lossy=not header.lossless)


def check_jpeg(frame: bytes, format: PixelFormat) -> JpegHeader:
    """What a codestream says of itself; Undecodable where it is not what its data set says.

    A stream that was cut is refused by its missing end marker, because the library
    would fill the rest with grey.
    """
    header = read_jpeg_header(frame)
    header.check("JPEG", format)
    return header


def _is_transformed(header: JpegHeader, format: PixelFormat) -> bool:
    """Whether the three components are YCbCr and are to become RGB.

    Adobe's marker knows. Data sets that say RGB over a JFIF stream are wrong so often
    that the stream is believed: JFIF has no RGB. Lossless processes know no colour.
    """
    if header.lossless:
        return False
    if header.adobe is not None:
        return header.adobe != 0
    if header.components == b"RGB":
        return False
    if format.photometric == RGB:
        return header.jfif or len(set(header.sampling)) > 1
    return True


def _untransformed(header: JpegHeader, format: PixelFormat) -> str:
    if not header.lossless:
        return RGB
    return YBR_FULL if format.photometric == YBR_FULL_422 else format.photometric


def encode_jpeg(
    values: Values, format: PixelFormat, syntax: TransferSyntax, quality: int
) -> Coding:
    """Values as a codestream: predicted where the syntax is lossless, else transformed."""
    if not syntax.lossy:
        return _encode_lossless(values, format)
    if format.bits_stored > 8 and syntax.uid == BASELINE:
        raise Unsupported(f"{syntax.name} carries 8 bits a sample, not {format.bits_stored}")
    if format.bits_stored > EXTENDED_BITS:
        raise Unsupported(f"{syntax.name} carries 12 bits a sample, not {format.bits_stored}")
    bits = 8 if format.bits_stored <= 8 else EXTENDED_BITS
    colour = format.samples > 1
    data = imagecodecs.jpeg8_encode(
        unsigned(values, format),
        quality,
        colorspace=("RGB" if format.photometric == RGB else "YCBCR") if colour else None,
        outcolorspace="YCBCR" if colour else None,
        subsampling="422" if colour else None,
        bitspersample=bits,
    )
    return Coding(
        bytes(data),
        YBR_FULL_422 if colour else format.photometric,
        lossy=True,
        bits_allocated=8 if bits == 8 else 16,
        bits_stored=bits,
    )


def _encode_lossless(values: Values, format: PixelFormat) -> Coding:
    """Each sample predicted from the one to its left; no colour transform."""
    bits = max(format.bits_stored, 2)
    data = imagecodecs.jpeg8_encode(
        unsigned(values, format),
        colorspace="RGB" if format.samples > 1 else None,
        outcolorspace="RGB" if format.samples > 1 else None,
        lossless=True,
        predictor=1,
        bitspersample=bits,
    )
    return Coding(bytes(data), format.photometric)
