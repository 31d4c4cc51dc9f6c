"""JPEG XL (ISO/IEC 18181, PS3.5 §8.2.18)."""

from __future__ import annotations

import imagecodecs

from filmroom.dicom.pixel_format import RGB, PixelFormat
from filmroom.errors import Undecodable
from filmroom.pixels.checks import check_header
from filmroom.pixels.jpegxl_header import read_jpegxl_header
from filmroom.pixels.values import Samples


def decode_jpegxl(frame: bytes, format: PixelFormat) -> Samples:
    """The samples of a codestream, colour as RGB; its orientation is the data set's affair."""
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
    values = imagecodecs.jpegxl_decode(frame, 0, keeporientation=True, numthreads=1)
    photometric = RGB if format.samples == 3 else format.photometric
    return Samples(values, header.precision, photometric)
