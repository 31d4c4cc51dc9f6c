"""JPEG: the processes of ISO/IEC 10918-1 that libjpeg-turbo has (PS3.5 §8.2.1)."""

from __future__ import annotations

import imagecodecs

from filmroom.dicom.pixel_format import RGB, YBR_FULL, YBR_FULL_422, PixelFormat
from filmroom.errors import Undecodable
from filmroom.pixels.checks import check_header
from filmroom.pixels.jpeg_header import JpegHeader, read_jpeg_header
from filmroom.pixels.values import Samples


def decode_jpeg(frame: bytes, format: PixelFormat) -> Samples:
    """The samples of a codestream, YCbCr as RGB.

    A stream that was cut is refused by its missing end marker, because the library
    would fill the rest with grey.
    """
    header = read_jpeg_header(frame)
    check_header(
        "JPEG",
        format,
        rows=header.rows,
        columns=header.columns,
        samples=len(header.components),
        precision=header.precision,
    )
    if not header.complete:
        raise Undecodable("the JPEG codestream is cut short: it has no end marker")
    if len(header.components) == 1:
        values = imagecodecs.jpeg8_decode(frame)
        return Samples(values, header.precision, format.photometric, lossy=not header.lossless)
    transformed = _is_transformed(header, format)
    values = imagecodecs.jpeg8_decode(
        frame, colorspace="YCBCR" if transformed else "RGB", outcolorspace="RGB"
    )
    photometric = RGB if transformed else _untransformed(header, format)
    return Samples(values, header.precision, photometric, lossy=not header.lossless)


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
