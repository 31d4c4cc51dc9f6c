"""JPEG-LS (ISO/IEC 14495-1, PS3.5 §8.2.3)."""

from __future__ import annotations

import imagecodecs
import numpy as np

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.errors import Undecodable
from filmroom.pixels.checks import check_header
from filmroom.pixels.jpeg_header import JPEG_LS, read_jpeg_header
from filmroom.pixels.values import Samples


def decode_jpegls(frame: bytes, format: PixelFormat) -> Samples:
    """The samples of a codestream of any interleave mode."""
    header = read_jpeg_header(frame)
    if header.process != JPEG_LS:
        raise Undecodable("no JPEG-LS codestream, but one of JPEG")
    check_header(
        "JPEG-LS",
        format,
        rows=header.rows,
        columns=header.columns,
        samples=len(header.components),
        precision=header.precision,
    )
    values = imagecodecs.jpegls_decode(frame)
    if format.samples > 1 and values.shape == (format.samples, format.rows, format.columns):
        values = np.moveaxis(values, 0, -1)  # interleave mode none: by plane
    return Samples(values, header.precision, format.photometric)
